package workflows

import (
	"errors"
	"slices"
	"strings"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"perch"
	"perch/activities/contract"
	"perch/lifecycle"
)

// Teardown removes the branch's environment and verifies that nothing is left of it. Its workflow
// ID is the stack's name.
func Teardown(ctx workflow.Context, in perch.RunInput) (*perch.Result, error) {
	r, err := begin(ctx, in)
	if err != nil {
		return nil, err
	}
	if r.chain.Target.Goal != perch.GoalGone {
		return nil, r.handOn(r.chain.Target, lifecycle.RunEnd{})
	}
	return r.end(r.teardown())
}

func (r *run) teardown() error {
	admitted, err := r.admit()
	if err != nil || r.result.Outcome != "" || r.superseded() {
		return err
	}
	r.sharedDatabase = admitted.SharedDatabase
	if due, err := r.grace(admitted.GraceSeconds); !due || err != nil {
		return err
	}
	start := workflow.Now(r.ctx)
	if err := r.lookAtLatest(); err != nil {
		return err
	}
	if r.state.Status == "" {
		if r.sharedDatabase {
			r.chain.Removing()
		}
		return r.verify(perch.OutcomeAbsent, r.dropDatabase())
	}
	if err := r.show(perch.PhaseRemoving); err != nil {
		return err
	}
	if deleted, err := r.tearDown(); !deleted || err != nil {
		return err
	}
	failure := r.dropDatabase()
	r.result.Seconds.Stack = r.since(start)
	return r.verify(perch.OutcomeGone, failure)
}

// lookAtLatest reads the stack. One that was just created may not be visible by its name yet.
func (r *run) lookAtLatest() error {
	if r.chain.Operation != nil && !r.seen {
		r.state.StackID = r.chain.Operation.StackID
	}
	return r.look()
}

// tearDown performs the steps that the rules return until the stack is deleted. It returns false if
// the target ends before that.
func (r *run) tearDown() (deleted bool, err error) {
	for range maxSteps {
		step := r.next("")
		switch step {
		case lifecycle.Done:
			return true, nil
		case lifecycle.Yield:
			return false, nil
		case lifecycle.Conflict:
			r.reject(r.state.Conflict)
			return false, nil
		case lifecycle.Protected:
			r.reject(r.state.Protection(r.environment))
			return false, nil
		}
		contents, err := r.prepareDeletion()
		if err != nil {
			return false, err
		}
		if announced := r.announce(); announced {
			return false, nil
		}
		if err := r.tearDownStep(step, contents); err != nil {
			return false, err
		}
		if err := r.look(); err != nil {
			return false, err
		}
	}
	return false, failed(
		"stack %s does not settle: it is %s after %d steps", r.environment.StackName(), r.state.Status, maxSteps,
	)
}

// announce reports whether the removal, which has passed all checks, must continue in a new run.
// The end of this run notifies everyone who waits for the `up` that the removal supersedes. If it
// returns false, it drops that `up` and its operation, because the removal begins now.
func (r *run) announce() bool {
	if r.chain.MakeDue() {
		return true
	}
	r.chain.Removing()
	return false
}

// tearDownStep performs one step towards a deleted stack.
func (r *run) tearDownStep(step lifecycle.Step, contents perch.StackContents) error {
	if step == lifecycle.Delete {
		return r.deleteStack(contents)
	}
	return r.repair(step)
}

// remove checks everything that can reject the deletion, and then deletes the stack.
func (r *run) remove() error {
	contents, err := r.prepareDeletion()
	if err != nil {
		return err
	}
	return r.deleteStack(contents)
}

// deleteStack makes one attempt to delete the stack and waits for its end. The next look decides
// what to do about a failure. After a failed deletion, deleteStack first applies the cure. It
// empties the buckets only when the stack cannot return to service any more: after a failed
// deletion, or while CloudFormation is deleting resources.
func (r *run) deleteStack(contents perch.StackContents) error {
	if ready, err := r.awaitBeanstalk(); !ready || err != nil {
		return err
	}
	repair, err := r.repairDeletion()
	if err != nil {
		return err
	}
	failed := r.state.Status == "DELETE_FAILED"
	if failed {
		if err := r.empty(contents.Buckets); err != nil && !r.givesUp(err) {
			return err
		}
	}
	r.deletions++
	out, err := r.change(
		"delete stack", contract.DeleteStack,
		contract.ChangeInput{StackID: r.state.StackID, Retain: repair.Retain, Force: repair.Force},
	)
	if err != nil {
		return err
	}
	r.state.Status = "DELETE_IN_PROGRESS"
	if err := r.awaitDeletion(out.Token, contents, failed); err != nil {
		return err
	}
	if len(repair.Sweep) > 0 {
		err = r.sweep("remove what the stack left behind", r.state.StackID, repair.Sweep)
	}
	if r.chain.Target.Goal == perch.GoalUp {
		if err == nil {
			err = r.sweepOrphans(r.dropped) // No verification follows: another stack does.
		}
		r.dropped = nil
		r.forget() // What is made next is another stack under the same name.
	}
	return err
}

