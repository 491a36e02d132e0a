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

// dynamicReference is {{resolve:SERVICE:NAME}}, or as much of it as is in one text.
var dynamicReference = regexp.MustCompile(
	`\{\{resolve:(secretsmanager:|ssm:|ssm-secure:)?((?:\$\{[^}]*\}|[^}])*)(\}\})?`,
)

// dynamic reports whether CloudFormation reads the value from somewhere else when it makes the
// stack.
func dynamic(value string) bool { return strings.Contains(value, "{{resolve:") }

// secrets rejects dynamic references to what the policy does not allow: CloudFormation would read
// them with rights that the project lacks. A secret that the template makes itself is the
// environment's own. Rights are bounded by CloudFormation's role all the same: anyone who means to
// can hide a reference from this.
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

// withoutVariables is a text of Fn::Sub with ${} for each of its variables: they hide resources and
// parameters of the same name.
func withoutVariables(text string, variables *document.Node) string {
	return substitution.ReplaceAllStringFunc(text, func(part string) string {
		if variables.Get(strings.Trim(part, "${}")) != nil {
			return "${}"
		}
		return part
	})
}

// inOneText writes a text, and one that Fn::Sub or Fn::Join puts together, with ${} for what is not
// known yet.
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

// attribute is Fn::GetAtt's argument as Fn::Sub writes it: Logical.Attribute.
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

// secret rejects an ARN that the policy does not allow environments of this kind.
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
	// ownResource is the value of a reference to a secret of this template.
	ownResource = "\x00"
	// publicParameters begin the names of what AWS keeps in everybody's Parameter Store, such as
	// the ids of its images.
	publicParameters = "/aws/service/"
)

// part is what ${...} in a reference to service stands for, itself where that cannot be told.
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

// makes reports whether the resource, or its attribute where got says that one is requested, is the
// name of a secret that the template makes itself. Other resources pass on any text that they were
// given.
func (t *Template) makes(service string, r *resource, attribute string, got bool) bool {
	switch {
	case service != "secretsmanager":
		return r.kind == "AWS::SSM::Parameter" && !got
	case got && attribute != "Id": // Databases make the secret of their master user.
		return (strings.HasPrefix(r.kind, "AWS::RDS::") || strings.HasPrefix(r.kind, "AWS::Redshift")) &&
			strings.HasSuffix(attribute, "SecretArn")
	case r.kind == "AWS::SecretsManager::SecretTargetAttachment", r.kind == "AWS::SecretsManager::RotationSchedule":
		// It goes by the name of the secret that it belongs to.
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

// secretARN is the ARN of what a dynamic reference names: NAME:SecretString:KEY:..., an ARN and the
// same, or NAME:VERSION of a parameter.
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
