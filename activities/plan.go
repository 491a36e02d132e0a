package activities

import (
	"context"
	"encoding/json"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"perch"
	"perch/cfn"
	"perch/cfn/forecast"
	"perch/config"
	"perch/lifecycle"
)

// PlanEnvironment says what an `up` would do: it holds the request against the policy, renders the template, and compares it with the one that
// is deployed. It stores and changes nothing.
func (r *Requests) PlanEnvironment(ctx context.Context, in perch.PlanInput) (perch.PlanResult, error) {
	admitted, err := r.Admit(ctx, AdmitInput{Request: in.Request})
	if err != nil || admitted.Outcome != "" {
		return perch.PlanResult{Outcome: admitted.Outcome, Reason: admitted.Reason, SupersededBy: admitted.SupersededBy}, err
	}
	environment, err := perch.NewEnvironment(in.Request.Project, in.Request.Branch)
	if err != nil {
		return perch.PlanResult{}, refuse(ErrorInvalid, "%v", err)
	}
	wanted, err := r.render(ctx, RenderInput{Project: in.Request.Project, Branch: in.Request.Branch, Commit: in.Request.Commit, Kind: admitted.Kind})
	if err != nil {
		return perch.PlanResult{}, err
	}
	stack, found, err := r.stacks.describe(ctx, environment.StackName())
	if err != nil {
		return perch.PlanResult{}, err
	}
	var state StackState
	if found {
		state = r.stacks.state(environment, stack)
	}
	plan := r.outline(environment, state, wanted, admitted.Kind)
	if plan.Outcome != perch.OutcomePlanned {
		return plan, nil
	}
	deployed, err := r.stacks.deployed(ctx, stack, lifecycle.Step(plan.Step))
	if err != nil {
		return perch.PlanResult{}, err
	}
	if err := r.foresee(&plan, in.Request.Branch, deployed, wanted); err != nil {
		return perch.PlanResult{}, err
	}
	return plan, nil
}

// outline is a plan without what the templates say.
func (r *Requests) outline(environment perch.Environment, state StackState, wanted rendering, kind perch.Kind) perch.PlanResult {
	plan := perch.PlanResult{
		Outcome: perch.OutcomePlanned, Kind: kind, URL: state.URL, Status: state.Status, Deployed: state.Commit,
		Protected: state.Protected || state.Status != "" && state.Kind != perch.KindBranch,
	}
	if r.policy.Domain != "" {
		plan.Host = environment.Host(r.policy.Domain)
	}
	for _, output := range []string{cfn.OutputURL, cfn.OutputOwnURL} {
		if url := literalOutput(wanted.template.Body, output); url != "" {
			plan.URL = url
		}
	}
	step := lifecycle.Next(lifecycle.Stack{
		Status: state.Status, Ours: state.Ours, Protected: plan.Protected, Unchanged: state.Template == wanted.template.Hash,
	}, perch.GoalUp)
	switch plan.Step = string(step); step {
	case lifecycle.Conflict:
		return perch.PlanResult{Outcome: perch.OutcomeRefused, Reason: lifecycle.Foreign(environment)}
	case lifecycle.Protected, lifecycle.Stop:
		return perch.PlanResult{Outcome: perch.OutcomeFailed, Reason: lifecycle.Stuck(environment.StackName(), state.Status)}
	}
	return plan
}

// foresee fills in what changes, how long that takes and what the environment costs.
func (r *Requests) foresee(plan *perch.PlanResult, branch string, deployed forecast.Version, made rendering) error {
	wanted := forecast.Version{Template: made.template.Body, Parameters: r.pseudo(values(made.parameters))}
	deployed.Parameters = r.pseudo(deployed.Parameters)
	compared, err := forecast.Compare(deployed, wanted)
	if err != nil {
		return refuse(ErrorInvalid, "compare the templates of branch %q: %v", branch, err)
	}
	plan.Changes, plan.Outputs = compared.Changes, compared.Outputs
	if plan.Time, err = forecast.Estimate(deployed, wanted, compared.Changes); err != nil {
		return refuse(ErrorInvalid, "estimate the time for branch %q: %v", branch, err)
	}
	if plan.Cost, err = forecast.Cost(wanted, r.policy.Region); err != nil {
		return refuse(ErrorInvalid, "estimate the cost of branch %q: %v", branch, err)
	}
	plan.Settings, err = differences(made.file, branch)
	return err
}

// pseudo adds what CloudFormation itself knows to a template's parameters.
func (r *Requests) pseudo(given map[string]string) map[string]string {
	known := map[string]string{"AWS::Region": r.policy.Region, "AWS::AccountId": r.policy.Account}
	for name, value := range given {
		known[name] = value
	}
	return known
}

// differences are the settings of branch that are not those of kind staging, which is what every other environment is meant to be like.
func differences(file *config.File, branch string) ([]perch.SettingDifference, error) {
	settings, origins, err := file.Resolve(branch, "")
	if err != nil {
		return nil, refuse(ErrorInvalid, "%v", err)
	}
	out := []perch.SettingDifference{}
	for _, d := range config.Differences(config.List(file.ResolveKind(perch.KindStaging)), config.List(settings, origins)) {
		out = append(out, perch.SettingDifference(d))
	}
	return out, nil
}

// deployed is the template in force with its parameters. A stack that is to be made, or made anew, has none.
func (s *Stacks) deployed(ctx context.Context, stack types.Stack, step lifecycle.Step) (forecast.Version, error) {
	var version forecast.Version
	if step == lifecycle.Create || step == lifecycle.Delete {
		return version, nil
	}
	id := aws.ToString(stack.StackId)
	out, err := s.cfn.GetTemplate(ctx, &cloudformation.GetTemplateInput{StackName: &id, TemplateStage: types.TemplateStageOriginal})
	if err != nil {
		return version, awsFailure(err, "read the template of stack %s", id)
	}
	version.Template, version.Parameters = []byte(aws.ToString(out.TemplateBody)), map[string]string{}
	for _, parameter := range stack.Parameters {
		version.Parameters[aws.ToString(parameter.ParameterKey)] = aws.ToString(parameter.ParameterValue)
	}
	return version, nil
}

// literalOutput is an output that the template gives as it stands; empty where AWS makes it up.
func literalOutput(template []byte, name string) string {
	var document struct {
		Outputs map[string]struct{ Value any }
	}
	if json.Unmarshal(template, &document) != nil {
		return ""
	}
	value, _ := document.Outputs[name].Value.(string)
	return value
}
