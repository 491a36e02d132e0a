package activities

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation"

	"perch"
	"perch/activities/activitytest"
	"perch/activities/contract"
	"perch/activities/stack"
	"perch/cfn"
	"perch/sandbox/aws"
)

func staging(token string) contract.ApplyInput {
	return contract.ApplyInput{
		Application: perch.ApplicationInput{Project: "shop", Kind: perch.KindStaging, Apply: true}, Token: token,
	}
}

func TestApplyApplicationMakesTheStackOnceAndUpdatesIt(t *testing.T) {
	w := newWorld(t)
	in := staging("one").Application
	if out := must(
		w, of[*Applications](w).DescribeApplication, in,
	); out.Status != "" || out.Stack != "shop-application-staging" || out.Outputs == nil {
		t.Errorf("before: %+v", out)
	}
	w.apply()
	out := must(w, of[*Applications](w).DescribeApplication, in)
	if out.Status != "CREATE_COMPLETE" {
		t.Fatalf("after: %+v", out)
	}
	if _, err := cfn.ParseApplicationOutputs(out.Outputs); err != nil {
		t.Error(err)
	}
	if again := must(w, of[*Applications](w).ApplyApplication, staging("two")); !again.Unchanged {
		t.Errorf("again: %+v", again)
	}
	w.policy.Domain = "other.localhost"
	changed := must(w, of[*Applications](w).ApplyApplication, staging("three"))
	if changed.Unchanged {
		t.Errorf("another policy: %+v", changed)
	}
	if ended := w.settle(changed.StackID); ended.Status != "UPDATE_COMPLETE" {
		t.Errorf("ended %+v", ended)
	}
}

func TestALostAnswerToTheApplicationsCreationIsRecovered(t *testing.T) {
	w := newWorld(t)
	w.fault(aws.Fault{Service: "cloudformation", Action: "CreateStack", When: aws.After, Drop: true, Count: 1})
	w.fault(aws.Fault{Type: "AWS::S3::Bucket", Phase: "create", Hang: true})
	_, err := activitytest.Try(of[*Applications](w).ApplyApplication, staging("one"))
	activitytest.WantRetry(t, err)
	out := must(w, of[*Applications](w).ApplyApplication, staging("one"))
	w.aws.DeleteFault("")
	if ended := w.settle(out.StackID); ended.Status != "CREATE_COMPLETE" {
		t.Errorf("ended %+v", ended)
	}
}

func TestAnotherOperationOnTheApplicationStackIsNotTakenForThisOne(t *testing.T) {
	w := newWorld(t)
	w.apply()
	w.policy.Domain = "theirs.localhost"
	w.fault(aws.Fault{Stack: "shop-application-staging", Phase: "update", Hang: true})
	theirs := must(w, of[*Applications](w).ApplyApplication, staging("theirs"))
	w.policy.Domain = "ours.localhost"
	_, err := activitytest.Try(of[*Applications](w).ApplyApplication, staging("ours"))
	activitytest.WantRetry(t, err, "shop-application-staging", "UPDATE_IN_PROGRESS", "another operation")
	w.aws.DeleteFault("")
	w.settle(theirs.StackID)
	if ours := must(w, of[*Applications](w).ApplyApplication, staging("ours")); ours.Unchanged {
		t.Errorf("applied %+v", ours)
	}
}

func TestAnApplicationStackThatPerchDoesNotManageIsLeftAlone(t *testing.T) {
	w := newWorld(t)
	w.foreign(w.bare("shop-application-staging", "x", func(in *cloudformation.CreateStackInput) { in.Tags = nil }))
	_, err := activitytest.Try(of[*Applications](w).ApplyApplication, staging("one"))
	activitytest.WantFinal(t, err, perch.ErrorInvalid, "does not have this project's tags", "did not change it")
	_, err = of[*Applications](w).stacks.Outputs(t.Context(), perch.KindBranch)
	activitytest.WantFinal(t, err, perch.ErrorInvalid, "Perch does not manage it")
}

func TestApplicationsAreStagingAndProductionOfThisProject(t *testing.T) {
	w := newWorld(t)
	for words, in := range map[string]perch.ApplicationInput{
		`serves project "shop", not "blog"`: {Project: "blog", Kind: perch.KindStaging},
		`there is no application "branch"`:  {Project: "shop", Kind: perch.KindBranch},
	} {
		_, err := activitytest.Try(of[*Applications](w).ApplyApplication, contract.ApplyInput{Application: in})
		activitytest.WantFinal(t, err, perch.ErrorInvalid, words)
		_, err = activitytest.Try(of[*Applications](w).DescribeApplication, in)
		activitytest.WantFinal(t, err, perch.ErrorInvalid, words)
	}
}

func TestOutputsOfAnOlderTemplateSayWhatToRun(t *testing.T) {
	w := newWorld(t)
	tags := w.policy.Identity("").Tags(perch.KindStaging)
	body := `{"Resources": {"Files": {"Type": "AWS::S3::Bucket"}}, "Outputs": {"ArtifactBucket": {"Value": {"Ref": ` +
		`"Files"}}}}`
	w.settle(w.bare("shop-application-staging", "x", func(in *cloudformation.CreateStackInput) {
		in.Tags, in.TemplateBody = stack.TagList(tags), &body
	}))
	_, err := of[*Applications](w).stacks.Outputs(t.Context(), perch.KindBranch)
	activitytest.WantFinal(t, err, perch.ErrorInvalid, "has no output", "run `perch application up --kind staging`")
}
