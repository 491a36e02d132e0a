package activities

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/google/go-cmp/cmp"

	"perch"
	"perch/activities/activitytest"
	"perch/activities/contract"
	"perch/activities/stack"
	hub "perch/sandbox/github"
)

const githubID = "1296269"

// under makes a stack of branch that was created while the repository had this name and id.
func (w *world) under(branch, repository, id string) string {
	w.t.Helper()
	stackID := w.bare("shop-"+branch, branch, func(in *cloudformation.CreateStackInput) {
		environment, err := perch.NewEnvironment("shop", branch)
		if err != nil {
			w.t.Fatal(err)
		}
		in.Tags = stack.TagList(environment.Tags(
			perch.Identity{Project: "shop", Names: []string{repository}, ID: id}, perch.KindBranch,
		))
	})
	w.settle(stackID)
	return stackID
}

func (w *world) tagsOf(stackID string) map[string]string {
	w.t.Helper()
	described, _, err := of[*Stacks](w).Describe(w.t.Context(), stackID)
	if err != nil {
		w.t.Fatal(err)
	}
	return stack.Tags(described)
}

// identified counts the questions for the repository itself.
func identified(server *hub.Server) int {
	count := 0
	for _, call := range server.Calls() {
		if call == "GET /repos/"+hub.Name {
			count++
		}
	}
	return count
}

func TestS123AStackIsCreatedWithTheIDAndAnOlderOneKeepsItsTags(t *testing.T) {
	w := newWorld(t)
	server := w.hub()
	w.apply()
	commit := w.repo.commit("login", map[string]string{"perch.yaml": testConfig})
	if id := w.tagsOf(w.up("login", commit))[perch.TagRepositoryID]; id != githubID {
		t.Errorf("the environment's stack has the id %q", id)
	}
	if id := w.tagsOf("shop-application-staging")[perch.TagRepositoryID]; id != githubID {
		t.Errorf("the application stack has the id %q", id)
	}
	if asked := identified(server); asked != 1 {
		t.Errorf("the repository was read from GitHub %d times, want once", asked)
	}
	w.policy.FormerNames = []string{"github.com/acme/store"}
	old := w.under("old", "github.com/acme/store", "")
	before := w.tagsOf(old)
	in := contract.ChangeInput{
		Environment: activitytest.Environment("shop", "old"), Kind: perch.KindBranch, StackID: old, Token: "update",
	}
	w.repo.point("old", commit)
	in.Template = w.render("old", commit).Hash
	must(w, of[*Stacks](w).UpdateStack, in)
	if ended := w.settle(old); ended.Status != "UPDATE_COMPLETE" {
		t.Fatalf("the update ended in %s: %s", ended.Status, ended.Reason)
	}
	if diff := cmp.Diff(before, w.tagsOf(old)); diff != "" {
		t.Errorf("an update changed the tags (-before +after):\n%s", diff)
	}
}

func TestS123EnvironmentsOfAListedFormerNameAreOurs(t *testing.T) {
	w := newWorld(t)
	w.hub()
	w.apply()
	commit := w.repo.commit("login", map[string]string{"perch.yaml": testConfig})
	w.policy.FormerNames, w.policy.MaxEnvironments = []string{"github.com/acme/store"}, 1
	old := w.under("old", "github.com/acme/store", githubID)
	list := must(w, of[*Stacks](w).ListEnvironments, perch.ListInput{Project: "shop"})
	if len(list.Environments) != 1 || list.Environments[0].Branch != "old" || len(list.OtherRepositories) != 0 {
		t.Errorf("listed %+v", list)
	}
	if state := must(
		w, of[*Stacks](w).DescribeStack, contract.StackInput{Environment: activitytest.Environment("shop", "old")},
	); !state.Ours || state.StackID != old {
		t.Errorf("found %+v", state)
	}
	request := w.request("login", commit)
	request.Repository = "github.com/acme/store"
	admitted := w.admit(request)
	if admitted.Rejection == nil {
		t.Errorf("admitted beyond max_environments: %+v", admitted)
	}
	activitytest.WantWords(t, said(admitted), "has 1 other environments")
	w.policy.MaxEnvironments = 2
	if admitted := w.admit(request); admitted.Prepared == nil {
		t.Errorf("a request from a checkout with the former name: %+v", admitted)
	}
	plan := must(w, of[*Cleanups](w).PlanCleanup, perch.CleanupInput{Project: "shop"})
	if len(plan.Verdicts) != 1 || plan.Verdicts[0].Branch != "old" || len(plan.Others) != 0 {
		t.Errorf("plan %+v", plan)
	}
}

