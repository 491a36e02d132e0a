package workflows

import (
	"fmt"

	"go.temporal.io/sdk/workflow"

	"perch"
	"perch/activities"
	"perch/lifecycle"
)

// List answers `perch ls`.
func List(ctx workflow.Context, in perch.ListInput) (*perch.ListResult, error) {
	var out perch.ListResult
	err := quick(ctx, "list environments of "+in.Project, stacks.ListEnvironments, in, &out)
	return &out, err
}

// Status answers `perch status`.
func Status(ctx workflow.Context, in perch.StatusInput) (*perch.StatusResult, error) {
	var out perch.StatusResult
	err := quick(ctx, "describe the environment of "+in.Branch, stacks.DescribeEnvironment, in, &out)
	return &out, err
}

// Plan answers `perch plan`: what an `up` would do. It changes nothing.
func Plan(ctx workflow.Context, in perch.PlanInput) (*perch.PlanResult, error) {
	var out perch.PlanResult
	err := quick(ctx, "think through "+string(in.Request.Goal)+" of "+in.Request.Branch, requests.PlanEnvironment, in, &out)
	return &out, err
}

// Doctor answers `perch doctor` for what only a worker can see.
func Doctor(ctx workflow.Context, in perch.DoctorInput) (*perch.DoctorResult, error) {
	var out perch.DoctorResult
	err := quick(ctx, "look whether everything is there", examinations.Examine, in, &out)
	return &out, err
}

// Application makes, updates or describes the stack that the project's environments share. Its workflow ID is the stack's name.
func Application(ctx workflow.Context, in perch.ApplicationInput) (*perch.ApplicationResult, error) {
	name := perch.ApplicationStackName(in.Project, in.Kind)
	changed := false
	if in.Apply {
		var err error
		if changed, err = applyApplication(ctx, in, name); err != nil {
			return nil, err
		}
	}
	var out perch.ApplicationResult
	if err := quick(ctx, "describe stack "+name, applications.DescribeApplication, in, &out); err != nil {
		return nil, err
	}
	out.Changed = changed
	return &out, nil
}

func applyApplication(ctx workflow.Context, in perch.ApplicationInput, name string) (bool, error) {
	call := activities.ApplyInput{Application: in, Token: fmt.Sprintf("perch-%s", workflow.GetInfo(ctx).WorkflowExecution.RunID)}
	var begun activities.ChangeResult
	if err := quick(ctx, "apply the application template to "+name, applications.ApplyApplication, call, &begun); err != nil {
		return false, err
	}
	if begun.Unchanged {
		return false, nil
	}
	var ended activities.AwaitResult
	wait := activities.AwaitInput{StackID: begun.StackID, Token: call.Token}
	if err := long(ctx, in.Project, "wait for "+name, stackPatience, stacks.AwaitStack, wait).Get(ctx, &ended); err != nil {
		return false, err
	}
	if !lifecycle.Reached(ended.Status) {
		return false, failed("stack %s ended in %s: %s", name, ended.Status, ended.Reason)
	}
	return true, nil
}
