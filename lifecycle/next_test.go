package lifecycle

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"perch"
)

// decisions is the whole table: for every stack status of the SDK, the step for an `up` (with
// another template, with the deployed one, while a newer commit waits, while a removal waits) and
// for a removal (alone, while an `up` waits).
var decisions = map[types.StackStatus]struct{ up, unchanged, upThenUp, upThenGone, gone, goneThenUp Step }{
	"":                                  {Create, Create, Yield, Yield, Done, Done},
	types.StackStatusCreateInProgress:   {Wait, Wait, Wait, Yield, Delete, Yield},
	types.StackStatusCreateFailed:       {Delete, Delete, Yield, Yield, Delete, Yield},
	types.StackStatusCreateComplete:     {Update, Done, Yield, Yield, Delete, Yield},
	types.StackStatusRollbackInProgress: {Wait, Wait, Wait, Wait, Wait, Wait},
	types.StackStatusRollbackFailed:     {Delete, Delete, Yield, Yield, Delete, Yield},
	types.StackStatusRollbackComplete:   {Delete, Delete, Yield, Yield, Delete, Yield},
	types.StackStatusDeleteInProgress:   {Wait, Wait, Wait, Wait, Wait, Wait},
	types.StackStatusDeleteFailed:       {Delete, Delete, Yield, Yield, Delete, Delete},
	types.StackStatusDeleteComplete:     {Create, Create, Yield, Yield, Done, Done},
	types.StackStatusUpdateInProgress:   {Wait, Wait, Wait, Yield, CancelUpdate, Yield},
	types.StackStatusUpdateComplete:     {Update, Done, Yield, Yield, Delete, Yield},
	types.StackStatusUpdateFailed:       {Rollback, Rollback, Yield, Yield, Delete, Yield},
	types.StackStatusReviewInProgress:   {Delete, Delete, Yield, Yield, Delete, Yield},
	types.StackStatusImportInProgress:   {Wait, Wait, Wait, Wait, Wait, Wait},
	types.StackStatusImportComplete:     {Update, Done, Yield, Yield, Delete, Yield},
	types.StackStatusImportRollbackFailed: {
		NeedsRecreate, NeedsRecreate, NeedsRecreate, NeedsRecreate, Delete, Yield,
	},
	types.StackStatusUpdateCompleteCleanupInProgress: {Wait, Wait, Wait, Wait, Wait, Wait},
	types.StackStatusUpdateRollbackInProgress:        {Wait, Wait, Wait, Wait, Wait, Wait},
	types.StackStatusUpdateRollbackFailed: {
		ContinueRollback, ContinueRollback, Yield, Yield, Delete, Yield,
	},
	types.StackStatusUpdateRollbackCompleteCleanupInProgress: {Wait, Wait, Wait, Wait, Wait, Wait},
	types.StackStatusUpdateRollbackComplete:                  {Update, Done, Yield, Yield, Delete, Yield},
	types.StackStatusImportRollbackInProgress:                {Wait, Wait, Wait, Wait, Wait, Wait},
	types.StackStatusImportRollbackComplete:                  {Update, Done, Yield, Yield, Delete, Yield},
}

func TestNextDecidesEveryStatus(t *testing.T) {
	statuses := append(types.StackStatus("").Values(), "")
	if len(statuses) != 24 || len(statuses) != len(decisions) {
		t.Errorf("the SDK has %d statuses, the table %d", len(statuses)-1, len(decisions)-1)
	}
	for _, status := range statuses {
		want, ok := decisions[status]
		if !ok {
			t.Errorf("status %s is not in the table", status)
			continue
		}
		t.Run(fmt.Sprintf("status=%s", status), func(t *testing.T) {
			stack := Stack{Status: string(status), Ours: true}
			decides(t, stack, perch.GoalUp, "", want.up)
			decides(t, stack, perch.GoalUp, perch.GoalUp, want.upThenUp)
			decides(t, stack, perch.GoalUp, perch.GoalGone, want.upThenGone)
			decides(t, stack, perch.GoalGone, "", want.gone)
			decides(t, stack, perch.GoalGone, perch.GoalUp, want.goneThenUp)
			decides(t, stack, perch.GoalGone, perch.GoalGone, want.gone) // A second removal changes nothing.
			stack.Unchanged = true
			decides(t, stack, perch.GoalUp, "", want.unchanged)
		})
	}
}

func decides(t *testing.T, stack Stack, goal, pending perch.Goal, want Step) {
	t.Helper()
	stack.Pending = pending
	check(t, fmt.Sprintf("%s while %q is pending", goal, pending), Next(stack, goal), want)
}

// eachWish calls f for every goal, with every goal that may be pending.
func eachWish(f func(goal, pending perch.Goal)) {
	for _, goal := range []perch.Goal{perch.GoalUp, perch.GoalGone} {
		for _, pending := range []perch.Goal{"", perch.GoalUp, perch.GoalGone} {
			f(goal, pending)
		}
	}
}

func TestNextLeavesForeignStacksAlone(t *testing.T) {
	for _, status := range types.StackStatus("").Values() {
		if status == types.StackStatusDeleteComplete {
			continue
		}
		eachWish(func(goal, pending perch.Goal) {
			decides(t, Stack{Status: string(status)}, goal, pending, Conflict)
		})
	}
}

