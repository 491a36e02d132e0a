package activities

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/google/go-cmp/cmp"
	"go.temporal.io/sdk/temporal"

	"perch"
	"perch/activities/activitytest"
	"perch/activities/contract"
	"perch/source"
)

// witness notes the commits whose files are read.
type witness struct {
	Source
	read []string
}

func (s *witness) File(ctx context.Context, commit, path string) ([]byte, bool, error) {
	s.read = append(s.read, commit)
	return s.Source.File(ctx, commit, path)
}

func (s *witness) Files(ctx context.Context, commit, folder string) ([]source.File, error) {
	s.read = append(s.read, commit)
	return s.Source.Files(ctx, commit, folder)
}

// observe records which commits' files are read from the world's source. Every request counts as
// having waited this long.
func (w *world) observe(waited time.Duration) *witness {
	requests := of[*Requests](w)
	seen := &witness{Source: w.set.branches.Source}
	w.set.branches.Source, requests.admitter.Waited = seen, func(context.Context) time.Duration { return waited }
	return seen
}

// sources runs a test with the repository as a local folder and behind GitHub.
func sources(t *testing.T, test func(t *testing.T, w *world)) {
	t.Run("git", func(t *testing.T) { test(t, newWorld(t)) })
	t.Run("github", func(t *testing.T) {
		w := newWorld(t)
		w.hub()
		test(t, w)
	})
}

func wantLookAgain(t *testing.T, err error, words ...string) {
	t.Helper()
	activitytest.WantRetry(t, err, words...)
	failure := new(temporal.ApplicationError)
	if !errors.As(err, &failure) || failure.NextRetryDelay() != 5*time.Millisecond {
		t.Errorf("looked up again after %s, want one interval", failure.NextRetryDelay())
	}
}

func TestS98ABranchThatDoesNotExistIsRejected(t *testing.T) {
	sources(t, func(t *testing.T, w *world) {
		commit := w.repo.commit("main", map[string]string{"perch.yaml": testConfig})
		before := w.mutations()
		seen := w.observe(0)
		for _, branch := range []string{"fix/typo", "pull/7", "refs/pull/7/head"} {
			_, err := activitytest.Try(of[*Requests](w).Admit, contract.AdmitInput{Request: w.request(branch, commit)})
			wantLookAgain(t, err, "the repository github.com/acme/shop has no branch", branch)
		}
		w.observe(time.Minute)
		got := w.admit(w.request("fix/typo", commit))
		if got.Rejection == nil {
			t.Errorf("got %+v", got)
		}
		activitytest.WantWords(t, said(got), `github.com/acme/shop has no branch "fix/typo"`, "push it first")
		if plan := w.planUp("fix/typo", commit); plan.Outcome != perch.OutcomeRejected || plan.Reason != said(got) {
			t.Errorf("the plan says %+v", plan)
		}
		if diff := cmp.Diff(before, w.mutations()); diff != "" || len(seen.read) > 0 {
			t.Errorf("files were read at %q; calls that change something (-before +after):\n%s", seen.read, diff)
		}
		w.repo.point("fix/typo", commit)
		w.observe(0)
		if _, err := activitytest.Try(
			of[*Requests](w).Admit, contract.AdmitInput{Request: w.request("fix/typo", commit)},
		); err == nil || !strings.Contains(err.Error(), "application stack") {
			t.Errorf("a branch that was pushed meanwhile: %v", err)
		}
	})
}

// TestS222ATagLeadsToNoMoreThanABranchOfItsName is what `workflow_run` requests after the push of a
// tag.
func TestS222ATagLeadsToNoMoreThanABranchOfItsName(t *testing.T) {
	sources(t, func(t *testing.T, w *world) {
		w.apply()
		tagged := w.repo.commit("login", map[string]string{"perch.yaml": testConfig, "fixtures/media/a.txt": "a"})
		other := w.repo.commit("main", map[string]string{"perch.yaml": testConfig, "fixtures/media/a.txt": "b"})
		before := w.mutations()
		w.observe(time.Minute)
		if got := w.admit(w.request("v1.2.0", tagged)); got.Rejection == nil {
			t.Errorf("without such a branch: %+v", got)
		}
		w.repo.point("v1.2.0", other)
		seen := w.observe(time.Minute)
		got := w.admit(w.request("v1.2.0", tagged))
		if got.Outcome != perch.OutcomeSuperseded || got.SupersededBy != other || !got.Deploy {
			t.Errorf("with such a branch: %+v, want it superseded by %s", got, other)
		}
		if diff := cmp.Diff(before, w.mutations()); diff != "" || slices.Contains(seen.read, tagged) {
			t.Errorf("files were read at %q; calls that change something (-before +after):\n%s", seen.read, diff)
		}
	})
}

