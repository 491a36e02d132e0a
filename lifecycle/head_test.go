package lifecycle

import (
	"testing"
	"time"
)

func TestOnlyTheHeadOfABranchIsDeployed(t *testing.T) {
	const patience = 30 * time.Second
	for name, c := range map[string]struct {
		sighting Sighting
		want     HeadStep
	}{
		"the head":                {Sighting{Commit: "a", Head: "a"}, HeadDeploy},
		"the head, seen late":     {Sighting{Commit: "a", Head: "a", Waited: time.Hour}, HeadDeploy},
		"no branch yet":           {Sighting{Commit: "a"}, HeadLookAgain},
		"no branch after all":     {Sighting{Commit: "a", Waited: patience}, HeadAbsent},
		"no branch and no commit": {Sighting{Waited: patience}, HeadAbsent},
		"an older commit":         {Sighting{Commit: "a", Head: "b", Older: true}, HeadSupersede},
		"a commit that may not be visible yet": {
			Sighting{Commit: "a", Head: "b", Waited: patience - 1}, HeadLookAgain,
		},
		"a commit that is not on the branch": {Sighting{Commit: "a", Head: "b", Waited: patience}, HeadSupersede},
		"an older commit after a worker was off": {
			Sighting{Commit: "a", Head: "b", Older: true, Waited: time.Hour}, HeadSupersede,
		},
	} {
		t.Run(name, func(t *testing.T) {
			c.sighting.Patience = patience
			if got := NextByHead(c.sighting); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
