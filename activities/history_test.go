package activities

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"perch"
	"perch/activities/activitytest"
	"perch/activities/card"
	"perch/activities/contract"
	"perch/activities/leftovers"
	"perch/sandbox/aws"
)

// livesOf are the reasons why the branch's lives ended, the newest first.
func (w *world) livesOf(branch string) string {
	w.t.Helper()
	lives, warnings, err := of[*Stacks](w).ReadHistory(w.t.Context(), branch)
	if err != nil || len(warnings) > 0 {
		w.t.Fatalf("warnings %q, %v", warnings, err)
	}
	var words []string
	for _, life := range lives {
		words = append(words, fmt.Sprintf("%s by %s", life.Reason, life.By))
	}
	return strings.Join(words, "; ")
}

// TestTheSweepWritesARecordThatARemovalCouldNot has the last report of a removal fail to write the
// record of the life. The report does not fail, also with notes, which are tried again otherwise.
func TestTheSweepWritesARecordThatARemovalCouldNot(t *testing.T) {
	w := newWorld(t)
	w.apply()
	gone := reportIn("login", perch.PhaseGone)
	gone.StackID, gone.Removed = "one", true
	gone.State.Goal, gone.State.By, gone.State.Reason = perch.GoalGone, "ana", "perch down"
	gone.State.At = time.Now().Add(-time.Hour).UTC()
	gone.Notes = []perch.Note{{ID: "pull", Kind: perch.NotePullRequest}}
	w.fault(aws.Fault{Service: "s3", Action: "PutObject", Contains: "history/", Code: "AccessDenied", Count: 1})
	out := must(w, of[*Reports](w).Report, gone)
	if len(out.Problems) != 1 || !strings.Contains(out.Problems[0], "write the history of branch login") {
		t.Errorf("problems %q", out.Problems)
	}
	if lives := w.livesOf("login"); lives != "" {
		t.Fatalf("lives %q", lives)
	}
	verification := of[*Verification](w)
	verification.send = func(_ context.Context, note perch.Note) error {
		must(w, of[*Reports](w).Report, contract.ReportInput{Environment: gone.Environment, Notes: []perch.Note{note}})
		return nil
	}
	must(w, verification.RecheckLeftovers, perch.CleanupInput{Project: "shop"})
	if lives := w.livesOf("login"); lives != "perch down by ana" {
		t.Errorf("lives %q", lives)
	}
	if card, found := w.cardOf("login"); found {
		t.Errorf("the card is still there: %+v", card)
	}
}

func TestALifeThatAnotherStackReplacesIsRecorded(t *testing.T) {
	w := newWorld(t)
	w.apply()
	report := func(run, stack string, minute int, phase perch.Phase, goal perch.Goal) contract.ReportResult {
		in := reportIn("login", phase)
		in.StackID, in.State.Goal, in.State.RunID, in.State.By, in.State.Reason = stack, goal, run, "ben", "perch up"
		in.State.Begun = in.State.Begun.Add(time.Duration(minute) * time.Minute)
		in.State.At = in.State.Begun
		return must(w, of[*Reports](w).Report, in)
	}
	report("1", "arn:stack/shop-login/one", 0, perch.PhaseReady, perch.GoalUp)
	report("2", "arn:stack/shop-login/two", 5, perch.PhaseReady, perch.GoalUp)
	if lives := w.livesOf("login"); lives != "created again: perch up by ben" {
		t.Errorf("lives %q", lives)
	}
	report("2", "arn:stack/shop-login/two", 6, perch.PhaseReady, perch.GoalUp)
	w.fault(aws.Fault{Service: "s3", Action: "PutObject", Contains: "history/", Code: "AccessDenied"})
	out := report("3", "arn:stack/shop-login/three", 9, perch.PhaseReady, perch.GoalUp)
	if card, _ := w.cardOf("login"); len(out.Problems) != 1 || !strings.HasSuffix(card.StackID, "/three") {
		t.Errorf("problems %q, card %+v", out.Problems, card)
	}
}

func TestAPageHasTheCard(t *testing.T) {
	w := newWorld(t)
	w.apply()
	must(w, of[*Reports](w).Report, reportIn("login", perch.PhaseStack))
	stacks := of[*Stacks](w)
	result, card, err := stacks.ReadPage(t.Context(), activitytest.Environment("shop", "login"))
	if err != nil || result.Environment != nil || len(card.Timeline) != 1 {
		t.Errorf("page %+v, card %+v, %v", result, card, err)
	}
	_, card, err = stacks.ReadPage(t.Context(), activitytest.Environment("shop", "cart"))
	if !card.Blank() || err != nil {
		t.Errorf("without a card: %+v, %v", card, err)
	}
	if _, _, err := stacks.ReadHistory(t.Context(), "-x"); err == nil {
		t.Error("the history of an impossible branch was read")
	}
}

// mute is a source that does not say what commits are.
type mute struct{ Source }

func (mute) Message(context.Context, string) (perch.CommitMessage, error) {
	return perch.CommitMessage{}, context.DeadlineExceeded
}

