package cloudformation

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// scope is the context in which a template's functions are resolved.
type scope struct {
	mappings   map[string]any
	conditions map[string]any
	// parameters has the template's parameters and the pseudo parameters: strings, or []any for
	// lists.
	parameters map[string]any
	// lookup returns the value of a resource's Ref (attribute is empty) or attribute.
	lookup func(id, attribute string) (any, error)
	// imports returns the value of another stack's export.
	imports func(name string) (string, error)
	// tentative means that lookup returns placeholders, so a list that does not exist yet is
	// not an error.
	tentative bool
	region    string
}

// noValue is the value of {"Ref": "AWS::NoValue"}. A member or item with it is left out.
type noValue struct{}

type function func(s *scope, argument any) (any, error)

var functions map[string]function

func init() {
	functions = map[string]function{
		"Ref": (*scope).ref, "Fn::GetAtt": (*scope).getAtt, "Fn::Sub": (*scope).sub, "Fn::Join": (*scope).join,
		"Fn::Select": (*scope).selectItem, "Fn::Split": (*scope).split, "Fn::If": (*scope).choose,
		"Fn::FindInMap": (*scope).findInMap, "Fn::Base64": (*scope).base64, "Fn::GetAZs": (*scope).zones,
		"Fn::ImportValue": (*scope).importValue, "Fn::Cidr": (*scope).cidr,
	}
}

var conditionFunctions = []string{"Fn::Equals", "Fn::And", "Fn::Or", "Fn::Not", "Condition"}

func known(name string) bool {
	_, ok := functions[name]
	return ok
}

func functionNames() []string { return append(sortedKeys(functions), conditionFunctions...) }

// asFunction reports whether value is a call of an intrinsic function.
func asFunction(value any) (name string, argument any, ok bool) {
	members, isObject := value.(map[string]any)
	if !isObject || len(members) != 1 {
		return "", nil, false
	}
	for name, argument = range members {
		if name == "Ref" || strings.HasPrefix(name, "Fn::") {
			return name, argument, true
		}
	}
	return "", nil, false
}

// resolve replaces every intrinsic function in value by its result. Numbers become float64, or text
// if a float would change them.
func (s *scope) resolve(value any) (any, error) {
	if name, argument, ok := asFunction(value); ok {
		call, ok := functions[name]
		if !ok {
			return nil, invalid(
				"Template error: Encountered unsupported function: %s Supported functions are: [%s]", name,
				strings.Join(functionNames(), ", "),
			)
		}
		return call(s, argument)
	}
	switch value := value.(type) {
	case map[string]any:
		return s.resolveObject(value)
	case []any:
		return s.resolveList(value)
	case json.Number:
		return plainNumber(value), nil
	}
	return value, nil
}

func plainNumber(number json.Number) any {
	f, err := number.Float64()
	if err != nil || strconv.FormatFloat(f, 'f', -1, 64) != number.String() {
		return number.String()
	}
	return f
}

func (s *scope) resolveObject(value map[string]any) (any, error) {
	out := make(map[string]any, len(value))
	for key, member := range value {
		resolved, err := s.resolve(member)
		if err != nil {
			return nil, err
		}
		if _, none := resolved.(noValue); !none {
			out[key] = resolved
		}
	}
	return out, nil
}

func (s *scope) resolveList(value []any) (any, error) {
	out := make([]any, 0, len(value))
	for _, item := range value {
		resolved, err := s.resolve(item)
		if err != nil {
			return nil, err
		}
		if _, none := resolved.(noValue); !none {
			out = append(out, resolved)
		}
	}
	return out, nil
}

// text resolves value to a string.
func (s *scope) text(function string, value any) (string, error) {
	resolved, err := s.resolve(value)
	if err != nil {
		return "", err
	}
	text, ok := scalar(resolved)
	if !ok {
		return "", invalid("Template error: every %s object must consist of string values", function)
	}
	return text, nil
}

// scalar formats a string, number or boolean as CloudFormation does.
func scalar(value any) (string, bool) {
	switch value := value.(type) {
	case string:
		return value, true
	case bool:
		return strconv.FormatBool(value), true
	case float64:
		return strconv.FormatFloat(value, 'f', -1, 64), true
	case json.Number:
		return value.String(), true
	}
	return "", false
}

// list resolves value to a list.
func (s *scope) list(function string, value any) ([]any, error) {
	resolved, err := s.resolve(value)
	if err != nil {
		return nil, err
	}
	items, ok := resolved.([]any)
	if !ok {
		if s.tentative {
			return []any{resolved}, nil
		}
		return nil, invalid("Template error: %s requires a list argument", function)
	}
	return items, nil
}

func (s *scope) ref(argument any) (any, error) {
	id, ok := argument.(string)
	if !ok {
		return nil, invalid("Template format error: Ref must be a string")
	}
	if id == "AWS::NoValue" {
		return noValue{}, nil
	}
	if value, ok := s.parameters[id]; ok {
		return value, nil
	}
	return s.lookup(id, "")
}

func (s *scope) getAtt(argument any) (any, error) {
	if parts, ok := argument.([]any); ok && len(parts) == 2 {
		attribute, err := s.text("Fn::GetAtt", parts[1])
		if err != nil {
			return nil, err
		}
		return s.lookup(fmt.Sprint(parts[0]), attribute)
	}
	id, attribute, ok := attributePath(argument)
	if !ok {
		return nil, invalid("Template error: every Fn::GetAtt object requires two non-empty parameters, the resource " +
			"name and the resource attribute")
	}
	return s.lookup(id, attribute)
}

