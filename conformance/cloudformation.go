package conformance

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

const (
	recorded = "https://github.com/radkawar/stackd/tree/main/testdata/aws/cloudformation (recordings)"
	guide    = "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/"
	stackAPI = "https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/"
)

// template returns a template with the resources. It is YAML and does not begin with a brace,
// because CloudFormation would then parse it as JSON.
func template(resources ...string) string {
	return "Resources: {" + strings.Join(resources, ", ") + "}"
}

// parameter returns the cheapest resource that can be updated: a parameter of Systems Manager. Its
// logical id is Thing, and its name is the stack's.
func parameter(value string) string {
	return namedParameter(`!Ref "AWS::StackName"`, `"`+value+`"`)
}

// namedParameter returns a parameter with another name. If the name changes, CloudFormation
// replaces the resource.
func namedParameter(name, value string) string {
	return `Thing: {Type: AWS::SSM::Parameter, Properties: {Name: ` + name + `, Type: String, Value: ` + value + `}}`
}

// parameterTemplate returns a template whose only resource is a parameter.
func parameterTemplate(value string) string { return template(parameter(value)) }

// plainBucket is a bucket that CloudFormation deletes with its stack.
const plainBucket = "Bucket: {Type: AWS::S3::Bucket, DeletionPolicy: Delete}"

// failingResource is a resource whose creation fails: a policy for a bucket that does not exist.
const failingResource = `Failing: {Type: AWS::S3::BucketPolicy, DependsOn: Thing, Properties: {
  Bucket: perch-no-such-bucket-0a1b2c3d, PolicyDocument: {Version: "2012-10-17", Statement: [{
  Effect: Deny, Principal: "*", Action: "s3:PutObject", Resource: "arn:aws:s3:::perch-no-such-bucket-0a1b2c3d/*"}]}}}`

var stackAssumptions = []Assumption{
	{
		Name: "cloudformation/unknown-stack",
		Sentence: "DescribeStacks with an unknown name fails with ValidationError: `Stack with id NAME does not " +
			"exist`.",
		Source: recorded, ReliedOn: "activities/stack/stack.go", Minutes: 1,
		check: func(ctx context.Context, w *World) error {
			name := w.stackName("")
			_, err := w.stacks.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &name})
			return wantRejected("DescribeStacks", err, "ValidationError", "Stack with id "+name+" does not exist")
		},
	},
	{
		Name:     "cloudformation/existing-name",
		Sentence: "CreateStack with the name of an existing stack fails with AlreadyExistsException.",
		Source:   recorded, ReliedOn: "activities/change/change.go", Minutes: 2, check: checkExistingName,
	},
	{
		Name: "cloudformation/events-of-a-creation",
		Sentence: "The first and the last event of a creation are events of the stack. A resource has the events " +
			"CREATE_IN_PROGRESS without a physical id, CREATE_IN_PROGRESS with it, and CREATE_COMPLETE.",
		Source: recorded, ReliedOn: "activities/stack/events.go", Minutes: 2, check: checkCreationEvents,
	},
	{
		Name: "cloudformation/creation-rolls-back",
		Sentence: "If a resource fails during a creation, the stack ends in ROLLBACK_COMPLETE, and the first failed " +
			"event has the reason.",
		Source: recorded, ReliedOn: "lifecycle/next.go", Minutes: 3, check: checkCreationRollsBack,
	},
	{
		Name:     "cloudformation/rolled-back-creation-is-final",
		Sentence: "UpdateStack of a stack in ROLLBACK_COMPLETE fails with ValidationError: `can not be updated`.",
		Source:   guide + "view-stack-events.html", ReliedOn: "lifecycle/next.go", Minutes: 3,
		check: checkFinalRollback,
	},
	{
		Name: "cloudformation/missing-role",
		Sentence: "CreateStack with a service role that does not exist fails with ValidationError: `is invalid or " +
			"cannot be assumed`.",
		Source:   "https://github.com/rebuy-de/aws-nuke (it creates such roles again)",
		ReliedOn: "activities/awserr/awserr.go", Minutes: 1,
		check: func(ctx context.Context, w *World) error {
			in := w.createInput("", parameterTemplate("1"))
			in.RoleARN = aws.String("arn:aws:iam::" + w.target.Account + ":role/perch-no-such-role-0a1b2c3d")
			out, err := w.stacks.CreateStack(ctx, in)
			if err == nil {
				w.created = append(w.created, aws.ToString(out.StackId))
			}
			return wantRejected("CreateStack", err, "ValidationError", "is invalid or cannot be assumed")
		},
	},
	{
		Name: "cloudformation/tags-of-buckets",
		Sentence: "A bucket has its stack's tags, and the tag `aws:cloudformation:stack-id` with the id of the stack " +
			"that created it.",
		Source:   guide + "aws-properties-resource-tags.html",
		ReliedOn: "activities/bucket/owner.go", Minutes: 2, check: checkBucketTags,
	},
	{
		Name: "cloudformation/names-of-buckets",
		Sentence: "If the template does not name a bucket, the bucket's name begins with the stack's name in lower " +
			"case.",
		Source:   guide + "aws-properties-name.html",
		ReliedOn: "deploy/iam/worker.json", Minutes: 2, check: checkBucketName,
	},
	{
		Name:     "cloudformation/template-verbatim",
		Sentence: "GetTemplate returns the template exactly as the caller sent it, including white space.",
		Source:   recorded, ReliedOn: "activities/stack/stack.go", Minutes: 2, check: checkTemplateVerbatim,
	},
	{
		Name:     "cloudformation/list-by-status",
		Sentence: "ListStacks with a filter lists the stacks that have one of its statuses, and no others.",
		Source:   stackAPI + "API_ListStacks.html",
		ReliedOn: "activities/stack/poller.go", Minutes: 2, check: checkListByStatus,
	},
}