func TestS99AnOlderCommitIsSupersededByTheHead(t *testing.T) {
	sources(t, func(t *testing.T, w *world) {
		w.apply()
		older := w.repo.commit("login", map[string]string{"perch.yaml": testConfig, "fixtures/media/a.txt": "a"})
		head := w.repo.commit("login", nil)
		seen := w.observe(0)
		supersedes := func(deploy bool) {
			t.Helper()
			got := w.admit(w.request("login", older))
			if got.Outcome != perch.OutcomeSuperseded || got.SupersededBy != head || got.Deploy != deploy ||
				got.Prepared != nil || got.Settled != nil {
				t.Errorf("got %+v, want it superseded by %s, and deployed: %t", got, head, deploy)
			}
			activitytest.WantWords(
				t, said(got), "commit "+older+" is older than the head of branch \"login\", which is "+head,
			)
		}
		supersedes(true)
		if plan := w.planUp("login", older); plan.Outcome != perch.OutcomeSuperseded || plan.SupersededBy != head {
			t.Errorf("the plan says %+v", plan)
		}
		id := w.up("login", head)
		supersedes(true) // Its seed data is missing.
		must(
			w, of[*Seeds](w).SeedData,
			contract.SeedInput{Environment: activitytest.Environment("shop", "login"), Commit: head, StackID: id},
		)
		supersedes(false)
		allowed := w.policy.InstanceTypes
		w.policy.InstanceTypes = []string{"m5.*"}
		supersedes(true) // The policy rejects the head by now, and the run that is to deploy it says so.
		w.policy.InstanceTypes = allowed
		if got := w.admit(w.request("login", head)); got.Outcome != "" || got.Settled == nil || got.Commit != head {
			t.Errorf("the head itself: %+v", got)
		}
		if slices.Contains(seen.read, older) {
			t.Error("the files of the older commit were read")
		}
		w.repo.point("login", older)
		if got := w.admit(w.request("login", older)); got.Outcome != "" || got.Commit != older {
			t.Errorf("a head that was moved back: %+v", got)
		}
	})
}

// forkedCommit returns a commit that is on no branch, as after a force push, and as GitHub keeps
// the commits of pull requests from forks.
func (w *world) forkedCommit(reference string) string {
	w.t.Helper()
	before, err := w.repo.git.Reference(plumbing.HEAD, true)
	if err != nil {
		w.t.Fatal(err)
	}
	commit := w.repo.commit("fork", map[string]string{"perch.yaml": "project: evil\n"})
	hash := plumbing.NewHash(commit)
	for _, set := range []error{
		w.repo.git.Storer.SetReference(plumbing.NewHashReference(plumbing.ReferenceName(reference), hash)),
		w.repo.git.Storer.RemoveReference("refs/heads/fork"),
		w.repo.git.Storer.SetReference(plumbing.NewHashReference("refs/heads/main", before.Hash())),
	} {
		if set != nil {
			w.t.Fatal(set)
		}
	}
	return commit
}

func TestS100FilesOfACommitThatIsNotOnTheBranchAreNeverRead(t *testing.T) {
	sources(t, func(t *testing.T, w *world) {
		w.apply()
		head := w.repo.commit("login", map[string]string{"perch.yaml": testConfig, "fixtures/media/a.txt": "a"})
		commits := map[string]string{
			"a fork's":       w.forkedCommit("refs/pull/7/head"),
			"a merge's":      w.forkedCommit("refs/pull/7/merge"),
			"a tag's":        w.forkedCommit("refs/tags/v1"),
			"another branch": w.repo.commit("other", map[string]string{"perch.yaml": "project: other\n"}),
			"one unpushed":   strings.Repeat("12345678", 5),
		}
		commits["before a force push"] = w.repo.commit("login", nil)
		w.repo.point("login", head)
		for name, commit := range commits {
			t.Run(name, func(t *testing.T) {
				seen := w.observe(0)
				_, err := activitytest.Try(
					of[*Requests](w).Admit, contract.AdmitInput{Request: w.request("login", commit)},
				)
				wantLookAgain(t, err, "commit "+commit+` is not on branch "login" of github.com/acme/shop`)
				w.observe(time.Minute)
				got := w.admit(w.request("login", commit))
				if got.Outcome != perch.OutcomeSuperseded || got.SupersededBy != head || !got.Deploy {
					t.Errorf("got %+v", got)
				}
				activitytest.WantWords(t, said(got), "is not on branch", "whose head is "+head, "push it to the branch")
				if len(seen.read) > 0 {
					t.Errorf("files were read at %q", seen.read)
				}
			})
		}
	})
}

func TestS102ARequestOfPerchForTheHeadFollowsTheBranch(t *testing.T) {
	sources(t, func(t *testing.T, w *world) {
		w.apply()
		request := w.request(
			"login", w.repo.commit("login", map[string]string{"perch.yaml": testConfig, "fixtures/media/a.txt": "a"}),
		)
		request.Head = true
		head := w.repo.commit("login", nil)
		w.observe(0)
		if got := w.admit(request); got.Outcome != "" || got.Prepared == nil || got.Commit != head {
			t.Errorf("got %+v, want %s", got, head)
		}
	})
}

// TestS99TheHeadIsLookedUpOnce counts what an admission costs of GitHub's quotas.
func TestS99TheHeadIsLookedUpOnce(t *testing.T) {
	w := newWorld(t)
	w.apply()
	older := w.repo.commit("login", map[string]string{"perch.yaml": testConfig, "fixtures/media/a.txt": "a"})
	head := w.repo.commit("login", nil)
	server := w.hub()
	asked := func(commit string) (heads, compared int) {
		before := len(server.Calls())
		w.admit(w.request("login", commit))
		for _, call := range server.Calls()[before:] {
			if strings.HasPrefix(call, "POST ") {
				heads++
			}
			if strings.Contains(call, "/compare/") {
				compared++
			}
		}
		return heads, compared
	}
	if heads, compared := asked(head); heads != 1 || compared != 0 {
		t.Errorf("the head took %d questions for it and %d comparisons", heads, compared)
	}
	if heads, compared := asked(older); heads != 1 || compared != 1 {
		t.Errorf("an older commit took %d questions for the head and %d comparisons", heads, compared)
	}
}
