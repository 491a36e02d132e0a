package config

import (
	"reflect"
	"slices"
	"strings"
	"sync"
)

// key is a key of a file as its Go field declares it: the tag `yaml` names it, the tags
// `jsonschema` and `jsonschema_extras` say what it may be. The JSON Schemas and
// docs/configuration.md come from the same tags. docs/contributing.md lists them.
type key struct {
	name  string
	index []int
	// required says that the mapping must have the key, nullable that it may have no value.
	required, nullable bool
	// rules are the words of both tags, by name; a word without a value has an empty one.
	rules map[string][]string
}

// rule is the value of a rule, empty if the key does not have it.
func (k key) rule(name string) string {
	if values := k.rules[name]; len(values) > 0 {
		return values[0]
	}
	return ""
}

// check says what is wrong with a text of the key.
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

// keysOf are the keys that a struct declares, in its order. Those of an embedded struct are its
// own.
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
