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

var readyBeliefs = []Belief{
	{
		Name: "elasticbeanstalk/terminates-only-when-ready",
		Sentence: "TerminateEnvironment during a launch is rejected with `in an invalid state for this operation. " +
			"Must be Ready.`",
		Source:   "https://github.com/aws/aws-elastic-beanstalk-cli (strings.py)",
		ReliedOn: "activities/beanstalk/await.go", Cents: 1, Minutes: 20, check: checkTerminatesWhenReady,
	},
	{
		Name: "elasticbeanstalk/deletion-during-a-launch",
		Sentence: "The deletion of a stack whose environment is launching fails with `Must be Ready`: DELETE_FAILED; " +
			"it succeeds once the environment is Ready.",
		Source: "https://github.com/hashicorp/terraform-provider-aws (it waits first); not documented for " +
			"CloudFormation",
		ReliedOn: "workflows/beanstalk.go", Cents: 1, Minutes: 25, check: checkDeleteDuringLaunch,
	},
	{
		Name: "elasticbeanstalk/rollback-during-an-update",
		Sentence: "A canceled update whose environment is still Updating cannot be rolled back: " +
			"UPDATE_ROLLBACK_FAILED; once it is Ready, ContinueUpdateRollback completes.",
		Source:   "https://github.com/aws/elastic-beanstalk-roadmap/issues/97",
		ReliedOn: "workflows/beanstalk.go", Cents: 1, Minutes: 30, check: checkRollbackNeedsReady,
	},
	{
		Name:     "elasticbeanstalk/removed-options-stay",
		Sentence: "An option setting that leaves the template keeps its value in the environment.",
		Source:   environmentDoc, ReliedOn: "cfn/options.go", Cents: 1, Minutes: 20, check: checkOptionsStay,
	},
	{
		Name:     "elasticbeanstalk/options-to-remove",
		Sentence: "UpdateEnvironment with OptionsToRemove removes an option setting that the template no longer has.",
		Source:   "https://docs.aws.amazon.com/elasticbeanstalk/latest/api/API_UpdateEnvironment.html",
		ReliedOn: "cfn/options.go", Cents: 1, Minutes: 25, check: checkOptionsToRemove,
	},
}

// launching starts to create an environment and waits until its status is Launching.
func (w *World) launching(ctx context.Context, name string) (stack string, err error) {
	body, err := w.applicationWith(ctx, name, "")
	if err != nil {
		return "", err
	}
	if stack, err = w.begin(ctx, w.creation("", body)); err != nil {
		return "", err
	}
	return stack, w.becomes(ctx, stack, name, ebtypes.EnvironmentStatusLaunching)
}

// becomes waits until the environment has the status while its stack's operation is still in
// progress.
func (w *World) becomes(ctx context.Context, stack, name string, status ebtypes.EnvironmentStatus) error {
	return w.until(ctx, "the environment "+name+" is "+string(status), func() (bool, error) {
		found, err := w.environments(ctx, name, false)
		if err != nil || len(found) == 1 && found[0].Status == status {
			return err == nil, err
		}
		now, err := w.describe(ctx, stack)
		if err == nil && !strings.HasSuffix(string(now.StackStatus), "_IN_PROGRESS") {
			err = differs("the stack is %s, and the environment was not seen %s", now.StackStatus, status)
		}
		return false, err
	})
}

// ready waits until an environment is Ready.
func (w *World) ready(ctx context.Context, name string) error {
	return w.until(ctx, "the environment "+name+" is Ready", func() (bool, error) {
		found, err := w.environments(ctx, name, false)
		return len(found) == 1 && found[0].Status == ebtypes.EnvironmentStatusReady, err
	})
}

const mustBeReady = "in an invalid state for this operation. Must be Ready"

