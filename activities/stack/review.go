package stack

import (
	"context"
	"maps"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"perch/activities/awserr"
)

// proposedTags returns the tags of a stack in REVIEW_IN_PROGRESS. CloudFormation shows no tags for
// such a stack until a change set is executed (LocalStack's pull request 13117, tested against
// AWS). So proposedTags returns those of its change sets; none if the change sets differ, or if
// there are none.
func (r *Reader) proposedTags(ctx context.Context, stackID string) ([]types.Tag, error) {
	var tags []types.Tag
	first := true
	pages := cloudformation.NewListChangeSetsPaginator(r.cfn, &cloudformation.ListChangeSetsInput{StackName: &stackID})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, awserr.Wrap(err, "list change sets of stack %s", stackID)
		}
		for _, summary := range page.Summaries {
			set, err := r.cfn.DescribeChangeSet(
				ctx,
				&cloudformation.DescribeChangeSetInput{ChangeSetName: summary.ChangeSetId},
			)
			if err != nil {
				return nil, awserr.Wrap(err, "describe change set %s", aws.ToString(summary.ChangeSetId))
			}
			if !first && !maps.Equal(TagMap(tags), TagMap(set.Tags)) {
				return nil, nil
			}
			tags, first = set.Tags, false
		}
	}
	return tags, nil
}
