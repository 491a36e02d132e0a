package activities

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/go-cmp/cmp"

	"perch"
	"perch/activities/activitytest"
	"perch/activities/card"
	"perch/activities/contract"
	"perch/sandbox/aws"
)

// reportIn is what a run says of branch in phase.
func reportIn(branch string, phase perch.Phase) contract.ReportInput {
	at := time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)
	return contract.ReportInput{
		Environment: activitytest.Environment("shop", branch),
		State:       &perch.CardState{Goal: perch.GoalUp, Commit: "c1", Phase: phase, RunID: "run", Begun: at, At: at},
	}
}

// cardOf is the card of branch.
func (w *world) cardOf(branch string) (perch.Card, bool) {
	w.t.Helper()
	store := card.NewStore(w.config, w.policy, of[*Stacks](w).Reader)
	read, found, err := store.Read(w.t.Context(), activitytest.Environment("shop", branch))
	if err != nil {
		w.t.Fatal(err)
	}
	return read, found
}

func TestAReportIsEnteredIntoTheCard(t *testing.T) {
	w := newWorld(t)
	w.apply()
	in := reportIn("login", perch.PhaseStack)
	in.StackID = "one"
	if out := must(w, of[*Reports](w).Report, in); len(out.Problems) > 0 {
		t.Errorf("problems: %q", out.Problems)
	}
	if read, _ := w.cardOf("login"); read.State.Phase != perch.PhaseStack || read.StackID != "one" {
		t.Errorf("card %+v", read)
	}
	gone := reportIn("login", perch.PhaseGone)
	gone.Removed = true
	must(w, of[*Reports](w).Report, gone)
	if _, found := w.cardOf("login"); found {
		t.Error("the card of a removed environment is still there")
	}
	if last, found := w.historyOf("login", "one"); !found || last.State.Phase != perch.PhaseGone {
		t.Errorf("the history is %+v", last)
	}
}

