package activities

import (
	"context"
	"strings"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/elasticbeanstalk"

	"perch"
	"perch/activities/activitytest"
	"perch/activities/contract"
	"perch/sandbox/aws"
)

// options are the values of the environment's options, by name, in the namespaces that end with one
// of suffixes.
func (w *world) options(environment string, suffixes ...string) map[string]string {
	w.t.Helper()
	out, err := elasticbeanstalk.NewFromConfig(w.config).
		DescribeConfigurationSettings(w.t.Context(), &elasticbeanstalk.DescribeConfigurationSettingsInput{
			ApplicationName: sdk.String("shop-application-staging"), EnvironmentName: &environment,
		})
	if err != nil {
		w.t.Fatal(err)
	}
	values := map[string]string{}
	for _, option := range out.ConfigurationSettings[0].OptionSettings {
		for _, suffix := range suffixes {
			if strings.HasSuffix(sdk.ToString(option.Namespace), suffix) {
				values[sdk.ToString(option.OptionName)] = sdk.ToString(option.Value)
			}
		}
	}
	return values
}

// withdraw is WithdrawOptions with a result, as try wants one.
func (s *Stacks) withdraw(ctx context.Context, in contract.StackInput) (struct{}, error) {
	return struct{}{}, s.WithdrawOptions(ctx, in)
}

// withdrawnDatabase updates an environment to a commit without the variable, the secret and the
// database of the one before.
func withdrawnDatabase(t *testing.T) (w *world, in contract.StackInput, commit string) {
	t.Helper()
	w = newWorld(t)
	w.apply()
	defaults := "defaults:\n  load_balancer: shared\n"
	first := strings.Replace(
		testConfig,
		defaults,
		defaults+"  database: {}\n  environment: {OLD: value}\n  secrets: {OLD_TOKEN: \""+tokenARN+"\"}\n",
		1,
	)
	files := func(config string) map[string]string {
		return map[string]string{"perch.yaml": config, "fixtures/media/a.txt": "a"}
	}
	id := w.up("login", w.repo.commit("login", files(first)))
	commit = w.repo.commit("login", files(testConfig))
	admitted := w.admit(w.request("login", commit))
	if admitted.Prepared == nil || !admitted.Prepared.Withdraws {
		t.Fatalf("admitted %+v, want something to withdraw", admitted)
	}
	change := contract.ChangeInput{
		Environment: activitytest.Environment("shop", "login"),
		StackID:     id,
		Template:    admitted.Prepared.Rendered.Hash,
		Token:       "update",
	}
	must(w, of[*Stacks](w).UpdateStack, change)
	if ended := must(
		w, of[*Stacks](w).AwaitStack, contract.AwaitInput{StackID: id, Token: change.Token},
	); ended.Status != "UPDATE_COMPLETE" {
		t.Fatalf("the update ended in %+v", ended)
	}
	return w, contract.StackInput{Environment: activitytest.Environment("shop", "login"), StackID: id}, commit
}

func TestS173AWithdrawnSecretIsGoneFromTheEnvironment(t *testing.T) {
	w, in, commit := withdrawnDatabase(t)
	if has := w.options(
		"shop-login", ":environment", ":environmentsecrets",
	); has["OLD"] == "" || has["OLD_TOKEN"] == "" ||
		has["DATABASE_PASSWORD"] == "" {
		t.Fatalf("CloudFormation left %v", has)
	}
	must(w, of[*Stacks](w).withdraw, in)
	has := w.options("shop-login", ":environment", ":environmentsecrets")
	for _, name := range []string{"OLD", "OLD_TOKEN", "DATABASE_PASSWORD", "DATABASE_HOST"} {
		if value, left := has[name]; left {
			t.Errorf("the environment still has %s = %s", name, value)
		}
	}
	if has["PERCH_COMMIT"] != commit || has["PORT"] == "" {
		t.Errorf("the environment has %v", has)
	}
	if admitted := w.admit(w.request("login", commit)); admitted.Prepared != nil && admitted.Prepared.Withdraws {
		t.Error("there is still something to withdraw")
	}
}

func TestS174ARemovedDatabaseLeavesNoSecurityGroupBehind(t *testing.T) {
	w, in, _ := withdrawnDatabase(t)
	out, err := w.cfn().DescribeStackEvents(
		t.Context(), &cloudformation.DescribeStackEventsInput{StackName: &in.StackID},
	)
	if err != nil {
		t.Fatal(err)
	}
	for _, event := range out.StackEvents {
		if event.ResourceStatus == "DELETE_FAILED" {
			t.Errorf(
				"the update left %s behind: %s", *event.LogicalResourceId, sdk.ToString(event.ResourceStatusReason),
			)
		}
	}
	if group := w.options("shop-login", "launchconfiguration")["SecurityGroups"]; !strings.HasPrefix(group, "sg-") {
		t.Errorf("the instances have the security group %q", group)
	}
}

func TestS173ASecretThatBeanstalkKeepsFailsTheRun(t *testing.T) {
	w, in, _ := withdrawnDatabase(t)
	w.fault(
		aws.Fault{
			Service: "elasticbeanstalk",
			Action:  "UpdateEnvironment",
			Status:  403,
			Code:    "AccessDenied",
			Message: "User is not authorized",
			Count:   1,
		},
	)
	_, err := activitytest.Try(of[*Stacks](w).withdraw, in)
	activitytest.WantFinal(t, err, perch.ErrorDenied, "elasticbeanstalk:UpdateEnvironment", "OLD_TOKEN")
}