func checkExistingName(ctx context.Context, w *World) error {
	if _, err := w.createStack(ctx, "", parameterTemplate("1")); err != nil {
		return err
	}
	_, err := w.stacks.CreateStack(ctx, w.createInput("", parameterTemplate("1")))
	return wantRejected("CreateStack", err, "AlreadyExistsException", "already exists")
}

func checkCreationEvents(ctx context.Context, w *World) error {
	id, err := w.createStack(ctx, "", parameterTemplate("1"))
	if err != nil {
		return err
	}
	lines, err := w.eventLines(ctx, id)
	if err != nil {
		return err
	}
	return wantOrder(lines, []string{
		"stack CREATE_IN_PROGRESS", "Thing CREATE_IN_PROGRESS", "Thing CREATE_IN_PROGRESS", "Thing CREATE_COMPLETE",
		"stack CREATE_COMPLETE",
	})
}

func checkCreationRollsBack(ctx context.Context, w *World) error {
	id, err := w.startCreate(ctx, w.createInput("", template(parameter("1"), failingResource)))
	if err != nil {
		return err
	}
	if err := w.wantStatus(ctx, id, types.StackStatusRollbackComplete); err != nil {
		return err
	}
	if first := w.firstFailure(ctx, id); !strings.HasPrefix(first, "Failing: ") || !strings.Contains(first,
		"bucket does not exist") {
		return differencef("the first failed event is %q", first)
	}
	lines, err := w.eventLines(ctx, id)
	if err != nil {
		return err
	}
	return wantOrder(lines, []string{"Failing CREATE_FAILED", "stack ROLLBACK_IN_PROGRESS", "Thing DELETE_COMPLETE",
		"stack ROLLBACK_COMPLETE"})
}

func checkFinalRollback(ctx context.Context, w *World) error {
	id, err := w.startCreate(ctx, w.createInput("", template(parameter("1"), failingResource)))
	if err != nil {
		return err
	}
	if err := w.wantStatus(ctx, id, types.StackStatusRollbackComplete); err != nil {
		return err
	}
	_, err = w.stacks.UpdateStack(ctx, w.updateInput(id, parameterTemplate("1")))
	return wantRejected("UpdateStack", err, "ValidationError", "is in ROLLBACK_COMPLETE state and can not be updated")
}

func checkBucketTags(ctx context.Context, w *World) error {
	id, err := w.createStack(ctx, "", template(plainBucket))
	if err != nil {
		return err
	}
	bucket, err := w.physicalID(ctx, id, "Bucket")
	if err != nil {
		return err
	}
	tags, err := w.bucketTags(ctx, bucket)
	if err != nil {
		return err
	}
	if tags[Tag] != w.run || tags["aws:cloudformation:stack-id"] != id {
		return differencef("the bucket's tags are %v", tags)
	}
	return nil
}

func checkBucketName(ctx context.Context, w *World) error {
	id, err := w.createStack(ctx, "", template(plainBucket))
	if err != nil {
		return err
	}
	bucket, err := w.physicalID(ctx, id, "Bucket")
	if err != nil {
		return err
	}
	if want := Prefix + w.run; !strings.HasPrefix(bucket, want) || len(bucket) > 63 {
		return differencef("the bucket is named %q, want at most 63 characters that begin with %q", bucket, want)
	}
	return nil
}

func checkTemplateVerbatim(ctx context.Context, w *World) error {
	body := "# a comment\n" + parameterTemplate("1") + "\n\n"
	id, err := w.createStack(ctx, "", body)
	if err != nil {
		return err
	}
	out, err := w.stacks.GetTemplate(ctx, &cloudformation.GetTemplateInput{StackName: &id})
	if err := wantAccepted("GetTemplate", err); err != nil {
		return err
	}
	if got := aws.ToString(out.TemplateBody); got != body {
		return differencef("the template is %q, want %q", got, body)
	}
	return nil
}

func checkListByStatus(ctx context.Context, w *World) error {
	id, err := w.createStack(ctx, "", parameterTemplate("1"))
	if err != nil {
		return err
	}
	if err := w.pause(ctx); err != nil { // A listing may be older than what DescribeStacks returns.
		return err
	}
	for status, want := range map[types.StackStatus]bool{
		types.StackStatusCreateComplete: true, types.StackStatusCreateInProgress: false,
	} {
		listed := false
		pages := cloudformation.NewListStacksPaginator(
			w.stacks, &cloudformation.ListStacksInput{StackStatusFilter: []types.StackStatus{status}},
		)
		for pages.HasMorePages() && !listed {
			page, err := pages.NextPage(ctx)
			if err := wantAccepted("ListStacks", err); err != nil {
				return err
			}
			listed = slices.ContainsFunc(page.StackSummaries, func(s types.StackSummary) bool {
				return aws.ToString(s.StackId) == id
			})
		}
		if listed != want {
			return differencef("a stack in CREATE_COMPLETE is listed under %s: %v", status, listed)
		}
	}
	return nil
}
