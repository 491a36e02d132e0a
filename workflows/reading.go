package workflows

import (
	"fmt"

	"go.temporal.io/sdk/workflow"

	"perch"
	"perch/activities/contract"
	"perch/lifecycle"
)

// List answers `perch ls`.
func List(ctx workflow.Context, in perch.ListInput) (*perch.ListResult, error) {
	out, err := runActivity(ctx, "list environments of "+in.Project, contract.ListEnvironments, in)
	return &out, err
}

// Status answers `perch status`.
func Status(ctx workflow.Context, in perch.StatusInput) (*perch.StatusResult, error) {
	out, err := runActivity(ctx, "describe the environment of "+in.Environment.Branch, contract.DescribeEnvironment, in)
	return &out, err
}

// History answers `perch history`.
func History(ctx workflow.Context, in perch.HistoryInput) (*perch.HistoryResult, error) {
	out, err := runActivity(ctx, "list the environments of "+in.Project+" that are gone", contract.ListHistory, in)
	return &out, err
}

// Plan answers `perch plan`: it returns what an `up` would do and changes nothing.
func Plan(ctx workflow.Context, in perch.PlanInput) (*perch.PlanResult, error) {
	out, err := runActivity(
		ctx, "think through "+string(in.Request.Goal)+" of "+in.Request.Branch, contract.PlanEnvironment, in,
	)
	return &out, err
}

// Doctor runs the checks of `perch doctor` that only a worker can make.
func Doctor(ctx workflow.Context, in perch.DoctorInput) (*perch.DoctorResult, error) {
	out, err := runActivity(ctx, "check whether everything is there", contract.Examine, in)
	return &out, err
}

// Expiry judges the expiry of every environment, warns people, and requests the removal of expired
// environments.
func Expiry(ctx workflow.Context, in perch.ExpiryInput) (*perch.ExpiryResult, error) {
	out, err := runActivity(ctx, "judge the expiry of environments of "+in.Project, contract.SweepExpiry, in)
	return &out, err
}

// Keep pins, unpins or extends an environment.
func Keep(ctx workflow.Context, in perch.KeepInput) (*perch.KeepResult, error) {
	out, err := runActivity(ctx, string(in.Note.Kind)+" "+in.Environment.Branch, contract.Keep, in)
	return &out, err
}

// Application creates, updates or describes the stack that the project's environments share. Its
// workflow ID is the stack's name, unless it only describes the stack.
func Application(ctx workflow.Context, in perch.ApplicationInput) (*perch.ApplicationResult, error) {
	name := perch.ApplicationStackName(in.Project, in.Kind)
	changed := false
	if in.Apply {
		var err error
		if changed, err = applyApplication(ctx, in, name); err != nil {
			return nil, err
		}
	}
	out, err := runActivity(ctx, "describe stack "+name, contract.DescribeApplication, in)
	if err != nil {
		return nil, err
	}
	out.Changed = changed
	return &out, nil
}

func applyApplication(ctx workflow.Context, in perch.ApplicationInput, name string) (bool, error) {
	call := contract.ApplyInput{
		Application: in, Token: fmt.Sprintf("perch-%s", workflow.GetInfo(ctx).WorkflowExecution.RunID),
	}
	begun, err := runActivity(ctx, "apply the application template to "+name, contract.ApplyApplication, call)
	if err != nil {
		return false, err
	}
	if begun.Unchanged {
		return false, nil
	}
	wait := contract.AwaitInput{StackID: begun.StackID, Token: call.Token}
	ended, err := runActivity(ctx, "wait for "+name, contract.AwaitStack, wait)
	if err != nil {
		return false, err
	}
	if !lifecycle.Reached(ended.Status) {
		return false, failed("stack %s ended in %s: %s", name, ended.Status, ended.Reason)
	}
	return true, nil
}
