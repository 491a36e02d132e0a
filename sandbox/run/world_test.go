package run

import (
	"slices"
	"strings"
	"testing"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"perch/sandbox/aws"
)

// order injects a fault. It is removed when the test ends, or by the returned function.
func (b *bench) order(t *testing.T, fault aws.Fault) (lift func()) {
	t.Helper()
	id, err := b.aws.AddFault(fault)
	if err != nil {
		t.Fatal(err)
	}
	lift = func() {
		if id != "" {
			b.aws.DeleteFault(id)
		}
		id = ""
	}
	t.Cleanup(lift)
	return lift
}

// changes returns the calls that changed the stack, or tried to, in order.
func (b *bench) changes(stack string) []string {
	var made []string
	for _, call := range b.aws.Calls() {
		reads := strings.HasPrefix(call.Action, "Describe") || strings.HasPrefix(call.Action, "List") ||
			strings.HasPrefix(call.Action, "Get")
		about := call.Summary == stack || strings.Contains(call.Summary, ":stack/"+stack+"/")
		if call.Service == "cloudformation" && about && !reads {
			made = append(made, call.Action)
		}
	}
	return made
}

func (b *bench) formation() *cloudformation.Client {
	return cloudformation.NewFromConfig(b.awsConfig())
}

// stacks returns all stacks that ever had the name, including deleted ones, in the order of their
// creation.
func (b *bench) stacks(t *testing.T, name string) []types.StackSummary {
	t.Helper()
	var all []types.StackSummary
	pages := cloudformation.NewListStacksPaginator(b.formation(), &cloudformation.ListStacksInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, stack := range page.StackSummaries {
			if awssdk.ToString(stack.StackName) == name {
				all = append(all, stack)
			}
		}
	}
	slices.SortFunc(all, func(a, b types.StackSummary) int { return a.CreationTime.Compare(*b.CreationTime) })
	return all
}

func (b *bench) storage() *s3.Client {
	return s3.NewFromConfig(b.awsConfig(), func(o *s3.Options) { o.UsePathStyle = true })
}

// resource returns the physical id of one of the stack's resources.
func (b *bench) resource(t *testing.T, stack, logicalID string) string {
	t.Helper()
	out, err := b.formation().DescribeStackResource(
		t.Context(), &cloudformation.DescribeStackResourceInput{StackName: &stack, LogicalResourceId: &logicalID},
	)
	if err != nil {
		t.Fatal(err)
	}
	return awssdk.ToString(out.StackResourceDetail.PhysicalResourceId)
}

// protect turns the stack's termination protection on or off.
func (b *bench) protect(t *testing.T, stack string, on bool) {
	t.Helper()
	in := &cloudformation.UpdateTerminationProtectionInput{StackName: &stack, EnableTerminationProtection: &on}
	if _, err := b.formation().UpdateTerminationProtection(t.Context(), in); err != nil {
		t.Fatal(err)
	}
}

// awaitStack waits until the newest stack with the name is in status.
func (b *bench) awaitStack(t *testing.T, name, status string) {
	t.Helper()
	eventually(t, name+" is "+status, func() (any, bool) {
		all := b.stacks(t, name)
		if len(all) == 0 {
			return "no stack", false
		}
		seen := string(all[len(all)-1].StackStatus)
		return seen, seen == status
	})
}

// connect returns a client of the sandbox's Temporal that is closed when the test ends.
func (b *bench) connect(t *testing.T) client.Client {
	t.Helper()
	c, err := client.Dial(client.Options{HostPort: b.temporal.Address()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// awaitRequests waits until the newest run of the workflow has received this many requests.
func (b *bench) awaitRequests(t *testing.T, workflow string, count int) {
	t.Helper()
	c := b.connect(t)
	eventually(t, "requests are sent to "+workflow, func() (any, bool) {
		seen := 0
		events := c.GetWorkflowHistory(t.Context(), workflow, "", false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
		for events.HasNext() {
			event, err := events.Next()
			if err != nil {
				return err, false
			}
			if event.GetEventType() == enums.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED {
				seen++
			}
		}
		return seen, seen >= count
	})
}
