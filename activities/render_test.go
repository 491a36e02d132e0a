package activities

import (
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"perch"
	"perch/activities/activitytest"
	"perch/activities/contract"
	"perch/cfn"
)

func TestAdmitStoresTemplateAndBundleByTheirContent(t *testing.T) {
	w := newWorld(t)
	w.apply()
	commit := w.repo.commit("login", map[string]string{"perch.yaml": testConfig})
	first := w.render("login", commit)
	puts := w.calls("s3", "PutObject")
	if again := w.render("login", commit); again != first {
		t.Errorf("the same request rendered %+v and %+v", first, again)
	}
	if again := w.calls("s3", "PutObject") - puts; again != 1 {
		t.Errorf("%d objects were stored again, want only the admission", again)
	}
	body := w.templateOf("login")
	var template struct {
		Resources map[string]any
		Outputs   map[string]struct{ Value any }
	}
	if err := json.Unmarshal([]byte(body), &template); err != nil {
		t.Fatal(err)
	}
	if len(template.Resources) != first.Resources || template.Outputs[cfn.OutputTemplate].Value != first.Hash ||
		template.Outputs[cfn.OutputCommit].Value != commit {
		t.Errorf("%d resources, outputs %v; told %+v", len(template.Resources), template.Outputs, first)
	}
	if allowed, _ := w.admission(
		"login",
	); first.SeedSteps != 1 || allowed.HealthPath == "" || allowed.Hash != first.Hash || allowed.Commit != commit {
		t.Errorf("told %+v, admitted %+v", first, allowed)
	}
	if !strings.Contains(body, "bundles/") {
		t.Error("the template names no bundle")
	}
	if other := w.render("login", w.repo.commit("login", nil)); other.Hash == first.Hash {
		t.Error("another commit has the same template")
	}
}

// stored reads an object by its address.
func (w *world) stored(address string) string {
	w.t.Helper()
	host, key, _ := strings.Cut(strings.TrimPrefix(address, "https://"), "/")
	bucket, _, _ := strings.Cut(host, ".s3.")
	out, err := w.s3().GetObject(w.t.Context(), &s3.GetObjectInput{Bucket: &bucket, Key: &key})
	if err != nil {
		w.t.Fatal(err)
	}
	body, err := io.ReadAll(out.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return string(body)
}

// created is a stack of branch login from the rendered template with another platform, and its
// commit.
func (w *world) created(platform string) (stackID, commit string) {
	w.t.Helper()
	w.apply()
	commit = w.repo.commit("login", map[string]string{"perch.yaml": testConfig, "fixtures/media/a.txt": "a"})
	w.render("login", commit)
	body := regexp.MustCompile(`"PlatformArn": "[^"]*"`).ReplaceAllString(w.templateOf("login"), platform)
	stackID = w.bare("shop-login", "login", func(in *cloudformation.CreateStackInput) { in.TemplateBody = &body })
	if ended := w.settle(stackID); ended.Status != "CREATE_COMPLETE" {
		w.t.Fatalf("the stack ended in %+v", ended)
	}
	return stackID, commit
}

func TestS50ASolutionStackOfARunningEnvironmentIsKept(t *testing.T) {
	w := newWorld(t)
	const old = `"SolutionStackName": "64bit Amazon Linux 2023 v4.7.3 running Docker"`
	_, commit := w.created(old)
	w.render("login", commit)
	if template := w.templateOf(
		"login",
	); !strings.Contains(template, old) || strings.Contains(template, "PlatformArn") {
		t.Errorf("the template does not keep %s:\n%s", old, template)
	}
	request := w.request("login", commit)
	request.Recreate = true
	w.admit(request)
	if template := w.templateOf("login"); strings.Contains(template, "SolutionStackName") {
		t.Error("a recreated environment keeps the solution stack")
	}
}

func TestS175APlatformIsUpdatedInPlace(t *testing.T) {
	w := newWorld(t)
	id, commit := w.created(
		`"PlatformArn": "arn:aws:elasticbeanstalk:eu-central-1::platform/Docker running on 64bit Amazon Linux ` +
			`2023/4.7.3"`,
	)
	before := w.environmentID(id)
	in := contract.ChangeInput{
		Environment: activitytest.Environment("shop", "login"),
		StackID:     id,
		Template:    w.render("login", commit).Hash,
		Token:       "update",
	}
	must(w, of[*Stacks](w).UpdateStack, in)
	if ended := must(
		w, of[*Stacks](w).AwaitStack, contract.AwaitInput{StackID: id, Token: "update"},
	); ended.Status != "UPDATE_COMPLETE" {
		t.Fatalf("the update ended in %+v", ended)
	}
	if after := w.environmentID(id); after == "" || after != before {
		t.Errorf("the environment was %s and is %s", before, after)
	}
	if template := w.templateOf("login"); !strings.Contains(template, "2023/4.13.8") {
		t.Error("the template does not have the newest platform")
	}
}

func TestS176ASwitchThatBeanstalkRejectsIsRejectedBeforeAnythingChanges(t *testing.T) {
	w := newWorld(t)
	w.apply()
	files := func(config string) map[string]string {
		return map[string]string{"perch.yaml": config, "fixtures/media/a.txt": "a"}
	}
	w.up("login", w.repo.commit("login", files(testConfig)))
	commit := w.repo.commit("login", files(strings.Replace(testConfig, "t3.small", "t4g.small", 1)))
	request := w.request("login", commit)
	admitted := w.admit(request)
	if admitted.Rejection == nil {
		t.Fatalf("admitted %+v", admitted)
	}
	activitytest.WantWords(t, said(admitted), "t4g.small is arm64", "perch up --recreate login")
	plan := must(w, of[*Requests](w).PlanEnvironment, perch.PlanInput{Request: request})
	if plan.Outcome != perch.OutcomeRejected || plan.Reason != said(admitted) {
		t.Errorf("the plan is %+v", plan)
	}
	request.Recreate = true
	if admitted := w.admit(request); admitted.Outcome != "" {
		t.Errorf("a recreation is %+v", admitted)
	}
}

func TestS49ALongTemplateGoesThroughTheBucket(t *testing.T) {
	w := newWorld(t)
	w.apply()
	long := w.repo.commit("login", map[string]string{"perch.yaml": configOf(60), "fixtures/media/a.txt": "a"})
	w.render("login", long)
	if size := len(w.templateOf("login")); size <= cfn.MaxBody {
		t.Fatalf("the template has %d bytes: the test wants more than %d", size, cfn.MaxBody)
	}
	w.up("login", long)
}

// configOf is testConfig with so many more buckets.
func configOf(buckets int) string {
	var b strings.Builder
	for i := range buckets {
		fmt.Fprintf(&b, "bucket-%d: {versioned: true}, ", i)
	}
	return strings.Replace(testConfig, "assets: {}", b.String()+"assets: {}", 1)
}

func TestTemplatesInChinaHaveChinasAddresses(t *testing.T) {
	w := newWorld(t)
	w.policy.Region = "cn-north-1"
	if got := of[*Applications](w).stacks.ObjectURL("b", "k"); got != "https://b.s3.cn-north-1.amazonaws.com.cn/k" {
		t.Error(got)
	}
}
