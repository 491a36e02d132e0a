package activities

import (
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"perch"
	"perch/activities/activitytest"
	"perch/activities/contract"
	"perch/activities/stack"
)

func TestS06AProposedStackIsOursIfAllItsChangeSetsSaySo(t *testing.T) {
	environment, err := perch.NewEnvironment("shop", "login")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		ours []bool
		want bool
	}{
		"one of ours":              {[]bool{true}, true},
		"two of ours":              {[]bool{true, true}, true},
		"an unknown one":           {[]bool{false}, false},
		"ours and an unknown one":  {[]bool{true, false}, false},
		"an unknown one, and ours": {[]bool{false, true}, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			for i, ours := range c.ours {
				in := &cloudformation.CreateChangeSetInput{
					StackName: sdk.String("shop-login"), ChangeSetName: sdk.String([]string{"first", "second"}[i]),
					ChangeSetType: types.ChangeSetTypeCreate,
					TemplateBody:  sdk.String(`{"Resources": {"Files": {"Type": "AWS::S3::Bucket"}}}`),
				}
				if ours {
					in.Tags = stack.TagList(environment.Tags(w.policy.Identity(""), perch.KindBranch))
				}
				if _, err := w.cfn().CreateChangeSet(t.Context(), in); err != nil {
					t.Fatal(err)
				}
			}
			state := must(
				w, of[*Stacks](w).DescribeStack,
				contract.StackInput{Environment: activitytest.Environment("shop", "login")},
			)
			if state.Status != "REVIEW_IN_PROGRESS" || state.Ours != c.want {
				t.Errorf("described %+v", state)
			}
		})
	}
}
