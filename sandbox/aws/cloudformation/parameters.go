package cloudformation

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// parameter is a parameter of a template.
type parameter struct {
	kind        string
	description string
	value       *string
	noEcho      bool
	allowed     []string
	pattern     string
	limits      map[string]string
	sentence    string
}

func parseParameters(defined map[string]any) (map[string]parameter, error) {
	out := map[string]parameter{}
	for name, value := range defined {
		members := object(value)
		kind, ok := members["Type"].(string)
		if !ok {
			return nil, invalid("Template format error: Every Parameters object must contain a Type member.")
		}
		if strings.HasPrefix(kind, "AWS::SSM::Parameter::Value") {
			return nil, invalid("this endpoint does not read SSM parameters: parameter %s has the type %s", name, kind)
		}
		p := parameter{kind: kind, limits: map[string]string{}}
		p.description, _ = members["Description"].(string)
		p.pattern, _ = members["AllowedPattern"].(string)
		p.sentence, _ = members["ConstraintDescription"].(string)
		noEcho, _ := scalar(members["NoEcho"])
		p.noEcho = noEcho == "true"
		if text, ok := scalar(members["Default"]); ok {
			p.value = &text
			if versionless.MatchString(text) {
				return nil, invalid("Template error: parameter %s should not contain ssm versionless resolver", name)
			}
		}
		if allowed, ok := members["AllowedValues"].([]any); ok {
			p.allowed = texts(allowed)
		}
		for _, limit := range []string{"MinLength", "MaxLength", "MinValue", "MaxValue"} {
			if text, ok := scalar(members[limit]); ok {
				p.limits[limit] = text
			}
		}
		out[name] = p
	}
	return out, nil
}

// parameterValues returns the effective value of every parameter of t: the given one, the previous
// one if requested, or the default.
func (t *template) parameterValues(given []givenParameter, previous map[string]string) (map[string]string, error) {
	values := map[string]string{}
	var unknown []string
	for _, g := range given {
		if _, ok := t.parameters[g.key]; !ok {
			unknown = append(unknown, g.key)
			continue
		}
		if !g.usePrevious {
			values[g.key] = g.value
			continue
		}
		value, ok := previous[g.key]
		if !ok {
			return nil, invalid("Invalid input for parameter key %s. Cannot specify usePreviousValue as true for a "+
				"parameter key not in the previous template", g.key)
		}
		values[g.key] = value
	}
	if len(unknown) > 0 {
		slices.Sort(unknown)
		return nil, invalid("Parameters: [%s] do not exist in the template", strings.Join(unknown, ", "))
	}
	var missing []string
	for name, p := range t.parameters {
		if _, ok := values[name]; !ok && p.value != nil {
			values[name] = *p.value
		} else if !ok {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		slices.Sort(missing)
		return nil, invalid("Parameters: [%s] must have values", strings.Join(missing, ", "))
	}
	return values, t.checkValues(values)
}

func (t *template) checkValues(values map[string]string) error {
	for _, name := range sortedKeys(values) {
		p := t.parameters[name]
		if reason := p.rejects(name, values[name]); reason != "" {
			if p.sentence != "" {
				reason = fmt.Sprintf("Parameter %s failed to satisfy constraint: %s", name, p.sentence)
			}
			return invalid("%s", reason)
		}
	}
	return nil
}

// rejects explains why value is not allowed; empty if it is.
func (p parameter) rejects(name, value string) string {
	number, numeric := strconv.ParseFloat(value, 64)
	switch {
	case p.kind == "Number" && numeric != nil:
		return fmt.Sprintf("Parameter '%s' must be a number.", name)
	case p.allowed != nil && !slices.Contains(p.allowed, value):
		return fmt.Sprintf("Parameter '%s' must be one of AllowedValues", name)
	case p.pattern != "" && !matchesWhole(p.pattern, value):
		return fmt.Sprintf("Parameter '%s' must match pattern %s", name, p.pattern)
	}
	for _, limit := range sortedKeys(p.limits) {
		bound, err := strconv.ParseFloat(p.limits[limit], 64)
		length := float64(len([]rune(value)))
		switch {
		case err != nil:
		case limit == "MinLength" && length < bound:
			return fmt.Sprintf("Parameter '%s' must contain at least %s characters", name, p.limits[limit])
		case limit == "MaxLength" && length > bound:
			return fmt.Sprintf("Parameter '%s' must contain at most %s characters", name, p.limits[limit])
		case limit == "MinValue" && number < bound:
			return fmt.Sprintf("Parameter '%s' must be a number not less than %s", name, p.limits[limit])
		case limit == "MaxValue" && number > bound:
			return fmt.Sprintf("Parameter '%s' must be a number not greater than %s", name, p.limits[limit])
		}
	}
	return ""
}

func matchesWhole(pattern, value string) bool {
	compiled, err := regexp.Compile(`^(?:` + pattern + `)$`)
	return err == nil && compiled.MatchString(value)
}

// noEcho returns the names of the hidden parameters, sorted.
func (t *template) noEcho() []string {
	var names []string
	for _, name := range sortedKeys(t.parameters) {
		if t.parameters[name].noEcho {
			names = append(names, name)
		}
	}
	return names
}

// values converts effective parameter values to what Ref returns: it splits lists. masked hides
// those of NoEcho parameters.
func (t *template) values(effective map[string]string, masked bool) map[string]any {
	out := map[string]any{}
	for name, value := range effective {
		p := t.parameters[name]
		switch {
		case masked && p.noEcho:
			out[name] = hidden
		case p.kind == "CommaDelimitedList" || strings.HasPrefix(p.kind, "List<"):
			var items []any
			for _, item := range strings.Split(value, ",") {
				items = append(items, strings.TrimSpace(item))
			}
			out[name] = items
		default:
			out[name] = value
		}
	}
	return out
}

// hidden is what the API shows in place of a NoEcho parameter's value.
const hidden = "****"
