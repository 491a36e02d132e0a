package stack

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"perch/activities/activitytest"
	"perch/cfn"
)

func TestAnEnvironmentThatIsDeletedHasNoLink(t *testing.T) {
	t.Parallel()
	const url = "https://login.example.com"
	for status, want := range map[types.StackStatus]string{
		types.StackStatusCreateComplete:         url,
		types.StackStatusUpdateRollbackComplete: url,
		types.StackStatusUpdateInProgress:       url,
		types.StackStatusDeleteInProgress:       "",
		types.StackStatusDeleteFailed:           "",
	} {
		owned := Owned{Environment: activitytest.Environment("shop", "login"), Stack: types.Stack{
			StackStatus: status,
			Outputs:     []types.Output{{OutputKey: aws.String(cfn.OutputURL), OutputValue: aws.String(url)}},
		}}
		if got := owned.Status().URL; got != want {
			t.Errorf("%s: URL %q, want %q", status, got, want)
		}
	}
}
