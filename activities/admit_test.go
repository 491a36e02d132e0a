package activities

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/google/go-cmp/cmp"

	"perch"
	"perch/activities/activitytest"
	"perch/activities/contract"
	"perch/sandbox/aws"
)

func (w *world) request(branch, commit string) perch.Request {
	return perch.Request{
		ID: "1", Goal: perch.GoalUp, Project: "shop", Repository: "github.com/acme/shop", Branch: branch,
		Commit: commit,
	}
}

func (w *world) admit(request perch.Request) contract.AdmitResult {
	w.t.Helper()
	return must(w, of[*Requests](w).Admit, contract.AdmitInput{Request: request})
}

func TestAdmitLetsThroughWhatThePolicyAllows(t *testing.T) {
	w := newWorld(t)
	w.apply()
	commit := w.repo.commit("feature/login", map[string]string{"perch.yaml": testConfig})
	if got := w.admit(w.request("feature/login", commit)); got.Outcome != "" || got.Kind != perch.KindBranch {
		t.Errorf("a branch: %+v", got)
	}
	w.repo.point("staging", commit)
	if got := w.admit(w.request("staging", commit)); got.Outcome != "" || got.Kind != perch.KindStaging {
		t.Errorf("staging: %+v", got)
	}
}

func TestS109AdmitTellsThePolicysGracePeriodOfARemoval(t *testing.T) {
	w := newWorld(t)
	w.policy.Cleanup.Grace = 90 * time.Minute
	request := perch.Request{ID: "r", Goal: perch.GoalGone, Project: "shop", Branch: "login"}
	if got := w.admit(request); got.GraceSeconds != 5400 {
		t.Errorf("got %+v", got)
	}
}

func TestAdmitPreparesTheFirstChange(t *testing.T) {
	w := newWorld(t)
	w.apply()
	commit := w.repo.commit("login", map[string]string{"perch.yaml": testConfig, "fixtures/media/a.txt": "a"})
	got := w.admit(w.request("login", commit)).Prepared
	if got == nil || got.Stack != (contract.StackState{}) || !strings.Contains(w.templateOf("login"), commit) {
		t.Fatalf("a new branch: %+v", got)
	}
	var looks []string
	for _, call := range w.aws.Calls() {
		// A wait's last look at the application stack may come late.
		if call.Action == "DescribeStacks" && !strings.Contains(call.Summary, "shop-application-staging") {
			looks = append(looks, call.Summary)
		}
	}
	if len(looks) != 1 {
		t.Errorf("looks at %q, want one at all stacks", looks)
	}
	if rendered := w.render("login", commit); got.Rendered != rendered {
		t.Errorf("the same request is rendered as %+v and %+v", got.Rendered, rendered)
	}

	id := w.up("login", commit)
	next := w.repo.commit("login", map[string]string{"perch.yaml": testConfig, "fixtures/media/b.txt": "b"})
	got = w.admit(w.request("login", next)).Prepared
	stack := must(
		w, of[*Stacks](w).DescribeStack, contract.StackInput{Environment: activitytest.Environment("shop", "login")},
	)
	if got == nil || got.Stack != stack || stack.StackID != id || stack.Commit != commit ||
		got.Rendered.Hash == stack.Template {
		t.Errorf("another commit: %+v, and the stack is %+v", got, stack)
	}
}

func TestAdmitSeesAStackOfThatNameThatPerchDoesNotManage(t *testing.T) {
	w := newWorld(t)
	w.apply()
	w.bare("shop-login", "login", func(in *cloudformation.CreateStackInput) { in.Tags = nil })
	commit := w.repo.commit("login", map[string]string{"perch.yaml": testConfig})
	if got := w.admit(w.request("login", commit)).Prepared; got == nil || got.Stack.Status != "CREATE_COMPLETE" ||
		got.Stack.Ours {
		t.Errorf("%+v", got)
	}
}

