// Package lifecycle holds the rules: what to do next with a stack, given its status and the goal.
// It is pure; workflows carry out its decisions and make none.
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
	// Create makes the stack.
	Create Step = "create"
	// Update brings the stack to the wanted template.
	Update Step = "update"
	// Delete empties the stack's buckets and deletes it.
	Delete Step = "delete"
	// Wait lets the operation in progress end.
	Wait Step = "wait"
	// CancelUpdate rolls back an update in progress.
	CancelUpdate Step = "cancel-update"
	// ContinueRollback continues the rollback of an update that got stuck.
	ContinueRollback Step = "continue-rollback"
	// ForceRollback continues it and skips the resources that cannot be rolled back.
	ForceRollback Step = "force-rollback"
	// Rollback rolls back a failed update that CloudFormation was told to leave as it is.
	Rollback Step = "rollback"
	// Yield leaves the stack to the newer request that is pending, which can use it as it is.
	Yield Step = "yield"
	// Done means that the goal is reached.
	Done Step = "done"
	// Conflict means that the stack of our name is not managed by Perch, or belongs to another
	// repository: touch nothing.
	Conflict Step = "conflict"
	// Protected means that the stack must not be removed: touch nothing.
	Protected Step = "protected"
	// Stop means that no call of CloudFormation helps: a person has to look.
	Stop Step = "stop"
	// NeedsRecreate means that only a new stack helps, and that it was not requested: the stack was
	// ready, so its data is kept until a person requests it.
	NeedsRecreate Step = "needs-recreate"
)

// Stack is what the rules need to know of a stack.
type Stack struct {
	// Status is CloudFormation's StackStatus; empty if there is no stack.
	Status string
	// Ours says that name, project, repository and branch are the environment's.
	Ours bool
	// Protected says that termination protection is on, or that the kind is not one that Perch
	// removes.
	Protected bool
	// Unchanged says that the deployed template is the wanted one.
	Unchanged bool
	// Recreate says that the request wants the stack deleted and created again, and that this is
	// still to be done.
	Recreate bool
	// MayRecreate says that the policy allows to recreate a stack that was ready, if nothing else
	// repairs it.
	MayRecreate bool
	// Rollbacks is how often this run has tried to roll back a failed update.
	Rollbacks int
	// Pending is the goal of the newer request that waits for the run to end; empty if none does.
	Pending perch.Goal
}

// Next says what to do with stack when goal is wanted of it.
func Next(stack Stack, goal perch.Goal) Step {
	step := alone(stack, goal)
	if yields(step, stack, goal) {
		return Yield
	}
	return step
}

// yields reports whether to leave step to the pending request. No call is begun for a target that
// is superseded. An operation in progress is only left to a removal that can interrupt it; a newer
// commit has to wait until the stack can be updated again. A removal is left to an `up` as long as
// nothing is deleted, and finished after that.
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

// alone says what to do with stack when no other request is pending.
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

// Foreign is what Conflict means for an environment's stack; others is the other repository
// that its tags name, empty if they name none.
func Foreign(e perch.Environment, others []perch.OtherRepository) *perch.Rejection {
	if len(others) > 0 {
		return perch.Reject("%s", others[0])
	}
	return perch.Reject(
		"stack %s exists and does not carry the tags of branch %q: Perch does not manage it and left it alone; "+
			"rename the branch or delete that stack",
		e.StackName(), e.Branch,
	)
}

// Stuck is the message for Stop: Perch has no step for the stack's status. Reason is what AWS said
// when it got stuck; empty if that is not known.
func Stuck(stack, status, reason string) string {
	sentence := fmt.Sprintf(
		"stack %s is %s: no step of Perch's leads from there; look at it in the CloudFormation console", stack, status,
	)
	if reason != "" {
		sentence += "; AWS says: " + Explained(reason)
	}
	return sentence
}

// OutOfService is what NeedsRecreate means for an environment's stack, in words: what AWS said when
// it got stuck, what that means, and what to do. Reason is empty if AWS's words are not known.
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

// DeleteByHand is what Protected means for an `up` of an environment of a kind, in words: its stack
// was never ready, or is half deleted, and a person has to delete it. Reason is empty if AWS's
// words are not known.
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

