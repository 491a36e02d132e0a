package access

import (
	"slices"
	"strings"
)

// operator compares the values of one condition key with the values in a statement.
type operator struct {
	// holds compares one value with one value of the statement. It is nil for the operator Null,
	// which only checks whether there is a value.
	holds func(wanted, value string) bool
	// negated means that no value of the statement may match.
	negated bool
	// ifExists means that the condition also holds if the call does not have the key.
	ifExists bool
}

var operators = map[string]operator{
	"StringEquals":    {holds: equal},
	"StringNotEquals": {holds: equal, negated: true},
	"StringLike":      {holds: Like},
	"StringNotLike":   {holds: Like, negated: true},
	"ArnEquals":       {holds: likeARN},
	"ArnLike":         {holds: likeARN},
	"ArnNotLike":      {holds: likeARN, negated: true},
	"Bool":            {holds: strings.EqualFold},
	"Null":            {},
}

func equal(wanted, value string) bool { return wanted == value }

// likeARN compares ARNs part by part. A wildcard does not match a colon, except in the last part
// (AWS docs: ARN condition operators).
func likeARN(wanted, value string) bool {
	want, have := strings.SplitN(wanted, ":", 6), strings.SplitN(value, ":", 6)
	if len(want) != len(have) {
		return false
	}
	for i := range want {
		if !Like(want[i], have[i]) {
			return false
		}
	}
	return true
}

const (
	anyValue  = "ForAnyValue:"
	allValues = "ForAllValues:"
)

// findOperator finds an operator by its name, which may have the suffix IfExists and a set prefix.
func findOperator(name string) (operator, bool) {
	name = strings.TrimPrefix(strings.TrimPrefix(name, anyValue), allValues)
	plain, ifExists := strings.CutSuffix(name, "IfExists")
	found, ok := operators[plain]
	found.ifExists = ifExists
	return found, ok && !(ifExists && found.holds == nil)
}

// conditionsHold reports whether all conditions of a statement hold for a call.
func conditionsHold(conditions map[string]map[string]texts, keys map[string][]string) bool {
	for name, wanted := range conditions {
		compare, _ := findOperator(name)
		for key, values := range wanted {
			if !compare.all(strings.HasPrefix(name, allValues), values, keys[strings.ToLower(key)]) {
				return false
			}
		}
	}
	return true
}

// all compares the key's values with those of the statement. If every is set, each value must
// match, and otherwise at least one.
func (o operator) all(every bool, wanted, values []string) bool {
	if o.holds == nil {
		return slices.Contains(wanted, "true") == (len(values) == 0)
	}
	if len(values) == 0 {
		return o.ifExists || o.negated || every
	}
	matches := func(value string) bool {
		return slices.ContainsFunc(wanted, func(want string) bool { return o.holds(want, value) }) != o.negated
	}
	if every || o.negated {
		return !slices.ContainsFunc(values, func(value string) bool { return !matches(value) })
	}
	return slices.ContainsFunc(values, matches)
}

// Like matches IAM's wildcards: `*` for any characters, `?` for one character.
func Like(pattern, text string) bool {
	star, resume := -1, 0
	p, t := 0, 0
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, resume = p, t
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == text[t]):
			p++
			t++
		case star >= 0:
			resume++
			p, t = star+1, resume
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}
