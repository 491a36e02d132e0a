package activities

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation"

	"perch"
	"perch/activities/activitytest"
	"perch/activities/contract"
	"perch/sandbox/aws"
)

// takeRules makes a stack with so many rules on the HTTPS listener of the shared load balancer, as
// another team might.
func (w *world) takeRules(count int) {
	w.t.Helper()
	listener := w.physical(perch.ApplicationStackName("shop", perch.KindStaging), "ListenerHTTPS")
	var rules []string
	for i := range count {
		rules = append(rules, fmt.Sprintf(`"Rule%d": {"Type": "AWS::ElasticLoadBalancingV2::ListenerRule", "Properties": {
			"ListenerArn": %q, "Priority": %d, "Actions": [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}],
			"Conditions": [{"Field": "path-pattern", "Values": ["/%d"]}]}}`, i, listener, 1000+i, i))
	}
	body, name := `{"Resources": {`+strings.Join(rules, ",")+`}}`, "other-team"
	out, err := w.cfn().CreateStack(
		w.t.Context(), &cloudformation.CreateStackInput{StackName: &name, TemplateBody: &body},
	)
	if err != nil {
		w.t.Fatal(err)
	}
	w.foreign(*out.StackId)
}

// rejectsForRules reports why a new branch is rejected while no rule is left for it, and that no
// stack was made.
func (w *world) rejectsForRules(t *testing.T, words ...string) {
	t.Helper()
	creations := w.calls("cloudformation", "CreateStack")
	commit := w.repo.commit("topic", map[string]string{"perch.yaml": testConfig, "fixtures/media/a.txt": "a"})
	_, err := activitytest.Try(of[*Requests](w).Admit, contract.AdmitInput{Request: w.request("topic", commit)})
	activitytest.WantFinal(
		t, err, perch.ErrorInvalid, append(words, "perch down BRANCH", "load_balancer: dedicated")...,
	)
	if made := w.calls("cloudformation", "CreateStack"); made != creations {
		t.Errorf("%d stacks were made", made-creations)
	}
	check := w.examine()[perch.CheckApplication]
	if activitytest.WantWords(t, check.Detail, words...); check.OK {
		t.Error("the check is in order")
	}
}

func TestS215TheRulesOfTheSharedLoadBalancerAreCountedFirst(t *testing.T) {
	w := newWorldOf(t, aws.Config{Speed: 1e6})
	w.apply()
	w.takeRules(99)
	files := map[string]string{"perch.yaml": testConfig, "fixtures/media/a.txt": "a"}
	check := w.examine()[perch.CheckApplication]
	if activitytest.WantWords(
		t, check.Detail, "99 of 100 rules of the shared load balancer are taken, and each environment takes 1",
	); !check.OK {
		t.Error("the check is not in order")
	}
	commit := w.repo.commit("login", files)
	w.up("login", commit)
	w.rejectsForRules(t, "100 of 100 rules of the shared load balancer are taken, and each environment takes 1")
	if again := w.admit(w.request("login", commit)); again.Outcome != "" {
		t.Errorf("the environment that has its rule is rejected: %+v", again)
	}
	w.fault(
		aws.Fault{
			Service: "elasticloadbalancing", Action: "DescribeRules", Status: 403, Code: "AccessDenied", Message: "no",
		},
	)
	if admitted := w.admit(w.request("topic", w.repo.commit("topic", files))); admitted.Prepared == nil {
		t.Errorf("without an answer: %+v", admitted)
	}
}

func TestS215ARuleOnPort80IsCountedForEachEnvironment(t *testing.T) {
	w := newWorldOf(t, aws.Config{Speed: 1e6, RulesOnHTTP: true})
	w.apply()
	w.up("login", w.repo.commit("login", map[string]string{"perch.yaml": testConfig, "fixtures/media/a.txt": "a"}))
	w.takeRules(97)
	w.rejectsForRules(t, "99 of 100 rules of the shared load balancer are taken, and each environment takes 2")
}
