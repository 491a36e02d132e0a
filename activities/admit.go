package activities

import (
	"context"
	"errors"
	"time"

	"perch"
	"perch/activities/application"
	"perch/activities/awserr"
	"perch/activities/beanstalk"
	"perch/activities/branch"
	"perch/activities/contract"
	"perch/activities/quota"
	"perch/activities/stack"
	"perch/config"
	"perch/lifecycle"
)

// Requests are the activities that decide what a request leads to.
type Requests struct {
	policy    *perch.Policy
	branches  *branch.Reader
	stacks    *Stacks
	apps      *application.Stacks
	beanstalk *beanstalk.Client
	images    *Images
	quotas    *quota.Reader
	// interval is the pause between two looks at a branch that is not there yet, and waited how long the activity has been at it.
	interval time.Duration
	waited   func(context.Context) time.Duration
}

// Admit holds a request against the policy, before any call that changes anything. For an `up` that it admits it renders what is asked for and
// looks at the stack: the run goes on from there with its first change.
func (r *Requests) Admit(ctx context.Context, in contract.AdmitInput) (contract.AdmitResult, error) {
	admitted, up, err := r.checkRequest(ctx, in.Request)
	if err == nil && admitted.Outcome == perch.OutcomeSuperseded {
		in.Request.Commit = admitted.SupersededBy
		deployed, err := r.isDeployed(ctx, in.Request)
		admitted.Deploy = !deployed
		return admitted, err
	}
	if err != nil || up == nil || admitted.MissingImage != "" {
		return admitted, err
	}
	if admitted, err = r.prepare(ctx, admitted, *up); err == nil {
		admitted.Earlier, err = r.earlier(ctx, *up)
	}
	return admitted, err
}

// candidate is an `up` that is admitted: what it asks for, and the stack that is there.
type candidate struct {
	wanted rendering
	stack  contract.StackState
	// recreate says that the stack is wanted deleted and created again.
	recreate bool
}

// checkRequest checks a request against the policy, and changes and stores nothing. There is no candidate where the request is a removal, or ends here.
func (r *Requests) checkRequest(ctx context.Context, request perch.Request) (contract.AdmitResult, *candidate, error) {
	admission := lifecycle.Admission{Policy: r.policy, Request: request}
	if err := admission.Identity(); err != nil || request.Goal == perch.GoalGone {
		removal := contract.AdmitResult{
			SharedDatabase: r.policy.SharedDatabase != nil, GraceSeconds: int(r.policy.Cleanup.Grace.Seconds()),
		}
		admitted, err := answerRejection(removal, errors.Join(err, lifecycle.AdmitRequest(admission)))
		return admitted, nil, err
	}
	if reason := lifecycle.Untriggered(r.policy, request); reason != "" {
		return contract.AdmitResult{Outcome: perch.OutcomeSkipped, Reason: reason}, nil, nil
	}
	head, ended, err := r.findHead(ctx, request)
	if err != nil || ended.Outcome != "" {
		ended, err = answerRejection(ended, err)
		return ended, nil, err
	}
	if unwanted, err := r.unwanted(ctx, request, head); err != nil || unwanted != "" {
		return contract.AdmitResult{Outcome: perch.OutcomeSkipped, Reason: unwanted}, nil, err
	}
	request.Commit = head
	admitted, up, err := r.checkCommit(ctx, request)
	admitted, err = answerRejection(admitted, err)
	return admitted, up, err
}

