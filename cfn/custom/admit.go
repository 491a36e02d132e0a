package custom

import (
	"slices"
	"strings"

	"perch"
	"perch/cfn"
	"perch/document"
)

// Admit checks the template, with its parameters filled in from in, against the policy: the
// capabilities that it needs, the secrets that it reads, and the machines that it requests. The
// error is document.Problems. Each of them says what the policy allows.
func (t *Template) Admit(in cfn.EnvironmentInput) error {
	p := document.NewReport(t.source)
	filled := t.fill(in, p)
	t.urlOutput(in, p)
	t.seedTargets(in.Seed, p)
	if err := p.Err(); err != nil {
		return err
	}
	t.admitCapability(in.Policy, p)
	t.secrets(in, filled, p)
	t.machines(in.Policy, filled, p)
	t.instances(in.Policy, filled, p)
	return p.Err()
}

func (t *Template) admitCapability(policy perch.Policy, p *document.Report) {
	needed, because := t.capability()
	given := policy.Capabilities
	if needed == "" || slices.Contains(given, needed) || slices.Contains(given, CapabilityNamedIAM) {
		return
	}
	allows := "none"
	if len(given) > 0 {
		allows = "only " + strings.Join(given, ", ")
	}
	reason := because.kind
	if needed == CapabilityNamedIAM {
		reason += " with a custom name"
	}
	p.Fail(because.at, "resource %s (%s) needs %s, and the policy allows %s; take it out of the template, or add %s "+
		"to `capabilities` in the policy", because.id, reason, needed, allows, needed)
}

// machines checks every instance type and database class in the template against the policy, in any
// resource.
func (t *Template) machines(policy perch.Policy, filled []cfn.Parameter, p *document.Report) {
	for _, r := range t.resources {
		r.properties.Walk(func(n *document.Node) {
			t.option(n.Get("OptionName"), n.Get("Value"), policy, filled, p)
			for _, e := range n.Entries {
				switch e.Key.Text {
				// Given InstanceRequirements, AWS chooses any type that meets them.
				case "InstanceType", "InstanceTypes", "InstanceRequirements":
					t.machine(e, "instance_types", policy.InstanceTypes, filled, p)
				case "DBInstanceClass", "DBClusterInstanceClass":
					t.machine(e, "database_classes", policy.DatabaseClasses, filled, p)
				}
			}
		})
	}
}

// option checks an option of Elastic Beanstalk. If its name is not known until the stack is
// created, it may be an instance type, and is checked as one.
func (t *Template) option(name, value *document.Node, policy perch.Policy, filled []cfn.Parameter, p *document.Report) {
	if name == nil || value == nil {
		return
	}
	for _, option := range t.candidates(name, filled) {
		switch {
		case option == "":
			t.machine(
				document.Entry{Key: name.Like("OptionName"), Value: name}, "instance_types", policy.InstanceTypes,
				filled, p,
			)
		case strings.HasPrefix(option, "InstanceType"):
			t.machine(
				document.Entry{Key: name.Like(option), Value: value}, "instance_types", policy.InstanceTypes, filled, p,
			)
		}
	}
}

func (t *Template) machine(
	e document.Entry, key string, patterns []string, filled []cfn.Parameter, p *document.Report,
) {
	if len(patterns) == 0 {
		return
	}
	for _, value := range t.machineNames(e.Value, filled) {
		if _, ok := perch.MatchAny(patterns, value); value == "" || !ok {
			p.Fail(
				e.Value, "%s is %s, and the policy allows only %s; change it, or `%s` in the policy", e.Key.Text,
				shownOr(value, "put together in a way that cannot be checked against the policy"),
				strings.Join(patterns, ", "), key,
			)
		}
	}
}

// machineNames returns the candidates one by one, whether they are a list or a text with commas.
func (t *Template) machineNames(n *document.Node, filled []cfn.Parameter) []string {
	values := []*document.Node{n}
	if n.Shape == document.List {
		values = n.Items
	}
	var names []string
	for _, value := range values {
		for _, candidate := range t.candidates(value, filled) {
			for _, name := range strings.Split(candidate, ",") {
				names = append(names, strings.TrimSpace(name))
			}
		}
	}
	return names
}

func shownOr(value, otherwise string) string {
	if value == "" {
		return otherwise
	}
	return value
}

// candidates returns the values that n may have in the stack. An empty one means that the value is
// not known.
func (t *Template) candidates(n *document.Node, filled []cfn.Parameter) []string {
	if n.Shape == document.Scalar {
		return []string{n.Text}
	}
	switch name, argument := function(n); {
	case name == "Ref":
		for _, one := range filled {
			if one.Name == argument.Text && !t.parameter(one.Name).stored() {
				return []string{one.Value}
			}
		}
	case name == "Fn::If" && len(argument.Items) == 3:
		return append(t.candidates(argument.Items[1], filled), t.candidates(argument.Items[2], filled)...)
	case name == "Fn::FindInMap" && len(argument.Items) == 3:
		return t.mapped(argument)
	}
	return []string{""}
}

// mapped returns the values that Fn::FindInMap may give: all values of the mapping with this second
// key, because the first key depends on parameters.
func (t *Template) mapped(argument *document.Node) []string {
	var values []string
	for _, e := range t.root.Get("Mappings").Get(argument.Items[0].Text).All() {
		for _, inner := range e.Value.All() {
			if argument.Items[2].Shape != document.Scalar || inner.Key.Text == argument.Items[2].Text {
				values = append(values, inner.Value.Text)
			}
		}
	}
	if len(values) == 0 {
		return []string{""}
	}
	return values
}
