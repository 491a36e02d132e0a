// Package admit decides what a request leads to: whether the policy admits it, which commit it is
// about, which template it needs, and what a plan of it says.
//
// It stores templates, and records what it admitted. It changes no stack.
package admit

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"perch"
	"perch/activities/application"
	"perch/activities/awserr"
	"perch/activities/beanstalk"
	"perch/activities/branch"
	"perch/activities/contract"
	"perch/activities/leftovers"
	"perch/activities/quota"
	"perch/activities/stack"
	"perch/config"
	"perch/lifecycle"
)

// Config has what an Admitter needs for its decisions.
type Config struct {
	Policy       *perch.Policy
	Branches     *branch.Reader
	Stacks       *stack.Reader
	Applications *application.Stacks
	Beanstalk    *beanstalk.Client
	Images       *Images
	Quotas       *quota.Reader
	Removals     *leftovers.Records
	// Interval is the pause before a branch that does not exist yet is looked up again. Waited
	// returns how long the activity has tried, over all its attempts.
	Interval time.Duration
	Waited   func(context.Context) time.Duration
}

// Admitter decides what a request leads to.
type Admitter struct {
	Config

	cfn *cloudformation.Client
	s3  *s3.Client
	// messages has what the source said about recent commits.
	messages messages
}

// New returns an Admitter for the account and region of cfg.
func New(cfg aws.Config, config Config) *Admitter {
	return &Admitter{Config: config, cfn: cloudformation.NewFromConfig(cfg), s3: s3.NewFromConfig(cfg)}
}

// Admit checks a request against the policy, before any call that changes something. If it admits
// an `up`, it renders the template and reads the stack, so that the run can begin with its first
// change.
func (a *Admitter) Admit(ctx context.Context, in contract.AdmitInput) (contract.AdmitResult, error) {
	admitted, up, err := a.checkRequest(ctx, in.Request)
	if err == nil && admitted.Outcome == perch.OutcomeSuperseded {
		in.Request.Commit = admitted.SupersededBy
		deployed, err := a.isDeployed(ctx, in.Request)
		admitted.Deploy = !deployed
		return admitted, err
	}
	if err != nil || up == nil {
		return admitted, err
	}
	admitted.Foreseen = a.foresee(*up)
	admitted.Foreseen.Message = a.message(ctx, admitted.Commit)
	if admitted.MissingImage != "" {
		return admitted, nil
	}
	if admitted, err = a.prepare(ctx, admitted, *up); err == nil {
		admitted.Earlier, err = a.earlier(ctx, *up)
	}
	return admitted, err
}

// candidate is an admitted `up`: what it requests, and the stack that exists.
type candidate struct {
	wanted rendering
	stack  contract.StackState
	// recreate means that the request wants the stack deleted and created again.
	recreate bool
}

// checkRequest checks a request against the policy. It changes and stores nothing. The candidate is
// nil if the request is a removal, or if the request ends here.
func (a *Admitter) checkRequest(ctx context.Context, request perch.Request) (contract.AdmitResult, *candidate, error) {
	admission := lifecycle.Admission{Policy: a.Policy, Request: request}
	if err := admission.Identity(); err != nil || request.Goal == perch.GoalGone {
		removal := contract.AdmitResult{
			SharedDatabase: a.Policy.SharedDatabase != nil, GraceSeconds: int(a.Policy.Cleanup.Grace.Seconds()),
		}
		if err == nil {
			err = lifecycle.AdmitRequest(admission)
		}
		if err == nil {
			err = a.keptStack(ctx, request)
		}
		admitted, err := answerRejection(removal, err)
		return admitted, nil, err
	}
	if reason := lifecycle.Untriggered(a.Policy, request); reason != "" {
		return contract.AdmitResult{Outcome: perch.OutcomeSkipped, Reason: reason}, nil, nil
	}
	head, ended, err := a.findHead(ctx, request)
	if err != nil || ended.Outcome != "" {
		ended, err = answerRejection(ended, err)
		return ended, nil, err
	}
	if unwanted, err := a.unwanted(ctx, request, head); err != nil || unwanted != "" {
		return contract.AdmitResult{Outcome: perch.OutcomeSkipped, Reason: unwanted}, nil, err
	}
	request.Commit = head
	admitted, up, err := a.checkCommit(ctx, request)
	admitted, err = answerRejection(admitted, err)
	return admitted, up, err
}

// longestKeptLook is how long the admission of a removal tries to read the stack.
const longestKeptLook = 5 * time.Second

