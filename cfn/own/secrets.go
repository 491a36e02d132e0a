package own

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"perch"
)

// dynamicReference is {{resolve:SERVICE:NAME}}, or as much of it as stands in one text.
var dynamicReference = regexp.MustCompile(`\{\{resolve:(secretsmanager:|ssm:|ssm-secure:)?((?:\$\{[^}]*\}|[^}])*)(\}\})?`)

// dynamic reports whether CloudFormation reads the value from somewhere else when it makes the stack.
func dynamic(value string) bool { return strings.Contains(value, "{{resolve:") }

// secrets refuses dynamic references to what the policy does not allow: CloudFormation would read them with rights that the project lacks.
// A secret that the template makes itself is the environment's own. Rights are bounded by CloudFormation's role all the same: whoever means to can
// hide a reference from this.
func (t *Template) secrets(in Input, filled []Parameter, p *problems) {
	for _, one := range filled {
		t.checkSecrets(one.Value, t.parameter(one.Name).at, in.Policy, filled, p)
	}
	var check func(n *node)
	check = func(n *node) {
		if name, argument := n.function(); name == "Fn::Sub" && argument.shape == list && len(argument.items) == 2 && argument.items[0].shape == scalar {
			t.checkSecrets(withoutVariables(argument.items[0].text, argument.items[1]), argument.items[0], in.Policy, filled, p)
			check(argument.items[1])
			return
		}
		if text, ok := inOneText(n); ok {
			t.checkSecrets(text, n, in.Policy, filled, p)
			return
		}
		for _, e := range n.entries {
			check(e.value)
		}
		for _, item := range n.items {
			check(item)
		}
	}
	check(t.root)
}

// withoutVariables is a text of Fn::Sub with ${} for each of its own variables: they hide resources and parameters of the same name.
func withoutVariables(text string, variables *node) string {
	return substitution.ReplaceAllStringFunc(text, func(part string) string {
		if variables.get(strings.Trim(part, "${}")) != nil {
			return "${}"
		}
		return part
	})
}

// inOneText writes a text, and one that Fn::Sub or Fn::Join puts together, with ${} for what is not known yet.
func inOneText(n *node) (string, bool) {
	name, argument := n.function()
	switch {
	case n.shape == scalar:
		return n.text, true
	case name == "Ref" && argument.shape == scalar:
		return "${" + argument.text + "}", true
	case name == "Fn::GetAtt":
		return "${" + firstText(argument) + "}", firstText(argument) != ""
	case name == "Fn::Sub" && argument.shape == scalar:
		return argument.text, true
	case name == "Fn::Join" && argument.shape == list && len(argument.items) == 2 && argument.items[0].shape == scalar && argument.items[1].shape == list:
		var parts []string
		for _, item := range argument.items[1].items {
			part, ok := inOneText(item)
			if !ok {
				return "", false
			}
			parts = append(parts, part)
		}
		return strings.Join(parts, argument.items[0].text), true
	}
	return "", false
}

func (t *Template) checkSecrets(text string, at *node, policy perch.Policy, filled []Parameter, p *problems) {
	for _, match := range dynamicReference.FindAllStringSubmatch(text, -1) {
		service, name := strings.TrimSuffix(match[1], ":"), match[2]
		name = substitution.ReplaceAllStringFunc(name, func(part string) string { return t.part(part, policy, filled) })
		switch {
		case service != "" && strings.HasPrefix(name, ownResource):
		case service == "" || match[3] == "" || strings.ContainsAny(name, "$"+ownResource):
			p.at(at, "this dynamic reference is put together from parts, so the policy's `secrets.from` cannot be held against it; write it out as {{resolve:secretsmanager:NAME:SecretString:KEY}}, or refer to a secret of this template with Fn::Sub")
		default:
			arn := secretARN(service, name, policy)
			if !slices.ContainsFunc(policy.Secrets.From, func(prefix string) bool { return strings.HasPrefix(arn, prefix) }) {
				p.at(at, "this refers to %s, and the policy allows %s; change it, or `secrets.from` in the policy", arn, allowed(policy.Secrets.From))
			}
		}
	}
}

func allowed(from []string) string {
	if len(from) == 0 {
		return "no secrets"
	}
	return "only what begins with " + strings.Join(from, ", ")
}

// ownResource stands for a resource of the template in a reference.
const ownResource = "\x00"

// part is what ${...} in a reference stands for, itself where that cannot be told.
func (t *Template) part(text string, policy perch.Policy, filled []Parameter) string {
	name, _, _ := strings.Cut(strings.Trim(text, "${}"), ".")
	if t.resource(name) != nil {
		return ownResource
	}
	switch name {
	case "AWS::Region":
		return policy.Region
	case "AWS::AccountId":
		return policy.Account
	case "AWS::Partition":
		return "aws"
	}
	for _, one := range filled {
		if one.Name == name {
			return one.Value
		}
	}
	return text
}

// secretARN is the ARN of what a dynamic reference names: NAME:SecretString:KEY:..., an ARN and the same, or NAME:VERSION of a parameter.
func secretARN(service, name string, policy perch.Policy) string {
	if service == "secretsmanager" {
		if parts := strings.Split(name, ":"); strings.HasPrefix(name, "arn:") && len(parts) > 6 {
			return strings.Join(parts[:7], ":")
		}
		name, _, _ = strings.Cut(name, ":")
		return fmt.Sprintf("arn:aws:secretsmanager:%s:%s:secret:%s", policy.Region, policy.Account, name)
	}
	name, _, _ = strings.Cut(name, ":")
	return fmt.Sprintf("arn:aws:ssm:%s:%s:parameter/%s", policy.Region, policy.Account, strings.TrimPrefix(name, "/"))
}
