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

// headLooks is how often a branch that the source does not show yet is looked up again, one
// interval apart: 30 seconds at the default interval of 5 seconds.
const headLooks = 6

// errorNotPushedYet is the type of the error with which a branch or a commit is looked up again.
const errorNotPushedYet = "NotPushedYet"

// findHead returns the head of the request's branch, the one commit whose files may be read.
// Otherwise the result says how the request ends. The head is found by one question to the source.
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
	sighting := lifecycle.Sighting{
		Commit:   request.Commit,
		Head:     head,
		Waited:   a.Waited(ctx),
		Patience: headLooks * a.Interval,
	}
	if head != "" && head != request.Commit {
		if sighting.Older, err = a.Branches.Contains(ctx, head, request.Commit); err != nil {
			return "", contract.AdmitResult{}, sourceerr.Wrap(
				err,
				"look for commit %s on branch %s",
				request.Commit,
				request.Branch,
			)
		}
	}
	switch lifecycle.NextByHead(sighting) {
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
		return "", a.superseded(request, sighting), nil
	}
	return head, contract.AdmitResult{}, nil
}

// unwanted is why a branch at head gets no environment without a person, by its pull requests;
// empty if it gets one.
func (a *Admitter) unwanted(ctx context.Context, request perch.Request, head string) (string, error) {
	if request.Trigger == "" || !a.Policy.Allows(perch.TriggerWebhook) {
		return "", nil
	}
	pulls, _, err := a.Branches.PullRequests(ctx, request.Branch)
	return lifecycle.Unwanted(head, pulls, a.Policy), err
}

// absence says what the source does not have.
func (a *Admitter) absence(request perch.Request, head string) string {
	if head == "" {
		return fmt.Sprintf("the repository %s has no branch %q", a.Policy.Repository, request.Branch)
	}
	return fmt.Sprintf("commit %s is not on branch %q of %s", request.Commit, request.Branch, a.Policy.Repository)
}

func (a *Admitter) superseded(request perch.Request, s lifecycle.Sighting) contract.AdmitResult {
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

// isDeployed reports whether the request's commit, which is the branch's head, is deployed with its
// seed data.
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
	if errors.As(err, &rejection) { // The run that is to deploy it says why.
		return false, nil
	}
	if err != nil || up == nil {
		return false, err
	}
	return a.settled(ctx, *up)
}
