package cfn

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"perch"
	"perch/cfn/forecast"
	"perch/cfn/spec"
)

// TestTimeToAnEnvironmentIsWithinItsGoal computes how long an environment of kind branch typically
// takes on AWS until its stack is complete.
func TestTimeToAnEnvironmentIsWithinItsGoal(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*EnvironmentInput)
		most   float64
	}{
		"own database, shared load balancer": {func(*EnvironmentInput) {}, 900},
		"own database, own load balancer": {
			func(in *EnvironmentInput) { in.Settings.LoadBalancer = "dedicated" }, 900,
		},
		"own database, no load balancer": {
			func(in *EnvironmentInput) { in.Settings.LoadBalancer = "none" }, 900,
		},
		"database from a snapshot":                 {restored, 900},
		"shared database, shared load balancer":    {sharing, 300},
		"without a database, shared load balancer": {func(in *EnvironmentInput) { in.Settings.Database = nil }, 300},
	} {
		t.Run(name, func(t *testing.T) {
			in := environmentInput(t, "feature/login", perch.KindBranch)
			test.change(&in)
			estimate := creation(t, renderEnvironment(t, in))
			if estimate.Seconds > test.most || estimate.Seconds == 0 {
				t.Errorf("it takes %g s, and the goal is %g s: %+v", estimate.Seconds, test.most, estimate.Path)
			}
		})
	}
}

func restored(in *EnvironmentInput) {
	in.Settings.Database.Mode, in.Settings.Database.Snapshot = perch.DatabaseSnapshot, "shop-sample"
}

func sharing(in *EnvironmentInput) { in.Settings.Database.Mode = perch.DatabaseShared }

func creation(t *testing.T, template Template) perch.TimeEstimate {
	t.Helper()
	compared, err := forecast.Compare(forecast.Version{}, forecast.Version{Template: template.Body})
	if err != nil {
		t.Fatal(err)
	}
	return compared.Estimate()
}

// TestABranchHasNothingThatCouldBeShared lists the types that an environment of kind branch may
// have. Roles, profiles, load balancers and certificates are in the application stack, so that no
// branch waits for them.
func TestABranchHasNothingThatCouldBeShared(t *testing.T) {
	base := []string{
		"AWS::ElasticBeanstalk::ApplicationVersion", "AWS::ElasticBeanstalk::Environment", "AWS::Route53::RecordSet",
		"AWS::S3::Bucket",
	}
	database := []string{
		"AWS::EC2::SecurityGroup", "AWS::RDS::DBInstance", "AWS::RDS::DBSubnetGroup", "AWS::SecretsManager::Secret",
		"AWS::SecretsManager::SecretTargetAttachment",
	}
	for name, test := range map[string]struct {
		change func(*EnvironmentInput)
		want   []string
	}{
		"own database":    {func(*EnvironmentInput) {}, slices.Concat(base, database)},
		"from a snapshot": {restored, slices.Concat(base, database)},
		"shared database": {sharing, slices.Concat(base, []string{"AWS::SecretsManager::Secret"})},
		"without database": {
			func(in *EnvironmentInput) { in.Settings.Database = nil }, slices.Concat(base, database[:1]),
		},
		"own load balancer": {
			func(in *EnvironmentInput) { in.Settings.LoadBalancer = "dedicated" }, slices.Concat(base, database),
		},
		"no load balancer": {
			func(in *EnvironmentInput) { in.Settings.LoadBalancer = "none" }, slices.Concat(base, database),
		},
		"neither of either": {
			func(in *EnvironmentInput) { in.Settings.LoadBalancer, in.Settings.Database = "none", nil },
			slices.Concat(base, database[:1]),
		},
	} {
		t.Run(name, func(t *testing.T) {
			in := environmentInput(t, "feature/login", perch.KindBranch)
			test.change(&in)
			slices.Sort(test.want)
			if diff := cmp.Diff(test.want, typesOf(t, renderEnvironment(t, in))); diff != "" {
				t.Errorf("types (-want +got):\n%s", diff)
			}
		})
	}
}

// typesOf are the resource types of a template, each once, sorted.
func typesOf(t *testing.T, template Template) []string {
	t.Helper()
	var types []string
	for _, r := range decode(t, template)["Resources"].(map[string]any) {
		types = append(types, r.(map[string]any)["Type"].(string))
	}
	slices.Sort(types)
	return slices.Compact(types)
}

// TestAnyUpdateCanBeForeseen checks that package forecast knows every type and property that Perch
// renders, and that each type is priced, free, or priced by use.
func TestAnyUpdateCanBeForeseen(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before, err := Environment(anyEnvironment(t))
		if err != nil {
			t.Fatal(err)
		}
		after, err := Environment(anyEnvironment(t))
		if err != nil {
			t.Fatal(err)
		}
		compared, err := forecast.Compare(
			forecast.Version{Template: before.Body}, forecast.Version{Template: after.Body},
		)
		if err != nil {
			t.Fatal(err)
		}
		for _, change := range compared.Changes {
			if change.Replacement == string(spec.Unknown) || change.Rejected != "" {
				t.Errorf("%+v", change)
			}
		}
		cost, err := forecast.Cost(forecast.Version{Template: after.Body}, "us-east-1")
		if err != nil {
			t.Fatal(err)
		}
		for _, missing := range cost.Missing {
			if strings.Contains(missing, "AWS::") {
				t.Error(missing)
			}
		}
	})
}

func TestANewCommitReplacesNothingButTheVersion(t *testing.T) {
	in := environmentInput(t, "feature/login", perch.KindBranch)
	before := renderEnvironment(t, in)
	in.deploy(t, otherCommit)
	compared, err := forecast.Compare(
		forecast.Version{Template: before.Body}, forecast.Version{Template: renderEnvironment(t, in).Body},
	)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]perch.ChangeAction{}
	for _, change := range compared.Changes {
		got[change.LogicalID] = change.Action
	}
	if diff := cmp.Diff(
		map[string]perch.ChangeAction{versionID: perch.ActionReplace, environmentID: perch.ActionChange}, got,
	); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if diff := cmp.Diff([]string{OutputCommit, OutputTemplate}, compared.Outputs); diff != "" {
		t.Errorf("outputs (-want +got):\n%s", diff)
	}
}
