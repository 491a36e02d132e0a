package admit

import (
	"context"
	"fmt"
	"maps"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"perch"
	"perch/activities/awserr"
	"perch/activities/contract"
	"perch/cfn"
	"perch/cfn/forecast"
	"perch/config"
	"perch/lifecycle"
)

// Plan says what an `up` would do. It checks the request against the policy, renders the template,
// and compares it with the deployed one. It stores and changes nothing.
func (a *Admitter) Plan(ctx context.Context, in perch.PlanInput) (perch.PlanResult, error) {
	admitted, up, err := a.checkRequest(ctx, in.Request)
	if err != nil || up == nil {
		outcome, reason, _ := admitted.Ends()
		return perch.PlanResult{Outcome: outcome, Reason: reason, SupersededBy: admitted.SupersededBy}, err
	}
	p := planning{
		Admitter:    a,
		kind:        admitted.Kind,
		made:        up.wanted,
		recreate:    up.recreate,
		mayRecreate: admitted.MayRecreate,
	}
	if p.environment, err = perch.NewEnvironment(in.Request.Project, in.Request.Branch); err != nil {
		return perch.PlanResult{}, awserr.Final(perch.ErrorInvalid, "%v", err)
	}
	if err := p.look(ctx); err != nil {
		return perch.PlanResult{}, err
	}
	plan := p.outline()
	plan.Warnings = admitted.Warnings
	if admitted.MissingImage != "" {
		plan.Warnings = append(plan.Warnings, fmt.Sprintf(
			"image %s is not in its registry yet: `perch up` waits for it up to %s",
			admitted.MissingImage, admitted.ImageWait()))
	}
	if plan.Outcome != perch.OutcomePlanned {
		return plan, nil
	}
	deployed, err := p.deployed(ctx, lifecycle.Step(plan.Step))
	if err == nil {
		err = p.foresee(&plan, deployed)
	}
	return plan, err
}

// planning has what a plan is made from.
type planning struct {
	*Admitter
	environment perch.Environment
	kind        perch.Kind
	// made is the template that an `up` would store. wanted is the same template in the form that
	// package forecast reads.
	made   rendering
	wanted forecast.Version
	// stack is the environment's stack. If there is none, state is empty.
	stack types.Stack
	state contract.StackState
	// recreate means that the request asks to recreate the stack, and mayRecreate that the policy
	// allows it as a repair.
	recreate, mayRecreate bool
}

func (p *planning) look(ctx context.Context) error {
	p.wanted = p.version(p.made.template.Body, values(p.made.parameters))
	stack, found, err := p.Stacks.Describe(ctx, p.environment.StackName())
	if err == nil && found {
		p.stack, p.state = stack, p.Stacks.State(ctx, p.environment, stack)
	}
	return err
}

// version returns a template with its parameters, and with the values of the pseudo parameters that
// Perch knows.
func (p *planning) version(template []byte, parameters map[string]string) forecast.Version {
	known := map[string]string{
		"AWS::Region":    p.Policy.Region,
		"AWS::AccountId": p.Policy.Account,
		"AWS::StackName": p.environment.StackName(),
	}
	maps.Copy(known, parameters)
	return forecast.Version{Template: template, Parameters: known}
}

