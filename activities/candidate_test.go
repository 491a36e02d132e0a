package activities

import (
	"slices"
	"strings"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/elasticbeanstalk"
	"github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi"
	tagtypes "github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi/types"

	"perch"
	"perch/activities/activitytest"
	"perch/activities/contract"
	"perch/activities/leftovers"
	"perch/activities/stack"
	"perch/sandbox/aws"
)

// remembering lets the tagging API list everything that was deleted in the last hour.
func (w *world) remembering() {
	w.t.Helper()
	w.fault(aws.Fault{Service: "tagging", Action: "GetResources", Stale: 3600})
}

// listed counts what the tagging API lists of branch login.
func (w *world) listed() int {
	w.t.Helper()
	found, err := resourcegroupstaggingapi.NewFromConfig(
		w.config,
	).GetResources(w.t.Context(), &resourcegroupstaggingapi.GetResourcesInput{
		TagFilters: []tagtypes.TagFilter{
			{Key: sdk.String(perch.TagProject), Values: []string{"shop"}},
			{Key: sdk.String(perch.TagBranch), Values: []string{"login"}},
		},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return len(found.ResourceTagMappingList)
}

func TestS186WhatTheTaggingAPIStillListsIsNotALeftover(t *testing.T) {
	w, in := whole(t)
	w.delete(in.StackID, nil)
	w.remembering()
	if count := w.listed(); count < 5 {
		t.Fatalf("the tagging API lists %d deleted resources", count)
	}
	in.Swept = true
	before := w.calls("tagging", "GetResources")
	out := must(w, of[*Verification](w).VerifyGone, in)
	if len(out.Leftovers)+len(out.Unconfirmed)+len(out.Orphans) != 0 {
		t.Errorf("verified %+v", out)
	}
	if looks := w.calls("tagging", "GetResources") - before; looks != 2 {
		t.Errorf("%d calls of GetResources: it looked more than once", looks)
	}
	if records := w.removals(); len(records) != 0 {
		t.Errorf("recorded %+v", records)
	}
}

func TestS186ASecurityGroupThatIsThereIsALeftoverUntilItIsGone(t *testing.T) {
	w := newWorld(t)
	w.apply()
	id := w.templated(`{"Resources": {"Files": {"Type": "AWS::S3::Bucket"},
		"Group": {"Type": "AWS::EC2::SecurityGroup", "Properties": {"GroupDescription": "it stays"}}}}`)
	group := w.physical(id, "Group")
	w.prepare(id, false)
	w.fault(aws.Fault{LogicalID: "Group", Phase: "delete", Reason: "not now", Count: 1})
	w.delete(id, nil)
	w.delete(id, []string{"Group"})
	w.remembering()
	in := contract.VerifyInput{Environment: activitytest.Environment("shop", "login"), StackID: id, Swept: true}
	want := []string{"arn:aws:ec2:eu-central-1:123456789012:security-group/" + group}
	if out := must(w, of[*Verification](w).VerifyGone, in); !slices.Equal(out.Leftovers, want) ||
		len(out.Unconfirmed) != 0 {
		t.Errorf("verified %+v, want %q", out, want)
	}
	// The branch has an environment again: its resources are not leftovers of the first one, and
	// the group still is.
	again := w.templated(bucketTemplate("two"))
	still := must(w, of[*Verification](w).RecheckLeftovers, perch.CleanupInput{Project: "shop"})
	if len(still.Failed) != 1 || !strings.Contains(still.Failed[0].Error, group) ||
		strings.Contains(still.Failed[0].Error, again) {
		t.Errorf("cleanup finds %+v", still)
	}
	w.fault(aws.Fault{Service: "ec2", Action: "DescribeSecurityGroups", Code: "InvalidGroup.NotFound", Message: "gone"})
	if still := must(w, of[*Verification](w).RecheckLeftovers, perch.CleanupInput{Project: "shop"}); len(
		still.Failed,
	) != 0 {
		t.Errorf("cleanup still finds %+v", still)
	}
}

func TestS187WhatCannotBeLookedUpIsANoteAndLaterALeftover(t *testing.T) {
	w := newWorld(t)
	w.apply()
	id := w.templated(`{"Resources": {"Files": {"Type": "AWS::S3::Bucket"}, "Topic": {"Type": "AWS::SNS::Topic"}}}`)
	topic := w.physical(id, "Topic")
	w.prepare(id, false)
	w.delete(id, nil)
	w.remembering()
	in := contract.VerifyInput{Environment: activitytest.Environment("shop", "login"), StackID: id, Swept: true}
	if out := must(w, of[*Verification](w).VerifyGone, in); len(out.Leftovers)+len(out.Unconfirmed) != 0 {
		t.Errorf("CloudFormation has deleted the topic, and %+v", out)
	}
	// Without CloudFormation's word it is unknown.
	forgetful := of[*Verification](w)
	w.fault(
		aws.Fault{
			Service: "cloudformation",
			Action:  "DescribeStackEvents",
			Code:    "ValidationError",
			Message: "Stack [x] does not exist",
		},
	)
	out := must(w, forgetful.VerifyGone, in)
	if len(out.Leftovers) != 0 || !slices.Equal(out.Unconfirmed, []string{topic}) {
		t.Fatalf("verified %+v", out)
	}
	records := w.removals()
	if len(records) != 1 || !slices.Equal(records[0].Unconfirmed, []string{topic}) {
		t.Fatalf("recorded %+v", records)
	}
	gone := func(string) bool { return false }
	if left := leftovers.Summarize(records, gone, gone, time.Now()); len(left) != 0 {
		t.Errorf("at once: %+v", left)
	}
	later := leftovers.Summarize(records, gone, gone, time.Now().Add(leftovers.LongestRemoval+time.Hour))
	if len(later) != 1 || !slices.Equal(later[0].Resources, []string{topic}) {
		t.Errorf("after seven hours: %+v", later)
	}
	w.aws.DeleteFault("")
	if out := must(w, forgetful.VerifyGone, in); len(out.Unconfirmed) != 0 || len(w.removals()) != 0 {
		t.Errorf("when it is no longer listed: %+v", out)
	}
}

func TestS187ADeniedLookUpIsNotAnAnswer(t *testing.T) {
	w := newWorld(t)
	stack := w.bare("another-stack", "login", func(in *cloudformation.CreateStackInput) {
		in.TemplateBody = sdk.String(groupTemplate)
		in.Tags = append(in.Tags, types.Tag{Key: sdk.String(leftovers.TagEnvironmentID), Value: sdk.String("e-gone")})
	})
	w.settle(stack)
	w.fault(
		aws.Fault{
			Service: "ec2",
			Action:  "DescribeSecurityGroups",
			Status:  403,
			Code:    "UnauthorizedOperation",
			Message: "no",
		},
	)
	w.fault(
		aws.Fault{
			Service: "cloudformation",
			Action:  "DescribeStackEvents",
			Code:    "ValidationError",
			Message: "Stack [x] does not exist",
		},
	)
	out := must(
		w, of[*Verification](w).VerifyGone,
		contract.VerifyInput{Environment: activitytest.Environment("shop", "login")},
	)
	if len(out.Leftovers) != 0 || len(out.Unconfirmed) != 1 {
		t.Errorf("verified %+v", out)
	}
}

const groupTemplate = `{"Resources": {"Group": {"Type": "AWS::EC2::SecurityGroup", "Properties": ` +
	`{"GroupDescription": "of Beanstalk"}}}}`

// TestS188WhatBeanstalkMadeIsFoundByTheBranchsTags makes what Beanstalk's own stack leaves: a group
// with the tags of the environment and the id of a stack that is not Perch's.
func TestS188WhatBeanstalkMadeIsFoundByTheBranchsTags(t *testing.T) {
	for name, c := range map[string]struct {
		environment string
		tags        map[string]string
		left        int
	}{
		"its environment is terminated": {"e-gone", nil, 1},
		"another repository's":          {"e-gone", map[string]string{perch.TagRepository: "github.com/acme/other"}, 0},
		"its environment lives":         {"", nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.apply()
			environment := c.environment
			if environment == "" {
				files := map[string]string{"perch.yaml": testConfig, "fixtures/media/a.txt": "a"}
				environment = w.environmentID(w.up("login", w.repo.commit("login", files)))
			}
			stack := w.bare("awseb-e-abcdefghij-stack", "login", func(in *cloudformation.CreateStackInput) {
				in.TemplateBody = sdk.String(groupTemplate)
				tags := stack.Tags(types.Stack{Tags: in.Tags})
				tags[leftovers.TagEnvironmentID] = environment
				for key, value := range c.tags {
					tags[key] = value
				}
				in.Tags = stack.TagList(tags)
			})
			w.foreign(stack)
			seen, err := of[*Verification](w).verifier.Look(
				t.Context(), contract.VerifyInput{Environment: activitytest.Environment("shop", "login")},
			)
			if err != nil || len(seen.Left) != c.left || len(seen.Unconfirmed) != 0 {
				t.Errorf("saw %+v, %v; want %d leftovers", seen, err, c.left)
			}
		})
	}
}

// environmentID is the id of the Beanstalk environment in the stack.
func (w *world) environmentID(stackID string) string {
	w.t.Helper()
	out, err := elasticbeanstalk.NewFromConfig(w.config).DescribeEnvironments(w.t.Context(),
		&elasticbeanstalk.DescribeEnvironmentsInput{EnvironmentNames: []string{w.physical(stackID, "Environment")}})
	if err != nil || len(out.Environments) != 1 {
		w.t.Fatalf("environments %v, %v", out, err)
	}
	return sdk.ToString(out.Environments[0].EnvironmentId)
}

func TestS189ALogGroupThatBeanstalkLeavesIsALeftover(t *testing.T) {
	w, in := whole(t)
	if !slices.Equal(in.Contents.Logs, []string{"/aws/elasticbeanstalk/shop-login/"}) {
		t.Fatalf("the contents name the logs %q", in.Contents.Logs)
	}
	client := cloudwatchlogs.NewFromConfig(w.config)
	groups, err := client.DescribeLogGroups(
		t.Context(), &cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePrefix: &in.Contents.Logs[0]},
	)
	if err != nil || len(groups.LogGroups) == 0 {
		t.Fatalf("the environment streams to %v, %v", groups, err)
	}
	group := groups.LogGroups[0].LogGroupName
	w.prepare(in.StackID, false)
	w.delete(in.StackID, nil)
	in.Swept = true
	if _, err := client.CreateLogGroup(
		t.Context(), &cloudwatchlogs.CreateLogGroupInput{LogGroupName: group},
	); err != nil {
		t.Fatal(err)
	}
	out := must(w, of[*Verification](w).VerifyGone, in)
	if !slices.Equal(out.Leftovers, []string{"log group " + *group}) {
		t.Errorf("verified %+v", out)
	}
	if _, err := client.DeleteLogGroup(
		t.Context(), &cloudwatchlogs.DeleteLogGroupInput{LogGroupName: group},
	); err != nil {
		t.Fatal(err)
	}
	if out := must(w, of[*Verification](w).VerifyGone, in); len(out.Leftovers) != 0 {
		t.Errorf("verified %+v", out)
	}
}