func (s *scope) sub(argument any) (any, error) {
	text, own := substitutionParts(argument)
	if text == "" && own == nil {
		if given, ok := argument.(string); ok {
			return given, nil
		}
		return nil, invalid("Template error: One or more Fn::Sub intrinsic functions don't specify expected " +
			"arguments. Specify a string as first argument, and an optional second argument to specify a mapping of " +
			"values to replace in the string")
	}
	var failure error
	result := substitution.ReplaceAllStringFunc(text, func(match string) string {
		name := match[2 : len(match)-1]
		if strings.HasPrefix(name, "!") {
			return "${" + name[1:] + "}"
		}
		value, err := s.substitute(name, own)
		if err != nil && failure == nil {
			failure = err
		}
		return value
	})
	return result, failure
}

func (s *scope) substitute(name string, own map[string]any) (string, error) {
	if value, ok := own[name]; ok {
		return s.text("Fn::Sub", value)
	}
	if id, attribute, ok := strings.Cut(name, "."); ok {
		return s.text("Fn::Sub", map[string]any{"Fn::GetAtt": []any{id, attribute}})
	}
	return s.text("Fn::Sub", map[string]any{"Ref": name})
}

func (s *scope) join(argument any) (any, error) {
	parts, ok := argument.([]any)
	if !ok || len(parts) != 2 {
		return nil, invalid("Template error: every Fn::Join object requires two parameters, (1) a string delimiter " +
			"and (2) a list of strings to be joined or a function that returns a list of strings (such as " +
			"Fn::GetAZs) to be joined.")
	}
	delimiter, err := s.text("Fn::Join", parts[0])
	if err != nil {
		return nil, err
	}
	items, err := s.list("Fn::Join", parts[1])
	if err != nil {
		return nil, err
	}
	out := make([]string, len(items))
	for i, item := range items {
		if out[i], ok = scalar(item); !ok {
			return nil, invalid("Template error: every Fn::Join object requires two parameters, (1) a string " +
				"delimiter and (2) a list of strings to be joined or a function that returns a list of strings (such " +
				"as Fn::GetAZs) to be joined.")
		}
	}
	return strings.Join(out, delimiter), nil
}

func (s *scope) selectItem(argument any) (any, error) {
	parts, ok := argument.([]any)
	if !ok || len(parts) != 2 {
		return nil, invalid(
			"Template error: Fn::Select requires a list argument with two elements: an integer index and a list",
		)
	}
	text, err := s.text("Fn::Select", parts[0])
	if err != nil {
		return nil, err
	}
	index, err := strconv.Atoi(text)
	if err != nil {
		return nil, invalid(
			"Template error: Fn::Select requires a list argument with two elements: an integer index and a list",
		)
	}
	items, err := s.list("Fn::Select", parts[1])
	switch {
	case err != nil:
		return nil, err
	case index >= 0 && index < len(items):
		return items[index], nil
	case s.tentative:
		return fmt.Sprintf("%v[%d]", items, index), nil
	}
	return nil, invalid("Template error: Fn::Select cannot select nonexistent value at index %d", index)
}

func (s *scope) split(argument any) (any, error) {
	parts, ok := argument.([]any)
	if !ok || len(parts) != 2 {
		return nil, invalid("Template error: every Fn::Split object requires two parameters, (1) a string delimiter " +
			"and (2) a string to be split or a function that returns a string to be split.")
	}
	delimiter, err := s.text("Fn::Split", parts[0])
	if err != nil {
		return nil, err
	}
	text, err := s.text("Fn::Split", parts[1])
	if err != nil {
		return nil, err
	}
	var items []any
	for _, item := range strings.Split(text, delimiter) {
		items = append(items, item)
	}
	return items, nil
}

func (s *scope) choose(argument any) (any, error) {
	branch, err := s.branch(argument)
	if err != nil {
		return nil, err
	}
	return s.resolve(branch)
}

func (s *scope) findInMap(argument any) (any, error) {
	parts, ok := argument.([]any)
	if !ok || len(parts) != 3 {
		return nil, invalid("Template error: every Fn::FindInMap object requires three parameters, the map name, map " +
			"key and the attribute for return value")
	}
	keys := make([]string, 3)
	for i := range keys {
		var err error
		if keys[i], err = s.text("Fn::FindInMap", parts[i]); err != nil {
			return nil, err
		}
	}
	value, ok := object(object(s.mappings[keys[0]])[keys[1]])[keys[2]]
	if !ok {
		return nil, invalid("Template error: Unable to get mapping for %s", strings.Join(keys, "::"))
	}
	return s.resolve(value)
}

func (s *scope) base64(argument any) (any, error) {
	text, err := s.text("Fn::Base64", argument)
	return base64.StdEncoding.EncodeToString([]byte(text)), err
}

// zones returns three availability zones of the region. On AWS, accounts have different ones.
func (s *scope) zones(argument any) (any, error) {
	region, err := s.text("Fn::GetAZs", argument)
	if err != nil {
		return nil, err
	}
	if region == "" {
		region = s.region
	}
	return []any{region + "a", region + "b", region + "c"}, nil
}

func (s *scope) importValue(argument any) (any, error) {
	name, err := s.text("Fn::ImportValue", argument)
	if err != nil {
		return nil, err
	}
	return s.imports(name)
}
