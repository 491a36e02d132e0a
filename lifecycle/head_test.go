package lifecycle

import (
	"testing"
	"time"
)

func TestOnlyTheHeadOfABranchIsDeployed(t *testing.T) {
	const patience = 30 * time.Second
	for name, c := range map[string]struct {
		state BranchState
		want  HeadStep
	}{
		"the head":                {BranchState{Commit: "a", Head: "a"}, HeadDeploy},
		"the head, seen late":     {BranchState{Commit: "a", Head: "a", Waited: time.Hour}, HeadDeploy},
		"no branch yet":           {BranchState{Commit: "a"}, HeadLookAgain},
		"no branch after all":     {BranchState{Commit: "a", Waited: patience}, HeadAbsent},
		"no branch and no commit": {BranchState{Waited: patience}, HeadAbsent},
		"an older commit":         {BranchState{Commit: "a", Head: "b", Older: true}, HeadSupersede},
		"a commit that may not be visible yet": {
			BranchState{Commit: "a", Head: "b", Waited: patience - 1}, HeadLookAgain,
		},
		"a commit that is not on the branch": {BranchState{Commit: "a", Head: "b", Waited: patience}, HeadSupersede},
		"an older commit after a worker was off": {
			BranchState{Commit: "a", Head: "b", Older: true, Waited: time.Hour}, HeadSupersede,
		},
	} {
		t.Run(name, func(t *testing.T) {
			c.state.Patience = patience
			if got := NextByHead(c.state); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
