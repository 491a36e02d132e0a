package github

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"perch"
	hub "perch/sandbox/github"
)

// listings are how often the branch's pull requests were listed.
func (w *world) listings() (n int) {
	for _, call := range w.hub.Calls() {
		if strings.HasPrefix(call, "GET ") && strings.Contains(call, "/pulls") {
			n++
		}
	}
	return n
}

// numbers are the pull requests in the card.
func (w *world) numbers() (numbers []int) {
	for _, pull := range w.card.PullRequests {
		numbers = append(numbers, pull.Number)
	}
	return numbers
}

func TestPullRequestsAreInTheCardWhateverReportsAreOn(t *testing.T) {
	comment := perch.ReportsGitHub{Comment: true}
	for name, wants := range map[string]perch.ReportsGitHub{
		"none": {}, "the commit status": {Status: true}, "the comment": comment,
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.policy.Reports.GitHub = wants
			w.restart(nil)
			w.say(perch.PhaseImage)
			w.say(perch.PhaseStack)
			w.say(perch.PhaseReady)
			if diff := cmp.Diff([]int{w.pull}, w.numbers()); diff != "" || w.listings() != 1 {
				t.Errorf("%d listings, pull requests (-want +got):\n%s", w.listings(), diff)
			}
			if wants == (perch.ReportsGitHub{}) && len(w.hub.Writes()) > 0 {
				t.Errorf("written: %q", w.hub.Writes())
			}
		})
	}
}

func TestPullRequestsAreListedAgainForAnotherCommitAndWhileThereAreNone(t *testing.T) {
	w := newWorld(t)
	w.policy.Reports.GitHub = perch.ReportsGitHub{}
	w.restart(nil)
	closed := func(is bool) {
		w.hub.EditPullRequest(w.pull, func(p *hub.PullRequest) { p.Closed = is })
	}
	closed(true)
	w.say(perch.PhaseImage)
	closed(false)
	w.say(perch.PhaseStack)
	if diff := cmp.Diff([]int{w.pull}, w.numbers()); diff != "" {
		t.Errorf("after it is opened (-want +got):\n%s", diff)
	}
	closed(true)
	w.say(perch.PhaseReady)
	w.commit = w.push("feature/login", "three")
	before := w.listings()
	w.say(perch.PhaseStack)
	if len(w.numbers()) > 0 || before != 2 || w.listings() != 3 {
		t.Errorf("after another commit: pull requests %v, %d listings, then %d", w.numbers(), before, w.listings())
	}
}

// TestPullRequestsThatCannotBeListedAreNotAProblem denies them while no comment is wanted.
func TestPullRequestsThatCannotBeListedAreNotAProblem(t *testing.T) {
	for name, c := range map[string]struct {
		fault    hub.Fault
		listings int
	}{
		"denied": {
			hub.Fault{Route: "GET /pulls", Answer: hub.Answer(http.StatusForbidden, "Resource not accessible")}, 1,
		},
		"unavailable": {hub.Fault{Route: "GET /pulls", Answer: hub.Answer(http.StatusBadGateway, "Server Error")}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.policy.Reports.GitHub = perch.ReportsGitHub{Status: true}
			w.restart(nil)
			withdraw := w.hub.Inject(c.fault)
			w.say(perch.PhaseStack)
			w.say(perch.PhaseReady)
			if w.card.GitHub.Undelivered || w.card.GitHub.Problem != "" || w.listings() != c.listings {
				t.Errorf("%d listings, card %+v", w.listings(), w.card.GitHub)
			}
			if _, err := w.channel.Check(t.Context()); err != nil {
				t.Errorf("check: %v", err)
			}
			withdraw()
			w.channel.Deliver(t.Context(), &w.card, true)
			if diff := cmp.Diff([]int{w.pull}, w.numbers()); diff != "" {
				t.Errorf("afterwards (-want +got):\n%s", diff)
			}
		})
	}
}