// keptStack rejects the removal of a stack that Perch never removes or does not manage, before the
// run reports that it removes something. It only checks removals that people request: cleanup's are
// checked again at the end of their grace period. If the stack cannot be read, keptStack rejects
// nothing, because the run reads the stack again.
func (a *Admitter) keptStack(ctx context.Context, request perch.Request) error {
	environment, err := perch.NewEnvironment(request.Project, request.Branch)
	if err != nil || request.Judged != nil {
		return nil //nolint:nilerr // Identity has checked the name.
	}
	looking, stop := context.WithTimeout(ctx, longestKeptLook)
	defer stop()
	state, err := a.Stacks.DescribeStack(looking, contract.StackInput{Environment: environment})
	if err != nil {
		return nil //nolint:nilerr // The run reads the stack, too, and retries.
	}
	switch lifecycle.Next(state.Judged(""), perch.GoalGone) {
	case lifecycle.Conflict:
		return state.Conflict
	case lifecycle.Protected:
		return state.Protection(environment)
	}
	return nil
}

// checkCommit checks against the policy what the repository says at the request's commit. The
// caller has verified that the commit is its branch's head.
func (a *Admitter) checkCommit(ctx context.Context, request perch.Request) (contract.AdmitResult, *candidate, error) {
	admission := lifecycle.Admission{Policy: a.Policy, Request: request}
	file, err := a.Branches.ReadConfig(ctx, request.Commit)
	var rejection *perch.Rejection
	if rule, skip := config.SkipByDefault(request.Branch); errors.As(err, &rejection) && skip {
		return contract.AdmitResult{
			Outcome: perch.OutcomeSkipped,
			Reason:  rule.Sentence(request.Branch),
		}, nil, nil // Such a branch seldom has a perch.yaml.
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
	if _, err := a.Stacks.Owner.Certain(ctx); err != nil {
		return contract.AdmitResult{}, nil, err
	}
	all, err := a.Stacks.List(ctx)
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
		Kind: admission.Wanted.Kind, Commit: request.Commit, MayRecreate: a.Policy.Repair == perch.RepairRecreate,
	}
	made := rendering{
		commit: request.Commit, kind: admitted.Kind, file: file,
		settings: settings, image: settings.Image,
		exists: mine != nil, defaultVersion: origins["database.version"] == config.BuiltIn,
	}
	if made.isCustom() {
		if made.custom, err = a.admitCustom(ctx, admission, origins); err != nil {
			return contract.AdmitResult{}, nil, err
		}
	}
	if made.environment, err = perch.NewEnvironment(request.Project, request.Branch); err != nil {
		return contract.AdmitResult{}, nil, awserr.Final(perch.ErrorInvalid, "%v", err)
	}
	if err := a.pinImage(ctx, &made, &admitted); err != nil {
		return contract.AdmitResult{}, nil, err
	}
	up, err := a.candidate(ctx, request, made, mine, all)
	if err != nil {
		return contract.AdmitResult{}, nil, err
	}
	up.recreate = request.Recreate
	if err := up.checkSwitch(); err != nil {
		return contract.AdmitResult{}, nil, err
	}
	return admitted, up, err
}

func (a *Admitter) candidate(
	ctx context.Context,
	request perch.Request,
	made rendering,
	mine *stack.Owned,
	all stack.All,
) (_ *candidate, err error) {
	if made.application, err = a.Applications.OutputsIn(ctx, all, made.kind); err != nil {
		return nil, err
	}
	if err := a.requireAddress(ctx, made); err != nil {
		return nil, err
	}
	if err := a.requireRule(ctx, made); err != nil {
		return nil, err
	}
	if err = a.readDeployed(ctx, request, mine, &made); err != nil {
		return nil, err
	}
	var up candidate
	if up.wanted, err = a.complete(ctx, made); err != nil {
		return nil, err
	}
	up.stack, err = a.stateOf(ctx, made.environment, mine, all)
	return &up, err
}

// answerRejection puts a rejection into the result. It returns any other error.
func answerRejection(admitted contract.AdmitResult, err error) (contract.AdmitResult, error) {
	var rejection *perch.Rejection
	if errors.As(err, &rejection) {
		return contract.AdmitResult{Rejection: rejection}, nil
	}
	return admitted, err
}

// survey returns the branch's environment, nil if it has none, and the number of other
// environments.
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

// stateOf reads the state of the stack that has the environment's name, whether or not Perch
// manages it.
func (a *Admitter) stateOf(
	ctx context.Context,
	environment perch.Environment,
	mine *stack.Owned,
	all stack.All,
) (contract.StackState, error) {
	if mine != nil {
		return a.Stacks.State(ctx, environment, mine.Stack), nil
	}
	if _, taken := all.Others[environment.StackName()]; !taken {
		return contract.StackState{}, nil
	}
	return a.Stacks.DescribeStack(ctx, contract.StackInput{Environment: environment})
}
