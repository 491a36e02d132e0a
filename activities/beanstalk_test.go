package activities

import (
	"context"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/elasticbeanstalk"
	"github.com/aws/aws-sdk-go-v2/service/elasticbeanstalk/types"

	"perch"
	"perch/activities/activitytest"
	"perch/activities/contract"
	"perch/lifecycle"
	"perch/sandbox/aws"
)

// singleInstance is a stack with nothing but an application and a Beanstalk environment called
// name.
func singleInstance(name string) func(*cloudformation.CreateStackInput) {
	return func(in *cloudformation.CreateStackInput) {
		in.TemplateBody = sdk.String(`{"Resources": {
			"Application": {"Type": "AWS::ElasticBeanstalk::Application", "Properties": {}},
			"Environment": {"Type": "AWS::ElasticBeanstalk::Environment", "Properties": {"ApplicationName": {"Ref": "Application"},
				"EnvironmentName": "` + name + `", "SolutionStackName": "64bit Amazon Linux 2023 v4.7.3 running Docker", "OptionSettings": [
				{"Namespace": "aws:elasticbeanstalk:environment", "OptionName": "EnvironmentType", "Value": "SingleInstance"}]}}}}`)
	}
}

// environmentStatus is the status of the Beanstalk environment; empty if there is none.
func (w *world) environmentStatus(name string) types.EnvironmentStatus {
	w.t.Helper()
	out, err := elasticbeanstalk.NewFromConfig(w.config).
		DescribeEnvironments(w.t.Context(), &elasticbeanstalk.DescribeEnvironmentsInput{
			EnvironmentNames: []string{name}, IncludeDeleted: sdk.Bool(false),
		})
	if err != nil {
		w.t.Fatal(err)
	}
	if len(out.Environments) == 0 {
		return ""
	}
	return out.Environments[0].Status
}

// awaitBeanstalk is AwaitBeanstalk with a result, as try wants one.
func (s *Stacks) awaitBeanstalk(ctx context.Context, in contract.StackInput) (struct{}, error) {
	return struct{}{}, s.AwaitBeanstalk(ctx, in)
}

func TestS170ALaunchThatADeletionInterruptsIsWaitedFor(t *testing.T) {
	w := newWorldOf(t, aws.Config{Speed: 1000})
	w.fault(aws.Fault{Stack: "shop-login", LogicalID: "Environment", Phase: "create", Hang: true})
	id := w.bare("shop-login", "login", singleInstance("shop-login"))
	for w.environmentStatus("shop-login") == "" {
	}
	must(
		w, of[*Stacks](w).awaitBeanstalk,
		contract.StackInput{Environment: activitytest.Environment("shop", "login"), StackID: id},
	)
	if status := w.environmentStatus("shop-login"); status != types.EnvironmentStatusReady {
		t.Errorf("after the wait the environment is %s", status)
	}
	if ended := w.delete(id, nil); ended.Status != "DELETE_COMPLETE" {
		t.Errorf("the deletion ended in %+v", ended)
	}
}

func TestAwaitBeanstalkTellsNothingOfAnotherStack(t *testing.T) {
	w := newWorld(t)
	other := w.bare("shop-other", "other", nil)
	w.settle(other)
	_, err := activitytest.Try(
		of[*Stacks](w).awaitBeanstalk,
		contract.StackInput{Environment: activitytest.Environment("shop", "login"), StackID: other},
	)
	activitytest.WantFinal(t, err, perch.ErrorInvalid, "is not the one of branch")
}

// retained deletes the stack of branch login without its Beanstalk environment.
func (w *world) retained() contract.SweepInput {
	w.t.Helper()
	id := w.bare("shop-login", "login", singleInstance("shop-login"))
	w.settle(id)
	w.fault(
		aws.Fault{Stack: "shop-login", LogicalID: "Environment", Phase: "delete", Reason: "Internal failure", Count: 1},
	)
	w.delete(id, nil)
	if ended := w.delete(id, []string{"Environment", "Application"}); ended.Status != "DELETE_COMPLETE" {
		w.t.Fatalf("the deletion ended in %+v", ended)
	}
	return contract.SweepInput{
		Environment: activitytest.Environment("shop", "login"),
		StackID:     id,
		Resources:   []lifecycle.Failure{{Type: "AWS::ElasticBeanstalk::Environment", PhysicalID: "shop-login"}},
	}
}

func TestS172ARetainedEnvironmentIsTerminated(t *testing.T) {
	w := newWorld(t)
	in := w.retained()
	w.fault(aws.Fault{
		Service: "elasticbeanstalk", Action: "TerminateEnvironment", Code: "InvalidParameterValue", Count: 1,
		Message: "Environment named shop-login is in an invalid state for this operation. Must be Ready.",
	})
	activitytest.WantRetry(t, w.sweep(in), "Must be Ready")
	for range 2 { // The second time it is gone already.
		if err := w.sweep(in); err != nil {
			t.Fatal(err)
		}
	}
	if status := w.environmentStatus("shop-login"); status != "" {
		t.Errorf("the environment is %s", status)
	}
}

func TestS172OnlyTheStacksOwnEnvironmentIsTerminated(t *testing.T) {
	w := newWorld(t)
	in := w.retained()
	other := w.bare("shop-other", "other", singleInstance("shop-other"))
	w.settle(other)
	in.Resources[0].PhysicalID = "shop-other"
	if err := w.sweep(in); err != nil {
		t.Fatal(err)
	}
	if status := w.environmentStatus("shop-other"); status != types.EnvironmentStatusReady {
		t.Errorf("the environment of another branch is %s", status)
	}
}

func TestS172AnEnvironmentOfALaterStackIsNotTerminated(t *testing.T) {
	w := newWorld(t)
	in := w.retained()
	if err := w.sweep(in); err != nil {
		t.Fatal(err)
	}
	w.settle(w.bare("shop-login", "login", singleInstance("shop-login")))
	if err := w.sweep(in); err != nil {
		t.Fatal(err)
	}
	if status := w.environmentStatus("shop-login"); status != types.EnvironmentStatusReady {
		t.Errorf("the environment of the later stack is %s", status)
	}
}
