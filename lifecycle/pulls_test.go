package lifecycle

import (
	"testing"

	"perch"
)

func TestABranchIsUnwantedByItsPullRequests(t *testing.T) {
	open := func(number int, labels ...string) PullRequest {
		return PullRequest{Number: number, Open: true, Head: "head", Labels: labels}
	}
	closed := func(number int, head string, labels ...string) PullRequest {
		return PullRequest{Number: number, Head: head, Labels: labels}
	}
	const isClosed = "pull request #2 is closed, and nothing was pushed since"
	const isOff = "pull request #2 has the label perch:off"
	for name, c := range map[string]struct {
		pulls        []PullRequest
		keep, remove string
	}{
		"no pull request":                   {nil, "", ""},
		"an open one":                       {[]PullRequest{open(2)}, "", ""},
		"a closed one":                      {[]PullRequest{closed(2, "head")}, "", isClosed},
		"a push after it was closed":        {[]PullRequest{closed(2, "older")}, "", ""},
		"another one is open":               {[]PullRequest{closed(3, "head"), open(2)}, "", ""},
		"an older one was closed at a push": {[]PullRequest{closed(2, "older"), closed(1, "head")}, "", ""},
		"a label":                           {[]PullRequest{open(2, "bug", perch.LabelOff)}, isOff, isOff},
		"a label on one of two":             {[]PullRequest{open(3), open(2, perch.LabelOff)}, isOff, isOff},
		"a label on a closed one":           {[]PullRequest{closed(2, "head", perch.LabelOff)}, isOff, isOff},
		"a push after a label and its end":  {[]PullRequest{closed(2, "older", perch.LabelOff)}, "", ""},
		"a label on a former one":           {[]PullRequest{open(3), closed(2, "head", perch.LabelOff)}, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			for policy, want := range map[perch.OnPRClose]string{
				perch.OnPRCloseKeep: c.keep, perch.OnPRCloseRemove: c.remove,
			} {
				if got := Unwanted("head", c.pulls, &perch.Policy{OnPRClose: policy}); got != want {
					t.Errorf("on_pr_close: %s: got %q, want %q", policy, got, want)
				}
			}
		})
	}
}
