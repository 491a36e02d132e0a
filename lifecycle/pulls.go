package lifecycle

import (
	"fmt"
	"slices"

	"perch"
)

// PullRequest is a pull request of a branch, as read from the branch source.
type PullRequest struct {
	Number int
	Open   bool
	// Head is the pull request's last commit on the branch.
	Head   string
	Labels []string
}

// Unwanted explains why, by its pull requests, a branch at head should have no environment; empty
// if it should have one. Open pull requests decide. If none is open, the newest one decides until
// the next push.
func Unwanted(head string, pulls []PullRequest, policy *perch.Policy) string {
	for _, pull := range counted(head, pulls) {
		switch {
		case slices.Contains(pull.Labels, perch.LabelOff):
			return fmt.Sprintf("pull request #%d has the label %s", pull.Number, perch.LabelOff)
		case !pull.Open && policy.OnPRClose == perch.OnPRCloseRemove:
			return fmt.Sprintf("pull request #%d is closed, and nothing was pushed since", pull.Number)
		}
	}
	return ""
}

func counted(head string, pulls []PullRequest) []PullRequest {
	var open []PullRequest
	newest := PullRequest{}
	for _, pull := range pulls {
		if pull.Open {
			open = append(open, pull)
		}
		if pull.Number > newest.Number {
			newest = pull
		}
	}
	if len(open) > 0 || newest.Head != head {
		return open
	}
	return []PullRequest{newest}
}