// awaitDeletion waits for the end of the deletion. Unless emptied is set, it empties the buckets
// meanwhile. CloudFormation may cancel a deletion that it has accepted; then nothing was changed.
func (r *run) awaitDeletion(token string, contents perch.StackContents, emptied bool) error {
	summary := "wait for the deletion of " + r.environment.StackName()
	emptying := func() error { return nil }
	if !emptied && len(contents.Buckets) > 0 {
		begun, err := r.awaitUntil(
			summary+" to begin", contract.AwaitInput{Token: token, Total: contents.Resources, UntilDeleting: true},
		)
		if err != nil {
			return err
		}
		if begun.Status != "DELETE_IN_PROGRESS" {
			return r.deletionEnded(begun)
		}
		emptying = r.beginEmptying(contents.Buckets)
	}
	ended, err := r.await(summary, token, contents.Resources)
	if err != nil {
		return err
	}
	if failure := emptying(); failure != nil && ended.Status == "DELETE_FAILED" && !r.givesUp(failure) {
		return failure
	}
	return r.deletionEnded(ended)
}

// deletionEnded returns an error if CloudFormation has canceled the deletion.
func (r *run) deletionEnded(ended contract.AwaitResult) error {
	switch ended.Status {
	case "DELETE_COMPLETE", "DELETE_FAILED", "":
		return nil
	}
	return failed("CloudFormation canceled the deletion of stack %s, which is %s again: %s; nothing was deleted and "+
		"no bucket was touched; fix the cause and try again",
		r.environment.StackName(), ended.Status, ended.Reason)
}

// givesUp reports whether a forced removal leaves a bucket behind because it can never be emptied.
// The deletion then skips the bucket, like every other resource that cannot be deleted.
func (r *run) givesUp(failure error) bool {
	return r.chain.Target.Force && final(failure)
}

// repairDeletion returns the rules' cure for a failed deletion, after the pause that the cure
// requires.
func (r *run) repairDeletion() (lifecycle.Repair, error) {
	if r.state.Status != "DELETE_FAILED" {
		return lifecycle.Repair{}, nil
	}
	r.deletions = max(r.deletions, 1) // A deletion has failed before this run.
	in := contract.StackInput{Environment: r.environment, StackID: r.state.StackID}
	remains, err := runActivity(r.ctx, "look at what could not be deleted", contract.DiagnoseDeletion, in)
	if err != nil {
		return lifecycle.Repair{}, err
	}
	if len(remains.Dropped) > 0 && !r.sweptDropped {
		r.sweptDropped = true
		return lifecycle.Repair{}, r.sweepOrphans(remains.Dropped)
	}
	repair := lifecycle.RepairFor(remains.Failures, r.deletions, r.chain.Target.Force)
	if repair.Stop != "" {
		return repair, failed("stack %s cannot be deleted: %s", r.environment.StackName(), repair.Stop)
	}
	if repair.Pause == 0 {
		return repair, nil
	}
	timer := workflow.NewTimerWithOptions(
		r.ctx, repair.Pause, workflow.TimerOptions{Summary: "until what is still in use is free"},
	)
	return repair, timer.Get(r.ctx, nil)
}

const typeBucket = "AWS::S3::Bucket"

// sweep deletes resources that no stack names any more, through the APIs of their services.
func (r *run) sweep(summary, stackID string, left []lifecycle.Failure) error {
	in := contract.SweepInput{Environment: r.environment, StackID: stackID, Resources: left}
	out, err := runActivity(r.ctx, summary, contract.SweepResources, in)
	r.snapshots = append(r.snapshots, out.Kept...)
	return err
}

// prepareDeletion checks everything that can reject the deletion, and lists the stack's contents.
// It runs after each look at the stack. The card stores the list, because a stack does not name its
// deleted resources.
func (r *run) prepareDeletion() (perch.StackContents, error) {
	in := contract.PrepareInput{
		Environment: r.environment, StackID: r.state.StackID, Force: r.chain.Target.Force,
	}
	out, err := runActivity(r.ctx, "check the deletion of "+r.environment.StackName(), contract.PrepareDeletion, in)
	if err != nil {
		return out.Contents, err
	}
	if out.Obstacle != "" {
		return out.Contents, failed(
			"stack %s cannot be deleted: %s; nothing was touched", r.environment.StackName(), out.Obstacle,
		)
	}
	r.held.Add(out.Contents)
	r.dropped = out.Dropped
	return out.Contents, nil
}

// empty empties the buckets concurrently.
func (r *run) empty(names []string) error { return r.beginEmptying(names)() }

