package cfn

import (
	"encoding/json"
	"path"
	"slices"
	"strings"
	"testing"
)

// may reports whether the role of an instance profile may do action on arn.
func (a *account) may(profile, action, arn string) bool {
	a.t.Helper()
	role := a.things[a.profiles[profile]]
	if role == nil {
		a.t.Fatalf("there is no instance profile %s", profile)
	}
	bucketARN, _, _ := strings.Cut(arn, "/")
	on := a.things[arn]
	if strings.HasPrefix(arn, "arn:aws:s3:::") {
		on = a.things[bucketARN]
	}
	if on == nil {
		on = &thing{}
	}
	allowed := false
	rules := slices.Clone(role.rules)
	if strings.HasPrefix(arn, "arn:aws:s3:::") {
		rules = append(rules, on.rules...)
	}
	for _, r := range rules {
		if !a.applies(r, action, arn, role.tags, on.tags) {
			continue
		}
		if r.Effect == "Deny" {
			return false
		}
		allowed = true
	}
	return allowed
}

func (a *account) applies(r rule, action, arn string, principal, resource map[string]string) bool {
	a.t.Helper()
	if r.Principal != nil && r.Principal["AWS"] != "*" {
		a.t.Fatalf("%s: principal %v", r.Sid, r.Principal)
	}
	matches := func(pattern json.RawMessage) bool {
		var text string
		if err := json.Unmarshal(pattern, &text); err != nil {
			a.t.Fatal(err)
		}
		return matchesIAM(text, arn)
	}
	return slices.ContainsFunc(r.Action, func(pattern string) bool { return matchesIAM(pattern, action) }) &&
		slices.ContainsFunc(r.Resource, matches) && a.meets(r, principal, resource)
}

func (a *account) meets(r rule, principal, resource map[string]string) bool {
	a.t.Helper()
	for operator, keys := range r.Condition {
		for key, values := range keys {
			tags, name := resource, path.Base(key)
			switch strings.TrimSuffix(key, "/"+name) {
			case "aws:ResourceTag":
			case "aws:PrincipalTag":
				tags = principal
			default:
				a.t.Fatalf("%s: condition key %s", r.Sid, key)
			}
			value, given := tags[name]
			switch {
			case operator == "StringEquals" && (!given || !slices.Contains(values, value)):
				return false
			case operator == "Null" && slices.Contains(values, "false") != given:
				return false
			case operator != "StringEquals" && operator != "Null":
				a.t.Fatalf("%s: operator %s", r.Sid, operator)
			}
		}
	}
	return true
}

// matchesIAM matches IAM's only wildcard that the templates use, `*`, which stands for any
// characters, `/` and `:` included.
func matchesIAM(pattern, text string) bool {
	head, rest, wild := strings.Cut(pattern, "*")
	if !strings.HasPrefix(text, head) {
		return false
	}
	if text = text[len(head):]; !wild {
		return text == ""
	}
	for i := 0; i <= len(text); i++ {
		if matchesIAM(rest, text[i:]) {
			return true
		}
	}
	return false
}

func TestTheEvaluatorKnowsIAMsRules(t *testing.T) {
	for pattern, want := range map[string]bool{
		"a/b/c": true, "a/*": true, "*": true, "a/*/c": true, "a/b/c*": true,
		"a": false, "a/b": false, "*b": false, "b*": false,
	} {
		if got := matchesIAM(pattern, "a/b/c"); got != want {
			t.Errorf("%s: %v", pattern, got)
		}
	}
	a := newAccount(t)
	a.profiles["p"] = "role"
	object := []json.RawMessage{json.RawMessage(`"arn:aws:s3:::b/*"`)}
	own := conditions{"StringEquals": {"aws:ResourceTag/kind": {"x"}}, "Null": {"aws:ResourceTag/branch": {"false"}}}
	a.things["role"] = &thing{tags: map[string]string{"kind": "x"}, rules: []rule{
		{Effect: "Allow", Action: []string{"s3:GetObject"}, Resource: object, Condition: own},
	}}
	bucket := a.thing("arn:aws:s3:::b")
	for name, test := range map[string]struct {
		tags map[string]string
		deny bool
		want bool
	}{
		"no tags":          {nil, false, false},
		"one tag":          {map[string]string{"kind": "x"}, false, false},
		"both tags":        {map[string]string{"kind": "x", "branch": "y"}, false, true},
		"another kind":     {map[string]string{"kind": "z", "branch": "y"}, false, false},
		"denied by bucket": {map[string]string{"kind": "x", "branch": "y"}, true, false},
	} {
		bucket.tags, bucket.rules = test.tags, nil
		if test.deny {
			theirs := conditions{"StringEquals": {"aws:PrincipalTag/kind": {"x"}}}
			bucket.rules = []rule{{Effect: "Deny", Action: []string{"s3:*"}, Resource: object, Condition: theirs}}
		}
		if got := a.may("p", "s3:GetObject", "arn:aws:s3:::b/key"); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