// outline returns a plan without the results of the comparison.
func (p *planning) outline() perch.PlanResult {
	stack := p.state.Judged(p.made.template.Hash)
	stack.Recreate, stack.MayRecreate = p.recreate, p.mayRecreate
	plan := perch.PlanResult{
		Outcome: perch.OutcomePlanned, Kind: p.kind, URL: p.state.URL, Status: p.state.Status, Deployed: p.state.Commit,
		Protected: stack.Protected, SharedDatabase: p.made.sharesDatabase(),
	}
	address := cfn.OutputURL
	if p.made.settings.Template == "" {
		plan.Host, _ = p.wanted.Output(cfn.OutputHost)
	} else {
		address = cfn.OutputCustomURL // In a custom template, Host may mean something else.
	}
	if url, ok := p.wanted.Output(address); ok {
		plan.URL = url
	}
	step := lifecycle.Next(stack, perch.GoalUp)
	switch plan.Step = string(step); step {
	case lifecycle.Conflict:
		return perch.PlanResult{Outcome: perch.OutcomeRejected, Reason: p.state.Conflict.Reason}
	case lifecycle.NeedsRecreate:
		return perch.PlanResult{
			Outcome: perch.OutcomeFailed,
			Reason:  lifecycle.OutOfService(p.environment, p.state.Status, ""),
		}
	case lifecycle.Protected:
		if p.recreate {
			return perch.PlanResult{Outcome: perch.OutcomeRejected, Reason: p.state.Protection(p.environment).Reason}
		}
		reason := lifecycle.DeleteByHand(p.environment, p.state.Kind, p.state.Status, "")
		return perch.PlanResult{Outcome: perch.OutcomeFailed, Reason: reason}
	case lifecycle.Stop:
		return perch.PlanResult{
			Outcome: perch.OutcomeFailed,
			Reason:  lifecycle.Stuck(p.environment.StackName(), p.state.Status, ""),
		}
	}
	return plan
}

// deployed returns the current template with its parameters; none if the stack is created or
// recreated.
func (p *planning) deployed(ctx context.Context, step lifecycle.Step) (forecast.Version, error) {
	if step == lifecycle.Create || step == lifecycle.Delete || p.recreate {
		return forecast.Version{}, nil
	}
	body, err := p.Stacks.DeployedTemplate(ctx, p.state.StackID)
	if err != nil {
		return forecast.Version{}, err
	}
	parameters := map[string]string{}
	for _, parameter := range p.stack.Parameters {
		parameters[aws.ToString(parameter.ParameterKey)] = aws.ToString(parameter.ParameterValue)
	}
	return p.version(body, parameters), nil
}

// foresee enters into the plan what changes, how long that takes and what the environment costs.
func (p *planning) foresee(plan *perch.PlanResult, deployed forecast.Version) error {
	branch := p.environment.Branch
	compared, err := forecast.Compare(deployed, p.wanted)
	if err != nil {
		return awserr.Final(perch.ErrorInvalid, "compare the templates of branch %q: %v", branch, err)
	}
	plan.Changes, plan.Outputs, plan.Time = compared.Changes, compared.Outputs, compared.Estimate()
	if plan.Cost, err = forecast.Cost(p.wanted, p.Policy.Region); err != nil {
		return awserr.Final(perch.ErrorInvalid, "estimate the cost of branch %q: %v", branch, err)
	}
	if plan.Settings, err = differences(p.made.file, branch); err != nil {
		return err
	}
	doubts, err := doubts(p.made.file, branch)
	plan.Warnings = append(plan.Warnings, doubts...)
	return err
}

// doubts returns sentences about settings of branch that are probably mistakes.
func doubts(file *config.File, branch string) ([]string, error) {
	settings, origins, err := file.Resolve(branch, "") // {commit} is still in the image.
	if err != nil {
		return nil, awserr.Final(perch.ErrorInvalid, "%v", err)
	}
	return cfn.Doubts(settings, func(path string) string { return origins[path] }), nil
}

// differences returns the settings in which branch differs from kind staging. Environments are
// meant to be like staging.
func differences(file *config.File, branch string) ([]perch.SettingDifference, error) {
	settings, origins, err := file.Resolve(branch, "")
	if err != nil {
		return nil, awserr.Final(perch.ErrorInvalid, "%v", err)
	}
	out := []perch.SettingDifference{}
	for _, d := range config.Differences(
		config.List(file.ResolveKind(perch.KindStaging)), config.List(settings, origins),
	) {
		out = append(out, perch.SettingDifference(d))
	}
	return out, nil
}