func TestS124StacksOfAnotherNameAreCountedAndNamedAndLeftAlone(t *testing.T) {
	w := healthy(t)
	w.under("old", "github.com/acme/store", "")
	w.under("older", "github.com/acme/store", "")
	const line = "`repository: [github.com/acme/shop, github.com/acme/store]`"
	named := func(where string, others []perch.OtherRepository, stacks ...string) {
		t.Helper()
		if len(others) != 1 || !slices.Equal(others[0].Stacks, stacks) || !strings.Contains(others[0].Advice, line) {
			t.Errorf("%s: %+v", where, others)
		}
	}
	list := must(w, of[*Stacks](w).ListEnvironments, perch.ListInput{Project: "shop"})
	named("ls", list.OtherRepositories, "shop-old", "shop-older")
	if len(list.Environments) != 0 {
		t.Errorf("ls: environments %+v", list.Environments)
	}
	status := must(
		w, of[*Stacks](w).DescribeEnvironment, perch.StatusInput{Environment: activitytest.Environment("shop", "old")},
	)
	named("status", status.OtherRepositories, "shop-old")
	plan := must(w, of[*Cleanups](w).PlanCleanup, perch.CleanupInput{Project: "shop"})
	named("cleanup", plan.Others, "shop-old", "shop-older")
	if len(plan.Verdicts) != 0 {
		t.Errorf("cleanup: verdicts %+v", plan.Verdicts)
	}
	wantBroken(
		t, w.examine(),
		map[string]string{
			perch.CheckStacks: "2 stacks of this project whose tags name the repository github.com/acme/store",
		},
	)
	state := must(
		w, of[*Stacks](w).DescribeStack, contract.StackInput{Environment: activitytest.Environment("shop", "old")},
	)
	activitytest.WantWords(t, state.Conflict.Reason, "shop-old", line)
}

func TestS125ARepositoryThatTookTheNameOwnsNothingOfTheOther(t *testing.T) {
	w := newWorld(t)
	server := w.onGitHub(1)
	of[*Stacks](w).Owner.Source = w.set.branches.Source
	id := w.under("gone", "github.com/acme/shop", githubID)
	in := w.judged()
	if state := must(
		w, of[*Stacks](w).DescribeStack, contract.StackInput{Environment: activitytest.Environment("shop", "gone")},
	); !state.Ours {
		t.Fatalf("found %+v", state)
	}
	server.Identify(hub.Name, hub.ID+1)
	plan := must(w, of[*Cleanups](w).PlanCleanup, perch.CleanupInput{Project: "shop"})
	if len(plan.Verdicts) != 0 || len(plan.Others) != 1 ||
		!strings.Contains(plan.Others[0].Advice, "another repository") {
		t.Errorf("a worker that learned the id before plans %+v", plan)
	}
	activitytest.WantWords(t, must(w, of[*Cleanups](w).LastLook, in).Keep, "shop-gone", "another repository")
	of[*Stacks](w).Owner = stack.NewOwner(w.policy, of[*Stacks](w).Owner.Source) // As in a worker that starts now.
	state := must(
		w, of[*Stacks](w).DescribeStack,
		contract.StackInput{Environment: activitytest.Environment("shop", "gone"), StackID: id},
	)
	if state.Ours {
		t.Errorf("found %+v", state)
	}
	activitytest.WantWords(
		t, state.Conflict.Reason, "the id of github.com/acme/shop is 1296270, so id 1296269 is another repository",
	)
}

func TestS126ARenamedDefaultBranchIsNamed(t *testing.T) {
	const words = "the repository's default branch is trunk: if it was renamed, correct `default_branch` in the policy"
	rename := func(repository *git.Repository) error {
		settings, err := repository.Config()
		if err != nil {
			return err
		}
		settings.Core.IsBare = true // The HEAD of a working folder is what is checked out.
		trunk := plumbing.NewBranchReferenceName("trunk")
		main, err := repository.Reference(plumbing.Main, true)
		if err != nil {
			return err
		}
		return errors.Join(
			repository.SetConfig(settings),
			repository.Storer.SetReference(plumbing.NewHashReference(trunk, main.Hash())),
			repository.Storer.SetReference(plumbing.NewSymbolicReference(plumbing.HEAD, trunk)),
			repository.Storer.RemoveReference(plumbing.Main),
		)
	}
	for _, source := range []string{"git", "github"} {
		t.Run(source, func(t *testing.T) {
			w := leftOver(t)
			if source == "github" {
				w.hub()
			}
			in := w.judged()
			if err := rename(w.repo.git); err != nil {
				t.Fatal(err)
			}
			plan := must(w, of[*Cleanups](w).PlanCleanup, perch.CleanupInput{Project: "shop"})
			activitytest.WantWords(t, plan.Problem, "the listing of branches lacks the default branch main", words)
			_, err := activitytest.Try(of[*Cleanups](w).LastLook, in)
			activitytest.WantRetry(t, err, "does not show its default branch main", words)
			activitytest.WantWords(
				t, w.examine()[perch.CheckRepository].Detail, "does not show its default branch main", words,
			)
		})
	}
}

