package lifecycle

import "time"

// Sighting is what the branch source says about the branch of an `up`.
type Sighting struct {
	// Commit is the requested commit.
	Commit string
	// Head is the commit that the branch points to; empty if the source has no such branch.
	Head string
	// Older says that Commit is reachable from Head.
	Older bool
	// Waited is how long ago the request was first looked at, and Patience how long a push may take
	// to be seen.
	Waited, Patience time.Duration
}

// HeadStep is what an `up` does next, by what the branch source says.
type HeadStep string

// The steps.
const (
	// HeadDeploy goes on: the requested commit is the head.
	HeadDeploy HeadStep = "deploy"
	// HeadLookAgain asks the source again: the push may be seconds old.
	HeadLookAgain HeadStep = "look again"
	// HeadAbsent rejects the request: there is no such branch.
	HeadAbsent HeadStep = "absent"
	// HeadSupersede ends the request: the head is deployed instead.
	HeadSupersede HeadStep = "supersede"
)

// NextByHead is the rule for the commit of an `up`: only the head of a branch that exists is ever
// deployed. A commit that is not on the branch (after a force push, of a fork, of a pull request's
// reference) is looked for until Patience ends, because the source may not show a new push yet.
func NextByHead(s Sighting) HeadStep {
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