// checkCommit checks what the request's commit says against the policy. The commit is known to be its branch's head.
func (r *Requests) checkCommit(ctx context.Context, request perch.Request) (contract.AdmitResult, *candidate, error) {
	admission := lifecycle.Admission{Policy: r.policy, Request: request}
	file, err := r.branches.ReadConfig(ctx, request.Commit)
	var rejection *perch.Rejection
	if rule, skip := config.SkipByDefault(request.Branch); errors.As(err, &rejection) && skip {
		return contract.AdmitResult{Outcome: perch.OutcomeSkipped, Reason: rule.Sentence(request.Branch)}, nil, nil // Such a branch seldom has a perch.yaml.
	}
	if err != nil {
		return contract.AdmitResult{}, nil, err
	}
	if rule, skip := file.Skip(request.Branch); skip {
		return contract.AdmitResult{Outcome: perch.OutcomeSkipped, Reason: rule.Sentence(request.Branch)}, nil, nil
	}
	settings, origins, err := file.Resolve(request.Branch, request.Commit)
	if err != nil {
		return contract.AdmitResult{}, nil, perch.Reject("%v", err)
	}
	if _, err := r.stacks.Owner.Certain(ctx); err != nil {
		return contract.AdmitResult{}, nil, err
	}
	all, err := r.stacks.List(ctx)
	if err != nil {
		return contract.AdmitResult{}, nil, err
	}
	mine, others := survey(all.Ours, request.Branch)
	if mine == nil {
		admission.Environments = others
	} else {
		admission.Kind = mine.Kind
	}
	admission.Wanted = &lifecycle.Wanted{
		Project: file.Project, Kind: file.Kind(request.Branch), Settings: settings, Seed: file.Seed,
	}
	if err := lifecycle.AdmitRequest(admission); err != nil {
		return contract.AdmitResult{}, nil, err
	}
	admitted := contract.AdmitResult{
		Kind: admission.Wanted.Kind, Commit: request.Commit, MayRecreate: r.policy.Repair == perch.RepairRecreate,
	}
	made := rendering{
		commit: request.Commit, kind: admitted.Kind, file: file,
		settings: settings, image: settings.Image,
		exists: mine != nil, defaultVersion: origins["database.version"] == config.BuiltIn,
	}
	if made.isCustom() {
		if made.custom, err = r.admitCustom(ctx, admission, origins); err != nil {
			return contract.AdmitResult{}, nil, err
		}
	}
	if made.environment, err = perch.NewEnvironment(request.Project, request.Branch); err != nil {
		return contract.AdmitResult{}, nil, awserr.Final(perch.ErrorInvalid, "%v", err)
	}
	if err := r.pinImage(ctx, &made, &admitted); err != nil {
		return contract.AdmitResult{}, nil, err
	}
	up, err := r.candidate(ctx, request, made, mine, all)
	if err != nil {
		return contract.AdmitResult{}, nil, err
	}
	up.recreate = request.Recreate
	if err := up.checkSwitch(); err != nil {
		return contract.AdmitResult{}, nil, err
	}
	return admitted, up, err
}

func (r *Requests) candidate(ctx context.Context, request perch.Request, made rendering, mine *stack.Owned, all stack.All) (_ *candidate, err error) {
	if made.application, err = r.apps.OutputsIn(ctx, all, made.kind); err != nil {
		return nil, err
	}
	if err := r.requireAddress(ctx, made); err != nil {
		return nil, err
	}
	if err := r.requireRule(ctx, made); err != nil {
		return nil, err
	}
	if made.deployed, err = r.deployedOptions(ctx, request, mine); err != nil {
		return nil, err
	}
	var up candidate
	if up.wanted, err = r.complete(ctx, made); err != nil {
		return nil, err
	}
	up.stack, err = r.stateOf(ctx, made.environment, mine, all)
	return &up, err
}

// answerRejection turns a rejection into a result; any other error stays one.
func answerRejection(admitted contract.AdmitResult, err error) (contract.AdmitResult, error) {
	var rejection *perch.Rejection
	if errors.As(err, &rejection) {
		return contract.AdmitResult{Rejection: rejection}, nil
	}
	return admitted, err
}

// survey is the branch's own environment, nil where there is none, and how many others there are.
func survey(all []stack.Owned, branch string) (mine *stack.Owned, others int) {
	for i, o := range all {
		if o.Environment.Branch == branch {
			mine = &all[i]
		} else {
			others++
		}
	}
	return mine, others
}

// stateOf is the state of the stack of the environment's name, whosever it is.
func (r *Requests) stateOf(ctx context.Context, environment perch.Environment, mine *stack.Owned, all stack.All) (contract.StackState, error) {
	if mine != nil {
		return r.stacks.State(ctx, environment, mine.Stack), nil
	}
	if _, taken := all.Others[environment.StackName()]; !taken {
		return contract.StackState{}, nil
	}
	return r.stacks.DescribeStack(ctx, contract.StackInput{Environment: environment})
}
