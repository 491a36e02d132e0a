package activities

import (
	"net/http"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/google/go-cmp/cmp"

	"perch"
	"perch/activities/activitytest"
	"perch/activities/contract"
	"perch/activities/stack"
	"perch/sandbox/aws"
)

// removal is a person's request that branch is removed.
func removal(branch string) perch.Request {
	return perch.Request{
		ID: "1", Goal: perch.GoalGone, Project: "shop", Branch: branch, By: "web:ana", Reason: "not needed",
	}
}

// rejections are the entries of rejected requests in the card of branch.
func (w *world) rejections(branch string) (all []perch.TimelineEntry) {
	w.t.Helper()
	card, _ := w.cardOf(branch)
	for _, entry := range card.Timeline {
		if entry.Outcome == string(perch.OutcomeRejected) {
			all = append(all, entry)
		}
	}
	return all
}

// TestARejectedRemovalIsInTheTimelineAndNotReported requests removals that Perch never carries
// out. The run ends at its admission, before it reports that it removes anything.
func TestARejectedRemovalIsInTheTimelineAndNotReported(t *testing.T) {
	w := newWorld(t)
	w.apply()
	w.policy.Protected = []string{"release/*"}
	tagged := func(kind perch.Kind, branch string) func(*cloudformation.CreateStackInput) {
		return func(in *cloudformation.CreateStackInput) {
			in.Tags = stack.TagList(activitytest.Environment("shop", branch).Tags(w.policy.Identity(""), kind))
		}
	}
	for branch, change := range map[string]func(*cloudformation.CreateStackInput){
		"staging": tagged(perch.KindStaging, "staging"), "live": tagged(perch.KindProduction, "live"),
		"locked":  func(in *cloudformation.CreateStackInput) { in.EnableTerminationProtection = sdk.Bool(true) },
		"foreign": func(in *cloudformation.CreateStackInput) { in.Tags = nil },
	} {
		w.bare(activitytest.Environment("shop", branch).StackName(), branch, change)
	}
	channel := &announcer{}
	w.fill(w.set.branches.Source, channel)
	for branch, words := range map[string]string{
		"main": "default branch", "release/1": "protected by the pattern", "staging": "its kind is staging",
		"live": "its kind is production", "locked": "termination protection is on",
		"foreign": "does not have the tags",
	} {
		must(w, of[*Reports](w).Report, reportIn(branch, perch.PhaseReady))
		before, _ := w.cardOf(branch)
		channel.phases = nil
		got := w.admit(removal(branch))
		activitytest.WantWords(t, said(got), words)
		entries := w.rejections(branch)
		if len(entries) != 1 {
			t.Errorf("%s: entries %+v", branch, entries)
			continue
		}
		entry := entries[0]
		activitytest.WantWords(t, entry.Sentence, words)
		if entry.Request != string(perch.GoalGone) || entry.By != "web:ana" || entry.Reason != "not needed" ||
			entry.Begun.IsZero() || entry.Ended.IsZero() || entry.RunID == "" {
			t.Errorf("%s: entry %+v", branch, entry)
		}
		after, _ := w.cardOf(branch)
		if diff := cmp.Diff(before.State, after.State); diff != "" || len(channel.phases) > 0 || after.Undelivered() {
			t.Errorf("%s: told %q, undelivered %t, state (-before +after):\n%s", branch, channel.phases,
				after.Undelivered(), diff)
		}
	}
}

// TestARejectionNeedsNoCard rejects a removal of a branch without a card, and one whose card cannot
// be read or written.
func TestARejectionNeedsNoCard(t *testing.T) {
	w := newWorld(t)
	activitytest.WantWords(t, said(w.admit(removal("main"))), "default branch") // There is no place for cards.
	w.apply()
	activitytest.WantWords(t, said(w.admit(removal("main"))), "default branch")
	if _, found := w.cardOf("main"); found {
		t.Error("a card was made")
	}
	must(w, of[*Reports](w).Report, reportIn("main", perch.PhaseReady))
	for _, action := range []string{"GetObject", "PutObject"} {
		id := w.fault(aws.Fault{Service: "s3", Action: action, Status: http.StatusForbidden, Code: "AccessDenied"})
		activitytest.WantWords(t, said(w.admit(removal("main"))), "default branch")
		w.aws.DeleteFault(id)
	}
	other := removal("main")
	other.Project = "store"
	activitytest.WantWords(t, said(w.admit(other)), `project "store"`)
	if entries := w.rejections("main"); len(entries) != 0 {
		t.Errorf("entries %+v", entries)
	}
}

// TestARemovalThatIsJudgedIsNotRejectedByItsStackAtOnce: its grace period may end the reason.
func TestARemovalThatIsJudgedIsNotRejectedByItsStackAtOnce(t *testing.T) {
	w := newWorld(t)
	w.bare("shop-locked", "locked", func(in *cloudformation.CreateStackInput) {
		in.EnableTerminationProtection = sdk.Bool(true)
	})
	judged := removal("locked")
	judged.Judged = &perch.Judgement{}
	if got := w.admit(judged); got.Rejection != nil || got.GraceSeconds == 0 {
		t.Errorf("%+v", got)
	}
	id := w.fault(aws.Fault{Service: "cloudformation", Action: "DescribeStacks", Code: "AccessDenied"})
	defer w.aws.DeleteFault(id)
	if got := must(
		w, of[*Requests](w).Admit, contract.AdmitInput{Request: removal("locked")},
	); got.Rejection != nil || got.GraceSeconds == 0 {
		t.Errorf("while the stack cannot be read: %+v", got)
	}
}