func TestAdmitRejectsInSentencesThatSayWhatToDo(t *testing.T) {
	w := newWorld(t)
	w.policy.InstanceTypes, w.policy.DatabaseClasses = []string{"t3.*"}, []string{"db.t4g.*"}
	good := w.repo.commit("login", map[string]string{"perch.yaml": testConfig})
	with := func(old, new string) string {
		if !strings.Contains(testConfig, old) {
			t.Fatalf("the test's perch.yaml has no %q", old)
		}
		return w.repo.commit("login", map[string]string{"perch.yaml": strings.Replace(testConfig, old, new, 1)})
	}
	empty := newRepositoryWithout(t, w)
	for name, c := range map[string]struct {
		change func(*perch.Request)
		words  []string
	}{
		"another project": {
			func(r *perch.Request) { r.Project = "blog" }, []string{`project "blog"`, `project "shop" only`},
		},
		"another repository": {
			func(r *perch.Request) { r.Repository = "git@github.com:evil/shop.git" },
			[]string{"github.com/evil/shop", "`repository` in the policy"},
		},
		"a branch that Git rejects": {func(r *perch.Request) { r.Branch = "a..b" },
			[]string{"two dots in a row"}},
		"no perch.yaml": {
			func(r *perch.Request) { r.Commit = empty }, []string{"has no perch.yaml in its root", "perch config init"},
		},
		"S72 an unknown key": {
			func(r *perch.Request) { r.Commit = with("load_balancer:", "load_balancr:") },
			[]string{"perch.yaml", "load_balancr"},
		},
		"another kind": {
			func(r *perch.Request) { r.Branch = "main" },
			[]string{`branch "main" requests kind production`, "`kinds.production` in the policy"},
		},
		"an instance type": {
			func(r *perch.Request) { r.Commit = with("t3.small", "x1e.32xlarge") },
			[]string{"x1e.32xlarge", "t3.*", "`instance_types` in the policy"},
		},
		"a database class": {func(r *perch.Request) {
			r.Commit = with(
				"load_balancer: shared", "database: {engine: postgres, version: \"16\", class: db.r6g.large}",
			)
		}, []string{"db.r6g.large", "`database_classes` in the policy"}},
		"a secret from afar": {func(r *perch.Request) {
			r.Commit = with(
				"load_balancer: shared", `secrets: {KEY: "arn:aws:secretsmanager:us-east-1:123456789012:secret:x"}`,
			)
		}, []string{"KEY", "us-east-1", "eu-central-1 only"}},
		"a seed from afar": {
			func(r *perch.Request) { r.Commit = with("fixtures/media", "s3://other/data/") },
			[]string{"s3://other/data/", "`seeds.from` in the policy"},
		},
		"another goal": {func(r *perch.Request) { r.Goal = "sideways" }, []string{`"sideways"`}},
		"a project elsewhere": {
			func(r *perch.Request) { r.Commit = with("project: shop", "project: blog") },
			[]string{`perch.yaml is for project "blog"`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			request := w.request("login", good)
			c.change(&request)
			if request.Branch == "login" || request.Branch == "main" {
				w.repo.point(request.Branch, request.Commit)
			}
			got := w.admit(request)
			if got.Rejection == nil {
				t.Fatalf("got %+v", got)
			}
			activitytest.WantWords(t, said(got), c.words...)
		})
	}
}

func TestAnEnvironmentKeepsItsKind(t *testing.T) {
	w := newWorld(t)
	w.apply()
	w.up("login", w.repo.commit("login", map[string]string{"perch.yaml": testConfig, "fixtures/media/a.txt": "a"}))
	w.policy.Kinds = map[perch.Kind][]string{perch.KindStaging: {"login"}}
	other := w.repo.commit(
		"login", map[string]string{"perch.yaml": strings.Replace(testConfig, "staging: staging", "login: staging", 1)},
	)
	got := w.admit(w.request("login", other))
	if got.Rejection == nil {
		t.Fatalf("got %+v", got)
	}
	activitytest.WantWords(t, said(got), "requests kind staging", "was made as branch", "perch down")
}

// newRepositoryWithout commits a tree without perch.yaml to the world's repository.
func newRepositoryWithout(t *testing.T, w *world) string {
	t.Helper()
	tree, err := w.repo.git.Worktree()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tree.Remove("perch.yaml"); err != nil {
		t.Fatal(err)
	}
	return w.repo.commit("empty", map[string]string{"README": "nothing"})
}

