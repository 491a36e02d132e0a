package stack

import (
	"context"
	"errors"
	"fmt"

	"perch"
	"perch/activities/awserr"
	"perch/activities/contract"
	"perch/lifecycle"
)

// OwnStack reads the environment's stack by its id, and returns an error if the stack does not
// belong to the environment. Every activity that changes something calls it first: anyone who can
// reach Temporal can schedule an activity, so its input proves nothing.
func (r *Reader) OwnStack(ctx context.Context, in contract.StackInput) (contract.StackState, error) {
	if in.StackID == "" {
		return contract.StackState{}, awserr.Final(
			perch.ErrorInvalid,
			"no stack id is given for branch %q; nothing was touched",
			in.Environment.Branch,
		)
	}
	described, found, err := r.Describe(ctx, in.StackID)
	switch {
	case err != nil:
		return contract.StackState{}, err
	case !found:
		return contract.StackState{}, fmt.Errorf("describe stack %s: it is not visible yet", in.StackID)
	}
	state := r.State(ctx, in.Environment, described)
	if !state.Ours {
		err = awserr.Final(
			perch.ErrorInvalid,
			"stack %s is not the one of branch %q; nothing was touched",
			in.StackID,
			in.Environment.Branch,
		)
	}
	return state, err
}

// MayDelete returns an error if the stack must not be deleted because of its kind, its termination
// protection or its branch. A stack that was never in service may be deleted, so that it can be
// created again.
func (r *Reader) MayDelete(environment perch.Environment, state contract.StackState) error {
	if state.Judged("").Protected {
		return awserr.Final(
			perch.ErrorInvalid,
			"stack %s is protected, by its kind %s or by termination protection; nothing was touched",
			state.StackID,
			state.Kind,
		)
	}
	if !lifecycle.WasReady(state.Status) {
		return nil
	}
	request := perch.Request{Goal: perch.GoalGone, Project: environment.Project, Branch: environment.Branch}
	var rejection *perch.Rejection
	if err := lifecycle.AdmitRequest(lifecycle.Admission{
		Policy: r.policy, Request: request, Kind: state.Kind,
	}); errors.As(
		err,
		&rejection,
	) {
		return awserr.Final(perch.ErrorInvalid, "%s; nothing was touched", rejection.Reason)
	}
	return nil
}

// MayEmpty returns an error if the bucket must not be emptied: its stack may return to service, the
// stack's template keeps the bucket, or the stack does not name the bucket.
func (r *Reader) MayEmpty(ctx context.Context, in contract.EmptyBucketInput) error {
	if err := r.RequireDeletion(
		ctx, contract.StackInput{Environment: in.Environment, StackID: in.StackID},
	); err != nil {
		return err
	}
	policies, err := r.DeletionPolicies(ctx, in.StackID)
	switch {
	case err != nil:
		return err
	case policies[in.Bucket] == DeletionPolicyUnknown:
		return awserr.Final(
			perch.ErrorInvalid,
			"neither the template nor the events of stack %s name bucket %s, so Perch does not know "+
				"its DeletionPolicy and did not empty it; delete it by hand if you do not need it",
			in.StackID,
			in.Bucket,
		)
	case policies[in.Bucket] != DeletionPolicyDelete:
		return awserr.Final(
			perch.ErrorInvalid,
			"the template of stack %s keeps bucket %s: it was not emptied; empty it by hand if you are sure",
			in.StackID,
			in.Bucket,
		)
	}
	return nil
}

// Serves returns an error if project is not the worker's project.
func (r *Reader) Serves(project string) error {
	if project != r.policy.Project {
		return awserr.Final(
			perch.ErrorInvalid,
			"this worker serves project %q, not %q; ask the worker of that project",
			r.policy.Project,
			project,
		)
	}
	return nil
}
