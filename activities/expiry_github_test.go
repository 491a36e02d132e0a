package activities

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"perch"
	"perch/activities/activitytest"
	"perch/activities/contract"
	"perch/report/github"
	"perch/report/slack"
	hub "perch/sandbox/github"
)

// expiring is a world on GitHub. The environment of branch login is ready, was last used now, and
// expires after a week.
type expiring struct {
	*world
	hub *hub.Server
	// pull is the branch's pull request, head its last commit, and now the time for expiry.
	pull    int
	head    string
	stackID string
	now     time.Time
}

func newExpiring(t *testing.T) *expiring {
	t.Helper()
	e := newExpiringBranch(t)
	e.pull = e.hub.OpenPullRequest(hub.PullRequest{Head: "login", Author: "ana"})
	e.report(e.stackID)
	if comments := e.hub.Comments(e.pull); len(comments) != 1 {
		t.Fatalf("comments %+v", comments)
	}
	return e
}

// newExpiringBranch is newExpiring without a pull request, before a run has said anything.
func newExpiringBranch(t *testing.T) *expiring {
	t.Helper()
	w, server, head, stackID := hooked(t)
	w.apply()
	w.policy.Source = perch.Source{GitHub: &perch.GitHubSource{Repository: hub.Name, BaseURL: server.URL}}
	w.policy.Reports.GitHub = perch.ReportsGitHub{Comment: true}
	w.policy.Expiry = perch.PolicyExpiry{Idle: 168, Extend: 168, Pin: 720}
	e := &expiring{world: w, hub: server, head: head, stackID: stackID, now: time.Now().UTC()}
	e.connect()
	return e
}

// connect starts a worker with the policy as it is.
func (e *expiring) connect() {
	source, clock := e.github(e.hub), func() time.Time { return e.now }
	e.set = New(e.config, e.policy, source, 5*time.Millisecond, github.New(source, e.policy, clock), clock)
}

