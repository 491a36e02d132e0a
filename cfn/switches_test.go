package cfn

import (
	"strings"
	"testing"

	"perch"
)

func TestS176SwitchesThatBeanstalkRejectsAreNamed(t *testing.T) {
	read := func(change func(*perch.Settings)) SetOptions {
		t.Helper()
		in := environmentInput(t, "feature/login", perch.KindBranch)
		in.Settings.InstanceType, in.Settings.LoadBalancer = "t3.small", "shared"
		change(&in.Settings)
		set, err := ReadOptions(renderEnvironment(t, in).Body)
		if err != nil {
			t.Fatal(err)
		}
		return set
	}
	deployed := read(func(*perch.Settings) {})
	for name, test := range map[string]struct {
		change func(*perch.Settings)
		want   string
	}{
		"the same":          {func(*perch.Settings) {}, ""},
		"a larger instance": {func(s *perch.Settings) { s.InstanceType = "m5.large" }, ""},
		"another load balancer": {
			func(s *perch.Settings) { s.LoadBalancer = "dedicated" },
			"load_balancer is dedicated, and the " +
				"environment was created with shared",
		},
		"no load balancer": {func(s *perch.Settings) { s.LoadBalancer = "none" }, "load_balancer is none"},
		"another architecture": {func(s *perch.Settings) { s.InstanceType = "t4g.small" }, "instance_type t4g.small " +
			"is arm64, and the environment was created for x86_64 with t3.small"},
	} {
		t.Run(name, func(t *testing.T) {
			got := read(test.change).RejectedSwitch(deployed)
			if (test.want == "") != (got == "") || !strings.HasPrefix(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
	if got := deployed.RejectedSwitch(SetOptions{}); got != "" {
		t.Errorf("without an environment: %q", got)
	}
}
