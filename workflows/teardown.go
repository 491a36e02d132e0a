package workflows

import (
	"errors"
	"slices"
	"strings"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"perch"
	"perch/activities"
	"perch/lifecycle"
)

// versionDeletionMore marks the forced runs in which a deletion comes between the one that leaves things out and the forced one.
const versionDeletionMore = "one more deletion before the forced one"

// Teardown removes the branch's environment and sees that it is gone. Its workflow ID is the stack's name.
func Teardown(ctx workflow.Context, in perch.RunInput) (*perch.Result, error) {
	r, err := begin(ctx, in)
	if err != nil {
		return nil, err
	}
	if r.target.Goal != perch.GoalGone {
		return nil, r.handOn(r.target)
	}
	return r.end(r.teardown())
}

func (r *run) teardown() error {
	admitted, err := r.admit()
	if err != nil || admitted.Outcome != "" || r.overtaken() {
		return err
	}
	r.sharedDatabase = admitted.SharedDatabase
	if due, err := r.grace(); !due || err != nil {
		return err
	}
	start := workflow.Now(r.ctx)
	if r.begun != nil {
		r.state.StackID = r.begun.StackID // A stack that was just made may not be seen by its name yet.
	}
	if err := r.look(); err != nil {
		return err
	}
	if r.state.Status == "" {
		r.result.Outcome, r.below = perch.OutcomeAbsent, nil
		if err := r.dropDatabase(); err != nil {
			return r.undropped(err, nil, nil)
		}
		return nil
	}
	if err := r.show(perch.PhaseRemoving); err != nil {
		return err
	}
	if deleted, err := r.lower(); !deleted || err != nil {
		return err
	}
	failure := r.dropDatabase()
	r.result.Seconds.Stack = r.since(start)
	return r.verify(failure)
}

// lower does what the rules say until the stack is deleted. It reports false where the target ends before that.
func (r *run) lower() (deleted bool, err error) {
	for range maxSteps {
		step := r.next("")
		switch step {
		case lifecycle.Done:
			return true, nil
		case lifecycle.Yield:
			return false, nil
		case lifecycle.Conflict:
			r.refuse("stack %s does not carry the tags of branch %q: it is somebody else's and was left alone", r.environment.StackName(), r.environment.Branch)
			return false, nil
		case lifecycle.Protected:
			r.refuse("stack %s is protected: %s; nothing was touched", r.environment.StackName(), r.protection())
			return false, nil
		}
		if announced := r.announce(); announced {
			return false, nil
		}
		if err := r.lowerBy(step); err != nil {
			return false, err
		}
		if err := r.look(); err != nil {
			return false, err
		}
	}
	return false, failed("stack %s does not settle: it is %s after %d steps", r.environment.StackName(), r.state.Status, maxSteps)
}

// announce reports whether the removal, which nothing refuses, has to be handed to a run of its own first: whoever waits for the `up` below
// it learns by that at once that it is superseded. From the first step on there is no `up` to come back to, and no operation of it.
func (r *run) announce() bool {
	if r.below != nil && !r.due {
		r.due = true
		return true
	}
	r.due, r.below, r.begun = true, nil, nil
	return false
}

// lowerBy carries out one step towards gone.
func (r *run) lowerBy(step lifecycle.Step) error {
	if step == lifecycle.Delete {
		return r.remove()
	}
	if _, err := r.inventory(); err != nil {
		return err
	}
	return r.mend(step)
}

func (r *run) protection() string {
	if r.state.Kind != perch.KindBranch {
		return "its kind is " + string(r.state.Kind) + ", and only branch environments are ever removed"
	}
	return "termination protection is on; turn it off in the CloudFormation console if you mean it"
}

// remove empties the stack's buckets, deletes the stack and waits for the end of that. After a deletion that failed it first does what
// helps; what is left afterwards is for the next look.
func (r *run) remove() error {
	repair, err := r.mendDeletion()
	if err != nil {
		return err
	}
	contents, err := r.inventory()
	if err != nil {
		return err
	}
	if err := r.empty(contents.Buckets); err != nil && !r.givesUp(err) {
		return err
	}
	r.deletions++
	out, err := r.change("delete stack", stacks.DeleteStack, activities.ChangeInput{StackID: r.state.StackID, Retain: repair.Retain, Force: repair.Force})
	if err != nil {
		return err
	}
	r.state.Status = "DELETE_IN_PROGRESS"
	_, err = r.await("wait for the deletion of "+r.environment.StackName(), out.Token, contents.Resources)
	if err != nil {
		return err
	}
	if len(repair.Sweep) > 0 {
		err = r.sweep(repair.Sweep)
	}
	if r.target.Goal == perch.GoalUp {
		r.forget() // What is made next is another stack under the same name.
	}
	return err
}

// givesUp reports whether a failure to empty a bucket is one that a forced removal leaves behind: the service has refused it for good. The bucket is
// then left out of the deletion like anything else that cannot be deleted.
func (r *run) givesUp(failure error) bool {
	var refused *temporal.ApplicationError
	return r.target.Force && errors.As(failure, &refused) && refused.NonRetryable()
}

