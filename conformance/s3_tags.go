package conformance

import (
	"context"
	"fmt"
)

var bucketTagAssumptions = []Assumption{
	{
		Name: "s3/tags-as-conditions",
		Sentence: "A statement with a condition on aws:ResourceTag allows access to a bucket with that tag if the " +
			"bucket's AbacStatus is Enabled, and to no other bucket.",
		Source:   "https://docs.aws.amazon.com/AmazonS3/latest/userguide/buckets-tagging-enable-abac.html",
		ReliedOn: "cfn/grants.go", Minutes: 5, check: checkBucketTagConditions,
	},
}

// grantTries is how often wantWritable tries to write until a new permission takes effect. On AWS,
// this takes up to 5 minutes.
const grantTries = 60

func checkBucketTagConditions(ctx context.Context, w *World) error {
	stack, err := w.createStack(ctx, "", template(
		"Open: {Type: AWS::S3::Bucket, DeletionPolicy: Delete, Properties: {AbacStatus: Enabled}}",
		"Closed: {Type: AWS::S3::Bucket, DeletionPolicy: Delete}",
	))
	if err != nil {
		return err
	}
	open, err := w.physicalID(ctx, stack, "Open")
	if err != nil {
		return err
	}
	closed, err := w.physicalID(ctx, stack, "Closed")
	if err != nil {
		return err
	}
	caller, err := w.assumeNewRole(ctx, fmt.Sprintf(`Action: "s3:PutObject", Resource: "arn:aws:s3:::%s%s-*", `+
		`Condition: {StringEquals: {"aws:ResourceTag/%s": "%s"}}`, Prefix, w.run, Tag, w.run))
	if err != nil {
		return err
	}
	if err := w.wantWritable(ctx, caller, open); err != nil {
		return err
	}
	_, err = caller.putObject(ctx, closed, "object", "1")
	return wantRejected("PutObject into a bucket without AbacStatus", err, "AccessDenied", "")
}

// wantWritable checks that the caller can write to a bucket once its permissions take effect.
func (w *World) wantWritable(ctx context.Context, caller *World, bucket string) error {
	for range grantTries {
		_, err := caller.putObject(ctx, bucket, "object", "1")
		if err == nil || !hasCode(err, "AccessDenied") {
			return err
		}
		if err := w.pause(ctx); err != nil {
			return err
		}
	}
	return differencef("the caller cannot write to the bucket with AbacStatus")
}
