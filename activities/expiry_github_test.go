package activities

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"perch"
	"perch/activities/activitytest"
	"perch/activities/contract"
	"perch/report/github"
	hub "perch/sandbox/github"
)

// expiring is a world on GitHub whose environment of branch login is ready, was used last now, and
// expires after a week.
type expiring struct {
	*world
	hub *hub.Server
	// pull is the branch's pull request, head its last commit, now the time that expiry goes by.
	pull int
	head string
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
	e.connect()
	e.head = head
	e.report(stackID)
	if comments := server.Comments(e.pull); len(comments) != 1 {
		t.Fatalf("comments %+v", comments)
	}
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
