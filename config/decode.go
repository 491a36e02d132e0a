package config

import (
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"time"

	"perch"
	"perch/document"
)

// decoder reads nodes into Go values as the tags of their types say, and collects all problems.
type decoder struct {
	*document.Report
	// layered means that the decoder reads one layer. What a layer leaves out comes from the layers
	// below.
	layered bool
}

func newDecoder(source *document.Source) *decoder {
	return &decoder{Report: document.NewReport(source)}
}

// object reads a mapping into a struct.
func (d *decoder) object(path string, n *document.Node, to reflect.Value) {
	if !d.is(path, n, document.Mapping) {
		return
	}
	keys, allKnown := keysOf(to.Type()), true
	if !d.layered {
		d.defaults(to)
	}
	for _, e := range n.Entries {
		k, known := findKey(keys, e.Key.Text)
		below := document.Join(path, k.name)
		switch {
		case !known:
			d.unknown(path, e.Key, keyNames(keys))
			allKnown = false
		case e.Value.Shape != document.Null:
			d.value(below, e.Value, to.FieldByIndex(k.index), k)
		case !k.nullable:
			d.Fail(e.Value, "%s has no value; give it one, or leave the key out", below)
		}
	}
	d.together(path, n, to.Type(), allKnown)
}

// defaults sets the values of keys that the file may leave out.
func (d *decoder) defaults(to reflect.Value) {
	for _, k := range keysOf(to.Type()) {
		field := to.FieldByIndex(k.index)
		if text, ok := k.rules["default"]; ok {
			d.value(k.name, &document.Node{Shape: document.Scalar, Text: text[0]}, field, k)
		} else if field.Kind() == reflect.Struct && len(keysOf(field.Type())) > 0 {
			d.defaults(field)
		}
	}
}

func (d *decoder) unknown(path string, at *document.Node, names []string) {
	d.Fail(at, "unknown key %q in %s%s; allowed here: %s",
		at.Text, placeName(path), suggestion(at.Text, names), strings.Join(names, ", "))
}

// placeName returns the name of the mapping at path for messages.
func placeName(path string) string {
	if path == "" {
		return "the file"
	}
	return path
}

// together checks the keys of a mapping: whether required keys are there, whether keys that another
// key needs are there, and whether there is exactly one of keys that exclude each other.
func (d *decoder) together(path string, n *document.Node, of reflect.Type, allKnown bool) {
	var either []string
	found := 0
	for _, k := range keysOf(of) {
		value := n.Get(k.name)
		if k.required && value == nil {
			d.missing(path, n, k, of.FieldByIndex(k.index).Type)
		}
		if other := k.rule("needs"); other != "" && value != nil && n.Get(other) == nil {
			needed, _ := findKey(keysOf(of), other)
			d.Fail(value, "%s needs %s, which %s; add it, or leave %s out",
				document.Join(path, k.name), other, needed.check()(""), k.name)
		}
		if k.rule("oneof_required") != "" {
			either = append(either, k.name)
			if value != nil {
				found++
			}
		}
	}
	if len(either) > 0 && found != 1 && allKnown {
		d.Fail(n, "%s has %d keys; it must have exactly one of %s", path, found, strings.Join(either, ", "))
	}
}

// missing reports a required key that is not there, and says what it must be.
func (d *decoder) missing(path string, n *document.Node, k key, of reflect.Type) {
	want := k.check()("")
	if of.Kind() == reflect.Struct {
		want = "must be a mapping; its keys are " + strings.Join(keyNames(keysOf(of)), ", ")
	} else if of.Kind() == reflect.Slice {
		want = "must be a list of " + k.entries()
	}
	if path == "" {
		n = nil
	}
	d.Fail(n, "%s is missing; it %s", document.Join(path, k.name), want)
}