func TestNextNeverDeletesAProtectedStack(t *testing.T) {
	for _, status := range types.StackStatus("").Values() {
		eachWish(func(goal, pending perch.Goal) {
			for rollbacks := range 3 {
				stack := Stack{
					Status: string(status), Ours: true, Protected: true, Rollbacks: rollbacks, Pending: pending,
					MayRecreate: true,
				}
				for _, stack.Recreate = range []bool{false, true} {
					if step := Next(stack, goal); step == Delete || step == CancelUpdate {
						t.Errorf("%+v towards %s: %s", stack, goal, step)
					}
				}
			}
		})
	}
}

func TestS93StackThatIsNotKnownToBeNewWasReady(t *testing.T) {
	for _, status := range append(types.StackStatus("").Values(), "UNKNOWN") {
		begun := strings.HasPrefix(string(status), "UPDATE_") || strings.HasPrefix(string(status), "IMPORT_")
		if want := begun || status == "CREATE_COMPLETE" || status == "UNKNOWN"; WasReady(string(status)) != want {
			t.Errorf("WasReady(%s) = %v", status, !want)
		}
	}
}

func TestS93NothingThatWasReadyIsDeletedByAnUpThatDidNotRequestIt(t *testing.T) {
	for _, status := range types.StackStatus("").Values() {
		for rollbacks := range 4 {
			stack := Stack{Status: string(status), Ours: true, Rollbacks: rollbacks}
			if step := Next(stack, perch.GoalUp); WasReady(string(status)) && (step == Delete || step == Create) {
				t.Errorf("%s after %d rollbacks: %s", status, rollbacks, step)
			}
		}
	}
}

func TestStuckUpdateIsTurnedBackThenForcedThenLeftToAPerson(t *testing.T) {
	for _, c := range []struct {
		status    types.StackStatus
		rollbacks int
		protected bool
		want      Step
		allowed   Step
	}{
		{types.StackStatusUpdateFailed, 0, false, Rollback, Rollback},
		{types.StackStatusUpdateFailed, 1, false, NeedsRecreate, Delete},
		{types.StackStatusUpdateRollbackFailed, 0, false, ContinueRollback, ContinueRollback},
		{types.StackStatusUpdateRollbackFailed, 1, false, ForceRollback, ForceRollback},
		{types.StackStatusUpdateRollbackFailed, 2, false, NeedsRecreate, Delete},
		{types.StackStatusUpdateRollbackFailed, 2, true, Stop, Stop},
		{types.StackStatusImportRollbackFailed, 0, false, NeedsRecreate, Delete},
		{types.StackStatusImportRollbackFailed, 0, true, Stop, Stop},
	} {
		stack := Stack{Status: string(c.status), Ours: true, Rollbacks: c.rollbacks, Protected: c.protected}
		what := fmt.Sprintf("%s after %d rollbacks, protected %v", c.status, c.rollbacks, c.protected)
		check(t, what, Next(stack, perch.GoalUp), c.want)
		stack.MayRecreate = true
		check(t, what+", where the policy allows to recreate", Next(stack, perch.GoalUp), c.allowed)
	}
}

func TestS94RequestedRecreationGoesTheWayOfARemovalUntilNothingIsLeft(t *testing.T) {
	for status, row := range decisions {
		want := row.gone
		if want == Done {
			want = Create
		}
		stack := Stack{Status: string(status), Ours: true, Unchanged: true, Recreate: true}
		check(t, fmt.Sprintf("recreate a stack in %q", status), Next(stack, perch.GoalUp), want)
		stack.Protected = true
		if step := Next(stack, perch.GoalUp); step != Protected && want != Create {
			t.Errorf("recreate a protected stack in %q: %s", status, step)
		}
	}
	check(t, "recreate a foreign stack", Next(Stack{Status: "CREATE_COMPLETE", Recreate: true}, perch.GoalUp), Conflict)
	decides(t, Stack{Status: "CREATE_COMPLETE", Ours: true, Recreate: true}, perch.GoalUp, perch.GoalUp, Yield)
}

func TestOutOfServiceNamesTheCauseAndTheCommand(t *testing.T) {
	login := perch.Environment{Project: "shop", Branch: "feature/login", Slug: "login"}
	got := OutOfService(
		login, "UPDATE_ROLLBACK_FAILED",
		"Database (AWS::RDS::DBInstance): Database instance is not in available state.",
	)
	for _, words := range []string{
		"stack shop-login is UPDATE_ROLLBACK_FAILED", "not in available state", "start it in the RDS console",
		"then push again", "`perch up --recreate feature/login`", "its database and everything in its buckets",
	} {
		if !strings.Contains(got, words) {
			t.Errorf("%q is not in: %s", words, got)
		}
	}
}

func TestUpdateThatGetsStuckIsAFailureTheFirstTimeOnly(t *testing.T) {
	for _, status := range types.StackStatus("").Values() {
		for rollbacks := range 3 {
			want := status == types.StackStatusUpdateRollbackFailed && rollbacks > 0
			if StuckAgain(string(status), rollbacks) != want {
				t.Errorf("StuckAgain(%s, %d) = %v", status, rollbacks, !want)
			}
		}
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
