package seed

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"perch"
	"perch/activities/awserr"
	"perch/activities/bucket"
	"perch/activities/contract"
	"perch/activities/pulse"
)

// ReopenBuckets allows writes to a stack's buckets again. It also marks the seed steps that fill
// these buckets as not done, so that SeedData runs them again. It deletes the marks first. If it
// stops halfway, the next attempt completes it, because an environment with a closed bucket does
// not count as settled.
func (e *Environments) ReopenBuckets(ctx context.Context, in contract.ReopenInput) (contract.ReopenResult, error) {
	_, stop := pulse.Start(ctx, perch.Progress{Status: "REOPENING", Since: time.Now().UTC()})
	defer stop()
	if _, err := e.deployed(
		ctx, contract.SeedInput{Environment: in.Environment, Commit: in.Commit, StackID: in.StackID},
	); err != nil {
		return contract.ReopenResult{}, err
	}
	contents, err := e.reader.Contents(ctx, contract.StackInput{StackID: in.StackID})
	if err != nil {
		return contract.ReopenResult{}, err
	}
	closed, err := bucket.ClosedAmong(ctx, e.s3, contents.Buckets, e.Policy.Account)
	if err != nil || len(closed) == 0 {
		return contract.ReopenResult{}, err
	}
	if err := e.forgetSeeds(ctx, in, closed); err != nil {
		return contract.ReopenResult{}, err
	}
	for _, name := range closed {
		if err := bucket.Reopen(ctx, e.s3, name, e.Policy.Account); err != nil {
			return contract.ReopenResult{}, err
		}
	}
	return contract.ReopenResult{Buckets: closed}, nil
}

// forgetSeeds deletes the marks of the steps that copy into these buckets.
func (e *Environments) forgetSeeds(ctx context.Context, in contract.ReopenInput, closed []string) error {
	found, err := e.settingsAt(ctx, in.Environment.Branch, in.Commit)
	if err != nil {
		return err
	}
	for _, step := range found.steps {
		if step.S3 == nil {
			continue
		}
		name, _, _ := strings.Cut(step.S3.To, "/")
		bucket, err := e.Seeder.Bucket(ctx, in.StackID, name)
		if err != nil {
			return err
		}
		if !slices.Contains(closed, bucket) {
			continue
		}
		mark := Mark(in.StackID, found.settings.Database, step)
		_, err = e.s3.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &found.artifacts, Key: &mark})
		if err != nil {
			return awserr.Wrap(err, "delete the mark %s of a seed step", mark)
		}
	}
	return nil
}
