package custom

import (
	"strings"
	"testing"
)

func TestS110ThePolicyBoundsTheInstancesOfATemplate(t *testing.T) {
	const (
		group   = "AWS::AutoScaling::AutoScalingGroup"
		tooMany = "may start 5 instances, and the policy allows 4 for an environment; lower MaxSize, or raise " +
			"`max_instances` in the policy"
		unknown = "MaxSize is put together in a way that cannot be checked, and the policy bounds the number of " +
			"instances"
	)
	in := func(namespace, name, value string) string {
		return "{Namespace: '" + namespace + "', OptionName: " + name + ", Value: " + value + "}"
	}
	option := func(name, value string) string {
		if name == "EnvironmentType" {
			return in("aws:elasticbeanstalk:environment", name, value)
		}
		return in("aws:autoscaling:asg", name, value)
	}
	const variable = "aws:elasticbeanstalk:application:environment"
	saved := "  T: {Type: '" + kindSaved + "', Properties: {OptionSettings: [" + option("MaxSize", "5") + "]}}\n"
	from := func(template string) string {
		return "  E: {Type: 'AWS::ElasticBeanstalk::Environment', Properties: {TemplateName: " + template + "}}\n"
	}
	beanstalk := func(options ...string) string {
		return "  E: {Type: 'AWS::ElasticBeanstalk::Environment', Properties: {OptionSettings: [" +
			strings.Join(options, ", ") + "]}}\n"
	}
	instance := func(id string) string { return "  " + id + ": {Type: 'AWS::EC2::Instance', Properties: {}}\n" }
	sized := func(id, kind, size string) string {
		return "  " + id + ": {Type: '" + kind + "', Properties: {MaxSize: " + size + "}}\n"
	}
	for name, test := range map[string]struct{ resources, want string }{
		"no instances":            {"", ""},
		"as many as are allowed":  {sized("G", group, "4"), ""},
		"one more":                {sized("G", group, "5"), tooMany},
		"a text":                  {sized("G", group, "'5'"), tooMany},
		"two groups":              {sized("G", group, "2") + sized("H", group, "3"), tooMany},
		"a group and an instance": {sized("G", group, "4") + instance("I"), tooMany},
		"five instances": {
			instance("A") + instance("B") + instance("C") + instance("D") + instance("E"), tooMany,
		},
		"a parameter":                  {sized("G", group, "!Ref Five"), tooMany},
		"a condition":                  {sized("G", group, "!If [C, 1, 5]"), tooMany},
		"a number that cannot be told": {sized("G", group, "!ImportValue x"), unknown},
		"a word":                       {sized("G", group, "many"), "MaxSize is many"},
		"a fleet": {
			"  F: {Type: 'AWS::EC2::EC2Fleet', Properties: {Spec: {TotalTargetCapacity: 5}}}\n", tooMany,
		},
		"a scheduled action":           {sized("G", group, "4") + sized("S", kindScheduled, "4"), ""},
		"a scheduled action for more":  {sized("G", group, "1") + sized("S", kindScheduled, "5"), tooMany},
		"an option of Beanstalk":       {beanstalk(option("MaxSize", "5")), tooMany},
		"an option of Beanstalk, few":  {beanstalk(option("MaxSize", "4")), ""},
		"Beanstalk's default":          {beanstalk(option("MinSize", "1")), ""},
		"Beanstalk's default and more": {beanstalk() + instance("I"), tooMany},
		"a single instance": {
			beanstalk(option("EnvironmentType", "SingleInstance")) + sized("G", group, "3"), "",
		},
		"a variable that is named like an option": {
			beanstalk(option("MaxSize", "5"), in(variable, "EnvironmentType", "SingleInstance")), tooMany,
		},
		"a variable that is named like a size": {beanstalk(in(variable, "MaxSize", "1")) + instance("I"), tooMany},
		"a namespace that cannot be told": {
			beanstalk("{Namespace: !ImportValue x, OptionName: MaxSize, Value: 5}"), tooMany,
		},
		"a saved configuration": {saved + from("!Ref T"), tooMany},
		"a saved configuration elsewhere": {
			from("other"), "TemplateName is not a `!Ref` to a configuration template of this template",
		},
		"a cluster": {
			"  C: {Type: 'AWS::EMR::InstanceGroupConfig', Properties: {InstanceCount: 5}}\n", tooMany,
		},
		"a compute environment": {
			"  C: {Type: 'AWS::Batch::ComputeEnvironment', Properties: {ComputeResources: {MaxvCpus: 5}}}\n", tooMany,
		},
		"an option whose name cannot be told": {beanstalk(option("!ImportValue x", "5")), "OptionName is put together"},
	} {
		t.Run(name, func(t *testing.T) {
			in := input(t)
			in.Policy.MaxInstances = 4
			head := "Conditions: {C: !Equals [a, b]}\nParameters: {Five: {Type: Number, Default: 5}}\n"
			template := read(t, head+strings.Replace(small, "  Assets:", test.resources+"  Assets:", 1))
			err := template.Admit(in)
			switch {
			case test.want == "" && err != nil:
				t.Errorf("rejected: %v", err)
			case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
				t.Errorf("error = %v, want %s", err, test.want)
			}
			if in.Policy.MaxInstances = 0; template.Admit(in) != nil {
				t.Errorf("rejected without max_instances: %v", template.Admit(in))
			}
		})
	}
}
