package github

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"perch"
	hub "perch/sandbox/github"
)

// warned lets the environment expire in a day, as long as the warning has not been delivered.
func (w *world) warned() {
	end := w.now.Add(24 * time.Hour)
	w.card.ExpiryWarning = &perch.ExpiryWarning{Deadline: end, End: end, Reason: "not used for 168h"}
}

// comments are Perch's comments on the pull request.
func (w *world) comments() (ours []hub.Comment) {
	for _, comment := range w.hub.Comments(w.pull) {
		if comment.Author == hub.User {
			ours = append(ours, comment)
		}
	}
	return ours
}

// methods are the methods of the writes since so many.
func (w *world) methods(since int) (methods []string) {
	for _, write := range w.hub.Writes()[since:] {
		method, _, _ := strings.Cut(write, " ")
		methods = append(methods, method)
	}
	return methods
}

func TestAWarningIsANewComment(t *testing.T) {
	w := newWorld(t)
	w.say(perch.PhaseReady)
	first := w.comments()[0].ID
	w.hub.AddComment(w.pull, "ana", "talk")
	want := func(words string, methods ...string) {
		t.Helper()
		before := len(w.hub.Writes())
		w.now = w.now.Add(time.Hour)
		w.deliver()
		ours := w.comments()
		if diff := cmp.Diff(
			methods, w.methods(before),
		); diff != "" || len(ours) != 1 || !strings.Contains(ours[0].Body, words) || w.card.GitHub.Undelivered {
			t.Fatalf("comments %+v, card %+v; writes (-want +got):\n%s", ours, w.card.GitHub, diff)
		}
	}
	w.warned()
	want("One of these keeps it, @ana:", "POST", "DELETE")
	second := w.comments()[0].ID
	if second == first {
		t.Errorf("the comment is still %d, and GitHub sends no notification for an edit", first)
	}
	want("@ana") // The same warning is delivered again: nothing is written.
	w.card.ExpiryWarning.End = w.card.ExpiryWarning.End.Add(time.Hour)
	want(w.card.ExpiryWarning.End.Format("15:04 UTC"), "PATCH")
	w.card.ExpiryWarning.At = w.now
	want("@ana")
	w.card.ExpiryWarning = nil
	want("is ready", "PATCH")
	if strings.Contains(w.comments()[0].Body, "expire") {
		t.Errorf("the warning is over:\n%s", w.comments()[0].Body)
	}
	w.warned()
	want("@ana", "POST", "DELETE")
	if third := w.comments()[0].ID; third == second {
		t.Error("a warning of another end is not a new comment")
	}
}

func TestAWarningWithoutACommentIsTheFirstOne(t *testing.T) {
	w := newWorld(t)
	w.card.Muted.Deployments = true
	w.warned()
	w.say(perch.PhaseReady)
	if ours := w.comments(); len(ours) != 1 || !strings.Contains(ours[0].Body, "@ana:") || len(w.hub.Writes()) != 2 {
		t.Errorf("comments %+v, writes %q", ours, w.hub.Writes())
	}
}

func TestAWarningIsNotDeliveredOnALockedConversation(t *testing.T) {
	w := newWorld(t)
	w.say(perch.PhaseReady)
	w.hub.EditPullRequest(w.pull, func(p *hub.PullRequest) { p.Locked = true })
	w.warned()
	w.deliver()
	if !w.card.GitHub.Undelivered || !strings.Contains(w.card.GitHub.Problem, "conversation is locked") ||
		len(w.comments()) != 1 || strings.Contains(w.comments()[0].Body, "@ana") {
		t.Errorf("card %+v, comments %+v", w.card.GitHub, w.comments())
	}
	w.hub.EditPullRequest(w.pull, func(p *hub.PullRequest) { p.Locked = false })
	w.channel.Deliver(t.Context(), &w.card, true)
	if ours := w.comments(); w.card.GitHub.Undelivered || len(ours) != 1 || !strings.Contains(ours[0].Body, "@ana") {
		t.Errorf("card %+v, comments %+v", w.card.GitHub, ours)
	}
}

// TestAWarningThatIsCutOffIsOneCommentInTheEnd lets the worker die at each call of a delivery,
// before it or after. What it remembered is lost with it, or not; and the environment is used
// meanwhile, or not.
func TestAWarningThatIsCutOffIsOneCommentInTheEnd(t *testing.T) {
	for calls := 1; calls <= 6; calls++ {
		for _, c := range []struct{ after, forgets, used bool }{
			{}, {after: true}, {forgets: true}, {after: true, forgets: true},
			{used: true}, {after: true, used: true}, {forgets: true, used: true},
			{after: true, forgets: true, used: true},
		} {
			t.Run(fmt.Sprintf("call %d %+v", calls, c), func(t *testing.T) {
				w := newWorld(t)
				w.say(perch.PhaseReady)
				w.warned()
				w.card.GitHub.Comments = []perch.GitHubComment{{PullRequest: w.pull}} // As the note leaves it.
				kept, before, created := w.card, len(w.hub.Writes()), 0
				ctx, die := context.WithCancel(t.Context())
				w.restart(&mortal{calls: calls, after: c.after, die: die})
				w.channel.Deliver(ctx, &w.card, true)
				die()
				if c.forgets {
					w.card = kept
				}
				if c.used {
					w.card.ExpiryWarning = nil
				}
				w.restart(nil)
				w.deliver()
				ours := w.comments()
				if len(ours) != 1 || strings.Contains(ours[0].Body, "@ana") == c.used || w.card.GitHub.Undelivered {
					t.Fatalf("comments %+v, card %+v", ours, w.card.GitHub)
				}
				for _, write := range w.hub.Writes()[before:] {
					if strings.HasPrefix(write, "POST ") && strings.HasSuffix(write, "/comments") {
						created++
					}
				}
				if created > 1 || created == 0 && !c.used {
					t.Errorf("%d comments were created: %q", created, w.hub.Writes()[before:])
				}
			})
		}
	}
}
