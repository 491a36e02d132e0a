package conformance

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/elasticbeanstalk"
	ebtypes "github.com/aws/aws-sdk-go-v2/service/elasticbeanstalk/types"
)

var readyAssumptions = []Assumption{
	{
		Name: "elasticbeanstalk/terminates-only-when-ready",
		Sentence: "TerminateEnvironment during a launch fails: `in an invalid state for this operation. Must be " +
			"Ready.`",
		Source:   "https://github.com/aws/aws-elastic-beanstalk-cli (strings.py)",
		ReliedOn: "activities/beanstalk/await.go", Cents: 1, Minutes: 20, check: checkTerminatesWhenReady,
	},
	{
		Name: "elasticbeanstalk/deletion-during-a-launch",
		Sentence: "The deletion of a stack whose environment is launching ends in DELETE_FAILED: `Must be Ready`. It " +
			"succeeds once the environment is Ready.",
		Source: "https://github.com/hashicorp/terraform-provider-aws (it waits first); not documented for " +
			"CloudFormation",
		ReliedOn: "workflows/beanstalk.go", Cents: 1, Minutes: 25, check: checkDeleteDuringLaunch,
	},
	{
		Name: "elasticbeanstalk/rollback-during-an-update",
		Sentence: "CloudFormation cannot roll back a canceled update while its environment is Updating: the stack " +
			"ends in UPDATE_ROLLBACK_FAILED. Once the environment is Ready, ContinueUpdateRollback succeeds.",
		Source:   "https://github.com/aws/elastic-beanstalk-roadmap/issues/97",
		ReliedOn: "workflows/beanstalk.go", Cents: 1, Minutes: 30, check: checkRollbackNeedsReady,
	},
	{
		Name:     "elasticbeanstalk/removed-options-stay",
		Sentence: "If an option setting is removed from the template, it keeps its value in the environment.",
		Source:   environmentDoc, ReliedOn: "cfn/options.go", Cents: 1, Minutes: 20, check: checkOptionsStay,
	},
	{
		Name:     "elasticbeanstalk/options-to-remove",
		Sentence: "UpdateEnvironment with OptionsToRemove removes an option setting that the template no longer has.",
		Source:   "https://docs.aws.amazon.com/elasticbeanstalk/latest/api/API_UpdateEnvironment.html",
		ReliedOn: "cfn/options.go", Cents: 1, Minutes: 25, check: checkOptionsToRemove,
	},
}

// startLaunch starts to create an environment, and waits until the environment is Launching.
func (w *World) startLaunch(ctx context.Context, name string) (stack string, err error) {
	body, err := w.newestPlatformTemplate(ctx, name, "")
	if err != nil {
		return "", err
	}
	if stack, err = w.startCreate(ctx, w.createInput("", body)); err != nil {
		return "", err
	}
	return stack, w.waitDuringOperation(ctx, stack, name, ebtypes.EnvironmentStatusLaunching)
}

// waitDuringOperation waits until the environment has the status. It fails if the stack's operation
// ends first.
func (w *World) waitDuringOperation(ctx context.Context, stack, name string, status ebtypes.EnvironmentStatus) error {
	return w.waitUntil(ctx, "the environment "+name+" is "+string(status), func() (bool, error) {
		found, err := w.environments(ctx, name, false)
		if err != nil || len(found) == 1 && found[0].Status == status {
			return err == nil, err
		}
		now, err := w.describeStack(ctx, stack)
		if err == nil && !strings.HasSuffix(string(now.StackStatus), "_IN_PROGRESS") {
			err = differencef("the stack is %s, but the environment was never seen %s", now.StackStatus, status)
		}
		return false, err
	})
}

// waitUntilReady waits until an environment is Ready.
func (w *World) waitUntilReady(ctx context.Context, name string) error {
	return w.waitUntil(ctx, "the environment "+name+" is Ready", func() (bool, error) {
		found, err := w.environments(ctx, name, false)
		return len(found) == 1 && found[0].Status == ebtypes.EnvironmentStatusReady, err
	})
}

const mustBeReady = "in an invalid state for this operation. Must be Ready"

func checkTerminatesWhenReady(ctx context.Context, w *World) error {
	name := w.environmentName("-launch")
	stack, err := w.startLaunch(ctx, name)
	if err != nil {
		return err
	}
	_, err = w.beanstalk.TerminateEnvironment(ctx, &elasticbeanstalk.TerminateEnvironmentInput{EnvironmentName: &name})
	if err := wantRejected("TerminateEnvironment", err, "InvalidParameterValue", mustBeReady); err != nil {
		return err
	}
	return w.wantStatus(ctx, stack, types.StackStatusCreateComplete)
}

