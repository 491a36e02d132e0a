package activities

import (
	"net/http"
	"strings"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"perch"
	"perch/activities/activitytest"
	"perch/activities/contract"
	"perch/sandbox/aws"
)

// said has the card of branch login say something.
func (w *world) said(state perch.CardState) {
	w.t.Helper()
	_, err := of[*Stacks](w).cards.Update(w.t.Context(), activitytest.Environment(
		"shop", "login",
	), func(c *perch.Card) error {
		c.State = state
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// card is the card of branch login.
func (w *world) card() (perch.Card, bool) {
	w.t.Helper()
	card, found, err := of[*Stacks](w).cards.Read(w.t.Context(), activitytest.Environment("shop", "login"))
	if err != nil {
		w.t.Fatal(err)
	}
	return card, found
}

func TestADeletionDoesNotBeginBeforeTheCardSaysWhatTheStackHolds(t *testing.T) {
	w := newWorld(t)
	w.apply()
	id := w.templated(bucketTemplate("one"))
	in := contract.PrepareInput{Environment: activitytest.Environment("shop", "login"), StackID: id}
	fault := aws.Fault{Service: "s3", Action: "PutObject", Contains: "cards/login.json"}
	fault.Status, fault.Code = http.StatusForbidden, "AccessDenied"
	if _, err := w.aws.AddFault(fault); err != nil {
		t.Fatal(err)
	}
	_, err := activitytest.Try(of[*Deletions](w).PrepareDeletion, in)
	activitytest.WantFinal(t, err, perch.ErrorDenied, "write card cards/login.json", "s3:PutObject")
	w.aws.DeleteFault("")
	fault.Status, fault.Code = http.StatusConflict, "ConditionalRequestConflict"
	if _, err := w.aws.AddFault(fault); err != nil {
		t.Fatal(err)
	}
	_, err = activitytest.Try(of[*Deletions](w).PrepareDeletion, in)
	activitytest.WantRetry(t, err, "write card cards/login.json", "ConditionalRequestConflict")
	if _, found := w.card(); found {
		t.Error("there is a card")
	}
}

func TestTheCardOfARemovedEnvironmentStaysOnlyIfItSaysMore(t *testing.T) {
	for name, said := range map[string]bool{"blank": false, "told": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.apply()
			id := w.templated(bucketTemplate("one"))
			w.prepare(id, false)
			if said {
				w.said(perch.CardState{Goal: perch.GoalGone, Phase: perch.PhaseRemoving})
			}
			if card, found := w.card(); !found || len(card.Removals) != 1 {
				t.Fatalf("before the deletion: %+v", card)
			}
			w.delete(id, nil)
			in := contract.VerifyInput{Environment: activitytest.Environment("shop", "login"), StackID: id}
			if out := must(w, of[*Verification](w).VerifyGone, in); len(out.Leftovers) > 0 {
				t.Fatalf("left %q", out.Leftovers)
			}
			if card, found := w.card(); found != said || len(card.Removals) != 0 {
				t.Errorf("afterwards: found %t, %+v", found, card)
			}
		})
	}
}

// shown are the environments as `ls` and `status` show branch login, with the warnings of both.
func (w *world) shown() (shown []perch.EnvironmentStatus, warnings []string) {
	w.t.Helper()
	list := must(w, of[*Stacks](w).ListEnvironments, perch.ListInput{Project: "shop"})
	status := must(
		w, of[*Stacks](w).DescribeEnvironment,
		perch.StatusInput{Environment: activitytest.Environment("shop", "login")},
	)
	shown = append(list.Environments, *status.Environment)
	if len(shown) != 2 {
		w.t.Fatalf("shown are %+v", shown)
	}
	return shown, append(list.Warnings, status.Warnings...)
}

func TestWhatTheCardSaysIsShown(t *testing.T) {
	w := newWorld(t)
	w.apply()
	w.settle(w.bare("shop-login", "login", nil))
	shown, warnings := w.shown()
	for i, each := range shown {
		if !strings.HasPrefix(warnings[i], "there is no card of login: ") || each.PullRequests != nil ||
			each.LastReport != nil {
			t.Errorf("without a card: %+v, warnings %q", each, warnings)
		}
	}
	w.said(perch.CardState{
		Goal: perch.GoalUp, Phase: perch.PhaseFailed, Commit: "4f2d", By: "ada", Failure: strings.Repeat("ä\n", 300),
	})
	if _, err := of[*Stacks](w).cards.Update(t.Context(), activitytest.Environment(
		"shop", "login",
	), func(c *perch.Card) error {
		c.PullRequests = []perch.PullRequest{{Number: 12, Title: "Log in"}}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	shown, warnings = w.shown()
	for i, each := range shown {
		if len(warnings) != 0 || len(each.PullRequests) != 1 || each.LastReport == nil || each.LastReport.By != "ada" {
			t.Fatalf("shown is %+v, warnings %q", each, warnings)
		}
		said := []rune(each.LastReport.Sentence)
		if cut := len(said) == 300 && said[299] == '…'; cut != (i == 0) {
			t.Errorf(
				"of ls and status number %d has a sentence of %d characters: %q", i, len(said),
				each.LastReport.Sentence,
			)
		}
	}
}

func TestAFailureBeforeThereIsAStackIsShown(t *testing.T) {
	w := newWorld(t)
	w.apply()
	w.said(perch.CardState{
		Goal: perch.GoalUp, Phase: perch.PhaseRejected, Commit: "4f2d", Sentence: "too many environments",
	})
	status := must(
		w, of[*Stacks](w).DescribeEnvironment,
		perch.StatusInput{Environment: activitytest.Environment("shop", "login")},
	)
	if status.Environment != nil || status.LastReport == nil || status.LastReport.Sentence != "too many environments" {
		t.Errorf("the status is %+v", status)
	}
}

// TestAStackSaysWhyItFailed: without a card, what CloudFormation says of the stack is the reason.
func TestAStackSaysWhyItFailed(t *testing.T) {
	w := newWorld(t)
	w.apply()
	w.fault(aws.Fault{LogicalID: "Files", Phase: "delete", Reason: "the bucket is not empty"})
	id := w.bare("shop-login", "login", nil)
	w.settle(id)
	must(
		w, of[*Stacks](w).DeleteStack,
		contract.ChangeInput{Environment: activitytest.Environment("shop", "login"), StackID: id, Token: "gone"},
	)
	w.settle(id)
	shown, _ := w.shown()
	for _, each := range shown {
		if each.Status != "DELETE_FAILED" || !strings.Contains(each.StatusReason, "Files") {
			t.Errorf("shown is %+v", each)
		}
	}
}

func TestACardThatCannotBeReadIsAWarning(t *testing.T) {
	w := newWorld(t)
	w.apply()
	w.settle(w.bare("shop-login", "login", nil))
	bucket, err := of[*Stacks](w).cards.Bucket(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	in := &s3.PutObjectInput{Bucket: &bucket, Key: sdk.String("cards/login.json"), Body: strings.NewReader("{")}
	if _, err := w.s3().PutObject(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	_, warnings := w.shown()
	if len(warnings) != 2 || !strings.Contains(warnings[0], "/cards/login.json cannot be read") ||
		warnings[1] != warnings[0] {
		t.Errorf("warnings %q", warnings)
	}
	w.said(perch.CardState{Goal: perch.GoalUp, Phase: perch.PhaseReady})
	shown, warnings := w.shown()
	if len(warnings) != 2 || !strings.Contains(warnings[0], "it was kept as cards/unreadable/login-") ||
		shown[0].LastReport == nil {
		t.Errorf("after the next report: %+v, warnings %q", shown[0], warnings)
	}
	for _, action := range []string{"GetObject", "ListObjectsV2"} {
		if _, err := w.aws.AddFault(aws.Fault{
			Service: "s3", Action: action, Status: http.StatusForbidden, Code: "AccessDenied",
		}); err != nil {
			t.Fatal(err)
		}
	}
	if _, warnings := w.shown(); len(warnings) != 2 ||
		!strings.Contains(warnings[0], "are not known: list cards in bucket") {
		t.Errorf("warnings %q", warnings)
	}
}
