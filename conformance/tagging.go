package conformance

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi"
	tags "github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

var taggingAssumptions = []Assumption{
	{
		Name:     "tagging/finds-by-tag",
		Sentence: "GetResources finds a resource by a tag of its stack.",
		Source:   "https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetResources.html",
		ReliedOn: "activities/leftovers/verify.go", Minutes: 3, check: checkFoundByTag,
	},
	{
		Name: "tagging/lists-deleted-resources",
		Sentence: "GetResources may list a deleted resource for minutes to hours. The API of the resource's service " +
			"reports at once that the resource does not exist.",
		Source:   "https://github.com/aws/aws-cli/issues/8197",
		ReliedOn: "activities/leftovers/presence.go", Minutes: 8, check: checkTaggingLag,
	},
}

// taggingTries is how often a check calls GetResources until it lists a new resource, or no longer
// lists a deleted one. On AWS, this takes up to 5 minutes.
const taggingTries = 60

// isListed reports whether GetResources lists an ARN among the resources with the tag of the run.
func (w *World) isListed(ctx context.Context, arn string) (bool, error) {
	pages := resourcegroupstaggingapi.NewGetResourcesPaginator(w.tagging, &resourcegroupstaggingapi.GetResourcesInput{
		TagFilters: []tags.TagFilter{{Key: aws.String(Tag), Values: []string{w.run}}},
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err := wantAccepted("GetResources", err); err != nil {
			return false, err
		}
		for _, mapping := range page.ResourceTagMappingList {
			if aws.ToString(mapping.ResourceARN) == arn {
				return true, nil
			}
		}
	}
	return false, nil
}

// taggedSecret creates a stack with a secret, and waits until GetResources lists the secret.
func (w *World) taggedSecret(ctx context.Context) (stack, arn string, err error) {
	if stack, err = w.createStack(ctx, "", template(secret(""))); err != nil {
		return "", "", err
	}
	if arn, err = w.physicalID(ctx, stack, "Password"); err != nil {
		return "", "", err
	}
	for range taggingTries {
		listed, err := w.isListed(ctx, arn)
		if listed || err != nil {
			return stack, arn, err
		}
		if err := w.pause(ctx); err != nil {
			return "", "", err
		}
	}
	return "", "", differencef("GetResources does not list the secret")
}

func checkFoundByTag(ctx context.Context, w *World) error {
	_, _, err := w.taggedSecret(ctx)
	return err
}

func checkTaggingLag(ctx context.Context, w *World) error {
	stack, arn, err := w.taggedSecret(ctx)
	if err != nil {
		return err
	}
	if err := w.deleteStack(ctx, stack, types.StackStatusDeleteComplete); err != nil {
		return err
	}
	_, err = w.secrets.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &arn})
	if err := wantRejected("DescribeSecret", err, "ResourceNotFoundException", ""); err != nil {
		return err
	}
	for look := range taggingTries {
		listed, err := w.isListed(ctx, arn)
		if err != nil {
			return err
		}
		w.note = fmt.Sprintf("listed: %v, %s after the deletion", listed, time.Duration(look)*w.target.Interval)
		if !listed {
			return nil
		}
		if err := w.pause(ctx); err != nil {
			return err
		}
	}
	return nil
}
