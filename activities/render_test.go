package activities

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"perch/cfn"
	"perch/sandbox/aws"
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
	if len(template.Resources) != first.Resources || template.Outputs[cfn.OutputTemplate].Value != first.Hash || template.Outputs[cfn.OutputCommit].Value != commit {
		t.Errorf("%d resources, outputs %v; told %+v", len(template.Resources), template.Outputs, first)
	}
	if allowed, _ := w.admission("login"); first.SeedSteps != 1 || allowed.HealthPath == "" || allowed.Hash != first.Hash || allowed.Commit != commit {
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

func TestS50ThePlatformOfARunningEnvironmentIsKept(t *testing.T) {
	w := newWorld(t)
	w.apply()
	commit := w.repo.commit("login", map[string]string{"perch.yaml": testConfig, "fixtures/media/a.txt": "a"})
	w.up("login", commit)
	listings := w.calls("elasticbeanstalk", "ListAvailableSolutionStacks")
	w.fault(aws.Fault{Service: "elasticbeanstalk", Action: "ListAvailableSolutionStacks", Code: "InternalFailure", Message: "the running platform says it all"})
	w.render("login", commit)
	if w.calls("elasticbeanstalk", "ListAvailableSolutionStacks") != listings {
		t.Error("a newer platform was looked for")
	}
}

func TestThePlatformIsTheNewestByNumberAndNotByText(t *testing.T) {
	names := []string{
		"64bit Amazon Linux 2023 v4.9.0 running Docker", "64bit Amazon Linux 2023 v4.10.1 running Docker", "64bit Amazon Linux 2023 v4.10.0 running Docker",
		"64bit Amazon Linux 2 v5.0.0 running Docker", "64bit Amazon Linux 2023 v9.0.0 running ECS", "64bit Amazon Linux 2023 v4.10 running Docker",
	}
	if got, found := newestPlatform(names); !found || got != names[1] {
		t.Errorf("got %q, %v", got, found)
	}
	if got, found := newestPlatform(names[3:]); found {
		t.Errorf("got %q", got)
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
	if got := of[*Applications](w).objectURL("b", "k"); got != "https://b.s3.cn-north-1.amazonaws.com.cn/k" {
		t.Error(got)
	}
}
