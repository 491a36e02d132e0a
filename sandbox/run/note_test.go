package run

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/converter"

	"perch"
	"perch/activities/contract"
	"perch/client"
	"perch/lifecycle"
	"perch/sandbox/aws"
)

func (b *bench) noteFor(branch, id string) perch.Note {
	return perch.Note{
		ID: id, Kind: perch.NoteReport, Project: b.project, Branch: branch, By: "test", At: time.Now().UTC(),
	}
}

// sendNote sends a note and waits until the card has it.
func (b *bench) sendNote(t *testing.T, branch, id string) {
	t.Helper()
	if err := client.New(b.connect(t)).SendNote(t.Context(), b.noteFor(branch, id)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the note "+id+" is entered", func() (any, bool) {
		ids, runs := b.entered(t, b.stackOf(t, branch))
		return runs, slices.Contains(ids, id)
	})
}

// entered returns the ids of the notes in the reports that have succeeded, in all runs of the
// environment.
func (b *bench) entered(t *testing.T, stack string) (ids []string, runs []string) {
	t.Helper()
	found, err := b.connect(t).ListWorkflow(t.Context(), &workflowservice.ListWorkflowExecutionsRequest{
		Query: fmt.Sprintf("WorkflowId = '%s'", stack),
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, run := range found.GetExecutions() {
		runs = append(runs, run.GetType().GetName()+" "+run.GetStatus().String())
		ids = append(ids, enteredBy(t, b.history(t, stack, run.GetExecution().GetRunId()))...)
	}
	return ids, runs
}

func enteredBy(t *testing.T, history *historypb.History) (ids []string) {
	t.Helper()
	scheduled := map[int64][]string{}
	for _, event := range history.GetEvents() {
		if a := event.GetActivityTaskScheduledEventAttributes(); a.GetActivityType().
			GetName() == contract.Report.Name() {
			var in contract.ReportInput
			if err := converter.GetDefaultDataConverter().FromPayloads(a.GetInput(), &in); err != nil {
				t.Fatal(err)
			}
			for _, note := range in.Notes {
				scheduled[event.GetEventId()] = append(scheduled[event.GetEventId()], note.ID)
			}
		}
		if event.GetEventType() == enumspb.EVENT_TYPE_ACTIVITY_TASK_COMPLETED {
			ids = append(ids, scheduled[event.GetActivityTaskCompletedEventAttributes().GetScheduledEventId()]...)
		}
	}
	return ids
}

// TestS224NotesAndRequestsLoseNothing sends notes while deployments and removals of the same
// environment are requested. The card has every note in the end, and the last request is carried
// out.
func TestS224NotesAndRequestsLoseNothing(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t)
	branch := "noted"
	commit := b.repo.commit(t, branch, map[string]string{"a.txt": "1"})
	stack := b.stackOf(t, branch)
	temporal := client.New(b.connect(t))
	var sent []string
	var senders sync.WaitGroup
	for sender := range 4 {
		var mine []string
		for i := range 10 {
			mine = append(mine, fmt.Sprintf("note-%d-%d", sender, i))
		}
		sent = append(sent, mine...)
		senders.Go(func() {
			for _, id := range mine {
				if err := temporal.SendNote(t.Context(), b.noteFor(branch, id)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	b.must(t, "up", branch)
	b.must(t, "down", branch)
	up := b.must(t, "up", branch)
	senders.Wait()
	equal(t, up, document{"outcome": "ready", "commit": commit})
	b.sendNote(t, branch, "last")
	eventually(t, "every note is entered", func() (any, bool) {
		ids, runs := b.entered(t, stack)
		missing := slices.DeleteFunc(slices.Clone(sent), func(id string) bool { return slices.Contains(ids, id) })
		return fmt.Sprintf(
			"%d of %d are missing: %v; runs: %v", len(missing), len(sent), missing, runs,
		), len(missing) == 0
	})
	if _, runs := b.entered(
		t, stack,
	); slices.ContainsFunc(runs, func(r string) bool { return r == "Note Failed" || r == "Provision Failed" }) {
		t.Errorf("a run failed: %v", runs)
	}
}

// TestRunsThatTakeNotesAreNotTheLatestRun reads the failure of a removal after a note.
func TestRunsThatTakeNotesAreNotTheLatestRun(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t)
	branch := "noted-failure"
	b.repo.commit(t, branch, map[string]string{"a.txt": "1"})
	stack := b.stackOf(t, branch)
	b.must(t, "up", branch)
	lift := b.order(t, aws.Fault{
		Service: "cloudformation", Action: "DeleteStack", Contains: stack, Code: "AccessDenied",
		Message: "not authorized",
	})
	if exit, d := b.ask(t, "down", branch); exit != 1 {
		t.Fatalf("exit code %d: %v", exit, d)
	}
	b.sendNote(t, branch, "after-the-failure")
	temporal := client.New(b.connect(t))
	eventually(t, "the removal's failure is found behind the run that took the note", func() (any, bool) {
		failure, err := temporal.LastFailure(t.Context(), stack)
		latest, failed := temporal.LatestRun(t.Context(), stack)
		end, closed, unread := temporal.LastEnd(t.Context(), stack, perch.Request{Goal: perch.GoalGone})
		return fmt.Sprint(failure, err, latest, failed, end, unread), strings.Contains(failure, "not authorized") &&
			latest == lifecycle.RunFailed && closed && end.Answer.Failure == failure && end.Closed.After(end.Began)
	})
	lift()
	b.must(t, "down", branch)
}
