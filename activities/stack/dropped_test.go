package stack

import (
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

func TestAResourceThatWasImportedAgainIsNotAnOrphan(t *testing.T) {
	const stack = "arn:aws:cloudformation:eu-central-1:123456789012:stack/shop-login/1"
	event := func(logicalID, physicalID, status string) types.StackEvent {
		return types.StackEvent{
			StackId: sdk.String(
				stack,
			), LogicalResourceId: &logicalID, PhysicalResourceId: &physicalID,
			ResourceType:   sdk.String("AWS::S3::Bucket"),
			ResourceStatus: types.ResourceStatus(status),
		}
	}
	cleanup := []types.StackEvent{
		event("shop-login", stack, "UPDATE_COMPLETE"),
		event("Files", "files", "DELETE_SKIPPED"),
		event("shop-login", stack, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"),
	}
	for name, c := range map[string]struct {
		events []types.StackEvent // Newest first.
		want   int
	}{
		"kept by an update": {cleanup, 1},
		"kept by the rollback of an update": {[]types.StackEvent{
			cleanup[0], cleanup[1], event("shop-login", stack, "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS"),
		}, 1},
		"imported again": {append([]types.StackEvent{
			event("Files", "files", "IMPORT_COMPLETE"), event("shop-login", stack, "IMPORT_IN_PROGRESS"),
		}, cleanup...), 0},
		"left out of a deletion": {[]types.StackEvent{
			event("Files", "files", "DELETE_SKIPPED"), event("shop-login", stack, "DELETE_IN_PROGRESS"), cleanup[0],
		}, 0},
		"deleted when it was tried once again": {append(
			[]types.StackEvent{event("Files", "files", "DELETE_COMPLETE"), event("Files", "files", "DELETE_FAILED")},
			cleanup[2],
		), 0},
	} {
		if got := droppedOrphans(c.events); len(got) != c.want {
			t.Errorf("%s: %d orphans, want %d", name, len(got), c.want)
		}
	}
}