func checkDeleteDuringLaunch(ctx context.Context, w *World) error {
	name := w.environmentName("-early")
	stack, err := w.startLaunch(ctx, name)
	if err != nil {
		return err
	}
	if err := w.deleteStack(ctx, stack, types.StackStatusDeleteFailed); err != nil {
		return err
	}
	if reason := w.firstFailure(ctx, stack); !strings.Contains(reason, mustBeReady) {
		return differencef("the reason is %q", reason)
	}
	if err := w.waitUntilReady(ctx, name); err != nil {
		return err
	}
	return w.deleteStack(ctx, stack, types.StackStatusDeleteComplete)
}

func checkRollbackNeedsReady(ctx context.Context, w *World) error {
	name := w.environmentName("-cancel")
	stack, err := w.createEnvironment(ctx, "", name)
	if err != nil {
		return err
	}
	body, err := w.newestPlatformTemplate(ctx, name, "", variable("FLAG", `"on"`))
	if err != nil {
		return err
	}
	if _, err := w.stacks.UpdateStack(ctx, w.updateInput(stack, body)); err != nil {
		return wantAccepted("UpdateStack", err)
	}
	if err := w.waitDuringOperation(ctx, stack, name, ebtypes.EnvironmentStatusUpdating); err != nil {
		return err
	}
	_, err = w.stacks.CancelUpdateStack(ctx, &cloudformation.CancelUpdateStackInput{StackName: &stack})
	if err := wantAccepted("CancelUpdateStack", err); err != nil {
		return err
	}
	if err := w.wantStatus(ctx, stack, types.StackStatusUpdateRollbackFailed); err != nil {
		return err
	}
	if err := w.waitUntilReady(ctx, name); err != nil {
		return err
	}
	_, err = w.stacks.ContinueUpdateRollback(ctx, &cloudformation.ContinueUpdateRollbackInput{StackName: &stack})
	if err := wantAccepted("ContinueUpdateRollback", err); err != nil {
		return err
	}
	return w.wantStatus(ctx, stack, types.StackStatusUpdateRollbackComplete)
}

// variable returns the option setting of an environment variable.
func variable(name, value string) string {
	return option("aws:elasticbeanstalk:application:environment", name, value)
}

// removeFlag creates an environment with the variable FLAG, and updates its stack with a template
// that does not have FLAG.
func (w *World) removeFlag(ctx context.Context, name string) error {
	stack, err := w.createEnvironment(ctx, "", name, variable("FLAG", `"on"`))
	if err != nil {
		return err
	}
	body, err := w.newestPlatformTemplate(ctx, name, "", variable("OTHER", `"on"`))
	if err != nil {
		return err
	}
	return w.updateStack(ctx, stack, body, types.StackStatusUpdateComplete)
}

// flagValue returns the value of the environment's variable FLAG. The result is empty if the
// environment does not have FLAG.
func (w *World) flagValue(ctx context.Context, name string) (string, error) {
	found, err := w.environments(ctx, name, false)
	if err != nil || len(found) != 1 {
		return "", errorOrDifference(err, "the environment is not listed")
	}
	out, err := w.beanstalk.DescribeConfigurationSettings(ctx, &elasticbeanstalk.DescribeConfigurationSettingsInput{
		ApplicationName: found[0].ApplicationName, EnvironmentName: &name,
	})
	if err := wantAccepted("DescribeConfigurationSettings", err); err != nil {
		return "", err
	}
	for _, settings := range out.ConfigurationSettings {
		for _, o := range settings.OptionSettings {
			if aws.ToString(o.OptionName) == "FLAG" &&
				strings.HasSuffix(aws.ToString(o.Namespace), ":application:environment") {
				return aws.ToString(o.Value), nil
			}
		}
	}
	return "", nil
}

func checkOptionsStay(ctx context.Context, w *World) error {
	name := w.environmentName("-stay")
	if err := w.removeFlag(ctx, name); err != nil {
		return err
	}
	value, err := w.flagValue(ctx, name)
	if err == nil && value != "on" {
		err = differencef("FLAG is %q after the update, want on", value)
	}
	return err
}

func checkOptionsToRemove(ctx context.Context, w *World) error {
	name := w.environmentName("-remove")
	if err := w.removeFlag(ctx, name); err != nil {
		return err
	}
	_, err := w.beanstalk.UpdateEnvironment(ctx, &elasticbeanstalk.UpdateEnvironmentInput{
		EnvironmentName: &name, OptionsToRemove: []ebtypes.OptionSpecification{{
			Namespace: aws.String("aws:elasticbeanstalk:application:environment"), OptionName: aws.String("FLAG"),
		}},
	})
	if err := wantAccepted("UpdateEnvironment", err); err != nil {
		return err
	}
	if err := w.waitUntilReady(ctx, name); err != nil {
		return err
	}
	value, err := w.flagValue(ctx, name)
	if err == nil && value != "" {
		err = differencef("FLAG is %q after OptionsToRemove, want no value", value)
	}
	return err
}
