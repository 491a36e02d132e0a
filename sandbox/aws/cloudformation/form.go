package cloudformation

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// form has the parameters of a call of the query protocol.
type form url.Values

func (f form) get(name string) string { return url.Values(f).Get(name) }

func (f form) is(name string) bool { return f.get(name) == "true" }

func (f form) number(name string) int {
	n, _ := strconv.Atoi(f.get(name))
	return n
}

// given reports whether a list or a value was sent at all; an empty list is sent as one empty
// parameter.
func (f form) given(name string) bool {
	for key := range f {
		if key == name || strings.HasPrefix(key, name+".") {
			return true
		}
	}
	return false
}

// list returns the values of a list of strings.
func (f form) list(name string) []string {
	var out []string
	for i := 1; ; i++ {
		values, ok := f[fmt.Sprintf("%s.member.%d", name, i)]
		if !ok {
			return out
		}
		out = append(out, values[0])
	}
}

// members returns the structures of a list, each as a separate form.
func (f form) members(name string) []form {
	var out []form
	for i := 1; ; i++ {
		prefix := fmt.Sprintf("%s.member.%d.", name, i)
		member := form{}
		for key, values := range f {
			if rest, ok := strings.CutPrefix(key, prefix); ok {
				member[rest] = values
			}
		}
		if len(member) == 0 {
			return out
		}
		out = append(out, member)
	}
}

func (f form) tags() []tag {
	var out []tag
	for _, member := range f.members("Tags") {
		out = append(out, tag{member.get("Key"), member.get("Value")})
	}
	return out
}

func (f form) parameters() []givenParameter {
	var out []givenParameter
	for _, member := range f.members("Parameters") {
		out = append(
			out,
			givenParameter{member.get("ParameterKey"), member.get("ParameterValue"), member.is("UsePreviousValue")},
		)
	}
	return out
}

// input returns everything that must be the same if a client request token is used again: all
// parameters except the token and the signature.
func (f form) input() string {
	values := url.Values{}
	for key, value := range f {
		if key != "ClientRequestToken" && key != "ClientToken" && !strings.HasPrefix(key, "X-Amz-") {
			values[key] = value
		}
	}
	return digest(values.Encode())
}
