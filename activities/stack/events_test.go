package stack

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/google/go-cmp/cmp"

	"perch"
)

// TestTheHeartbeatNamesTheResourceThatIsWaitedFor reads events as CloudFormation writes them: a
// creation is in progress twice, before and after there is a physical id.
func TestTheHeartbeatNamesTheResourceThatIsWaitedFor(t *testing.T) {
	noon := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	const database, queue, bucket = "AWS::RDS::DBInstance", "AWS::SQS::Queue", "AWS::S3::Bucket"
	log, progress := &eventLog{stackID: "stack"}, perch.Progress{}
	for _, step := range []struct {
		second           int
		id, kind, status string
		want             *perch.AwaitedResource
	}{
		{0, "stack", "AWS::CloudFormation::Stack", "CREATE_IN_PROGRESS", nil},
		{
			1, "Files", bucket, "CREATE_IN_PROGRESS",
			&perch.AwaitedResource{LogicalID: "Files", Type: bucket, Since: noon.Add(time.Second), TypicalSeconds: 13},
		},
		{2, "Data", database, "CREATE_IN_PROGRESS", &perch.AwaitedResource{
			LogicalID: "Data", Type: database, Since: noon.Add(2 * time.Second), TypicalSeconds: 595,
		}},
		{9, "Data", database, "CREATE_IN_PROGRESS", &perch.AwaitedResource{
			LogicalID: "Data", Type: database, Since: noon.Add(2 * time.Second), TypicalSeconds: 595,
		}},
		{20, "Messages", queue, "CREATE_IN_PROGRESS", &perch.AwaitedResource{
			LogicalID: "Data", Type: database, Since: noon.Add(2 * time.Second), TypicalSeconds: 595,
		}},
		{30, "Data", database, "CREATE_COMPLETE", &perch.AwaitedResource{
			LogicalID: "Messages", Type: queue, Since: noon.Add(20 * time.Second), TypicalSeconds: 62,
		}},
		{
			31, "Messages", queue, "CREATE_COMPLETE",
			&perch.AwaitedResource{LogicalID: "Files", Type: bucket, Since: noon.Add(time.Second), TypicalSeconds: 13},
		},
		{32, "Files", bucket, "CREATE_COMPLETE", nil},
		{40, "Data", database, "UPDATE_IN_PROGRESS", &perch.AwaitedResource{
			LogicalID: "Data", Type: database, Since: noon.Add(40 * time.Second), TypicalSeconds: 171,
		}},
		{50, "Data", database, "DELETE_IN_PROGRESS", &perch.AwaitedResource{
			LogicalID: "Data", Type: database, Since: noon.Add(50 * time.Second), TypicalSeconds: 300,
		}},
		{60, "Data", database, "DELETE_FAILED", nil},
	} {
		log.events = append(log.events, types.StackEvent{
			StackId: aws.String("stack"), LogicalResourceId: aws.String(step.id),
			PhysicalResourceId: aws.String(step.id), ResourceType: aws.String(step.kind),
			ResourceStatus: types.ResourceStatus(step.status),
			Timestamp:      aws.Time(noon.Add(time.Duration(step.second) * time.Second)),
		})
		log.describe(&progress)
		if diff := cmp.Diff(step.want, progress.Awaited); diff != "" {
			t.Errorf("after %s %s (-want +got):\n%s", step.id, step.status, diff)
		}
	}
}