// report has a run say that login is ready in a stack.
func (e *expiring) report(stackID string) {
	e.t.Helper()
	ready := reportIn("login", perch.PhaseReady)
	ready.StackID, ready.State.Kind, ready.State.Commit = stackID, perch.KindBranch, e.head
	if out := must(e.world, of[*Reports](e.world).Report, ready); len(out.Problems) > 0 {
		e.t.Fatalf("problems %q", out.Problems)
	}
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

func TestExpiryIsPostponedWhileGitHubDoesNotAcceptTheWarning(t *testing.T) {
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
	if read, _ := e.cardOf(
		"login",
	); !read.ExpiryWarning.At.IsZero() || !read.ExpiryWarning.End.Equal(e.now.Add(24*time.Hour)) {
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

// slackOnly is a worker's channel if the policy wants Slack and no comments.
type slackOnly struct{ *slack.Channel }

func (c slackOnly) Deliver(ctx context.Context, card *perch.Card, _ bool) {
	card.GitHub.Undelivered, card.GitHub.CommentUndelivered = false, false
	c.Channel.Deliver(ctx, card)
}

// withSlack reports to a Slack in place of GitHub, which takes messages while takes returns true.
// posts is how many it has taken.
func (e *expiring) withSlack(takes func() bool) (posts *atomic.Int64) {
	e.t.Helper()
	posts = &atomic.Int64{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if !takes() {
			http.Error(w, "no_service", http.StatusNotFound)
			return
		}
		posts.Add(1)
		_, _ = w.Write([]byte("ok"))
	}))
	e.t.Cleanup(server.Close)
	e.policy.Reports.GitHub.Comment, e.policy.Reports.Slack = false, true
	clock := func() time.Time { return e.now }
	e.set = New(
		e.config, e.policy, e.github(e.hub), 5*time.Millisecond, slackOnly{slack.New(server.URL, clock)}, clock,
	)
	return posts
}

func TestExpiryIsPostponedWhileSlackDoesNotAcceptTheWarning(t *testing.T) {
	e := newExpiring(t)
	var dead atomic.Bool
	e.withSlack(func() bool { return !dead.Load() })
	want := func(hours int, action perch.ExpiryAction, reason string) {
		t.Helper()
		if verdict := e.sweep(hours); verdict.Action != action || !strings.Contains(verdict.Reason, reason) {
			t.Fatalf("after %d hours: %+v, want %s: %s", hours, verdict, action, reason)
		}
	}
	dead.Store(true)
	want(150, perch.ExpiryWarn, "not used for 168h")
	want(1, perch.ExpiryWarn, "postpones the removal: Slack was not told: the webhook answers 404")
	want(100, perch.ExpiryWarn, "the webhook answers 404")
	dead.Store(false)
	want(1, perch.ExpiryWarn, "postpones")
	want(23, perch.ExpiryKeep, "not used")
	want(1, perch.ExpiryRemove, "not used for 168h")
}

// TestAWarningThatSlackIsToldAMinuteLaterIsDelivered warns half a minute after Slack was told
// something else, and has a run deliver the card again.
func TestAWarningThatSlackIsToldAMinuteLaterIsDelivered(t *testing.T) {
	e := newExpiring(t)
	posts := e.withSlack(func() bool { return true })
	_, err := of[*Stacks](e.world).cards.Update(t.Context(), activitytest.Environment("shop", "login"),
		func(c *perch.Card) error { c.Slack.At = e.now.Add(150*time.Hour - 30*time.Second); return nil })
	if err != nil {
		t.Fatal(err)
	}
	e.sweep(150)
	if read, _ := e.cardOf("login"); posts.Load() > 0 || read.ExpiryWarning == nil ||
		!read.ExpiryWarning.At.IsZero() || !read.Slack.Undelivered {
		t.Errorf("%d posts, warning %+v, %+v", posts.Load(), read.ExpiryWarning, read.Slack)
	}
	e.now = e.now.Add(30 * time.Second)
	e.take(perch.Note{ID: "late", Kind: perch.NoteReport, Project: "shop", Branch: "login", By: "slack", At: e.now})
	if read, _ := e.cardOf("login"); posts.Load() != 1 || !read.ExpiryWarning.At.Equal(e.now) ||
		read.Slack.Undelivered {
		t.Errorf("%d posts, warning %+v, %+v", posts.Load(), read.ExpiryWarning, read.Slack)
	}
}

func TestAWarningIsDeliveredAlthoughGitHubDeniesDeployments(t *testing.T) {
	e := newExpiring(t)
	e.policy.Reports.GitHub.Deployments = true
	e.hub.Grant(hub.Token, hub.Access{Login: hub.User, Permissions: hub.Without("deployments")})
	e.connect()
	e.sweep(150)
	read, _ := e.cardOf("login")
	if !read.GitHub.Undelivered || read.ExpiryWarning == nil || !read.ExpiryWarning.At.Equal(e.now) {
		t.Errorf("warning %+v, %+v", read.ExpiryWarning, read.GitHub)
	}
	if verdict := e.sweep(24); verdict.Action != perch.ExpiryRemove {
		t.Errorf("%+v", verdict)
	}
}

func TestABranchWhosePullRequestsCannotBeReadStopsNoSweep(t *testing.T) {
	e := newExpiring(t)
	withdraw := e.hub.Inject(hub.Fault{
		Route: "GET /pulls", Answer: hub.Answer(http.StatusUnprocessableEntity, "odd head"),
	})
	verdict := e.sweep(400)
	if verdict.Action != perch.ExpiryKeep || !strings.Contains(verdict.Reason, "login cannot be read") ||
		verdict.Warning != nil {
		t.Errorf("unread: %+v", verdict)
	}
	withdraw()
	if verdict := e.sweep(1); verdict.Action == perch.ExpiryKeep {
		t.Errorf("read: %+v", verdict)
	}
}

// label sets the labels of the pull request.
func (e *expiring) label(labels ...string) {
	e.hub.EditPullRequest(e.pull, func(p *hub.PullRequest) { p.Labels = labels })
}

// look has a run take the note that a Look at login leads to, after a hint of ana's, and returns
// that.
func (e *expiring) look() *perch.Note {
	e.t.Helper()
	e.now = e.now.Add(time.Hour)
	seen, err := e.see()
	if err != nil {
		e.t.Fatal(err)
	}
	in := contract.LookInput{
		Environment: activitytest.Environment("shop", "login"), Hint: perch.Hint{By: "webhook:ana"}, At: e.now,
	}
	note, err := of[*Looks](e.world).planner.LookNote(e.t.Context(), in, seen, "run")
	again, secondErr := of[*Looks](e.world).planner.LookNote(e.t.Context(), in, seen, "run")
	if diff := cmp.Diff(note, again); diff != "" || err != nil || secondErr != nil {
		e.t.Fatalf("%v, %v; a retry sends another note (-want +got):\n%s", err, secondErr, diff)
	}
	if note != nil {
		e.take(*note)
	}
	return note
}

// pin is what pins login.
func (e *expiring) pin() *perch.Pin {
	read, _ := e.cardOf("login")
	return read.Pin
}

func TestAPinFollowsTheLabelOfAPullRequest(t *testing.T) {
	e := newExpiring(t)
	if note := e.look(); note != nil {
		t.Errorf("without a label: %+v", note)
	}
	for range 2 { // The same label can be set again.
		e.label(perch.LabelKeep, "bug")
		note := e.look()
		pin := e.pin()
		if pin == nil || pin.By != "webhook:ana" || pin.PullRequest != e.pull ||
			!pin.Until.Equal(e.now.Add(720*time.Hour)) {
			t.Fatalf("pin %+v after the note %+v", pin, note)
		}
		if body := e.hub.Comments(e.pull)[0].Body; !strings.Contains(body, "| Pinned | by webhook:ana until") {
			t.Errorf("the comment does not show the pin:\n%s", body)
		}
		if note := e.look(); note != nil {
			t.Errorf("the label is still there: %+v", note)
		}
		e.label("bug")
		if e.look(); e.pin() != nil {
			t.Fatalf("without the label: %+v", e.pin())
		}
	}
}

func TestALabelChangesNoPinOfAPerson(t *testing.T) {
	e := newExpiring(t)
	read, _ := e.cardOf("login")
	e.take(perch.Note{
		ID: "n", Kind: perch.NotePin, StackID: read.StackID, By: "bob", Reason: "demo",
		Until: e.now.Add(48 * time.Hour),
	})
	want := e.pin()
	for _, labels := range [][]string{{perch.LabelKeep}, nil} {
		e.label(labels...)
		note, verdict := e.look(), e.sweep(1)
		if diff := cmp.Diff(
			want, e.pin(),
		); diff != "" || note != nil || verdict.Note != nil || want == nil || want.By != "bob" {
			t.Errorf("labels %q: notes %+v and %+v, pin (-want +got):\n%s", labels, note, verdict.Note, diff)
		}
	}
}

func TestALabelPinsOnlyAnEnvironmentThatIsKnown(t *testing.T) {
	for name, change := range map[string]func(*expiring){
		"protected":     func(e *expiring) { e.policy.Protected = []string{"log*"} },
		"archived":      func(e *expiring) { e.hub.Archive(true) },
		"no branch":     func(e *expiring) { deleteBranch(e.t.(*testing.T), e.hub, "login") },
		"another stack": func(e *expiring) { e.report("another") },
		"closed": func(e *expiring) {
			e.hub.EditPullRequest(e.pull, func(p *hub.PullRequest) { p.Closed = true })
		},
		"unread": func(e *expiring) {
			e.hub.Grant(hub.Token, hub.Access{Login: hub.User, Permissions: hub.Without("pull_requests")})
		},
	} {
		t.Run(name, func(t *testing.T) {
			e := newExpiring(t)
			e.label(perch.LabelKeep)
			change(e)
			if note := e.look(); note != nil {
				t.Errorf("note %+v", note)
			}
		})
	}
	w, server, _, _ := hooked(t)
	w.apply()
	e := &expiring{world: w, hub: server, now: time.Now(), pull: server.OpenPullRequest(hub.PullRequest{Head: "login"})}
	e.label(perch.LabelKeep)
	if note := e.look(); note != nil {
		t.Errorf("without a card: %+v", note)
	}
}

func TestExpiryFindsALabelWithoutWebhooks(t *testing.T) {
	e := newExpiring(t)
	e.label(perch.LabelKeep)
	if verdict := e.sweep(
		150,
	); verdict.Action != perch.ExpiryKeep || verdict.Reason != "pull request #1 has the label perch:keep" {
		t.Errorf("at the time of a warning: %+v", verdict)
	}
	if pin := e.pin(); pin == nil || pin.By != "label perch:keep" || pin.PullRequest != e.pull {
		t.Fatalf("pin %+v", pin)
	}
	e.hub.Grant(hub.Token, hub.Access{Login: hub.User, Permissions: hub.Without("pull_requests")})
	e.label()
	if verdict := e.sweep(1); verdict.Note != nil || e.pin() == nil {
		t.Errorf("labels that cannot be read end the pin: %+v", verdict)
	}
	e.hub.Accept(hub.Token, true)
	if e.sweep(1); e.pin() != nil {
		t.Errorf("without the label: %+v", e.pin())
	}
	if verdict := e.sweep(150); verdict.Action != perch.ExpiryWarn {
		t.Errorf("a week without use: %+v", verdict)
	}
}

func TestASweepEntersALabelLongBeforeTheEnd(t *testing.T) {
	e := newExpiring(t)
	e.label(perch.LabelKeep)
	if verdict := e.sweep(1); verdict.Reason != "pull request #1 has the label perch:keep" {
		t.Errorf("%+v", verdict)
	}
	pin := e.pin()
	if pin == nil || pin.PullRequest != e.pull {
		t.Fatalf("pin %+v", pin)
	}
	read, _ := e.cardOf("login")
	e.take(perch.Note{ID: "n", Kind: perch.NoteUnpin, StackID: read.StackID, By: "bob"})
	if e.sweep(1); e.pin().Holds(e.now) {
		t.Errorf("the label undoes what bob did: %+v", e.pin())
	}
	e.label()
	e.sweep(1)
	e.label(perch.LabelKeep)
	if e.sweep(1); !e.pin().Holds(e.now) {
		t.Errorf("the label was set again, and the pin is %+v", e.pin())
	}
}

// TestTheDeletionOfABranchKeepsThePinOfALabel deletes the branch, which closes the pull request.
func TestTheDeletionOfABranchKeepsThePinOfALabel(t *testing.T) {
	for name, sweeps := range map[string]int{"the label was seen": 1, "no run has seen the label": 0} {
		t.Run(name, func(t *testing.T) {
			e := newExpiring(t)
			e.label(perch.LabelKeep)
			for range sweeps {
				e.sweep(1)
			}
			deleteBranch(t, e.hub, "login")
			for range sweeps { // It ends no pin.
				e.sweep(1)
			}
			plan := must(e.world, of[*Cleanups](e.world).PlanCleanup, perch.CleanupInput{Project: "shop"})
			if len(plan.Verdicts) != 1 {
				t.Fatalf("%+v", plan)
			}
			verdict := plan.Verdicts[0]
			if sweeps > 0 && !strings.HasPrefix(verdict.Reason, "pinned by label perch:keep until") {
				t.Errorf("cleanup says %+v", verdict)
			}
			kept := must(e.world, of[*Cleanups](e.world).LastLook, contract.LastLookInput{
				Environment: activitytest.Environment("shop", "login"),
				Judged:      perch.Judgement{StackID: verdict.StackID, Commit: verdict.Commit},
			})
			if !strings.Contains(kept.Keep, "label perch:keep") {
				t.Errorf("the last look says %+v", kept)
			}
		})
	}
}

// expired returns what a sweep finds when the end of login has come. login was warned in time.
func (e *expiring) expired() contract.LastLookInput {
	e.t.Helper()
	e.sweep(150)
	e.now = e.now.Add(24 * time.Hour)
	verdict := e.sweep(0)
	if verdict.Action != perch.ExpiryRemove {
		e.t.Fatalf("%+v", verdict)
	}
	request := of[*Cleanups](e.world).planner.ExpiryRequest(verdict, "run", e.now)
	return contract.LastLookInput{Environment: activitytest.Environment("shop", "login"), Judged: *request.Judged}
}

// TestExpiryKeepsWhatItMayNotDecideAbout lets the end come, and then changes what a removal needs.
func TestExpiryKeepsWhatItMayNotDecideAbout(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*expiring)
		want   string
	}{
		"labels that may not be read": {func(e *expiring) {
			e.hub.Grant(hub.Token, hub.Access{Login: hub.User, Permissions: hub.Without("pull_requests")})
		}, "a label may keep it, and the pull requests of branch login cannot be read: "},
		"an archived repository": {func(e *expiring) { e.hub.Archive(true) }, "the repository is archived"},
	} {
		t.Run(name, func(t *testing.T) {
			e := newExpiring(t)
			in := e.expired()
			c.change(e)
			if verdict := e.sweep(0); verdict.Action != perch.ExpiryKeep || !strings.HasPrefix(verdict.Reason, c.want) {
				t.Errorf("the sweep says %+v", verdict)
			}
			looked := must(e.world, of[*Cleanups](e.world).LastLook, in)
			if !strings.HasPrefix(looked.Keep, c.want) {
				t.Errorf("the last look says %+v", looked)
			}
		})
	}
}

func TestWithoutAPullRequestNoOneWouldSeeTheWarningSoNothingExpires(t *testing.T) {
	e := newExpiringBranch(t)
	e.report(e.stackID)
	verdict := e.sweep(1000)
	if verdict.Action != perch.ExpiryKeep || !strings.Contains(verdict.Reason, "the branch has no pull request") ||
		!verdict.Deadline.IsZero() {
		t.Errorf("%+v", verdict)
	}
	e.pull = e.hub.OpenPullRequest(hub.PullRequest{Head: "login", Author: "ana"})
	if verdict := e.sweep(1); verdict.Action != perch.ExpiryWarn {
		t.Errorf("with a pull request: %+v", verdict)
	}
}
