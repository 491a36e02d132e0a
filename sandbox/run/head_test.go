package run

import (
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/google/go-cmp/cmp"
)

// deployedOnce checks that the branch's environment ends at commit, after one CreateStack.
func (b *bench) deployedOnce(t *testing.T, branch, commit string) {
	t.Helper()
	eventually(t, branch+" at "+commit, func() (any, bool) {
		_, status := b.ask(t, "status", branch)
		return status, status.text("phase") == "ready" && status.text("commit") == commit
	})
	if diff := cmp.Diff([]string{"CreateStack"}, b.changes(b.stackOf(t, branch))); diff != "" {
		t.Errorf("calls that change (-want +got):\n%s", diff)
	}
}

func TestS98ABranchThatWasDeletedGetsNothing(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t)
	commit := b.repo.commit(t, "vanished", map[string]string{"perch.yaml": bare("shop")})
	b.repo.remove(t, "vanished")
	for _, branch := range []string{"vanished", "pull/7"} {
		exit, up := b.ask(t, "up", branch, "--commit", commit)
		rejected(t, b, exit, up, `has no branch "`+branch+`"`, "push it first")
	}
}

func TestS99AnOverdueJobLeadsToTheHead(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t)
	older := b.repo.commit(t, "overdue", map[string]string{"perch.yaml": bare("shop")})
	head := b.repo.commit(t, "overdue", map[string]string{"a.txt": "1"})
	equal(
		t, b.must(t, "up", "overdue", "--commit", older),
		document{"outcome": "superseded", "superseded_by": head, "error": ""},
	)
	equal(
		t, b.must(t, "up", "overdue", "--commit", older),
		document{"outcome": "superseded", "superseded_by": head, "error": ""},
	)
	b.deployedOnce(t, "overdue", head)
}

func TestS100ACommitThatIsNotOnTheBranchLeadsToTheHead(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t)
	head := b.repo.commit(t, "contested", map[string]string{"perch.yaml": bare("shop")})
	fork := b.repo.commit(t, "contested", map[string]string{"perch.yaml": "project: evil\n"})
	storer := b.repo.open(t).Storer
	for name, commit := range map[string]string{"refs/pull/7/head": fork, "refs/heads/contested": head} {
		if err := storer.SetReference(plumbing.NewHashReference(
			plumbing.ReferenceName(name), plumbing.NewHash(commit),
		)); err != nil {
			t.Fatal(err)
		}
	}
	remote := b.elsewhere(t)
	out := remote.starter(t.Context(), "up", "contested", "--commit", fork)
	if out.exit != 0 {
		t.Errorf("exit code %d", out.exit)
	}
	contains(t, out.stderr, "is superseded by "+head[:7], "commit "+fork+" is not on branch", "push it to the branch")
	b.deployedOnce(t, "contested", head)
}
