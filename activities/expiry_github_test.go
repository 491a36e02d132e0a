package activities

import (
	"strings"
	"testing"
	"time"

	"perch"
	"perch/activities/activitytest"
	"perch/activities/contract"
	"perch/report/github"
	hub "perch/sandbox/github"
)

// expiring is a world on GitHub whose environment of branch login is ready, was used last now, and expires after a week.
type expiring struct {
	*world
	hub *hub.Server
	// pull is the branch's pull request, now the time that expiry goes by.
	pull int
	now  time.Time
}

func newExpiring(t *testing.T) *expiring {
	t.Helper()
	w, server, head, stackID := hooked(t)
	w.apply()
	w.policy.Source = perch.Source{GitHub: &perch.GitHubSource{Repository: hub.Name, BaseURL: server.URL}}
	w.policy.Reports.GitHub = perch.ReportsGitHub{Comment: true}
	w.policy.Expiry = perch.PolicyExpiry{Idle: 168, Extend: 168, Pin: 720}
	e := &expiring{world: w, hub: server, now: time.Now().UTC()}
	e.pull = server.OpenPullRequest(hub.PullRequest{Head: "login", Author: "ana"})
	source, clock := w.github(server), func() time.Time { return e.now }
	w.set = New(w.config, w.policy, source, 5*time.Millisecond, github.New(source, w.policy, clock), clock)
	ready := reportIn("login", perch.PhaseReady)
	ready.StackID, ready.State.Kind, ready.State.Commit = stackID, perch.KindBranch, head
	if out := must(w, of[*Reports](w).Report, ready); len(out.Problems) > 0 || len(server.Comments(e.pull)) != 1 {
		t.Fatalf("problems %q, comments %+v", out.Problems, server.Comments(e.pull))
	}
	return e
}

// sweep judges login, after some hours, and has a run take the note that follows.
func (e *expiring) sweep(hours int) perch.ExpiryVerdict {
	e.t.Helper()
	e.now = e.now.Add(time.Duration(hours) * time.Hour)
	planner := of[*Cleanups](e.world).planner
	result, err := planner.Expiry(e.t.Context(), perch.ExpiryInput{Project: "shop"})
	if err != nil || len(result.Verdicts) != 1 {
		e.t.Fatalf("%+v, %v", result, err)
	}
	if note := planner.ExpiryNote(result.Verdicts[0], e.now.String(), e.now); note != nil {
		e.take(*note)
	}
	return result.Verdicts[0]
}

// take has a run take a note.
func (e *expiring) take(note perch.Note) {
	e.t.Helper()
	must(e.world, of[*Reports](e.world).Report, contract.ReportInput{
		Environment: activitytest.Environment("shop", "login"), Notes: []perch.Note{note},
	})
}

func TestExpiryIsPostponedByAWarningThatGitHubDoesNotTake(t *testing.T) {
	e := newExpiring(t)
	e.hub.EditPullRequest(e.pull, func(p *hub.PullRequest) { p.Locked = true })
	want := func(hours int, action perch.ExpiryAction, reason string) {
		t.Helper()
		if verdict := e.sweep(hours); verdict.Action != action || !strings.Contains(verdict.Reason, reason) {
			t.Fatalf("after %d hours: %+v, want %s: %s", hours, verdict, action, reason)
		}
	}
	want(150, perch.ExpiryWarn, "not used for 168h")
	want(1, perch.ExpiryWarn, "postpones the removal: GitHub answered 403")
	want(100, perch.ExpiryWarn, "the pull request's conversation is locked")
	if read, _ := e.cardOf("login"); !read.ExpiryWarning.At.IsZero() || !read.ExpiryWarning.End.Equal(e.now.Add(24*time.Hour)) {
		t.Errorf("the warning is %+v", read.ExpiryWarning)
	}
	e.hub.EditPullRequest(e.pull, func(p *hub.PullRequest) { p.Locked = false })
	want(1, perch.ExpiryWarn, "postpones")
	comments := e.hub.Comments(e.pull)
	if len(comments) != 1 || !strings.Contains(comments[0].Body, "keeps it, @ana:") || comments[0].Edits != 0 {
		t.Errorf("comments %+v", comments)
	}
	want(23, perch.ExpiryKeep, "not used")
	want(1, perch.ExpiryRemove, "not used for 168h")
}
