package config

import (
	"reflect"
	"slices"
	"strings"
	"sync"
)

// key is a key of a file, as its Go field declares it. The tag `yaml` has its name, and the tags
// `jsonschema` and `jsonschema_extras` say which values it may have. The JSON Schemas and
// docs/configuration.md are generated from the same tags. docs/contributing.md lists the tags.
type key struct {
	name  string
	index []int
	// required means that the mapping must have the key. nullable means that the key may be without
	// a value.
	required, nullable bool
	// rules are the words of the last two tags with their values, by name. The value of a word
	// without one is empty.
	rules map[string][]string
}

// rule returns the value of a rule; empty if the key does not have the rule.
func (k key) rule(name string) string {
	if values := k.rules[name]; len(values) > 0 {
		return values[0]
	}
	return ""
}

// check returns the check for a text of the key.
func (k key) check() check {
	if enum := k.rules["enum"]; enum != nil {
		return oneOf(enum...)
	}
	if name := k.rule("format"); name != "" {
		return formats[name].check
	}
	return func(string) string { return "" }
}

var declared sync.Map // reflect.Type to []key

// keysOf returns the keys that a struct declares, in order. They include those of embedded structs.
func keysOf(of reflect.Type) []key {
	if found, ok := declared.Load(of); ok {
		return found.([]key)
	}
	var keys []key
	for _, field := range reflect.VisibleFields(of) {
		name, options, _ := strings.Cut(field.Tag.Get("yaml"), ",")
		if name == "" || name == "-" {
			continue
		}
		k := key{name: name, index: field.Index, required: options != "omitempty", rules: map[string][]string{}}
		for _, tag := range []string{"jsonschema", "jsonschema_extras"} {
			for word := range strings.SplitSeq(field.Tag.Get(tag), ",") {
				rule, value, _ := strings.Cut(word, "=")
				k.rules[rule] = append(k.rules[rule], value)
			}
		}
		_, k.nullable = k.rules["nullable"]
		keys = append(keys, k)
	}
	declared.Store(of, keys)
	return keys
}

func keyNames(keys []key) []string {
	var names []string
	for _, k := range keys {
		names = append(names, k.name)
	}
	return names
}

func findKey(keys []key, name string) (key, bool) {
	at := slices.IndexFunc(keys, func(k key) bool { return k.name == name })
	if at < 0 {
		return key{}, false
	}
	return keys[at], true
}
