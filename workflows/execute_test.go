package workflows

import (
	"context"
	"errors"
	"strings"
	"testing"

	sdk "go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"

	"perch"
	"perch/activities/contract"
)

// TestActivitiesRunOnTheQueueOfTheirRow compares where a creation and a removal send their
// activities with the contract.
func TestActivitiesRunOnTheQueueOfTheirRow(t *testing.T) {
	const queue = "perch-shop"
	rows := map[string]contract.Row{}
	for _, row := range contract.Table() {
		rows[row.Name] = row
	}
	seen := map[contract.Queue]int{}
	for _, first := range []perch.Request{up(commitOne), gone()} {
		w := newWorld(t)
		w.ours("CREATE_COMPLETE", "old")
		w.env.SetStartWorkflowOptions(client.StartWorkflowOptions{TaskQueue: queue})
		w.env.SetOnActivityStartedListener(func(info *sdk.Info, _ context.Context, _ converter.EncodedValues) {
			row := rows[info.ActivityType.Name]
			seen[row.Queue]++
			if want := row.Queue.Beside(queue); info.TaskQueue != want {
				t.Errorf("%s is sent to %s, want %s", info.ActivityType.Name, info.TaskQueue, want)
			}
		})
		kind := map[perch.Goal]any{perch.GoalUp: Provision, perch.GoalGone: Teardown}[first.Goal]
		if _, _, err := w.run(kind, first); err != nil {
			t.Fatal(err)
		}
	}
	if seen[contract.QueueQuick] < 4 || seen[contract.QueueWaits] < 4 {
		t.Errorf("only %v activities ran", seen)
	}
}

func TestARunWithoutAnEnvironmentIsRejected(t *testing.T) {
	for name, function := range map[string]any{"up": Provision, "down": Teardown} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.env.ExecuteWorkflow(function, perch.RunInput{})
			var failure *temporal.ApplicationError
			if err := w.env.GetWorkflowError(); !errors.As(err, &failure) || failure.Type() != perch.ErrorInvalid ||
				!failure.NonRetryable() {
				t.Fatalf("the run ended with %v", err)
			}
			if !strings.Contains(failure.Message(), "names no environment") {
				t.Errorf("says %q", failure.Message())
			}
			w.did()
		})
	}
}

func TestQueuesAreNamedBesideTheProjects(t *testing.T) {
	for queue, want := range map[contract.Queue]string{
		contract.QueueQuick: perch.TaskQueue("shop"), contract.QueueWaits: perch.WaitQueue("shop"),
	} {
		if got := queue.Beside(perch.TaskQueue("shop")); got != want {
			t.Errorf("%s is %s, want %s", queue, got, want)
		}
	}
}
