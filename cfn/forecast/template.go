// Package forecast says what a template would do to a stack: which resources it creates, changes,
// replaces and removes, how long that typically takes, and what the environment then costs. It is
// pure and calls no service: the answers come from the resource specification in package spec, from
// typical durations and from a table of prices. They are estimates.
package forecast

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Version is a template in JSON with the values of its parameters. The zero value is a stack that
// does not exist. Parameters may also contain values for pseudo parameters, such as AWS::Region.
type Version struct {
	Template   []byte
	Parameters map[string]string
}

// template is a Version whose parameters and conditions are replaced with their values, as far as
// these are known.
type template struct {
	resources map[string]resource
	outputs   map[string]any
}

type resource struct {
	kind       string
	properties map[string]any
	// attributes are the resource's members other than Type and Properties: DeletionPolicy,
	// DependsOn, Metadata ...
	attributes map[string]any
}

func read(v Version) (template, error) {
	t := template{resources: map[string]resource{}, outputs: map[string]any{}}
	if len(v.Template) == 0 {
		return t, nil
	}
	var document map[string]any
	decoder := json.NewDecoder(bytes.NewReader(v.Template))
	decoder.UseNumber()
	if err := decoder.Decode(&document); err != nil {
		return t, fmt.Errorf("read template: %w", err)
	}
	e := newEvaluation(document, v.Parameters)
	for id, value := range object(document["Resources"]) {
		members := object(value)
		if condition, ok := members["Condition"].(string); ok && e.refuted(condition) {
			continue
		}
		r := resource{properties: map[string]any{}, attributes: map[string]any{}}
		r.kind, _ = members["Type"].(string)
		for name, member := range members {
			switch name {
			case "Type", "Condition":
			case "Properties":
				r.properties = object(e.apply(member))
			default:
				r.attributes[name] = member
			}
		}
		t.resources[id] = r
	}
	for name, value := range object(document["Outputs"]) {
		members := object(value)
		if condition, ok := members["Condition"].(string); ok && e.refuted(condition) {
			continue
		}
		t.outputs[name] = e.apply(members["Value"])
	}
	return t, nil
}

// Output returns the text of an output, if the template and its parameters determine it. ok is
// false if only AWS knows it, or if there is no such output.
func (v Version) Output(name string) (text string, ok bool) {
	t, err := read(v)
	if err != nil {
		return "", false
	}
	text, ok = t.outputs[name].(string)
	return text, ok
}

// needs returns the resources that must be complete before work on id begins, sorted.
func (t template) needs(id string) []string {
	r := t.resources[id]
	found := references(r.properties)
	switch on := r.attributes["DependsOn"].(type) {
	case string:
		found[on] = true
	case []any:
		for _, other := range on {
			found[fmt.Sprint(other)] = true
		}
	}
	return slices.Sorted(func(yield func(string) bool) {
		for other := range found {
			if _, ok := t.resources[other]; ok && other != id && !yield(other) {
				return
			}
		}
	})
}

var placeholder = regexp.MustCompile(`\$\{([^!}][^}]*)\}`)

// references returns the names to which value refers with Ref, Fn::GetAtt and Fn::Sub. The bool is
// true if the reference is to the resource's own name or id. It is false if it is only to an
// attribute, which another resource may have, too.
func references(value any) map[string]bool {
	found := map[string]bool{}
	note := func(name string) {
		id, _, attribute := strings.Cut(name, ".")
		found[id] = found[id] || !attribute
	}
	visit(value, func(function string, argument any) {
		switch function {
		case "Ref":
			note(fmt.Sprint(argument))
		case "Fn::GetAtt":
			if parts, ok := argument.([]any); ok && len(parts) > 0 {
				argument = fmt.Sprint(parts[0]) + "."
			}
			note(fmt.Sprint(argument))
		case "Fn::Sub":
			text, own := substitution(argument)
			for _, match := range placeholder.FindAllStringSubmatch(text, -1) {
				if name := strings.TrimSpace(match[1]); own[name] == nil {
					note(name)
				}
			}
		}
	})
	return found
}

// visit calls see for every intrinsic function in value, at every depth.
func visit(value any, see func(function string, argument any)) {
	switch value := value.(type) {
	case map[string]any:
		if function, argument, ok := call(value); ok {
			see(function, argument)
		}
		for _, key := range slices.Sorted(maps.Keys(value)) {
			visit(value[key], see)
		}
	case []any:
		for _, item := range value {
			visit(item, see)
		}
	}
}

// call parses an intrinsic function: an object with one key that is Ref or Condition, or that
// begins with Fn::.
func call(value map[string]any) (function string, argument any, ok bool) {
	if len(value) != 1 {
		return "", nil, false
	}
	for function, argument = range value {
		ok = function == "Ref" || function == "Condition" || strings.HasPrefix(function, "Fn::")
	}
	return function, argument, ok
}

// substitution returns the text of an Fn::Sub, and the values that its argument defines for it.
func substitution(argument any) (string, map[string]any) {
	if text, ok := argument.(string); ok {
		return text, nil
	}
	if parts, ok := argument.([]any); ok && len(parts) == 2 {
		text, _ := parts[0].(string)
		return text, object(parts[1])
	}
	return "", nil
}

func object(value any) map[string]any {
	members, _ := value.(map[string]any)
	return members
}