func TestS127WithoutTheIDNothingIsCreatedAndTheNamesDecideTheRest(t *testing.T) {
	w := newWorld(t)
	commit := w.repo.commit("login", map[string]string{"perch.yaml": testConfig})
	server := w.hub()
	silent := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			answer := next
			if strings.HasSuffix(r.URL.Path, "/repos/"+hub.Name) {
				answer = hub.Answer(http.StatusBadGateway, "Server Error")
			}
			answer.ServeHTTP(rw, r)
		})
	}
	id := w.under("old", "github.com/acme/shop", githubID)
	server.Intercept(silent)
	_, err := activitytest.Try(of[*Stacks](w).CreateStack, contract.ChangeInput{
		Environment: activitytest.Environment("shop", "login"), Kind: perch.KindBranch, Token: "one",
	})
	activitytest.WantRetry(t, err, "look for the id of github.com/acme/shop", "502")
	_, err = activitytest.Try(of[*Requests](w).Admit, contract.AdmitInput{Request: w.request("login", commit)})
	activitytest.WantRetry(t, err, "look for the id of github.com/acme/shop", "502")
	_, err = activitytest.Try(of[*Applications](w).ApplyApplication, staging("one"))
	activitytest.WantRetry(t, err, "look for the id of github.com/acme/shop", "502")
	if calls := w.calls("cloudformation", "CreateStack"); calls != 1 {
		t.Errorf("%d stacks were created, want the one of this test", calls)
	}
	if state := must(
		w, of[*Stacks](w).DescribeStack,
		contract.StackInput{Environment: activitytest.Environment("shop", "old"), StackID: id},
	); !state.Ours {
		t.Errorf("found %+v", state)
	}
	asked := identified(server)
	must(w, of[*Stacks](w).ListEnvironments, perch.ListInput{Project: "shop"})
	if now := identified(server); now != asked {
		t.Errorf("reads asked GitHub %d times within a minute of a failure", now-asked)
	}
	server.Intercept(nil)
	w.apply()
	if admitted := w.admit(w.request("login", commit)); admitted.Prepared == nil {
		t.Errorf("admitted %+v", admitted)
	}
}

func TestS124WhatADeletedStackOfAnotherNameLeftIsReportedAndNotDeleted(t *testing.T) {
	w := newWorld(t)
	w.repo.commit("main", map[string]string{"a": "b"})
	stack := w.under("login", "github.com/acme/store", "")
	resources, err := w.cfn().DescribeStackResources(
		t.Context(), &cloudformation.DescribeStackResourcesInput{StackName: &stack},
	)
	if err != nil {
		t.Fatal(err)
	}
	bucket, key := *resources.StackResources[0].PhysicalResourceId, "a"
	if _, err := w.s3().PutObject(t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: &key}); err != nil {
		t.Fatal(err)
	}
	other := `{"Resources": {"Other": {"Type": "AWS::S3::Bucket"}}}`
	if _, err := w.cfn().UpdateStack(
		t.Context(), &cloudformation.UpdateStackInput{StackName: &stack, TemplateBody: &other},
	); err != nil {
		t.Fatal(err)
	}
	w.settle(stack)
	if _, err := w.cfn().DeleteStack(t.Context(), &cloudformation.DeleteStackInput{StackName: &stack}); err != nil {
		t.Fatal(err)
	}
	w.settle(stack)
	in := contract.VerifyInput{Environment: activitytest.Environment("shop", "login")}
	out := must(w, of[*Verification](w).VerifyGone, in)
	if len(out.Orphans) != 0 || len(out.Leftovers) != 1 || !strings.Contains(out.Leftovers[0], bucket) {
		t.Errorf("verified %+v", out)
	}
	w.policy.FormerNames = []string{"github.com/acme/store"}
	if out := must(
		w, of[*Verification](w).VerifyGone, in,
	); !slices.Equal(out.Orphans, []contract.Orphan{{Type: "AWS::S3::Bucket", PhysicalID: bucket, StackID: stack}}) {
		t.Errorf("with the former name listed: %+v", out)
	}
}
