package config

import (
	"reflect"
	"strconv"
	"strings"
	"time"

	"perch"
	"perch/document"
)

// text reads a scalar as it is written: 1.10 stays "1.10". Messages do not repeat a value that
// looks secret.
func (d *decoder) text(path string, n *document.Node, k key) (string, bool) {
	if !d.is(path, n, document.Scalar) {
		return "", false
	}
	problem := k.check()(n.Text)
	switch {
	case problem == "":
		return n.Text, true
	case secretPath(path):
		d.Fail(n, "%s %s", path, problem)
	default:
		d.Fail(n, "%s %s, not %s", path, problem, shown(n))
	}
	return "", false
}

// secretPath reports whether the last key of a path suggests that its value is secret.
func secretPath(path string) bool {
	return document.SecretName(path[strings.LastIndexByte(path, '.')+1:])
}

func (d *decoder) number(path string, n *document.Node, to reflect.Value, k key) {
	value, err := strconv.Atoi(n.Text)
	low, high := k.whole("minimum"), k.whole("maximum")
	switch {
	case n.Shape == document.Scalar && n.Quoted:
		d.Fail(n, "%s must be a whole number, without quotes", path)
	case n.Shape != document.Scalar || err != nil || strconv.Itoa(value) != n.Text:
		d.Fail(n, "%s must be a whole number, not %s", path, shown(n))
	case value < low || value > high:
		d.Fail(n, "%s must be %d to %d, not %d", path, low, high, value)
	default:
		to.SetInt(int64(value))
	}
}

// whole returns the value of a rule as a whole number; 0 if the key does not have the rule.
func (k key) whole(rule string) int {
	value, _ := strconv.Atoi(k.rule(rule))
	return value
}

func (d *decoder) share(path string, n *document.Node, to reflect.Value, k key) {
	above, _ := strconv.ParseFloat(k.rule("exclusiveMinimum"), 64)
	most, _ := strconv.ParseFloat(k.rule("maximum"), 64)
	value, err := strconv.ParseFloat(n.Text, 64)
	if n.Shape != document.Scalar || n.Quoted || err != nil || !(value > above && value <= most) {
		d.Fail(n, "%s must be a number above %v and up to %v, such as 0.5, not %s", path, above, most, shown(n))
		return
	}
	to.SetFloat(value)
}

// limits returns the rules `from` and `to` of a duration.
func (k key) limits() (low, high time.Duration) {
	low, _ = time.ParseDuration(k.rule("from"))
	high, _ = time.ParseDuration(k.rule("to"))
	return low, high
}

func (d *decoder) duration(path string, n *document.Node, to *time.Duration, k key) {
	value, err := time.ParseDuration(n.Text)
	if low, high := k.limits(); n.Shape != document.Scalar || err != nil || value < low || value > high {
		d.Fail(
			n, "%s must be a duration from %s to %s, such as 30m, not %s", path, k.rule("from"), k.rule("to"), shown(n),
		)
		return
	}
	*to = value
}

// hours reads whole hours, written like a duration in Go, such as 168h.
func (d *decoder) hours(path string, n *document.Node, to *perch.Hours, k key) {
	value, err := time.ParseDuration(n.Text)
	low, high := k.limits()
	if n.Shape != document.Scalar || err != nil || value%time.Hour != 0 || value < low || value > high {
		d.Fail(
			n, "%s must be whole hours from %s to %s, such as 168h, not %s", path, k.rule("from"), k.rule("to"),
			shown(n),
		)
		return
	}
	*to = perch.Hours(value / time.Hour)
}

func (d *decoder) flag(path string, n *document.Node, to reflect.Value) {
	if n.Shape != document.Scalar || n.Quoted || (n.Text != "true" && n.Text != "false") {
		d.Fail(n, "%s must be true or false, not %s", path, shown(n))
		return
	}
	to.SetBool(n.Text == "true")
}

// shownText is how many bytes of a value a message repeats.
const shownText = 100

// shown returns a value in the form in which messages repeat it.
func shown(n *document.Node) string {
	switch {
	case n.Shape != document.Scalar:
		return n.Shape.String()
	case len(n.Text) > shownText:
		return strconv.Quote(strings.ToValidUTF8(n.Text[:shownText], "")) + " and so on"
	}
	return strconv.Quote(n.Text)
}
