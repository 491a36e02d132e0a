package custom

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"perch"
	"perch/cfn"
	"perch/document"
)

// dynamicReference matches {{resolve:SERVICE:NAME}}, or the part of it that one text has.
var dynamicReference = regexp.MustCompile(
	`\{\{resolve:(secretsmanager:|ssm:|ssm-secure:)?((?:\$\{[^}]*\}|[^}])*)(\}\})?`,
)

// dynamic reports whether CloudFormation reads the value from another place when it creates the
// stack.
func dynamic(value string) bool { return strings.Contains(value, "{{resolve:") }

// secrets reports dynamic references to secrets that the policy does not allow. CloudFormation
// reads them with its own permissions, which the project may not have. A secret that the template
// itself creates belongs to the environment and is always allowed. This check cannot find every
// hidden reference, so CloudFormation's role must limit the access as well.
func (t *Template) secrets(in cfn.EnvironmentInput, filled []cfn.Parameter, p *document.Report) {
	for _, one := range filled {
		declared := t.parameter(one.Name)
		t.checkSecrets(one.Value, declared.at, in, filled, p)
		if declared.stored() && !strings.HasPrefix(one.Value, publicParameters) {
			checkSecret(p, declared.at, secretARN("ssm", one.Value, in.Policy), in)
		}
	}
	var check func(n *document.Node)
	check = func(n *document.Node) {
		if name, argument := function(n); name == "Fn::Sub" && argument.Shape == document.List &&
			len(argument.Items) == 2 && argument.Items[0].Shape == document.Scalar {
			t.checkSecrets(
				withoutVariables(argument.Items[0].Text, argument.Items[1]), argument.Items[0], in, filled, p,
			)
			check(argument.Items[1])
			return
		}
		if text, ok := inOneText(n); ok {
			t.checkSecrets(text, n, in, filled, p)
			return
		}
		for _, e := range n.Entries {
			check(e.Value)
		}
		for _, item := range n.Items {
			check(item)
		}
	}
	check(t.root)
}

// withoutVariables returns the text of an Fn::Sub with its variables replaced by ${}. A variable
// hides a resource or parameter of the same name.
func withoutVariables(text string, variables *document.Node) string {
	return substitution.ReplaceAllStringFunc(text, func(part string) string {
		if variables.Get(strings.Trim(part, "${}")) != nil {
			return "${}"
		}
		return part
	})
}

// inOneText returns a text, also one that Fn::Sub or Fn::Join builds. It has ${} in place of what
// is not known yet.
func inOneText(n *document.Node) (string, bool) {
	name, argument := function(n)
	switch {
	case n.Shape == document.Scalar:
		return n.Text, true
	case name == "Ref" && argument.Shape == document.Scalar:
		return "${" + argument.Text + "}", true
	case name == "Fn::GetAtt":
		return "${" + attribute(argument) + "}", firstText(argument) != ""
	case name == "Fn::Sub" && argument.Shape == document.Scalar:
		return argument.Text, true
	case name == "Fn::Join" && argument.Shape == document.List && len(argument.Items) == 2 &&
		argument.Items[0].Shape == document.Scalar && argument.Items[1].Shape == document.List:
		var parts []string
		for _, item := range argument.Items[1].Items {
			part, ok := inOneText(item)
			if !ok {
				return "", false
			}
			parts = append(parts, part)
		}
		return strings.Join(parts, argument.Items[0].Text), true
	}
	return "", false
}

// attribute returns the argument of Fn::GetAtt in the form of Fn::Sub: Logical.Attribute.
func attribute(argument *document.Node) string {
	if argument.Shape != document.List {
		return argument.Text
	}
	var parts []string
	for _, item := range argument.Items {
		parts = append(parts, item.Text)
	}
	return strings.Join(parts, ".")
}

func (t *Template) checkSecrets(
	text string, at *document.Node, in cfn.EnvironmentInput, filled []cfn.Parameter, p *document.Report,
) {
	for _, match := range dynamicReference.FindAllStringSubmatch(text, -1) {
		service, name := strings.TrimSuffix(match[1], ":"), match[2]
		name = substitution.ReplaceAllStringFunc(name, func(part string) string {
			return t.part(service, part, in.Policy, filled)
		})
		switch {
		case service != "" && strings.HasPrefix(name, ownResource):
		case service == "" || match[3] == "" || strings.ContainsAny(name, "$"+ownResource):
			p.Fail(at, "this dynamic reference is put together from parts, so it cannot be checked against the "+
				"policy's `secrets`; "+
				"write it out as {{resolve:secretsmanager:NAME:SecretString:KEY}}, or refer to a secret of this "+
				"template with Fn::Sub")
		default:
			checkSecret(p, at, secretARN(service, name, in.Policy), in)
		}
	}
}

// checkSecret reports an ARN that the policy does not allow for environments of this kind.
func checkSecret(p *document.Report, at *document.Node, arn string, in cfn.EnvironmentInput) {
	from := in.Policy.Secrets.Allowed(in.Kind)
	if !slices.ContainsFunc(from, func(prefix string) bool { return strings.HasPrefix(arn, prefix) }) {
		p.Fail(at, "this refers to %s, and the policy allows environments of kind %s %s; "+
			"change it, or `secrets` in the policy", arn, in.Kind, allowed(from))
	}
}

func allowed(from []string) string {
	if len(from) == 0 {
		return "no secrets"
	}
	return "only what begins with " + strings.Join(from, ", ")
}

const (
	// ownResource is the placeholder for a reference to a secret of this template.
	ownResource = "\x00"
	// publicParameters is the beginning of the names of public parameters in Parameter Store, such
	// as those with the ids of AWS's images.
	publicParameters = "/aws/service/"
)

// part returns the value of a ${...} in a reference to service, or the ${...} itself if the value
// is not known.
func (t *Template) part(service, text string, policy perch.Policy, filled []cfn.Parameter) string {
	name, attribute, got := strings.Cut(strings.Trim(text, "${}"), ".")
	if r := t.resource(name); r != nil {
		if t.makes(service, r, attribute, got) {
			return ownResource
		}
		return text
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
		if one.Name == name && !t.parameter(name).stored() {
			return one.Value
		}
	}
	return text
}

// makes reports whether a reference to the resource gives the name of a secret or stored parameter
// that the template creates. got means that the reference is to an attribute. References to other
// resources do not count, because those return any text that they were given.
func (t *Template) makes(service string, r *resource, attribute string, got bool) bool {
	switch {
	case service != "secretsmanager":
		return r.kind == "AWS::SSM::Parameter" && !got
	case got && attribute != "Id": // A database creates the secret of its master user.
		return (strings.HasPrefix(r.kind, "AWS::RDS::") || strings.HasPrefix(r.kind, "AWS::Redshift")) &&
			strings.HasSuffix(attribute, "SecretArn")
	case r.kind == "AWS::SecretsManager::SecretTargetAttachment", r.kind == "AWS::SecretsManager::RotationSchedule":
		// An attachment or rotation schedule has the name of its secret.
		function, name := function(r.properties.Get("SecretId"))
		secret := (*resource)(nil)
		if function == "Ref" {
			secret = t.resource(name.Text)
		}
		return secret != nil && secret.kind == secretKind
	}
	return r.kind == secretKind
}

const secretKind = "AWS::SecretsManager::Secret"

// secretARN returns the ARN of what a dynamic reference names. name is NAME:SecretString:KEY:...,
// or the same with an ARN, or NAME:VERSION for a parameter.
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
