package config

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"perch"
	"perch/document"
)

// decoder reads nodes into Go values and collects what is wrong with them.
type decoder struct{ *document.Report }

func newDecoder(source *document.Source) *decoder { return &decoder{document.NewReport(source)} }

// field is a key that a mapping may have.
type field struct {
	name string
	// read takes the value; path is its name in messages.
	read func(path string, n *document.Node)
	// empty allows the key to stand without a value.
	empty bool
}

// fields reads a mapping whose keys are known.
func (d *decoder) fields(path string, n *document.Node, known ...field) {
	if !d.is(path, n, document.Mapping) {
		return
	}
	for _, e := range n.Entries {
		d.field(path, e, known)
	}
}

func (d *decoder) field(path string, e document.Entry, known []field) {
	for _, f := range known {
		if f.name != e.Key.Text {
			continue
		}
		below := document.Join(path, f.name)
		switch {
		case e.Value.Shape != document.Null:
			f.read(below, e.Value)
		case !f.empty:
			d.Fail(e.Value, "%s has no value; give it one, or leave the key out", below)
		}
		return
	}
	names := make([]string, 0, len(known))
	for _, f := range known {
		names = append(names, f.name)
	}
	place := path
	if place == "" {
		place = "the file"
	}
	d.Fail(e.Key, "unknown key %q in %s%s; allowed here: %s", e.Key.Text, place, suggestion(e.Key.Text, names), strings.Join(names, ", "))
}

// each reads a mapping whose keys are free; a null value is passed on.
func (d *decoder) each(path string, n *document.Node, read func(path string, key, value *document.Node)) {
	if !d.is(path, n, document.Mapping) {
		return
	}
	for _, e := range n.Entries {
		read(document.Join(path, e.Key.Text), e.Key, e.Value)
	}
}

func (d *decoder) list(path string, n *document.Node, read func(path string, item *document.Node)) {
	if !d.is(path, n, document.List) {
		return
	}
	for i, item := range n.Items {
		read(fmt.Sprintf("%s[%d]", path, i), item)
	}
}

func (d *decoder) is(path string, n *document.Node, want document.Shape) bool {
	if n.Shape == want {
		return true
	}
	if path == "" {
		path = "the file"
	}
	if n.Shape == document.Scalar && !document.SecretName(path) {
		d.Fail(n, "%s must be %s, not %s", path, want, shown(n))
	} else {
		d.Fail(n, "%s must be %s, not %s", path, want, n.Shape)
	}
	return false
}

// check says what is wrong with a value, as the end of a sentence that begins with its name: "must be ..."; "" when nothing is.
type check func(value string) string

// text reads a scalar as it is written: 1.10 stays "1.10".
func (d *decoder) text(to *string, valid check) func(path string, n *document.Node) {
	return func(path string, n *document.Node) {
		if !d.is(path, n, document.Scalar) {
			return
		}
		if problem := valid(n.Text); problem != "" {
			d.Fail(n, "%s %s, not %s", path, problem, shown(n))
			return
		}
		*to = n.Text
	}
}

func (d *decoder) texts(to *[]string, valid check) func(path string, n *document.Node) {
	return func(path string, n *document.Node) {
		*to = []string{}
		d.list(path, n, func(path string, item *document.Node) {
			var value string
			d.text(&value, valid)(path, item)
			*to = append(*to, value)
		})
	}
}

func (d *decoder) number(to *int, low, high int) func(path string, n *document.Node) {
	return func(path string, n *document.Node) {
		value, err := strconv.Atoi(n.Text)
		if n.Shape == document.Scalar && n.Quoted {
			d.Fail(n, "%s must be a whole number, without quotes", path)
			return
		}
		if n.Shape != document.Scalar || err != nil || strconv.Itoa(value) != n.Text {
			d.Fail(n, "%s must be a whole number, not %s", path, shown(n))
			return
		}
		if value < low || value > high {
			d.Fail(n, "%s must be %d to %d, not %d", path, low, high, value)
			return
		}
		*to = value
	}
}

// hours reads a duration as Go writes it, such as 168h.
func (d *decoder) hours(to *perch.Hours, low, high perch.Hours) func(path string, n *document.Node) {
	return func(path string, n *document.Node) {
		value, err := time.ParseDuration(n.Text)
		hours := perch.Hours(value / time.Hour)
		if n.Shape != document.Scalar || err != nil || value%time.Hour != 0 || hours < low || hours > high {
			d.Fail(n, "%s must be whole hours from %s to %s, such as 168h, not %s", path, low, high, shown(n))
			return
		}
		*to = hours
	}
}

func (d *decoder) flag(to *bool) func(path string, n *document.Node) {
	return func(path string, n *document.Node) {
		if n.Shape != document.Scalar || n.Quoted || (n.Text != "true" && n.Text != "false") {
			d.Fail(n, "%s must be true or false, not %s", path, shown(n))
			return
		}
		*to = n.Text == "true"
	}
}

// shownText is how much of a value is repeated in a message, in bytes.
const shownText = 100

// shown is a value as messages repeat it.
func shown(n *document.Node) string {
	switch {
	case n.Shape != document.Scalar:
		return n.Shape.String()
	case len(n.Text) > shownText:
		return strconv.Quote(strings.ToValidUTF8(n.Text[:shownText], "")) + " and so on"
	}
	return strconv.Quote(n.Text)
}
