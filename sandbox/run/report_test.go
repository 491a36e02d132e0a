package run

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/go-cmp/cmp"

	"perch"
	"perch/sandbox/aws"
	"perch/sandbox/github"
)

// comment returns Perch's comment on the branch's pull request.
func (b *bench) comment(branch string) (body string) {
	for _, pull := range b.github.PullRequests() {
		if pull.Head != branch {
			continue
		}
		for _, c := range b.github.Comments(pull.Number) {
			if c.Author == github.User {
				body += c.Body
			}
		}
	}
	return body
}

// TestThePullRequestShowsTheEnvironment deploys a branch and removes its environment, and checks
// what a person sees of that on GitHub.
func TestThePullRequestShowsTheEnvironment(t *testing.T) {
	t.Parallel()
	b := newSandbox(t, func(o *options) { o.hub = true })
	if out := b.starter(t.Context(), "application", "up"); out.exit != 0 {
		t.Fatalf("application up: %s", out.stderr)
	}
	comment := func() string { return b.comment("feature/login") }
	b.deploysWhenTheNameResolves(t, "feature/login")
	head := b.repo.head(t, "feature/login")
	var states []string
	for _, d := range b.github.Deployments() {
		for _, s := range d.Statuses {
			states = append(states, s.State)
		}
	}
	if diff := cmp.Diff([]string{"in_progress", "success"}, states); diff != "" {
		t.Errorf("deployment (-want +got):\n%s", diff)
	}
	statuses := b.github.Statuses(head)
	if last := statuses[len(statuses)-1]; last.State != "success" || last.URL == "" {
		t.Errorf("commit status %+v", last)
	}
	if body := comment(); strings.Count(body, "<!-- perch:") != 1 || !strings.Contains(body, "Environment is ready") ||
		!strings.Contains(body, "| Link |") {
		t.Errorf("comment after the deployment:\n%s", body)
	}
	if body := comment(); !strings.Contains(body, "USD a day") {
		t.Errorf("the comment does not say what the environment costs:\n%s", body)
	}
	if writes := b.github.Writes(); len(writes) > 8 {
		t.Errorf("a deployment took %d writes: %q", len(writes), writes)
	}
	if out := b.starter(t.Context(), "down", "feature/login"); out.exit != 0 {
		t.Fatalf("down: %s", out.stderr)
	}
	if body := comment(); strings.Count(body, "<!-- perch:") != 1 || !strings.Contains(body, "Environment is removed") {
		t.Errorf("comment after the removal:\n%s", body)
	}
	if d := b.github.Deployments(); d[len(d)-1].State() != "inactive" {
		t.Errorf("deployment after the removal: %s", d[len(d)-1].State())
	}
}

// deploysWhenTheNameResolves deploys the branch, and checks that there is no link on GitHub while
// the environment answers and Route 53 does not.
func (b *bench) deploysWhenTheNameResolves(t *testing.T, branch string) {
	t.Helper()
	resolves := b.order(t, aws.Fault{Service: "route53", Action: "TestDNSAnswer", Stale: 3600})
	ended := b.begin(t, "up", branch)
	eventually(t, branch+" waits for Route 53, or does not", func() (any, bool) {
		_, status := b.ask(t, "status", branch)
		waits := strings.Contains(fmt.Sprint(status), "Route 53 does not answer for feature-login-")
		return status, waits || status.text("phase") == "ready"
	})
	if body := b.comment(branch); strings.Contains(body, "://feature-login-") {
		t.Errorf("there is a link before the name resolves:\n%s", body)
	}
	for _, d := range b.github.Deployments() {
		if d.State() == "success" {
			t.Errorf("a deployment is successful before the name resolves: %+v", d)
		}
	}
	resolves()
	if exit, up := ended(); exit != 0 {
		t.Fatalf("up ends with %d: %v", exit, up)
	}
}

// TestThePullRequestSaysThatAFailedRemovalIsDone deletes by hand what a removal has left, and lets
// cleanup notice it.
func TestThePullRequestSaysThatAFailedRemovalIsDone(t *testing.T) {
	t.Parallel()
	b := newSandbox(t, func(o *options) { o.hub = true })
	if out := b.starter(t.Context(), "application", "up"); out.exit != 0 {
		t.Fatalf("application up: %s", out.stderr)
	}
	const branch = "feature/login"
	b.repo.commit(t, branch, map[string]string{"perch.yaml": withBuckets("media", "assets")})
	b.must(t, "up", branch)
	dropped := b.resource(t, b.stackOf(t, branch), "BucketMedia")
	b.repo.commit(t, branch, map[string]string{"perch.yaml": withBuckets("assets")})
	b.must(t, "up", branch)
	lift := b.order(t, aws.Fault{
		Service: "s3", Contains: dropped, Action: "DeleteBucket", Status: 403, Code: "AccessDenied", Message: "not now",
	})
	contains(t, b.failed(t, "down", branch), dropped, "still there")
	contains(t, b.comment(branch), "Removal failed", dropped)
	if exit, d := b.ask(t, "cleanup"); exit != 1 || !strings.Contains(fmt.Sprint(d.at("failed")), dropped) {
		t.Errorf("cleanup with bucket %s: exit code %d: %v", dropped, exit, d)
	}
	contains(t, b.comment(branch), "Removal failed", dropped)
	lift()
	if _, err := b.storage().DeleteBucket(t.Context(), &s3.DeleteBucketInput{Bucket: &dropped}); err != nil {
		t.Fatal(err)
	}
	b.must(t, "cleanup")
	artifacts := b.resource(t, perch.ApplicationStackName(b.project, perch.KindStaging), "Artifacts")
	eventually(t, "the removal is told, and the card kept as history", func() (any, bool) {
		keys := strings.Join(b.keysOf(t, artifacts), " ")
		done := strings.Contains(b.comment(branch), "Environment is removed") && !strings.Contains(keys, "cards/") &&
			strings.Contains(keys, "history/feature-login-")
		return b.comment(branch) + keys, done
	})
	equal(t, b.must(t, "ls"), document{"leftovers": []any{}})
}