// mendDeletion asks the rules what helps after a deletion that failed, and waits as long as they say.
func (r *run) mendDeletion() (lifecycle.Repair, error) {
	if r.state.Status != "DELETE_FAILED" {
		return lifecycle.Repair{}, nil
	}
	r.deletions = max(r.deletions, 1) // Somebody's deletion has failed before this run.
	var remains activities.Remains
	in := activities.StackInput{Project: r.environment.Project, Branch: r.environment.Branch, StackID: r.state.StackID}
	if err := r.quick("look at what could not be deleted", stacks.DiagnoseDeletion, in, &remains); err != nil {
		return lifecycle.Repair{}, err
	}
	if r.target.Force && r.deletions == lifecycle.MaxDeletions-1 && workflow.GetVersion(r.ctx, versionDeletionMore, workflow.DefaultVersion, 1) == workflow.DefaultVersion {
		r.deletions = lifecycle.MaxDeletions // An open run that has forced its sixth deletion goes on so.
	}
	repair := lifecycle.Mend(remains.Failures, r.deletions, r.target.Force)
	if repair.Stop != "" {
		return repair, failed("stack %s cannot be deleted: %s; mend that and run `starter down` again", r.environment.StackName(), repair.Stop)
	}
	if repair.Pause == 0 {
		return repair, nil
	}
	timer := workflow.NewTimerWithOptions(r.ctx, repair.Pause, workflow.TimerOptions{Summary: "until what is still in use is free"})
	return repair, timer.Get(r.ctx, nil)
}

// sweep removes through their own services what the last deletion was told to leave out.
func (r *run) sweep(left []lifecycle.Failure) error {
	in := activities.SweepInput{StackID: r.state.StackID, Resources: left, Kept: r.held.Kept}
	return r.work("remove what the stack left behind", verification.SweepResources, in, nil)
}

// inventory lists what the stack holds and remembers it: once a resource is deleted the stack no longer names it.
func (r *run) inventory() (activities.Contents, error) {
	var contents activities.Contents
	in := activities.StackInput{Project: r.environment.Project, Branch: r.environment.Branch, StackID: r.state.StackID}
	if err := r.quick("list what "+r.environment.StackName()+" holds", stacks.StackContents, in, &contents); err != nil {
		return contents, err
	}
	r.held.Buckets = union(r.held.Buckets, contents.Buckets)
	r.held.Databases = union(r.held.Databases, contents.Databases)
	r.held.Environments = union(r.held.Environments, contents.Environments)
	r.held.Records = union(r.held.Records, contents.Records)
	for _, kept := range contents.Kept {
		if !slices.Contains(r.held.Kept, kept) {
			r.held.Kept = append(r.held.Kept, kept)
		}
	}
	return contents, nil
}

func union(a, b []string) []string {
	all := append(slices.Clone(a), b...)
	slices.Sort(all)
	return slices.Compact(all)
}

// empty empties the buckets side by side.
func (r *run) empty(names []string) error {
	futures := make([]workflow.Future, len(names))
	for i, bucket := range names {
		in := activities.EmptyBucketInput{Bucket: bucket, StackID: r.state.StackID}
		futures[i] = long(r.ctx, r.environment.Project, "empty bucket "+bucket, workPatience, buckets.EmptyBucket, in)
	}
	var failure error
	for _, future := range futures {
		var out activities.EmptyBucketResult
		if err := future.Get(r.ctx, &out); err != nil && failure == nil {
			failure = err
		}
		r.result.Removed.Objects += out.Objects
	}
	r.result.Removed.Buckets = len(r.held.Buckets)
	return failure
}

// verify looks whether everything that the stack held is gone. Where the database could not be dropped, undropped says why: that is known to be
// there, and what else there was is looked for all the same, because the next removal finds no stack any more and cannot ask it.
func (r *run) verify(undropped error) error {
	in := activities.VerifyInput{
		Project: r.environment.Project, Branch: r.environment.Branch, StackID: r.state.StackID, Contents: r.held,
		SharedDatabase: r.sharedDatabase && undropped == nil,
	}
	var out activities.VerifyResult
	err := r.work("see that "+r.environment.StackName()+" is gone", verification.VerifyGone, in, &out)
	if len(out.Leftovers) > 0 {
		err = leftBehind("the stack is deleted, but this is still there: "+strings.Join(out.Leftovers, ", ")+"; remove it by hand", out.Leftovers)
	}
	switch {
	case undropped != nil:
		return r.undropped(undropped, err, out.Leftovers)
	case err != nil:
		return err
	}
	r.result.Outcome, r.result.Leftovers = perch.OutcomeGone, out.Kept
	return nil
}

// leftBehind is the failure of a removal that leaves something of the environment; left names each thing.
func leftBehind(sentence string, left []string) error {
	return temporal.NewNonRetryableApplicationError(sentence, perch.ErrorLeftBehind, nil, left)
}