func TestAnAdmissionSaysWhatTheSourceSaysOfTheCommit(t *testing.T) {
	sources(t, func(t *testing.T, w *world) {
		w.apply()
		commit := w.repo.commit("login", map[string]string{"perch.yaml": testConfig})
		known := of[*Requests](w).admitter
		w.set.branches.Source = mute{w.set.branches.Source}
		if got := w.admit(w.request("login", commit)); got.Prepared == nil || got.Foreseen.Message != nil {
			t.Errorf("admitted %+v", got)
		}
		w.set.branches.Source = w.set.branches.Source.(mute).Source
		for range 2 {
			got := w.admit(w.request("login", commit))
			if got.Foreseen == nil || got.Foreseen.Message == nil {
				t.Fatalf("admitted %+v", got)
			}
			if said := *got.Foreseen.Message; said.Subject == "" || said.At.IsZero() {
				t.Errorf("message %+v", said)
			}
			known.Branches.Source = mute{known.Branches.Source} // It is asked once.
		}
	})
}

// TestWhatAnswersListIsBounded lists more lives than an answer takes, by number and by bytes, and
// says that there are more.
func TestWhatAnswersListIsBounded(t *testing.T) {
	w := newWorld(t)
	w.apply()
	store := card.NewStore(w.config, w.policy, of[*Stacks](w).Reader)
	at := time.Now()
	keep := func(branch string, entries int) {
		last := perch.Card{
			Environment: activitytest.Environment("shop", branch), StackID: "arn:stack/" + branch,
			State:    perch.CardState{Goal: perch.GoalGone, Phase: perch.PhaseGone, RunID: "r", At: at},
			Timeline: []perch.TimelineEntry{{Request: "gone"}},
		}
		for i := range entries {
			pull := perch.PullRequest{Number: i, Title: strings.Repeat("x", 1000)}
			last.PullRequests = append(last.PullRequests, pull)
		}
		if err := store.KeepHistory(t.Context(), last); err != nil {
			t.Fatal(err)
		}
	}
	list := func() perch.HistoryResult {
		t.Helper()
		return must(w, of[*Stacks](w).ListHistory, perch.HistoryInput{Project: "shop"})
	}
	for i := range sentLives {
		keep(fmt.Sprint("small-", i), 0)
	}
	if out := list(); len(out.Lives) != sentLives || len(out.Warnings) != 0 {
		t.Errorf("%d lives, %q", len(out.Lives), out.Warnings)
	}
	keep("one-more", 0)
	if out := list(); len(out.Lives) != sentLives || !slices.Equal(out.Warnings, []string{moreExist}) {
		t.Errorf("%d lives, %q", len(out.Lives), out.Warnings)
	}
	keep("large", sentBytes/1000)
	out := list()
	if n := len(out.Lives); n == 0 || n >= sentLives || !slices.Equal(out.Warnings, []string{moreExist}) {
		t.Errorf("%d lives, %q", len(out.Lives), out.Warnings)
	}
}

func TestLeftoversForPeopleAreBounded(t *testing.T) {
	many := perch.Leftover{Stack: "one", Resources: make([]string, 45)}
	shown, more := leftovers.Shown(slices.Repeat([]perch.Leftover{many, {Stack: "two"}}, 60))
	last := shown[0].Resources
	if len(shown)+more != 120 || more != 20 || len(last) != 21 || last[20] != "and 25 more" {
		t.Errorf("%d and %d more, %q", len(shown), more, last)
	}
	if len(many.Resources) != 45 || shown[1].Resources != nil {
		t.Errorf("%q, %q", many.Resources, shown[1].Resources)
	}
}

// TestTheRecordOfARemovedEnvironmentHasItsLastLogLines reads them when the removal begins. A log
// that cannot be read holds nothing up.
func TestTheRecordOfARemovedEnvironmentHasItsLastLogLines(t *testing.T) {
	w := newWorld(t)
	w.apply()
	for branch, want := range map[string]int{"login": 2, "silent": 0, "denied": 0} {
		if branch != "silent" {
			w.logged(activitytest.Environment("shop", branch), "app-1  | GET /", "app-1  | token=hunter2abc sent")
		}
		if branch == "denied" {
			w.fault(aws.Fault{Service: "logs", Action: "FilterLogEvents", Code: "AccessDeniedException", Count: 1})
		}
		report := func(goal perch.Goal, phase perch.Phase, minute int) {
			t.Helper()
			in := reportIn(branch, phase)
			in.StackID, in.State.Goal, in.Removed = "one", goal, phase == perch.PhaseGone
			in.State.RunID, in.State.Begun = string(goal), time.Now().UTC()
			in.State.At = in.State.Begun.Add(time.Duration(minute) * time.Minute)
			if out := must(w, of[*Reports](w).Report, in); len(out.Problems) > 0 {
				t.Fatalf("%s: problems: %q", branch, out.Problems)
			}
		}
		report(perch.GoalUp, perch.PhaseReady, 0)
		report(perch.GoalGone, perch.PhaseRemoving, 1)
		report(perch.GoalGone, perch.PhaseGone, 2)
		lives, _, err := of[*Stacks](w).ReadHistory(t.Context(), branch)
		if err != nil || len(lives) != 1 {
			t.Fatalf("%s: lives %+v, %v", branch, lives, err)
		}
		log := lives[0].Log
		if want == 0 {
			if log != nil {
				t.Errorf("%s: log %+v", branch, log)
			}
			continue
		}
		if log == nil || len(log.Lines) != want || log.Masked != 1 || strings.Contains(log.Lines[1].Text, "hunter2") {
			t.Errorf("%s: log %+v", branch, log)
		}
	}
}
