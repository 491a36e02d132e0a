package custom

import (
	"slices"
	"strconv"
	"strings"

	"perch"
	"perch/cfn"
	"perch/document"
)

const (
	kindInstance  = "AWS::EC2::Instance"
	kindBeanstalk = "AWS::ElasticBeanstalk::Environment"
	kindScheduled = "AWS::AutoScaling::ScheduledAction"
	kindSaved     = "AWS::ElasticBeanstalk::ConfigurationTemplate"
	// beanstalkInstances is the MaxSize of an environment that does not set one (AWS docs: general
	// options, aws:autoscaling:asg).
	beanstalkInstances = 4
)

// capacities are the properties and options that limit how many instances a resource may have.
var capacities = map[string]bool{
	"MaxSize": true, "TotalTargetCapacity": true, "TargetCapacity": true, "InstanceCount": true, "MaxvCpus": true,
}

// instances checks how many EC2 instances the template's resources may have together against the
// policy.
func (t *Template) instances(policy perch.Policy, filled []cfn.Parameter, p *document.Report) {
	if policy.MaxInstances == 0 {
		return
	}
	total, at := 0, (*document.Node)(nil)
	for _, r := range t.resources {
		most := t.instancesOf(r, filled, p)
		if r.kind == kindScheduled {
			if most > policy.MaxInstances { // This resource changes the size of a group that is already counted.
				tooMany(p, r.at, most, policy)
			}
			continue
		}
		if total += most; total > policy.MaxInstances && at == nil {
			at = r.at
		}
	}
	if at != nil {
		tooMany(p, at, total, policy)
	}
}

func tooMany(p *document.Report, at *document.Node, instances int, policy perch.Policy) {
	p.Fail(at, "the template may start %d instances, and the policy allows %d for an environment; "+
		"lower MaxSize, or raise `max_instances` in the policy", instances, policy.MaxInstances)
}

// instancesOf returns how many instances a resource may have at most.
func (t *Template) instancesOf(r resource, filled []cfn.Parameter, p *document.Report) int {
	most, told, single := 0, false, false
	count := func(key string, value *document.Node) {
		told = true
		for _, candidate := range t.candidates(value, filled) {
			number, err := strconv.Atoi(strings.TrimSpace(candidate))
			if err != nil {
				p.Fail(value, "%s is %s, and the policy bounds the number of instances; write a number, or a "+
					"parameter that has one",
					key, shownOr(candidate, "put together in a way that cannot be checked"))
			}
			most = max(most, number)
		}
	}
	r.properties.Walk(func(n *document.Node) {
		for _, e := range n.Entries {
			if capacities[e.Key.Text] {
				count(e.Key.Text, e.Value)
			}
		}
		name, value := n.Get("OptionName"), n.Get("Value")
		if name == nil || value == nil {
			return
		}
		for _, option := range t.candidates(name, filled) {
			switch {
			case option == "":
				count("OptionName", name)
			case option == "MaxSize" && t.mayBe(n.Get("Namespace"), "aws:autoscaling:asg", filled):
				count(option, value)
			case option == "EnvironmentType" && namespaceIs(n, "aws:elasticbeanstalk:environment"):
				single = value.Shape == document.Scalar && value.Text == "SingleInstance"
			}
		}
	})
	saved := r.properties.Get("TemplateName")
	switch {
	case r.kind == kindInstance, r.kind == kindBeanstalk && single && saved == nil:
		return 1
	case r.kind == kindBeanstalk && saved != nil && !t.refersToSaved(saved):
		p.Fail(
			saved,
			"TemplateName is not a `!Ref` to a configuration template of this template, and the policy bounds the "+
				"number of instances; refer to one, or set the options here",
		)
	case (r.kind == kindBeanstalk && saved == nil || r.kind == kindSaved) && !told:
		return beanstalkInstances
	}
	return most
}

// namespaceIs reports whether an option belongs to the namespace.
func namespaceIs(option *document.Node, namespace string) bool {
	written := option.Get("Namespace")
	return written != nil && written.Shape == document.Scalar && written.Text == namespace
}

// mayBe reports whether the value is want, or may turn out to be.
func (t *Template) mayBe(value *document.Node, want string, filled []cfn.Parameter) bool {
	return value == nil || slices.ContainsFunc(t.candidates(value, filled), func(candidate string) bool {
		return candidate == "" || candidate == want
	})
}

// refersToSaved reports whether the value is a reference to a configuration template of this
// template, whose instances are counted there.
func (t *Template) refersToSaved(value *document.Node) bool {
	if value.Shape == document.Scalar {
		return false
	}
	name, argument := function(value)
	return name == "Ref" &&
		slices.ContainsFunc(t.resources, func(r resource) bool { return r.kind == kindSaved && r.id == argument.Text })
}
