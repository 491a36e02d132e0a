package lifecycle

import "time"

// BranchState is the state of an `up`'s branch at the branch source.
type BranchState struct {
	// Commit is the requested commit.
	Commit string
	// Head is the branch's head commit; empty if the branch does not exist.
	Head string
	// Older means that Commit is reachable from Head.
	Older bool
	// Waited is the time since the first check of the request. Patience is how long a push may take
	// to become visible at the source.
	Waited, Patience time.Duration
}

// HeadStep is the next step of an `up`, given the state of its branch.
type HeadStep string

// The steps.
const (
	// HeadDeploy continues, because the requested commit is the head.
	HeadDeploy HeadStep = "deploy"
	// HeadLookAgain reads the source again, because the push may be seconds old.
	HeadLookAgain HeadStep = "look again"
	// HeadAbsent rejects the request, because the branch does not exist.
	HeadAbsent HeadStep = "absent"
	// HeadSupersede ends the request, because the head is deployed in its place.
	HeadSupersede HeadStep = "supersede"
)

// NextByHead returns the next step for the commit of an `up`. Perch only deploys the head of an
// existing branch. If the commit is not on the branch, the step is HeadLookAgain until Patience
// ends, because the source may not show a new push yet. After a force push, or for a commit of a
// fork or of a pull request's reference, it never appears.
func NextByHead(s BranchState) HeadStep {
	early := s.Waited < s.Patience
	switch {
	case s.Head == "" && early:
		return HeadLookAgain
	case s.Head == "":
		return HeadAbsent
	case s.Head == s.Commit:
		return HeadDeploy
	case !s.Older && early:
		return HeadLookAgain
	}
	return HeadSupersede
}
