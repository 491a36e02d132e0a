// Package lifecycle contains the rules that decide the next step for a stack, given its status and
// the goal. It does no I/O. Workflows carry out its decisions and make none themselves.
package lifecycle

import (
	"fmt"
	"strings"

	"perch"
)

// Step is the next thing to do with a stack.
type Step string

// The steps.
const (
	// Create creates the stack.
	Create Step = "create"
	// Update updates the stack to the wanted template.
	Update Step = "update"
	// Delete empties the stack's buckets and deletes it.
	Delete Step = "delete"
	// Wait waits for the end of the operation in progress.
	Wait Step = "wait"
	// CancelUpdate rolls back an update in progress.
	CancelUpdate Step = "cancel-update"
	// ContinueRollback continues the rollback of an update if the rollback is stuck.
	ContinueRollback Step = "continue-rollback"
	// ForceRollback continues a rollback and skips the resources that cannot be rolled back.
	ForceRollback Step = "force-rollback"
	// Rollback rolls back a failed update whose changes CloudFormation has kept.
	Rollback Step = "rollback"
	// Yield leaves the stack, as it is, to the newer request that waits.
	Yield Step = "yield"
	// Done means that the goal is reached.
	Done Step = "done"
	// Conflict means that the stack with the environment's name is not managed by Perch or belongs
	// to another repository. Perch does not change it.
	Conflict Step = "conflict"
	// Protected means that the stack must not be removed. Perch does not change it.
	Protected Step = "protected"
	// Stop means that no CloudFormation call helps. A person has to repair the stack.
	Stop Step = "stop"
	// NeedsRecreate means that only a new stack helps, but no one has requested that. The old stack
	// was ready before, so its data is kept until a person requests its deletion.
	NeedsRecreate Step = "needs-recreate"
)

// Stack is the part of a stack's state that the rules depend on.
type Stack struct {
	// Status is CloudFormation's StackStatus; empty if there is no stack.
	Status string
	// Ours means that the stack's name, project, repository and branch are those of the
	// environment.
	Ours bool
	// Protected means that termination protection is on, or that Perch does not remove environments
	// of this kind.
	Protected bool
	// Unchanged means that the deployed template is the wanted one.
	Unchanged bool
	// Recreate means that the request requires the stack to be deleted and created again, and that
	// this has not begun.
	Recreate bool
	// MayRecreate means that the policy allows Perch to recreate a stack that was ready, if nothing
	// else repairs it.
	MayRecreate bool
	// Rollbacks counts this run's attempts to roll back a failed update.
	Rollbacks int
	// Pending is the goal of the newer request that waits for the run to end; empty if there is
	// none.
	Pending perch.Goal
}

// Next returns the next step for stack towards goal.
func Next(stack Stack, goal perch.Goal) Step {
	step := alone(stack, goal)
	if yields(step, stack, goal) {
		return Yield
	}
	return step
}

// yields reports whether the run leaves the stack to the pending request before step. A run starts
// no call for a superseded target. It leaves an operation in progress only to a removal that can
// interrupt it. A newer commit has to wait until the stack can be updated again. A run leaves a
// removal to an `up` only while nothing is deleted, and finishes it after that.
func yields(step Step, stack Stack, goal perch.Goal) bool {
	if stack.Pending == "" {
		return false
	}
	switch step {
	case Wait:
		return goal == perch.GoalUp && stack.Pending == perch.GoalGone && towardsGone(stack.Status) != Wait
	case Done, Conflict, Protected, Stop, NeedsRecreate:
		return false
	}
	if goal == perch.GoalGone {
		return stack.Pending == perch.GoalUp && stack.Status != "DELETE_FAILED"
	}
	return true
}

// alone returns the next step for stack if no other request is pending.
func alone(stack Stack, goal perch.Goal) Step {
	switch {
	case stack.Status == "" || stack.Status == "DELETE_COMPLETE":
		return onNothing(goal)
	case !stack.Ours:
		return Conflict
	case goal == perch.GoalGone && stack.Protected:
		return Protected
	case goal == perch.GoalGone:
		return towardsGone(stack.Status)
	default:
		return towardsUp(stack)
	}
}

