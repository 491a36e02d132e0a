package activities

import (
	"strings"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/google/go-cmp/cmp"

	"perch"
	"perch/activities/activitytest"
	"perch/activities/contract"
	"perch/activities/stack"
	"perch/sandbox/aws"
	"perch/sandbox/aws/services"
)

// manyTemplate has what an update to fewTemplate removes, and a topic that it replaces.
var (
	fewTemplate = strings.Replace(
		customTemplate, "    Properties: {DisplayName: !Ref Branch}\n",
		"    Properties: {TopicName: two}\n    UpdateReplacePolicy: Retain\n", 1,
	)
	manyTemplate = strings.NewReplacer("TopicName: two", "TopicName: one", "Resources:\n", `Resources:
  Old: {Type: AWS::S3::Bucket, DeletionPolicy: Retain}
  Stuck: {Type: AWS::SNS::Topic}
  Gone: {Type: AWS::SNS::Topic}
  Record:
    Type: AWS::Route53::RecordSet
    DeletionPolicy: Retain
    Properties: {HostedZoneId: `+services.HostedZone+`, Name: old.shop.localhost., Type: A, TTL: "60", ResourceRecords: [10.0.0.1]}
  Application: {Type: AWS::ElasticBeanstalk::Application}
  Environment:
    Type: AWS::ElasticBeanstalk::Environment
    Properties: {ApplicationName: !Ref Application, EnvironmentName: shop-login, SolutionStackName: 64bit Amazon Linux 2023 v4.7.3 running Docker}
`).Replace(fewTemplate)
)

// physical is the physical id of a resource of the stack.
func (w *world) physical(stackID, logicalID string) string {
	w.t.Helper()
	out, err := w.cfn().DescribeStackResource(
		w.t.Context(), &cloudformation.DescribeStackResourceInput{StackName: &stackID, LogicalResourceId: &logicalID},
	)
	if err != nil {
		w.t.Fatal(err)
	}
	return sdk.ToString(out.StackResourceDetail.PhysicalResourceId)
}

// customUpdate brings login's environment to commit.
func (w *world) customUpdate(stackID, commit string) contract.ChangeResult {
	w.t.Helper()
	rendered := w.render("login", commit)
	in := contract.ChangeInput{
		Environment: activitytest.Environment("shop", "login"), Kind: perch.KindBranch, StackID: stackID,
		Token:    "update-" + commit,
		Template: rendered.Hash,
	}
	out := must(w, of[*Stacks](w).UpdateStack, in)
	if ended := w.settle(stackID); ended.Status != "CREATE_COMPLETE" && ended.Status != "UPDATE_COMPLETE" {
		w.t.Fatalf("ended in %s: %s", ended.Status, ended.Reason)
	}
	return out
}

// customGone removes login's stack and returns what VerifyGone sees.
func (w *world) customGone(stackID string) contract.VerifyResult {
	w.t.Helper()
	contents := must(w, of[*Stacks](w).Contents, contract.StackInput{StackID: stackID})
	if ended := w.delete(stackID, nil); ended.Status != stack.Deleted {
		w.t.Fatalf("ended %+v", ended)
	}
	return must(w, of[*Verification](w).VerifyGone, contract.VerifyInput{
		Environment: activitytest.Environment("shop", "login"), StackID: stackID, Contents: contents,
	})
}

func TestWhatAnUpdateHasKeptIsNotALeftoverAndWhatItCouldNotDeleteIs(t *testing.T) {
	w, commit := newCustomWorld(t, map[string]string{"deploy/template.yaml": manyTemplate})
	id := w.customUp(commit).StackID
	old, replaced, stuck, logs := w.physical(
		id, "Old",
	), w.physical(id, "Topic"), w.physical(id, "Stuck"), w.physical(id, "Logs")
	for _, stays := range []string{"Stuck", "Environment"} {
		w.fault(aws.Fault{LogicalID: stays, Phase: "delete", Reason: "not now", Count: 3})
	}
	w.customUpdate(id, w.repo.commit("login", map[string]string{"deploy/template.yaml": fewTemplate}))
	want := contract.VerifyResult{
		Leftovers: []string{"Beanstalk environment shop-login (Ready)", "DNS record old.shop.localhost", stuck},
		Kept:      []string{"AWS::S3::Bucket " + logs, "AWS::S3::Bucket " + old, "AWS::SNS::Topic " + replaced},
	}
	if diff := cmp.Diff(want, w.customGone(id)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
