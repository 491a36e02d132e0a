package conformance

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// Sweep finds the resources that the checks of one run have left in an account, or the checks of
// all runs if run is empty. If remove is true, Sweep deletes them. It lists resources and tags
// through the API of each service, because the tagging API lists new resources late, and deleted
// resources for hours. It returns the ids or names of the resources.
func Sweep(ctx context.Context, target Target, run string, remove bool) (found []string, err error) {
	w := newWorld(target, run, "")
	for _, find := range []func(context.Context, bool) ([]string, error){
		w.sweepStacks, w.sweepBuckets, w.sweepSnapshots,
	} {
		names, failed := find(ctx, remove)
		found, err = append(found, names...), errors.Join(err, failed)
	}
	return found, err
}

// isRunTag reports whether a tag is the tag of the World's run. If the run is empty, it accepts the
// tag of any run.
func (w *World) isRunTag(key, value string) bool {
	return key == Tag && (w.run == "" || w.run == value)
}

func (w *World) sweepStacks(ctx context.Context, remove bool) (found []string, err error) {
	pages := cloudformation.NewDescribeStacksPaginator(w.stacks, &cloudformation.DescribeStacksInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return found, fmt.Errorf("list stacks: %w", err)
		}
		for _, stack := range page.Stacks {
			if !strings.HasPrefix(*stack.StackName, Prefix) || stack.StackStatus == types.StackStatusDeleteComplete {
				continue
			}
			tags, err := w.stackTags(ctx, stack)
			if err != nil {
				return found, err
			}
			if slices.ContainsFunc(tags, func(t types.Tag) bool { return w.isRunTag(*t.Key, *t.Value) }) {
				found = append(found, *stack.StackId)
			}
		}
	}
	if !remove {
		return found, nil
	}
	return found, w.removeStacks(ctx, found)
}

func (w *World) sweepBuckets(ctx context.Context, remove bool) (found []string, err error) {
	pages := s3.NewListBucketsPaginator(w.storage, &s3.ListBucketsInput{Prefix: aws.String(Prefix)})
	for pages.HasMorePages() {
		page, failed := pages.NextPage(ctx)
		if failed != nil {
			return found, fmt.Errorf("list buckets: %w", failed)
		}
		for _, b := range page.Buckets {
			tags, failed := w.bucketTags(ctx, *b.Name)
			err = errors.Join(err, failed)
			if !w.isRunTag(Tag, tags[Tag]) || tags[Tag] == "" || !strings.HasPrefix(*b.Name, Prefix) {
				continue
			}
			found = append(found, *b.Name)
			if remove {
				err = errors.Join(err, w.removeBucket(ctx, *b.Name))
			}
		}
	}
	return found, err
}

func (w *World) removeBucket(ctx context.Context, name string) error {
	if err := w.emptyBucket(ctx, name); err != nil {
		return err
	}
	_, err := w.storage.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: &name})
	if err != nil && !hasCode(err, "NoSuchBucket") {
		return fmt.Errorf("delete bucket %s: %w", name, err)
	}
	return nil
}

func (w *World) sweepSnapshots(ctx context.Context, remove bool) (found []string, err error) {
	manual := &rds.DescribeDBSnapshotsInput{SnapshotType: aws.String("manual")}
	pages := rds.NewDescribeDBSnapshotsPaginator(w.databases, manual)
	for pages.HasMorePages() {
		page, failed := pages.NextPage(ctx)
		if failed != nil {
			return found, fmt.Errorf("list database snapshots: %w", failed)
		}
		for _, snapshot := range page.DBSnapshots {
			name, tagged := aws.ToString(snapshot.DBSnapshotIdentifier), false
			for _, t := range snapshot.TagList {
				tagged = tagged || w.isRunTag(*t.Key, *t.Value)
			}
			if !tagged || !strings.HasPrefix(name, Prefix) {
				continue
			}
			found = append(found, name)
			if !remove {
				continue
			}
			err = errors.Join(err, w.removeSnapshot(ctx, name))
		}
	}
	return found, err
}

func (w *World) removeSnapshot(ctx context.Context, name string) error {
	_, err := w.databases.DeleteDBSnapshot(ctx, &rds.DeleteDBSnapshotInput{DBSnapshotIdentifier: &name})
	if err != nil {
		return fmt.Errorf("delete database snapshot %s: %w", name, err)
	}
	return nil
}

// stackTags returns the tags of a stack. If the stack's change set was never executed, it returns
// the tags of the change set, because DescribeStacks returns none.
func (w *World) stackTags(ctx context.Context, stack types.Stack) ([]types.Tag, error) {
	if stack.StackStatus != types.StackStatusReviewInProgress {
		return stack.Tags, nil
	}
	sets, err := w.stacks.ListChangeSets(ctx, &cloudformation.ListChangeSetsInput{StackName: stack.StackId})
	if err != nil || len(sets.Summaries) == 0 {
		return nil, err
	}
	in := &cloudformation.DescribeChangeSetInput{ChangeSetName: sets.Summaries[0].ChangeSetId}
	set, err := w.stacks.DescribeChangeSet(ctx, in)
	if err != nil {
		return nil, fmt.Errorf("describe the change set of stack %s: %w", *stack.StackId, err)
	}
	return set.Tags, nil
}
