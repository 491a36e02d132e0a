package admit

import (
	"context"
	"errors"
	"fmt"

	"go.temporal.io/sdk/temporal"

	"perch"
	"perch/activities/contract"
	"perch/activities/sourceerr"
	"perch/activities/stack"
	"perch/cfn"
	"perch/lifecycle"
)

// headLooks is how many intervals a branch is looked up again if the source does not show it yet:
// 30 seconds at the default interval of 5 seconds.
const headLooks = 6

// errorNotPushedYet is the type of the error that makes Temporal look up a branch or a commit
// again.
const errorNotPushedYet = "NotPushedYet"

// findHead returns the head of the request's branch, which is the only commit whose files may be
// read. If the request does not go on, ended says how it ends. It looks the head up with one call
// to the source.
func (a *Admitter) findHead(
	ctx context.Context,
	request perch.Request,
) (head string, ended contract.AdmitResult, err error) {
	heads, err := a.Branches.Heads(ctx, request.Branch)
	if err != nil {
		return "", contract.AdmitResult{}, sourceerr.Wrap(err, "look up the head of branch %s", request.Branch)
	}
	head = heads[request.Branch]
	if request.Head && head != "" {
		return head, contract.AdmitResult{}, nil
	}
	state := lifecycle.BranchState{
		Commit:   request.Commit,
		Head:     head,
		Waited:   a.Waited(ctx),
		Patience: headLooks * a.Interval,
	}
	if head != "" && head != request.Commit {
		if state.Older, err = a.Branches.Contains(ctx, head, request.Commit); err != nil {
			return "", contract.AdmitResult{}, sourceerr.Wrap(
				err,
				"look for commit %s on branch %s",
				request.Commit,
				request.Branch,
			)
		}
	}
	switch lifecycle.NextByHead(state) {
	case lifecycle.HeadLookAgain:
		return "", contract.AdmitResult{}, temporal.NewApplicationErrorWithOptions(
			a.absence(request, head)+"; looking again",
			errorNotPushedYet,
			temporal.ApplicationErrorOptions{NextRetryDelay: a.Interval},
		)
	case lifecycle.HeadAbsent:
		return "", contract.AdmitResult{}, perch.Reject(
			"%s; push it first, or check its name",
			a.absence(request, head),
		)
	case lifecycle.HeadSupersede:
		return "", a.superseded(request, state), nil
	}
	return head, contract.AdmitResult{}, nil
}

// unwanted says why a branch at head gets no environment unless a person requests one, according to
// its pull requests; empty if it gets one.
func (a *Admitter) unwanted(ctx context.Context, request perch.Request, head string) (string, error) {
	if request.Trigger == "" || !a.Policy.Allows(perch.TriggerWebhook) {
		return "", nil
	}
	pulls, _, err := a.Branches.PullRequests(ctx, request.Branch)
	return lifecycle.Unwanted(head, pulls, a.Policy), err
}

// absence says which branch or commit the source does not have.
func (a *Admitter) absence(request perch.Request, head string) string {
	if head == "" {
		return fmt.Sprintf("the repository %s has no branch %q", a.Policy.Repository, request.Branch)
	}
	return fmt.Sprintf("commit %s is not on branch %q of %s", request.Commit, request.Branch, a.Policy.Repository)
}

func (a *Admitter) superseded(request perch.Request, s lifecycle.BranchState) contract.AdmitResult {
	reason := fmt.Sprintf(
		"commit %s is older than the head of branch %q, which is %s",
		s.Commit,
		request.Branch,
		s.Head,
	)
	if !s.Older {
		reason = fmt.Sprintf(
			"%s, whose head is %s; if it should be deployed, push it to the branch",
			a.absence(request, s.Head),
			s.Head,
		)
	}
	return contract.AdmitResult{Outcome: perch.OutcomeSuperseded, SupersededBy: s.Head, Reason: reason}
}

// isDeployed reports whether the request's commit, which is the branch's head, is deployed together
// with its seed data.
func (a *Admitter) isDeployed(ctx context.Context, request perch.Request) (bool, error) {
	all, err := a.Stacks.List(ctx)
	if err != nil {
		return false, err
	}
	mine, _ := survey(all.Ours, request.Branch)
	if mine == nil || stack.Outputs(mine.Stack)[cfn.OutputCommit] != request.Commit {
		return false, nil
	}
	_, up, err := a.checkCommit(ctx, request)
	var rejection *perch.Rejection
	if errors.As(err, &rejection) { // The run that deploys it reports the reason.
		return false, nil
	}
	if err != nil || up == nil {
		return false, err
	}
	return a.settled(ctx, *up)
}
