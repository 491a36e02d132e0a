package config

import (
	"reflect"
	"slices"
	"strings"
	"time"

	"perch"
	"perch/document"
)

// Setting is one value of an environment's settings, and where it comes from.
type Setting struct {
	// Path is the value's keys, joined with dots: database.class, environment.LOG_LEVEL.
	Path string `json:"path"`
	// Value is a text, a number, true or false, or a list. It is never nil.
	Value any `json:"value"`
	// From is the layer and the line: `defaults, line 12`, or `built-in`.
	From string `json:"from"`
}

// Difference is a value that differs between two environments.
type Difference struct {
	Path string `json:"path"`
	// A and B are the values of the two environments. AFrom and BFrom say where they come from. All
	// are nil for an environment that does not have the value.
	A     any     `json:"a"`
	B     any     `json:"b"`
	AFrom *string `json:"a_from"`
	BFrom *string `json:"b_from"`
}

// List returns every value that a layer or Perch itself has set, in the order of perch.Settings. In
// a mapping with free keys, the values are sorted by key.
func List(settings perch.Settings, origins Origins) []Setting {
	var list []Setting
	walk("", reflect.ValueOf(settings), func(path string, value any) {
		if from, ok := origins[path]; ok {
			list = append(list, Setting{Path: path, Value: value, From: from})
		}
	})
	return list
}

// walk calls visit for the values of a struct, with the dotted path of YAML keys of each.
func walk(path string, of reflect.Value, visit func(path string, value any)) {
	switch of.Kind() {
	case reflect.Pointer:
		if !of.IsNil() {
			walk(path, of.Elem(), visit)
		}
	case reflect.Struct:
		for i := range of.NumField() {
			walk(document.Join(path, yamlName(of.Type().Field(i))), of.Field(i), visit)
		}
	case reflect.Map:
		for _, key := range slices.SortedFunc(slices.Values(of.MapKeys()), byText) {
			walk(document.Join(path, key.String()), of.MapIndex(key), visit)
		}
	default:
		value := of.Interface()
		if length, ok := value.(time.Duration); ok {
			value = length.String() // Otherwise JSON would show nanoseconds.
		}
		visit(path, value)
	}
}

func byText(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) }

func yamlName(field reflect.StructField) string {
	name, _, _ := strings.Cut(field.Tag.Get("yaml"), ",")
	return name
}

// Differences returns the values that differ between a and b, in the order of the keys of
// perch.Settings. Below each key, those of a come first. It ignores where a value comes from.
func Differences(a, b []Setting) []Difference {
	left, right := byPath(a), byPath(b)
	differences := []Difference{}
	for _, setting := range a {
		other, ok := right[setting.Path]
		if ok && reflect.DeepEqual(setting.Value, other.Value) {
			continue
		}
		difference := Difference{Path: setting.Path, A: setting.Value, AFrom: &setting.From}
		if ok {
			difference.B, difference.BFrom = other.Value, &other.From
		}
		differences = append(differences, difference)
	}
	for _, setting := range b {
		if _, ok := left[setting.Path]; !ok {
			differences = append(differences, Difference{Path: setting.Path, B: setting.Value, BFrom: &setting.From})
		}
	}
	slices.SortStableFunc(differences, func(a, b Difference) int { return place(a.Path) - place(b.Path) })
	return differences
}

// place returns the position of path's first key among those of perch.Settings.
func place(path string) int {
	key, _, _ := strings.Cut(path, ".")
	fields := reflect.VisibleFields(reflect.TypeFor[perch.Settings]())
	return slices.IndexFunc(fields, func(field reflect.StructField) bool { return yamlName(field) == key })
}

func byPath(settings []Setting) map[string]Setting {
	paths := make(map[string]Setting, len(settings))
	for _, setting := range settings {
		paths[setting.Path] = setting
	}
	return paths
}