// historyOf is what is kept of a life of branch.
func (w *world) historyOf(branch, stack string) (last perch.Card, found bool) {
	w.t.Helper()
	bucket, err := card.NewStore(w.config, w.policy, of[*Stacks](w).Reader).Bucket(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	key := "history/" + branch + "/" + stack + ".json"
	out, err := s3.NewFromConfig(w.config).GetObject(w.t.Context(), &s3.GetObjectInput{Bucket: &bucket, Key: &key})
	if err != nil {
		return last, false
	}
	if err := json.NewDecoder(out.Body).Decode(&last); err != nil {
		w.t.Fatal(err)
	}
	return last, true
}

func TestTheCardStaysUntilItsHistoryIsWritten(t *testing.T) {
	w := newWorld(t)
	w.apply()
	gone := reportIn("login", perch.PhaseGone)
	gone.StackID, gone.Removed = "one", true
	w.fault(aws.Fault{Service: "s3", Action: "PutObject", Contains: "history/", Code: "AccessDenied", Count: 1})
	if out := must(
		w, of[*Reports](w).Report, gone,
	); len(out.Problems) != 1 || !strings.Contains(out.Problems[0], "history of branch login") {
		t.Errorf("problems: %q", out.Problems)
	}
	if read, found := w.cardOf("login"); !found || read.State.Phase != perch.PhaseGone {
		t.Errorf("card %+v", read)
	}
	must(
		w, of[*Reports](w).Report,
		contract.ReportInput{Environment: gone.Environment, Notes: []perch.Note{{ID: "n", Kind: perch.NoteReport}}},
	)
	_, found := w.cardOf("login")
	if _, kept := w.historyOf("login", "one"); found || !kept {
		t.Errorf("after the repair there is a card: %t; a history: %t", found, kept)
	}
}

// historian is a channel that checks whether the history is there when a removal is told.
type historian struct {
	w     *world
	found bool
}

func (h *historian) Deliver(_ context.Context, card *perch.Card, _ bool) {
	if card.State.Phase == perch.PhaseGone {
		_, h.found = h.w.historyOf(card.Environment.Branch, "one")
	}
	card.GitHub.Undelivered = false
}

func TestTheHistoryIsWrittenBeforeTheRemovalIsReported(t *testing.T) {
	w := newWorld(t)
	w.apply()
	channel := &historian{w: w}
	w.fill(w.set.branches.Source, channel)
	gone := reportIn("login", perch.PhaseGone)
	gone.StackID, gone.Removed = "one", true
	must(w, of[*Reports](w).Report, gone)
	if _, found := w.cardOf("login"); found || !channel.found {
		t.Errorf("after the removal there is a card: %t; a history when it was told: %t", found, channel.found)
	}
}

func TestAForgedReportTouchesNothing(t *testing.T) {
	w := newWorld(t)
	w.apply()
	must(w, of[*Reports](w).Report, reportIn("login", perch.PhaseReady))
	w.bare(activitytest.Environment("shop", "login").StackName(), "login", nil)
	removed := reportIn("login", perch.PhaseGone)
	removed.Removed = true
	_, err := activitytest.Try(of[*Reports](w).Report, removed)
	activitytest.WantFinal(t, err, perch.ErrorInvalid, "not removed", "nothing was touched")
	if read, _ := w.cardOf("login"); read.State.Phase != perch.PhaseReady {
		t.Errorf("card %+v", read)
	}
	other := reportIn("login", perch.PhaseReady)
	other.Environment = activitytest.Environment("store", "login")
	_, err = activitytest.Try(of[*Reports](w).Report, other)
	activitytest.WantFinal(t, err, perch.ErrorInvalid, "store")
}

func TestOnlyNotesThatAreNotRecordedAreAnError(t *testing.T) {
	w := newWorld(t)
	in := reportIn("login", perch.PhaseStack)
	out := must(w, of[*Reports](w).Report, in)
	if len(out.Problems) != 1 || !strings.Contains(out.Problems[0], "no application stack") {
		t.Errorf("problems without an application stack: %q", out.Problems)
	}
	w.apply()
	w.fault(aws.Fault{Service: "s3", Action: "PutObject", Code: "AccessDenied", Count: 2})
	if out := must(
		w, of[*Reports](w).Report, in,
	); len(out.Problems) != 1 || !strings.Contains(out.Problems[0], "AccessDenied") {
		t.Errorf("problems without the right: %q", out.Problems)
	}
	in.Notes = []perch.Note{{ID: "n", Kind: perch.NoteReport}}
	if _, err := activitytest.Try(
		of[*Reports](w).Report, in,
	); err == nil || !strings.Contains(err.Error(), "AccessDenied") {
		t.Errorf("notes that are not recorded: %v", err)
	}
}

// announcer is a channel that remembers the phases that it was given.
type announcer struct {
	phases []string
	// fails says that nothing can be delivered.
	fails bool
}

func (a *announcer) Deliver(_ context.Context, card *perch.Card, again bool) {
	said := string(card.State.Phase)
	if again {
		said += " again"
	}
	a.phases = append(a.phases, said)
	card.GitHub.Undelivered, card.GitHub.Problem = a.fails, ""
	if a.fails {
		card.GitHub.Problem = "GitHub cannot be reached"
		return
	}
	card.GitHub.Comments = []perch.GitHubComment{{PullRequest: 1, ID: 1}}
}

// deadSlack is a channel on which GitHub is told everything, and Slack nothing.
type deadSlack struct{}

func (deadSlack) Deliver(_ context.Context, card *perch.Card, _ bool) {
	card.GitHub.Undelivered, card.Slack.Undelivered = false, true
}

func TestSlackHoldsTheCardOfARemovedEnvironmentForAnHour(t *testing.T) {
	w := newWorld(t)
	w.apply()
	w.fill(w.set.branches.Source, deadSlack{})
	for age, want := range map[time.Duration]bool{50 * time.Minute: true, 70 * time.Minute: false} {
		branch := "login-" + strings.TrimSuffix(age.String(), "m0s")
		must(w, of[*Reports](w).Report, reportIn(branch, perch.PhaseReady))
		gone := reportIn(branch, perch.PhaseGone)
		gone.Removed, gone.State.At = true, time.Now().Add(-age)
		must(w, of[*Reports](w).Report, gone)
		if _, found := w.cardOf(branch); found != want {
			t.Errorf("after %s there is a card: %t", age, found)
		}
	}
}

func TestTheCardOfARemovedEnvironmentStaysUntilItsRemovalIsReported(t *testing.T) {
	w := newWorld(t)
	w.apply()
	channel := &announcer{fails: true}
	w.fill(w.set.branches.Source, channel)
	note := contract.ReportInput{
		Environment: activitytest.Environment("shop", "login"), Notes: []perch.Note{{ID: "n", Kind: perch.NoteReport}},
	}
	must(w, of[*Reports](w).Report, note)
	if _, found := w.cardOf("login"); found || len(channel.phases) > 0 {
		t.Errorf("a note for an environment that no run has reported on: card %t, told %q", found, channel.phases)
	}
	must(w, of[*Reports](w).Report, reportIn("login", perch.PhaseReady))
	gone := reportIn("login", perch.PhaseGone)
	gone.Removed, gone.State.At = true, time.Now()
	if out := must(w, of[*Reports](w).Report, gone); len(out.Problems) != 1 {
		t.Errorf("problems %q", out.Problems)
	}
	if read, _ := w.cardOf("login"); !read.GitHub.Undelivered || read.State.Phase != perch.PhaseGone {
		t.Errorf("card of what could not be told: %+v", read)
	}
	channel.fails = false
	must(w, of[*Reports](w).Report, note)
	if _, found := w.cardOf("login"); found {
		t.Error("the card is still there after the removal was told")
	}
	if diff := cmp.Diff([]string{"ready", "gone", "gone again"}, channel.phases); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
}
