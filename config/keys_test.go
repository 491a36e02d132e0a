package config

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"perch"
	"perch/document"
)

// needed has the rules that limit the values of a type.
var needed = map[reflect.Type][]string{
	reflect.TypeFor[int]():           {"minimum", "maximum"},
	reflect.TypeFor[float64]():       {"exclusiveMinimum", "maximum"},
	reflect.TypeFor[time.Duration](): {"from", "to"},
	reflect.TypeFor[perch.Hours]():   {"from", "to"},
}

// TestEveryKeyIsDeclaredWithRulesThatAreKnown finds misspelt rules, which would have no effect, and
// missing limits.
func TestEveryKeyIsDeclaredWithRulesThatAreKnown(t *testing.T) {
	known := strings.Fields("enum format minimum maximum exclusiveMinimum minItems maxItems default nullable " +
		"oneof_required from to needs keys values list hint")
	eachKey(func(of reflect.Type, k key) {
		for rule := range k.rules {
			if rule != "" && !slices.Contains(known, rule) {
				t.Errorf("%s of %s has the rule %q, which is not known", k.name, of, rule)
			}
		}
		for _, rule := range needed[of.FieldByIndex(k.index).Type] {
			if k.rule(rule) == "" {
				t.Errorf("%s of %s has no %s", k.name, of, rule)
			}
		}
		if name := k.rule("format"); name != "" && formats[name].check == nil {
			t.Errorf("%s of %s has the format %q, which is not known", k.name, of, name)
		}
	}, File{}, perch.Settings{}, perch.SeedStep{}, perch.Policy{})
}

// TestEveryDefaultMayBeWritten reads each default as if the file had it.
func TestEveryDefaultMayBeWritten(t *testing.T) {
	d := newDecoder(&document.Source{})
	eachKey(func(of reflect.Type, k key) {
		if text, ok := k.rules["default"]; ok {
			d.value(
				k.name, &document.Node{Shape: document.Scalar, Text: text[0]},
				reflect.New(of.FieldByIndex(k.index).Type).Elem(), k,
			)
		}
	}, File{}, perch.Settings{}, perch.SeedStep{}, perch.Policy{})
	if err := d.Err(); err != nil {
		t.Error(err)
	}
}

// eachKey visits the keys of structs and of all below them.
func eachKey(visit func(of reflect.Type, k key), structs ...any) {
	var below func(of reflect.Type)
	below = func(of reflect.Type) {
		switch of.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Map:
			below(of.Elem())
		case reflect.Struct:
			for _, k := range keysOf(of) {
				visit(of, k)
				below(of.FieldByIndex(k.index).Type)
			}
		}
	}
	for _, one := range structs {
		below(reflect.TypeOf(one))
	}
}
