package activities

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/storage/memory"
	"golang.org/x/sync/errgroup"

	"perch"
	"perch/activities/activitytest"
	"perch/activities/contract"
	"perch/activities/stack"
	hub "perch/sandbox/github"
	"perch/sandbox/github/githubtest"
	"perch/source/github"
)

// onGitHub lets the world's branches come from a GitHub server with main and so many other
// branches.
func (w *world) onGitHub(branches int) *hub.Server {
	w.t.Helper()
	repository, err := git.Init(memory.NewStorage(), nil)
	if err != nil {
		w.t.Fatal(err)
	}
	names := []string{"main"}
	for i := range branches {
		names = append(names, fmt.Sprintf("topic-%d", i))
	}
	for _, name := range names {
		reference := plumbing.NewHashReference(
			plumbing.NewBranchReferenceName(name), plumbing.NewHash(strings.Repeat("1", 40)),
		)
		if err := repository.Storer.SetReference(reference); err != nil {
			w.t.Fatal(err)
		}
	}
	server := githubtest.New(w.t, repository)
	w.set.branches.Source = w.github(server)
	return server
}

// github is a source that has asked nothing yet.
func (w *world) github(server *hub.Server) *github.Repository {
	w.t.Helper()
	source, err := github.Open(
		perch.GitHubSource{Repository: hub.Name, BaseURL: server.URL}, github.Credentials{Token: hub.Token},
	)
	if err != nil {
		w.t.Fatal(err)
	}
	return source
}

// many makes so many stacks, several at a time: those of the first live branches, and then others.
func (w *world) many(live, others int) {
	w.t.Helper()
	client := w.cfn()
	group, ctx := errgroup.WithContext(w.t.Context())
	group.SetLimit(16)
	for i := range live + others {
		branch := fmt.Sprintf("topic-%d", i)
		if i >= live {
			branch = fmt.Sprintf("gone-%d", i)
		}
		group.Go(func() error {
			environment, err := perch.NewEnvironment("shop", branch)
			if err != nil {
				return err
			}
			name := environment.StackName()
			_, err = client.CreateStack(ctx, &cloudformation.CreateStackInput{
				StackName: &name, TemplateBody: sdk.String(bucketTemplate("one")),
				Tags: stack.TagList(environment.Tags(w.policy.Identity(""), perch.KindBranch)),
			})
			return err
		})
	}
	if err := group.Wait(); err != nil {
		w.t.Fatal(err)
	}
}

// The project of the scale test: 10,000 branches with main, 2,000 environments.
const branches, live, gone = 9_999, 1_990, 10

func TestCleanupOfThousandsCostsACallForEachPageAndALookForEachRemoval(t *testing.T) {
	if os.Getenv("PERCH_PROOFS") == "" {
		t.Skip("it makes 2,000 stacks: set PERCH_PROOFS=1 to run it")
	}
	const page, identity = 100, 1 // A last look also asks whether the repository is still the same one.
	w := newWorld(t)
	server := w.onGitHub(branches)
	w.many(live, gone)
	before := w.calls("cloudformation", "DescribeStacks")
	plan := must(w, of[*Cleanups](w).PlanCleanup, perch.CleanupInput{Project: "shop"})
	if plan.Problem != "" || plan.Brake != nil {
		t.Fatalf("problem %q, brake %+v", plan.Problem, plan.Brake)
	}
	var removals []perch.CleanupVerdict
	for _, v := range plan.Verdicts {
		if v.Verdict == perch.VerdictRemove {
			removals = append(removals, v)
		}
		if (v.Verdict == perch.VerdictRemove) != strings.HasPrefix(v.Branch, "gone-") {
			t.Errorf("verdict %+v", v)
		}
	}
	if len(removals) != gone || len(plan.Verdicts)+plan.Unlisted != live+gone {
		t.Errorf(
			"%d removals, %d verdicts and %d that are not listed", len(removals), len(plan.Verdicts), plan.Unlisted,
		)
	}
	counted := func(wantGitHub, wantAWS int) {
		t.Helper()
		if calls := len(server.Calls()); calls != wantGitHub {
			t.Errorf("%d calls of GitHub, want %d", calls, wantGitHub)
		}
		if calls := w.calls("cloudformation", "DescribeStacks") - before; calls != wantAWS {
			t.Errorf("%d calls of DescribeStacks, want %d", calls, wantAWS)
		}
	}
	// There is no application stack, so each look for the cards describes it again.
	counted((branches+1)/page+identity, (live+gone)/page+1)
	if data, err := json.Marshal(plan); err != nil || len(data) > 100_000 {
		t.Errorf("the plan takes %d bytes, %v", len(data), err)
	}
	for _, v := range removals {
		in := contract.LastLookInput{
			Environment: activitytest.Environment("shop", v.Branch),
			Judged:      perch.Judgement{StackID: v.StackID, Commit: v.Commit},
		}
		if out := must(w, of[*Cleanups](w).LastLook, in); out.Keep != "" {
			t.Errorf("%s is kept: %s", v.Branch, out.Keep)
		}
	}
	const looks = 3 // The branch, its pull requests, the repository.
	counted((branches+1)/page+identity+looks*gone, (live+gone)/page+1+2*gone)
}
