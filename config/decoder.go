package config

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"perch"
)

// decoder reads nodes into Go values and collects what is wrong with them.
type decoder struct {
	source   *text
	problems Problems
}

func (d *decoder) fail(at *node, format string, args ...any) {
	message := credentials.ReplaceAllString(fmt.Sprintf(format, args...), "://***@")
	d.problems = append(d.problems, d.source.problem(at.line, at.column, message))
}

func (d *decoder) err() error { return sorted(d.problems) }

// field is a key that a mapping may have.
type field struct {
	name string
	// read takes the value; path is its name in messages.
	read func(path string, n *node)
	// empty allows the key to stand without a value.
	empty bool
}

// fields reads a mapping whose keys are known.
func (d *decoder) fields(path string, n *node, known ...field) {
	if !d.is(path, n, mapping) {
		return
	}
	for _, e := range n.entries {
		d.field(path, e, known)
	}
}

func (d *decoder) field(path string, e entry, known []field) {
	for _, f := range known {
		if f.name != e.key.text {
			continue
		}
		below := join(path, f.name)
		switch {
		case e.value.shape != null:
			f.read(below, e.value)
		case !f.empty:
			d.fail(e.value, "%s has no value; give it one, or leave the key out", below)
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
	d.fail(e.key, "unknown key %q in %s%s; allowed here: %s", e.key.text, place, suggestion(e.key.text, names), strings.Join(names, ", "))
}

// each reads a mapping whose keys are free; a null value is passed on.
func (d *decoder) each(path string, n *node, read func(path string, key, value *node)) {
	if !d.is(path, n, mapping) {
		return
	}
	for _, e := range n.entries {
		read(join(path, e.key.text), e.key, e.value)
	}
}

func (d *decoder) list(path string, n *node, read func(path string, item *node)) {
	if !d.is(path, n, sequence) {
		return
	}
	for i, item := range n.items {
		read(fmt.Sprintf("%s[%d]", path, i), item)
	}
}

func (d *decoder) is(path string, n *node, want shape) bool {
	if n.shape == want {
		return true
	}
	if path == "" {
		path = "the file"
	}
	if n.shape == scalar && !secretName(path) {
		d.fail(n, "%s must be %s, not %s", path, want, n.shown())
	} else {
		d.fail(n, "%s must be %s, not %s", path, want, n.shape)
	}
	return false
}

// check says what is wrong with a value, as the end of a sentence that begins with its name: "must be ..."; "" when nothing is.
type check func(value string) string

// text reads a scalar as it is written: 1.10 stays "1.10".
func (d *decoder) text(to *string, valid check) func(path string, n *node) {
	return func(path string, n *node) {
		if !d.is(path, n, scalar) {
			return
		}
		if problem := valid(n.text); problem != "" {
			d.fail(n, "%s %s, not %s", path, problem, n.shown())
			return
		}
		*to = n.text
	}
}

func (d *decoder) texts(to *[]string, valid check) func(path string, n *node) {
	return func(path string, n *node) {
		*to = []string{}
		d.list(path, n, func(path string, item *node) {
			var value string
			d.text(&value, valid)(path, item)
			*to = append(*to, value)
		})
	}
}

func (d *decoder) number(to *int, low, high int) func(path string, n *node) {
	return func(path string, n *node) {
		value, err := strconv.Atoi(n.text)
		if n.shape == scalar && n.quoted {
			d.fail(n, "%s must be a whole number, without quotes", path)
			return
		}
		if n.shape != scalar || err != nil || strconv.Itoa(value) != n.text {
			d.fail(n, "%s must be a whole number, not %s", path, n.shown())
			return
		}
		if value < low || value > high {
			d.fail(n, "%s must be %d to %d, not %d", path, low, high, value)
			return
		}
		*to = value
	}
}

// hours reads a duration as Go writes it, such as 168h.
func (d *decoder) hours(to *perch.Hours, low, high perch.Hours) func(path string, n *node) {
	return func(path string, n *node) {
		value, err := time.ParseDuration(n.text)
		hours := perch.Hours(value / time.Hour)
		if n.shape != scalar || err != nil || value%time.Hour != 0 || hours < low || hours > high {
			d.fail(n, "%s must be whole hours from %s to %s, such as 168h, not %s", path, low, high, n.shown())
			return
		}
		*to = hours
	}
}

func (d *decoder) flag(to *bool) func(path string, n *node) {
	return func(path string, n *node) {
		if n.shape != scalar || n.quoted || (n.text != "true" && n.text != "false") {
			d.fail(n, "%s must be true or false, not %s", path, n.shown())
			return
		}
		*to = n.text == "true"
	}
}

// shownText is how much of a value is repeated in a message, in bytes.
const shownText = 100

func (n *node) shown() string {
	switch {
	case n.shape != scalar:
		return n.shape.String()
	case len(n.text) > shownText:
		return strconv.Quote(strings.ToValidUTF8(n.text[:shownText], "")) + " and so on"
	}
	return strconv.Quote(n.text)
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