func TestS65APlainSecretIsRejectedByItsKeyAndNotShown(t *testing.T) {
	w := newWorld(t)
	config := strings.Replace(testConfig, "load_balancer: shared", "environment: {DB_PASSWORD: hunter2}", 1)
	got := w.admit(w.request("login", w.repo.commit("login", map[string]string{"perch.yaml": config})))
	if got.Rejection == nil || strings.Contains(said(got), "hunter2") {
		t.Fatalf("got %+v", got)
	}
	activitytest.WantWords(t, said(got), "environment.DB_PASSWORD looks like a secret", "Secrets Manager")
}

func TestS53ABranchThatIsSkippedStartsNothing(t *testing.T) {
	w := newWorld(t)
	commit := w.repo.commit("docs-no-infra", map[string]string{"perch.yaml": testConfig})
	got := w.admit(w.request("docs-no-infra", commit))
	if got.Outcome != perch.OutcomeSkipped {
		t.Fatalf("got %+v", got)
	}
	activitytest.WantWords(t, said(got), `"*-no-infra"`, "gets no environment")
}

func TestS68WhatIsProtectedIsNotRemoved(t *testing.T) {
	w := newWorld(t)
	w.policy.Protected = []string{"release/*"}
	for branch, words := range map[string][]string{
		"main":      {"the default branch", "never removed"},
		"release/1": {`protected by the pattern "release/*"`},
	} {
		request := w.request(branch, "")
		request.Goal = perch.GoalGone
		got := w.admit(request)
		if got.Rejection == nil {
			t.Errorf("%s: %+v", branch, got)
		}
		activitytest.WantWords(t, said(got), words...)
	}
	request := w.request("login", "")
	request.Goal = perch.GoalGone
	if got := w.admit(request); got.Outcome != "" {
		t.Errorf("a removal that needs no commit: %+v", got)
	}
}

func TestAdmitCountsTheOtherEnvironmentsOnly(t *testing.T) {
	w := newWorld(t)
	w.apply()
	w.policy.MaxEnvironments = 2
	commit := w.repo.commit("three", map[string]string{"perch.yaml": testConfig})
	w.bare("shop-one", "one", nil)
	w.bare("awseb-e-abc-stack", "one", nil)
	w.repo.point("two", commit)
	if got := w.admit(w.request("two", commit)); got.Outcome != "" {
		t.Errorf("the second: %+v", got)
	}
	w.bare("shop-two", "two", nil)
	got := w.admit(w.request("three", commit))
	if got.Rejection == nil {
		t.Errorf("the third: %+v", got)
	}
	activitytest.WantWords(t, said(got), "2 other environments", "max_environments")
	if got := w.admit(w.request("two", commit)); got.Outcome != "" {
		t.Errorf("one that is there already: %+v", got)
	}
}

func TestS101ASourceThatDoesNotAnswerChangesNothing(t *testing.T) {
	w := newWorld(t)
	w.apply()
	commit := w.repo.commit("login", map[string]string{"perch.yaml": testConfig})
	w.fault(aws.Fault{
		Service: "cloudformation", Action: "DescribeStacks", Code: "Throttling", Message: "Rate exceeded",
	})
	_, err := activitytest.Try(of[*Requests](w).Admit, contract.AdmitInput{Request: w.request("login", commit)})
	activitytest.WantRetry(t, err, "list stacks", "Throttling")
	requests := of[*Requests](w)
	w.set.branches.Source = brokenSource{w.set.branches.Source}
	before := w.mutations()
	_, err = activitytest.Try(requests.Admit, contract.AdmitInput{Request: w.request("login", commit)})
	activitytest.WantRetry(t, err, "look up the head of branch login", "no route")
	if diff := cmp.Diff(before, w.mutations()); diff != "" {
		t.Errorf("calls that change something (-before +after):\n%s", diff)
	}
}

// brokenSource is a remote that cannot be reached.
type brokenSource struct{ Source }

func (brokenSource) Heads(context.Context, ...string) (map[string]string, error) {
	return nil, fmt.Errorf("fetch: %w", errors.New("no route to host"))
}

// said is the sentence with which a request ends.
func said(admitted contract.AdmitResult) string {
	_, sentence, _ := admitted.Ends()
	return sentence
}
