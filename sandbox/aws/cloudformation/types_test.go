package cloudformation_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

func TestS136AnUnknownResourceTypeIsRejectedBeforeAnythingStarts(t *testing.T) {
	const (
		body = `{"Resources": {"A": {"Type": "AWS::S3::Pail"}, "B": {"Type": "AWS::SQS::Queue"}, "C": {"Type": ` +
			`"Mine"}}}`
		sentence = "Template format error: Unrecognized resource types: [AWS::S3::Pail, Mine]"
	)
	w := newWorld(t)
	id := w.create("shop-a", simple)
	w.reach(id, "CREATE_COMPLETE")
	events := len(w.events(id))
	for name, call := range map[string]func() error{
		"CreateStack": func() error {
			in := &api.CreateStackInput{StackName: aws.String("shop-b"), TemplateBody: aws.String(body)}
			_, err := w.client.CreateStack(t.Context(), in)
			return err
		},
		"UpdateStack": func() error { return w.update(id, body) },
		"CreateChangeSet": func() error {
			in := &api.CreateChangeSetInput{
				StackName: aws.String("shop-b"), ChangeSetName: aws.String("one"),
				ChangeSetType: types.ChangeSetTypeCreate,
				TemplateBody:  aws.String(body),
			}
			_, err := w.client.CreateChangeSet(t.Context(), in)
			return err
		},
		"ValidateTemplate": func() error {
			_, err := w.client.ValidateTemplate(t.Context(), &api.ValidateTemplateInput{TemplateBody: aws.String(body)})
			return err
		},
		"GetTemplateSummary": func() error {
			_, err := w.client.GetTemplateSummary(
				t.Context(), &api.GetTemplateSummaryInput{TemplateBody: aws.String(body)},
			)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) { wantError(t, call(), "ValidationError", sentence) })
	}
	if got := len(w.events(id)); got != events {
		t.Errorf("the stack has %d events, want the %d from before", got, events)
	}
	_, err := w.client.DescribeStacks(t.Context(), &api.DescribeStacksInput{StackName: aws.String("shop-b")})
	wantError(t, err, "ValidationError", "Stack with id shop-b does not exist")
}

// TestATypeThatOnlyAWSHasIsValid has a type that AWS has and the endpoint cannot create. The
// template is valid, and the resource fails.
func TestATypeThatOnlyAWSHasIsValid(t *testing.T) {
	w := newWorld(t)
	for _, kind := range []string{
		"AWS::ElastiCache::CacheCluster", "AWS::CloudFormation::CustomResource", "Custom::Seed-Data_1",
	} {
		body := `{"Resources": {"A": {"Type": "` + kind + `"}}}`
		if _, err := w.client.ValidateTemplate(
			t.Context(), &api.ValidateTemplateInput{TemplateBody: &body},
		); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
	}
}
