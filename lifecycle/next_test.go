package lifecycle

import (
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"perch"
)

// decisions is the whole table: every stack status of the SDK, what to do when the environment is wanted (with another template
// and with the one in force) and when it is to go.
var decisions = map[types.StackStatus]struct{ up, unchanged, gone Step }{
	"":                                                       {Create, Create, Done},
	types.StackStatusCreateInProgress:                        {Wait, Wait, Delete},
	types.StackStatusCreateFailed:                            {Delete, Delete, Delete},
	types.StackStatusCreateComplete:                          {Update, Done, Delete},
	types.StackStatusRollbackInProgress:                      {Wait, Wait, Wait},
	types.StackStatusRollbackFailed:                          {Delete, Delete, Delete},
	types.StackStatusRollbackComplete:                        {Delete, Delete, Delete},
	types.StackStatusDeleteInProgress:                        {Wait, Wait, Wait},
	types.StackStatusDeleteFailed:                            {Delete, Delete, Delete},
	types.StackStatusDeleteComplete:                          {Create, Create, Done},
	types.StackStatusUpdateInProgress:                        {Wait, Wait, CancelUpdate},
	types.StackStatusUpdateComplete:                          {Update, Done, Delete},
	types.StackStatusUpdateFailed:                            {Rollback, Rollback, Delete},
	types.StackStatusReviewInProgress:                        {Delete, Delete, Delete},
	types.StackStatusImportInProgress:                        {Wait, Wait, Wait},
	types.StackStatusImportComplete:                          {Update, Done, Delete},
	types.StackStatusImportRollbackFailed:                    {Stop, Stop, Delete},
	types.StackStatusUpdateCompleteCleanupInProgress:         {Wait, Wait, Wait},
	types.StackStatusUpdateRollbackInProgress:                {Wait, Wait, Wait},
	types.StackStatusUpdateRollbackFailed:                    {ContinueRollback, ContinueRollback, Delete},
	types.StackStatusUpdateRollbackCompleteCleanupInProgress: {Wait, Wait, Wait},
	types.StackStatusUpdateRollbackComplete:                  {Update, Done, Delete},
	types.StackStatusImportRollbackInProgress:                {Wait, Wait, Wait},
	types.StackStatusImportRollbackComplete:                  {Update, Done, Delete},
}

func TestNextDecidesEveryStatus(t *testing.T) {
	statuses := append(types.StackStatus("").Values(), "")
	if len(statuses) != len(decisions) {
		t.Errorf("the SDK has %d statuses, the table %d", len(statuses)-1, len(decisions)-1)
	}
	for _, status := range statuses {
		want, ok := decisions[status]
		if !ok {
			t.Errorf("status %s is not in the table", status)
			continue
		}
		t.Run(fmt.Sprintf("status=%s", status), func(t *testing.T) {
			ours := Stack{Status: string(status), Ours: true}
			check(t, "up with a new template", Next(ours, perch.GoalUp), want.up)
			check(t, "gone", Next(ours, perch.GoalGone), want.gone)
			ours.Unchanged = true
			check(t, "up with the template in force", Next(ours, perch.GoalUp), want.unchanged)
		})
	}
}

func TestNextLeavesForeignStacksAlone(t *testing.T) {
	for _, status := range types.StackStatus("").Values() {
		if status == types.StackStatusDeleteComplete {
			continue
		}
		for _, goal := range []perch.Goal{perch.GoalUp, perch.GoalGone} {
			check(t, string(status), Next(Stack{Status: string(status)}, goal), Conflict)
		}
	}
}

func TestNextNeverDeletesAProtectedStack(t *testing.T) {
	for _, status := range types.StackStatus("").Values() {
		for _, goal := range []perch.Goal{perch.GoalUp, perch.GoalGone} {
			if step := Next(Stack{Status: string(status), Ours: true, Protected: true}, goal); step == Delete || step == CancelUpdate {
				t.Errorf("%s towards %s: %s a protected stack", status, goal, step)
			}
		}
	}
}

func TestStuckUpdateIsTurnedBackThenForcedThenMadeAnew(t *testing.T) {
	for _, c := range []struct {
		status    types.StackStatus
		rollbacks int
		protected bool
		want      Step
	}{
		{types.StackStatusUpdateFailed, 0, false, Rollback},
		{types.StackStatusUpdateFailed, 1, false, Delete},
		{types.StackStatusUpdateRollbackFailed, 0, false, ContinueRollback},
		{types.StackStatusUpdateRollbackFailed, 1, false, ForceRollback},
		{types.StackStatusUpdateRollbackFailed, 2, false, Delete},
		{types.StackStatusUpdateRollbackFailed, 2, true, Stop},
	} {
		got := Next(Stack{Status: string(c.status), Ours: true, Rollbacks: c.rollbacks, Protected: c.protected}, perch.GoalUp)
		check(t, fmt.Sprintf("%s after %d rollbacks, protected %v", c.status, c.rollbacks, c.protected), got, c.want)
	}
}

func TestReachedIsOnlySuccess(t *testing.T) {
	for _, status := range types.StackStatus("").Values() {
		want := status == types.StackStatusCreateComplete || status == types.StackStatusUpdateComplete
		if Reached(string(status)) != want {
			t.Errorf("Reached(%s) = %v", status, !want)
		}
	}
}

func check(t *testing.T, what string, got, want Step) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %s, want %s", what, got, want)
	}
}