// Foreign returns the rejection for Conflict. others has the repository that the stack's tags name;
// it is empty if they name none.
func Foreign(e perch.Environment, others []perch.OtherRepository) *perch.Rejection {
	if len(others) > 0 {
		return perch.Reject("%s", others[0])
	}
	return perch.Reject(
		"stack %s exists and does not have the tags of branch %q: Perch does not manage it and did not change it; "+
			"rename the branch or delete that stack",
		e.StackName(), e.Branch,
	)
}

// Stuck returns the message for Stop: Perch has no step for the stack's status. reason is AWS's
// message from when the stack got stuck; empty if it is unknown.
func Stuck(stack, status, reason string) string {
	sentence := fmt.Sprintf(
		"stack %s is %s: Perch cannot repair a stack in this status; look at it in the CloudFormation console",
		stack, status,
	)
	if reason != "" {
		sentence += "; AWS says: " + Explained(reason)
	}
	return sentence
}

// OutOfService returns the message for NeedsRecreate: AWS's reason, what it means and what to do.
// reason is empty if it is unknown.
func OutOfService(e perch.Environment, status, reason string) string {
	if reason == "" {
		reason = "its events in the CloudFormation console say why"
	}
	explained := Explained(reason)
	if explained == reason {
		explained += "; fix the cause, then push again"
	}
	return fmt.Sprintf(
		"stack %s is %s and takes no update: %s; as a last resort `perch up --recreate %s` deletes the stack, "+
			"its database and everything in its buckets, and creates it again",
		e.StackName(), status, explained, e.Branch,
	)
}

// DeleteByHand returns the message for Protected if the goal is an `up`. The stack was never ready
// or is partly deleted, and because of its kind only a person may delete it. reason is AWS's
// message; empty if it is unknown.
func DeleteByHand(e perch.Environment, kind perch.Kind, status, reason string) string {
	was := "it was never ready"
	if strings.HasPrefix(status, "DELETE_") {
		was = "its deletion was begun and cannot be taken back"
	}
	why := "its kind is " + string(kind)
	if kind == perch.KindBranch {
		why = "termination protection is on"
	}
	said := "its events in the CloudFormation console say why"
	if reason != "" {
		said = "AWS says: " + Explained(reason)
	}
	return fmt.Sprintf(
		"stack %s is %s: %s, and Perch does not delete it because %s; %s; fix the cause, turn off termination "+
			"protection "+
			"and delete the stack in the CloudFormation console, then run `perch up %s` again",
		e.StackName(), status, was, why, said, e.Branch,
	)
}

func onNothing(goal perch.Goal) Step {
	if goal == perch.GoalGone {
		return Done
	}
	return Create
}

// towardsGone returns the next step towards a deleted stack. CloudFormation can delete a stack
// during its creation. It first has to roll back an update.
func towardsGone(status string) Step {
	switch status {
	case "UPDATE_IN_PROGRESS":
		return CancelUpdate
	case "CREATE_IN_PROGRESS", "REVIEW_IN_PROGRESS":
		return Delete
	}
	if InProgress(status) {
		return Wait
	}
	return Delete
}

// neverReady has the statuses of a stack whose creation has not succeeded, and of a stack whose
// deletion has begun and can only be completed. CREATE_FAILED and ROLLBACK_* end a creation, and
// REVIEW_IN_PROGRESS precedes one. A stack that has reached CREATE_COMPLETE does not return to any
// of these (API reference, RollbackStack: UPDATE_FAILED leads to UPDATE_ROLLBACK_*).
var neverReady = map[string]bool{
	"": true, "REVIEW_IN_PROGRESS": true, "CREATE_IN_PROGRESS": true, "CREATE_FAILED": true,
	"ROLLBACK_IN_PROGRESS": true, "ROLLBACK_COMPLETE": true, "ROLLBACK_FAILED": true,
	"DELETE_IN_PROGRESS": true, "DELETE_FAILED": true, "DELETE_COMPLETE": true,
}

// WasReady reports whether a stack in status has been in service and can return to it. An unknown
// status counts as one of these.
func WasReady(status string) bool { return !neverReady[status] }

