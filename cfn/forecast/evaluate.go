package forecast

import (
	"fmt"
	"maps"
	"strings"
)

// evaluation replaces a template's parameters, mappings and conditions with their values. It leaves
// unchanged what it cannot know.
type evaluation struct {
	values     map[string]any
	mappings   map[string]any
	conditions map[string]any
	// deciding has the conditions that are being decided, to detect circles.
	deciding map[string]bool
}

// noValue is the result of a Ref to AWS::NoValue: the property does not exist.
type noValue struct{}

func newEvaluation(document map[string]any, given map[string]string) *evaluation {
	e := &evaluation{
		values: map[string]any{"AWS::NoValue": noValue{}}, mappings: object(document["Mappings"]),
		conditions: object(document["Conditions"]), deciding: map[string]bool{},
	}
	for name, declared := range object(document["Parameters"]) {
		if fallback, ok := object(declared)["Default"]; ok {
			e.values[name] = plain(fallback)
		}
	}
	for name, value := range given {
		e.values[name] = value
	}
	return e
}

// hidden is what CloudFormation shows for a parameter with NoEcho.
const hidden = "****"

// hiding returns v without the values that deployed hides, because it is unknown whether they have
// changed.
func (v Version) hiding(deployed Version) Version {
	parameters := map[string]string{}
	maps.Copy(parameters, v.Parameters)
	for name, value := range deployed.Parameters {
		if value == hidden {
			parameters[name] = hidden
		}
	}
	v.Parameters = parameters
	return v
}

// apply returns value with everything filled in that is known.
func (e *evaluation) apply(value any) any {
	switch value := value.(type) {
	case map[string]any:
		if function, argument, ok := call(value); ok {
			return e.function(value, function, argument)
		}
		out := make(map[string]any, len(value))
		for key, member := range value {
			if applied := e.apply(member); applied != (noValue{}) {
				out[key] = applied
			}
		}
		return out
	case []any:
		out := make([]any, 0, len(value))
		for _, item := range value {
			if applied := e.apply(item); applied != (noValue{}) {
				out = append(out, applied)
			}
		}
		return out
	}
	return value
}

func (e *evaluation) function(whole map[string]any, function string, argument any) any {
	switch function {
	case "Ref":
		if known, ok := e.values[fmt.Sprint(argument)]; ok {
			return known
		}
		return whole
	case "Fn::If":
		if parts, ok := argument.([]any); ok && len(parts) == 3 {
			if holds, known := e.condition(fmt.Sprint(parts[0])); known {
				if holds {
					return e.apply(parts[1])
				}
				return e.apply(parts[2])
			}
		}
	case "Fn::FindInMap":
		if found, ok := e.find(argument); ok {
			return found
		}
	case "Fn::Sub":
		return e.substitute(argument)
	}
	return map[string]any{function: e.apply(argument)}
}

func (e *evaluation) find(argument any) (any, bool) {
	parts, ok := e.apply(argument).([]any)
	if !ok || len(parts) != 3 {
		return nil, false
	}
	found, ok := object(object(e.mappings[fmt.Sprint(parts[0])])[fmt.Sprint(parts[1])])[fmt.Sprint(parts[2])]
	return found, ok
}

// substitute fills in what is known in an Fn::Sub. If nothing is left unknown, it returns plain
// text.
func (e *evaluation) substitute(argument any) any {
	text, own := substitution(argument)
	open := strings.Contains(text, "${!")
	filled := placeholder.ReplaceAllStringFunc(text, func(match string) string {
		name := strings.TrimSpace(match[2 : len(match)-1])
		if known, ok := e.values[name].(string); ok && own[name] == nil {
			return known
		}
		open = true
		return match
	})
	switch {
	case !open:
		return filled
	case own != nil:
		return map[string]any{"Fn::Sub": []any{filled, e.apply(own)}}
	}
	return map[string]any{"Fn::Sub": filled}
}

// refuted reports whether the condition is known to be false.
func (e *evaluation) refuted(name string) bool {
	holds, known := e.condition(name)
	return known && !holds
}

func (e *evaluation) condition(name string) (holds, known bool) {
	definition, ok := e.conditions[name]
	if !ok || e.deciding[name] {
		return false, false
	}
	e.deciding[name] = true
	defer delete(e.deciding, name)
	return e.decide(definition)
}

func (e *evaluation) decide(value any) (holds, known bool) {
	function, argument, ok := call(object(value))
	parts, _ := argument.([]any)
	switch {
	case !ok:
		return false, false
	case function == "Condition":
		return e.condition(fmt.Sprint(argument))
	case function == "Fn::Not" && len(parts) == 1:
		holds, known = e.decide(parts[0])
		return !holds, known
	case function == "Fn::Equals" && len(parts) == 2:
		left, right := plain(e.apply(parts[0])), plain(e.apply(parts[1]))
		a, first := left.(string)
		b, second := right.(string)
		return a == b, first && second
	case function == "Fn::And":
		return e.several(parts, false)
	case function == "Fn::Or":
		return e.several(parts, true)
	}
	return false, false
}

// several decides Or and And. wanted is the value that decides alone: true for Or, and false for
// And.
func (e *evaluation) several(parts []any, wanted bool) (holds, known bool) {
	known = true
	for _, part := range parts {
		one, sure := e.decide(part)
		if sure && one == wanted {
			return wanted, true
		}
		known = known && sure
	}
	return !wanted, known
}

// plain returns a scalar in the form in which CloudFormation compares it, as text.
func plain(value any) any {
	switch value := value.(type) {
	case map[string]any, []any, noValue, nil:
		return value
	default:
		return fmt.Sprint(value)
	}
}