func checkTerminatesWhenReady(ctx context.Context, w *World) error {
	name := w.environmentName("-launch")
	stack, err := w.launching(ctx, name)
	if err != nil {
		return err
	}
	_, err = w.beanstalk.TerminateEnvironment(ctx, &elasticbeanstalk.TerminateEnvironmentInput{EnvironmentName: &name})
	if err := wantRejected("TerminateEnvironment", err, "InvalidParameterValue", mustBeReady); err != nil {
		return err
	}
	return w.reach(ctx, stack, types.StackStatusCreateComplete)
}

func checkDeleteDuringLaunch(ctx context.Context, w *World) error {
	name := w.environmentName("-early")
	stack, err := w.launching(ctx, name)
	if err != nil {
		return err
	}
	if err := w.remove(ctx, stack, types.StackStatusDeleteFailed); err != nil {
		return err
	}
	if reason := w.firstFailure(ctx, stack); !strings.Contains(reason, mustBeReady) {
		return differs("the reason is %q", reason)
	}
	if err := w.ready(ctx, name); err != nil {
		return err
	}
	return w.remove(ctx, stack, types.StackStatusDeleteComplete)
}

func checkRollbackNeedsReady(ctx context.Context, w *World) error {
	name := w.environmentName("-cancel")
	stack, err := w.environment(ctx, "", name)
	if err != nil {
		return err
	}
	body, err := w.applicationWith(ctx, name, "", variable("FLAG", `"on"`))
	if err != nil {
		return err
	}
	if _, err := w.stacks.UpdateStack(ctx, w.change(stack, body)); err != nil {
		return wantAccepted("UpdateStack", err)
	}
	if err := w.becomes(ctx, stack, name, ebtypes.EnvironmentStatusUpdating); err != nil {
		return err
	}
	_, err = w.stacks.CancelUpdateStack(ctx, &cloudformation.CancelUpdateStackInput{StackName: &stack})
	if err := wantAccepted("CancelUpdateStack", err); err != nil {
		return err
	}
	if err := w.reach(ctx, stack, types.StackStatusUpdateRollbackFailed); err != nil {
		return err
	}
	if err := w.ready(ctx, name); err != nil {
		return err
	}
	_, err = w.stacks.ContinueUpdateRollback(ctx, &cloudformation.ContinueUpdateRollbackInput{StackName: &stack})
	if err := wantAccepted("ContinueUpdateRollback", err); err != nil {
		return err
	}
	return w.reach(ctx, stack, types.StackStatusUpdateRollbackComplete)
}

// variable returns the option setting for an environment variable of the app.
func variable(name, value string) string {
	return option("aws:elasticbeanstalk:application:environment", name, value)
}

// optionGone creates a stack with the variable FLAG, removes FLAG from the template, and returns
// the updated stack.
func (w *World) optionGone(ctx context.Context, name string) error {
	stack, err := w.environment(ctx, "", name, variable("FLAG", `"on"`))
	if err != nil {
		return err
	}
	body, err := w.applicationWith(ctx, name, "", variable("OTHER", `"on"`))
	if err != nil {
		return err
	}
	return w.update(ctx, stack, body, types.StackStatusUpdateComplete)
}

// flag returns the value of the environment's variable FLAG; empty if it has none.
func (w *World) flag(ctx context.Context, name string) (string, error) {
	found, err := w.environments(ctx, name, false)
	if err != nil || len(found) != 1 {
		return "", orDiffers(err, "the environment is not listed")
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
	if err := w.optionGone(ctx, name); err != nil {
		return err
	}
	value, err := w.flag(ctx, name)
	if err == nil && value != "on" {
		err = differs("the value is %q after the update, want on", value)
	}
	return err
}

func checkOptionsToRemove(ctx context.Context, w *World) error {
	name := w.environmentName("-remove")
	if err := w.optionGone(ctx, name); err != nil {
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
	if err := w.ready(ctx, name); err != nil {
		return err
	}
	value, err := w.flag(ctx, name)
	if err == nil && value != "" {
		err = differs("the value is %q after the removal, want none", value)
	}
	return err
}