// towardsGone is the next step to a deleted stack. CloudFormation deletes during a creation; an
// update must be rolled back first.
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

// neverReady are the statuses of a stack whose creation has not succeeded, and of one whose
// deletion has begun: that can only go forward. CREATE_FAILED and ROLLBACK_* end a creation,
// REVIEW_IN_PROGRESS precedes one, and CloudFormation brings no stack that reached CREATE_COMPLETE
// back to one of them (API reference, RollbackStack: UPDATE_FAILED leads to UPDATE_ROLLBACK_*).
var neverReady = map[string]bool{
	"": true, "REVIEW_IN_PROGRESS": true, "CREATE_IN_PROGRESS": true, "CREATE_FAILED": true,
	"ROLLBACK_IN_PROGRESS": true, "ROLLBACK_COMPLETE": true, "ROLLBACK_FAILED": true,
	"DELETE_IN_PROGRESS": true, "DELETE_FAILED": true, "DELETE_COMPLETE": true,
}

// WasReady reports whether a stack in status has been in service and may return to it. A status
// that is not known counts as one.
func WasReady(status string) bool { return !neverReady[status] }

// towardsUp is the next step to the wanted template. Without a request it deletes only what was
// never ready.
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

// recreateStack goes the way of a removal until the stack is deleted.
func recreateStack(stack Stack) Step {
	if stack.Protected {
		return Protected
	}
	return towardsGone(stack.Status)
}

// turnBack rolls back by the gentlest step that has not failed yet.
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

// lastResort is for a stack that was ready and that no call brings back to service. It is recreated
// only if the policy says so, because database and buckets would be lost for a fault that a person
// may be able to fix.
func lastResort(stack Stack) Step {
	switch {
	case stack.Protected:
		return Stop
	case stack.MayRecreate:
		return Delete
	}
	return NeedsRecreate
}

// serving are the stable statuses of a stack that can be updated; what its outputs say is in force.
var serving = map[string]bool{
	"CREATE_COMPLETE": true, "UPDATE_COMPLETE": true, "UPDATE_ROLLBACK_COMPLETE": true,
	"IMPORT_COMPLETE": true, "IMPORT_ROLLBACK_COMPLETE": true,
}

// Serving reports whether a stack in status is in service: its outputs say what is in force.
func Serving(status string) bool { return serving[status] }

// InProgress reports whether CloudFormation is at work on a stack in status. REVIEW_IN_PROGRESS is
// not: nothing happens there.
func InProgress(status string) bool {
	return strings.HasSuffix(status, "_IN_PROGRESS") && status != "REVIEW_IN_PROGRESS"
}

// StuckAgain reports whether an update that ended in status is one of a stack that cannot be
// updated any more: it got stuck although this run has rolled back an earlier one, so many times.
// Then the cause is not the update, and Next decides what to do.
func StuckAgain(status string, rollbacks int) bool {
	return status == "UPDATE_ROLLBACK_FAILED" && rollbacks > 0
}

// Reached reports whether an operation that ended in status is what Create or Update was to
// achieve.
func Reached(status string) bool {
	return status == "CREATE_COMPLETE" || status == "UPDATE_COMPLETE"
}

// PriorityTaken reports whether a creation failed because two environments chose the same priority
// for their rules of the shared load balancer at the same time (Elastic Load Balancing:
// PriorityInUse). Another try finds a free one.
func PriorityTaken(reason string) bool { return strings.Contains(reason, "PriorityInUse") }

// interrupted are the statuses in which a service may still work on a resource that CloudFormation
// no longer waits for: a deletion has interrupted a creation, or an operation has failed.
var interrupted = map[string]bool{
	"CREATE_IN_PROGRESS": true, "CREATE_FAILED": true, "ROLLBACK_FAILED": true,
	"UPDATE_FAILED": true, "UPDATE_ROLLBACK_FAILED": true, "DELETE_FAILED": true,
}

// Interrupted reports whether a service may still be at work on a resource of a stack in status.
// Elastic Beanstalk rejects the next operation until the one in progress has ended.
func Interrupted(status string) bool { return interrupted[status] }
