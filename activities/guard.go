package activities

import (
	"context"
	"errors"
	"fmt"

	"perch"
	"perch/activities/awserr"
	"perch/activities/contract"
	"perch/lifecycle"
)

// ownStack reads the environment's stack by its id. An activity that changes something calls it first:
// anyone who can reach Temporal can schedule an activity, so it believes nothing of its input but the names.
func (s *Stacks) ownStack(ctx context.Context, in contract.StackInput) (contract.StackState, error) {
	if in.StackID == "" {
		return contract.StackState{}, awserr.Final(perch.ErrorInvalid, "no stack id is given for branch %q; nothing was touched", in.Environment.Branch)
	}
	stack, found, err := s.Describe(ctx, in.StackID)
	switch {
	case err != nil:
		return contract.StackState{}, err
	case !found:
		return contract.StackState{}, fmt.Errorf("describe stack %s: it cannot be seen yet", in.StackID)
	}
	state := s.State(ctx, in.Environment, stack)
	if !state.Ours {
		err = awserr.Final(perch.ErrorInvalid, "stack %s is not the one of branch %q; nothing was touched", in.StackID, in.Environment.Branch)
	}
	return state, err
}

// mayDelete rejects the deletion of a stack whose kind, termination protection or branch keeps it. What was
// never in service may be deleted, so that it can be created again.
func (s *Stacks) mayDelete(environment perch.Environment, state contract.StackState) error {
	if stack := state.Judged(""); stack.Protected {
		return awserr.Final(perch.ErrorInvalid, "stack %s is protected, by its kind %s or by termination protection; nothing was touched", state.StackID, state.Kind)
	}
	if !lifecycle.WasReady(state.Status) {
		return nil
	}
	request := perch.Request{Goal: perch.GoalGone, Project: environment.Project, Branch: environment.Branch}
	var rejection *perch.Rejection
	if err := lifecycle.AdmitRequest(lifecycle.Admission{Policy: s.policy, Request: request, Kind: state.Kind}); errors.As(err, &rejection) {
		return awserr.Final(perch.ErrorInvalid, "%s; nothing was touched", rejection.Reason)
	}
	return nil
}