// towardsUp returns the next step towards the wanted template. Unless the request includes a
// recreation or the policy allows one, it only deletes a stack that was never ready.
func towardsUp(stack Stack) Step {
	if !WasReady(stack.Status) && !InProgress(stack.Status) {
		if stack.Protected {
			return Protected
		}
		return Delete
	}
	if stack.Recreate {
		return recreateStack(stack)
	}
	switch stack.Status {
	case "UPDATE_FAILED", "UPDATE_ROLLBACK_FAILED":
		return turnBack(stack)
	case "IMPORT_ROLLBACK_FAILED":
		return lastResort(stack)
	}
	switch {
	case InProgress(stack.Status):
		return Wait
	case !serving[stack.Status]:
		return Stop
	case stack.Unchanged:
		return Done
	}
	return Update
}

// recreateStack returns the steps of a removal until the stack is deleted.
func recreateStack(stack Stack) Step {
	if stack.Protected {
		return Protected
	}
	return towardsGone(stack.Status)
}

// turnBack returns the gentlest way to roll back that has not failed yet.
func turnBack(stack Stack) Step {
	switch {
	case stack.Rollbacks == 0 && stack.Status == "UPDATE_FAILED":
		return Rollback
	case stack.Rollbacks == 0:
		return ContinueRollback
	case stack.Rollbacks == 1 && stack.Status == "UPDATE_ROLLBACK_FAILED":
		return ForceRollback
	}
	return lastResort(stack)
}

// lastResort returns the step for a stack that was ready and that no call brings back to service.
// It recreates the stack only if the policy allows that. The database and buckets would be lost
// because of a fault that a person may be able to fix.
func lastResort(stack Stack) Step {
	switch {
	case stack.Protected:
		return Stop
	case stack.MayRecreate:
		return Delete
	}
	return NeedsRecreate
}

// serving has the stable statuses of a stack that can be updated. In these, the stack's outputs
// describe what is deployed.
var serving = map[string]bool{
	"CREATE_COMPLETE": true, "UPDATE_COMPLETE": true, "UPDATE_ROLLBACK_COMPLETE": true,
	"IMPORT_COMPLETE": true, "IMPORT_ROLLBACK_COMPLETE": true,
}

// Serving reports whether a stack in status is in service, so that its outputs describe what is
// deployed.
func Serving(status string) bool { return serving[status] }

// InProgress reports whether a CloudFormation operation is in progress. In REVIEW_IN_PROGRESS
// nothing happens, so it does not count.
func InProgress(status string) bool {
	return strings.HasSuffix(status, "_IN_PROGRESS") && status != "REVIEW_IN_PROGRESS"
}

// StuckAgain reports whether the stack can no longer be updated: an update ended in status after
// this run had already rolled back a stuck one, rollbacks times. The cause is then not the update,
// and Next decides what to do.
func StuckAgain(status string, rollbacks int) bool {
	return status == "UPDATE_ROLLBACK_FAILED" && rollbacks > 0
}

// Reached reports whether status is the final status of a successful Create or Update.
func Reached(status string) bool {
	return status == "CREATE_COMPLETE" || status == "UPDATE_COMPLETE"
}

// PriorityTaken reports whether a creation failed because of a conflict with another environment.
// Both chose the same priority for their rules on the shared load balancer at the same time
// (Elastic Load Balancing: PriorityInUse). The next attempt finds a free priority.
func PriorityTaken(reason string) bool { return strings.Contains(reason, "PriorityInUse") }

// interrupted has the statuses in which a service may still be working on a resource that
// CloudFormation no longer waits for. Either a deletion interrupted a creation, or an operation
// failed.
var interrupted = map[string]bool{
	"CREATE_IN_PROGRESS": true, "CREATE_FAILED": true, "ROLLBACK_FAILED": true,
	"UPDATE_FAILED": true, "UPDATE_ROLLBACK_FAILED": true, "DELETE_FAILED": true,
}

// Interrupted reports whether a service may still be working on a resource of a stack in status.
// Elastic Beanstalk rejects an operation while another one is in progress.
func Interrupted(status string) bool { return interrupted[status] }
