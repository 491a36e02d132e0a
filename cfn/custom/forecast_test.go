package custom

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"perch/cfn"
	"perch/cfn/forecast"
)

// version is a rendering as package forecast reads it.
func version(t *testing.T, template *Template, in cfn.EnvironmentInput) forecast.Version {
	t.Helper()
	rendered, err := template.Render(in)
	if err != nil {
		t.Fatal(err)
	}
	parameters := map[string]string{}
	for _, p := range rendered.Given() {
		parameters[p.Name] = p.Value
	}
	return forecast.Version{Template: rendered.Body, Parameters: parameters}
}

func TestAThirdPartyTemplateCanBeForeseen(t *testing.T) {
	template, in := wordpress(t)
	first := version(t, template, in)
	created, err := forecast.Compare(forecast.Version{}, first)
	if err != nil {
		t.Fatal(err)
	}
	if len(created.Changes) < 25 {
		t.Errorf("%d resources would be created", len(created.Changes))
	}
	estimate := created.Estimate()
	if estimate.Seconds < 600 || !slices.Contains(estimate.Assumed, "AWS::AutoScaling::AutoScalingGroup") {
		t.Errorf("%+v", estimate)
	}
	cost, err := forecast.Cost(first, "eu-central-1")
	if err != nil || !strings.Contains(
		strings.Join(cost.Missing, "\n"),
		"no price for AWS::ElasticLoadBalancing::LoadBalancer (rELBApp, rELBWeb) in eu-central-1",
	) {
		t.Errorf("%+v, %v", cost, err)
	}
	in.Commit = strings.Repeat("b", 40)
	updated, err := forecast.Compare(first, version(t, template, in))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(
		[]string{cfn.OutputCommit, cfn.OutputTemplate}, updated.Outputs,
	); diff != "" || len(updated.Changes) > 0 {
		t.Errorf("another commit changes %+v, outputs (-want +got):\n%s", updated.Changes, diff)
	}
}
