package forecast

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"perch"
	"perch/cfn/spec"
)

// difference says how one property differs, and what the change does to the resource.
func difference(kind, name string, before, after any) perch.PropertyChange {
	d := differ{kind: kind, change: perch.PropertyChange{Name: name, Replacement: string(spec.No), Paths: []string{}}}
	d.compare([]string{name}, "", before, after)
	return d.change
}

type differ struct {
	kind   string
	change perch.PropertyChange
}

// compare descends to the values that differ. path is the way to them in the specification, and
// shown the way in the template.
func (d *differ) compare(path []string, shown string, before, after any) {
	if canonical(before) == canonical(after) {
		return
	}
	if a, b, ok := both[map[string]any](before, after); ok && !isCall(a) && !isCall(b) {
		for _, key := range union(a, b) {
			d.compare(append(slices.Clone(path), key), strings.TrimPrefix(shown+"."+key, "."), a[key], b[key])
		}
		return
	}
	if a, b, ok := both[[]any](before, after); ok {
		d.lists(path, shown, a, b)
		return
	}
	d.note(path, shown)
}

func (d *differ) note(path []string, shown string) {
	if does := string(spec.Replacing(d.kind, path...)); weight[does] > weight[d.change.Replacement] {
		d.change.Replacement = does
	}
	if shown != "" {
		d.change.Paths = append(d.change.Paths, shown)
	}
}

// lists compares two lists. It compares entries with names, such as options and tags, by name, and
// others by position.
func (d *differ) lists(path []string, shown string, before, after []any) {
	a, first := named(before)
	b, second := named(after)
	if first && second {
		for _, name := range union(a, b) {
			if canonical(a[name]) != canonical(b[name]) {
				d.note(path, shown+"["+name+"]")
			}
		}
		return
	}
	for i := range max(len(before), len(after)) {
		d.compare(path, fmt.Sprintf("%s[%d]", shown, i), at(before, i), at(after, i))
	}
}

// named returns the entries of a list by their names. ok is false if an entry has no name, or if
// two have the same.
func named(list []any) (entries map[string]any, ok bool) {
	entries = map[string]any{}
	for _, entry := range list {
		members := object(entry)
		name, _ := members["Key"].(string)
		if option, ok := members["OptionName"].(string); ok {
			name = strings.TrimSpace(fmt.Sprint(members["Namespace"]) + " " + option)
		}
		if _, twice := entries[name]; name == "" || twice {
			return nil, false
		}
		entries[name] = entry
	}
	return entries, true
}

// both returns two values of the same shape. A missing value counts as an empty one.
func both[T map[string]any | []any](before, after any) (a, b T, ok bool) {
	a, first := before.(T)
	b, second := after.(T)
	return a, b, first && second || first && after == nil || second && before == nil
}

func isCall(value map[string]any) bool {
	_, _, ok := call(value)
	return ok
}

func at(list []any, i int) any {
	if i < len(list) {
		return list[i]
	}
	return nil
}

// canonical returns value in the form in which CloudFormation compares it: with sorted keys, and
// with every scalar as text.
func canonical(value any) string {
	text, err := json.Marshal(texts(value))
	if err != nil {
		return err.Error()
	}
	return string(text)
}

func texts(value any) any {
	switch value := value.(type) {
	case map[string]any:
		out := maps.Clone(value)
		for key, member := range out {
			out[key] = texts(member)
		}
		return out
	case []any:
		out := make([]any, len(value))
		for i, item := range value {
			out[i] = texts(item)
		}
		return out
	}
	return plain(value)
}