// beginEmptying starts to empty the buckets concurrently. The returned function waits for the end.
func (r *run) beginEmptying(names []string) (end func() error) {
	var orphans []contract.Orphan
	for _, bucket := range names {
		orphans = append(orphans, contract.Orphan{Type: typeBucket, PhysicalID: bucket, StackID: r.state.StackID})
	}
	return r.emptyAll(orphans)
}

func (r *run) emptyAll(found []contract.Orphan) (end func() error) {
	futures := make([]pendingResult[contract.EmptyBucketResult], len(found))
	for i, bucket := range found {
		in := contract.EmptyBucketInput{
			Environment: r.environment, Bucket: bucket.PhysicalID, StackID: bucket.StackID,
		}
		futures[i] = beginActivity(r.ctx, "empty bucket "+bucket.PhysicalID, contract.EmptyBucket, in)
	}
	return func() (failure error) {
		for _, pending := range futures {
			out, err := pending.result(r.ctx)
			if err != nil && failure == nil {
				failure = err
			}
			r.result.Removed.Objects += out.Objects
		}
		r.result.Removed.Buckets = max(r.result.Removed.Buckets, len(r.held.Buckets))
		return failure
	}
}

// verify checks that all resources of the environment, including those of earlier stacks, are
// deleted. It first deletes resources that no stack names any more. undropped is the error if the
// database could not be dropped; the database then counts as a leftover.
func (r *run) verify(outcome perch.Outcome, undropped error) error {
	in := contract.VerifyInput{
		Environment: r.environment, StackID: r.state.StackID, Contents: r.held,
		SharedDatabase: r.sharedDatabase && undropped == nil,
	}
	if undropped != nil {
		in.Known = []string{r.sharedDatabaseName()}
	}
	out, err := r.verifyOnce(in)
	if err == nil && len(out.Orphans) > 0 {
		if err := r.removeOrphans(out.Orphans); err != nil {
			return err
		}
		outcome, in.Swept = perch.OutcomeGone, true
		out, err = r.verifyOnce(in)
	}
	others := slices.DeleteFunc(
		slices.Clone(out.Leftovers), func(name string) bool { return slices.Contains(in.Known, name) },
	)
	if len(out.Leftovers) > 0 {
		r.left = append(r.left, r.leftover(out.Leftovers))
	}
	if len(others) > 0 {
		err = leftBehind("the environment is not gone, this is still there: "+strings.Join(others, ", ")+
			"; delete it by hand, or fix what keeps it and run `perch down "+r.environment.Branch+"` again", others)
	}
	switch {
	case undropped != nil:
		return r.undropped(undropped, err, others)
	case err != nil:
		return err
	}
	r.left = nil
	r.result.Outcome, r.result.Leftovers, r.result.Unconfirmed = outcome, append(
		out.Kept, r.snapshots...,
	), out.Unconfirmed
	return nil
}

func (r *run) verifyOnce(in contract.VerifyInput) (contract.VerifyResult, error) {
	return runActivity(r.ctx, "verify that "+r.environment.StackName()+" is gone", contract.VerifyGone, in)
}

// removeOrphans deletes the resources that deleted stacks left behind. It empties buckets first. If
// it cannot delete a resource, the verification reports that.
func (r *run) removeOrphans(found []contract.Orphan) error {
	r.chain.Removing()
	return r.sweepOrphans(found)
}

func (r *run) sweepOrphans(found []contract.Orphan) error {
	var full []contract.Orphan
	stacks, left := []string{}, map[string][]lifecycle.Failure{}
	for _, orphan := range found {
		if orphan.Type == typeBucket {
			full = append(full, orphan)
		}
		if left[orphan.StackID] == nil {
			stacks = append(stacks, orphan.StackID)
		}
		left[orphan.StackID] = append(
			left[orphan.StackID], lifecycle.Failure{Type: orphan.Type, PhysicalID: orphan.PhysicalID},
		)
	}
	if err := r.emptyAll(full)(); err != nil && !final(err) {
		return err
	}
	r.result.Removed.Buckets += len(full)
	for _, stackID := range stacks {
		err := r.sweep("delete what no stack names any more", stackID, left[stackID])
		if err != nil && !final(err) {
			return err
		}
	}
	return nil
}

// leftover returns what this removal leaves behind, for the next run of the chain.
func (r *run) leftover(resources []string) perch.Leftover {
	return perch.Leftover{
		Branch: r.environment.Branch, Stack: r.environment.StackName(), StackID: r.state.StackID, Resources: resources,
		Since: r.started.UTC(),
	}
}

// final reports whether an activity's error cannot be fixed by a retry.
func final(failure error) bool {
	var application *temporal.ApplicationError
	return errors.As(failure, &application) && application.NonRetryable()
}

// leftBehind returns the error of a removal that leaves resources of the environment behind. left
// names the resources.
func leftBehind(sentence string, left []string) error {
	return temporal.NewNonRetryableApplicationError(sentence, perch.ErrorLeftBehind, nil, left)
}