// value reads a node into a field, as the field's type and the rules of its key say.
func (d *decoder) value(path string, n *document.Node, to reflect.Value, k key) {
	switch to := to.Addr().Interface().(type) {
	case *time.Duration:
		d.duration(path, n, to, k)
		return
	case *perch.Hours:
		d.hours(path, n, to, k)
		return
	case *netip.Prefix:
		if text, ok := d.text(path, n, k); ok {
			*to = netip.MustParsePrefix(text)
		}
		return
	case *Layer:
		*to = d.layer(path, n)
		return
	case *[]Override:
		*to = d.overrides(path, n)
		return
	case *[]KindRule:
		*to = d.kindRules(path, n)
		return
	}
	switch to.Kind() {
	case reflect.Pointer:
		to.Set(reflect.New(to.Type().Elem()))
		d.object(path, n, to.Elem())
	case reflect.Struct:
		d.object(path, n, to)
	case reflect.Slice:
		d.list(path, n, to, k)
	case reflect.Map:
		d.free(path, n, to, k)
	case reflect.Int:
		d.number(path, n, to, k)
	case reflect.Float64:
		d.share(path, n, to, k)
	case reflect.Bool:
		d.flag(path, n, to)
	default:
		d.oneText(path, n, to, k)
	}
}

// oneText reads a text. If the key allows a list of texts, oneText reads the first of them.
func (d *decoder) oneText(path string, n *document.Node, to reflect.Value, k key) {
	if k.rule("list") == "" || n.Shape != document.List {
		if text, ok := d.text(path, n, k); ok {
			to.SetString(text)
		}
		return
	}
	var texts []string
	d.list(path, n, reflect.ValueOf(&texts).Elem(), k)
	if len(texts) > 0 {
		to.SetString(texts[0])
	}
}

func (d *decoder) list(path string, n *document.Node, to reflect.Value, k key) {
	to.Set(reflect.MakeSlice(to.Type(), len(n.Items), len(n.Items)))
	if !d.is(path, n, document.List) {
		return
	}
	for i, item := range n.Items {
		d.value(fmt.Sprintf("%s[%d]", path, i), item, to.Index(i), k)
	}
	if least := k.whole("minItems"); len(n.Items) < least {
		d.Fail(n, "%s has %d entries; it needs %s", path, len(n.Items), k.entries())
	}
	if most := k.whole("maxItems"); most > 0 && len(n.Items) > most {
		d.Fail(n.Items[most], "%s has %d entries; at most %d are read", path, len(n.Items), most)
	}
}

// entries says how many entries a list must have.
func (k key) entries() string {
	need := fmt.Sprintf("at least %d", k.whole("minItems"))
	if hint := k.rule("hint"); hint != "" {
		need += ", " + hint
	}
	return need
}

// free reads a mapping with free keys, or with kinds of environments as keys.
func (d *decoder) free(path string, n *document.Node, to reflect.Value, k key) {
	to.Set(reflect.MakeMap(to.Type()))
	if !d.is(path, n, document.Mapping) {
		return
	}
	for _, e := range n.Entries {
		below, value, item := document.Join(path, e.Key.Text), reflect.New(to.Type().Elem()).Elem(), k
		if to.Type().Key() == reflect.TypeFor[perch.Kind]() {
			if !d.kindKey(path, e, k) {
				continue
			}
			item = key{rules: map[string][]string{"format": {listFormats[to.Type()]}}}
		} else if problem := formats[k.rule("keys")].check(e.Key.Text); problem != "" {
			d.Fail(e.Key, "a key of %s %s, not %s", path, problem, shown(e.Key))
			continue
		}
		switch {
		case e.Value.Shape != document.Null && entryChecks[k.name] != nil:
			entryChecks[k.name](d, below, e)
			value.SetString(e.Value.Text)
		case e.Value.Shape != document.Null:
			d.value(below, e.Value, value, item)
		case value.Kind() == reflect.String: // Null removes the value of a layer below.
			continue
		}
		to.SetMapIndex(reflect.ValueOf(e.Key.Text).Convert(to.Type().Key()), value)
	}
}

// kindKey reports whether an entry's key is a kind, and its value can be read.
func (d *decoder) kindKey(path string, e document.Entry, k key) bool {
	switch names := kindNames(); {
	case !slices.Contains(names, e.Key.Text):
		d.unknown(path, e.Key, names)
	case e.Value.Shape != document.Null:
		return true
	case !k.nullable:
		d.Fail(e.Value, "%s has no value; give it one, or leave the key out", document.Join(path, e.Key.Text))
	}
	return false
}

func (d *decoder) is(path string, n *document.Node, want document.Shape) bool {
	if n.Shape == want {
		return true
	}
	if n.Shape == document.Scalar && !secretPath(path) {
		d.Fail(n, "%s must be %s, not %s", placeName(path), want, shown(n))
	} else {
		d.Fail(n, "%s must be %s, not %s", placeName(path), want, n.Shape)
	}
	return false
}
