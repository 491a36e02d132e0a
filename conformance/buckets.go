package conformance

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
)

// versionedBucket is a bucket with versioning.
const versionedBucket = "Bucket: {Type: AWS::S3::Bucket, Properties: {VersioningConfiguration: {Status: Enabled}}}"

// createBucket creates a stack with a bucket, and returns the bucket's name. versioned turns on
// versioning.
func (w *World) createBucket(ctx context.Context, versioned bool) (string, error) {
	resource := plainBucket
	if versioned {
		resource = versionedBucket
	}
	id, err := w.createStack(ctx, "", template(resource))
	if err != nil {
		return "", err
	}
	return w.physicalID(ctx, id, "Bucket")
}

// fillBucket writes an object to the bucket of a stack, and returns the bucket's name.
func (w *World) fillBucket(ctx context.Context, id string) (string, error) {
	bucket, err := w.physicalID(ctx, id, "Bucket")
	if err != nil {
		return "", err
	}
	_, err = w.putObject(ctx, bucket, "object", "1")
	return bucket, err
}

// putObject writes an object, and returns its version id, which is empty if the bucket has no
// versioning.
func (w *World) putObject(ctx context.Context, bucket, key, content string) (version string, err error) {
	out, err := w.storage.PutObject(
		ctx, &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: strings.NewReader(content)},
	)
	if err != nil {
		return "", fmt.Errorf("put object s3://%s/%s: %w", bucket, key, err)
	}
	return aws.ToString(out.VersionId), nil
}

func (w *World) bucketTags(ctx context.Context, bucket string) (map[string]string, error) {
	out, err := w.storage.GetBucketTagging(ctx, &s3.GetBucketTaggingInput{Bucket: &bucket})
	if hasCode(err, "NoSuchTagSet") {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the tags of bucket %s: %w", bucket, err)
	}
	tags := map[string]string{}
	for _, t := range out.TagSet {
		tags[*t.Key] = *t.Value
	}
	return tags, nil
}

func (w *World) bucketExists(ctx context.Context, bucket string) (bool, error) {
	_, err := w.storage.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &bucket})
	if hasCode(err, "NotFound") || hasCode(err, "NoSuchBucket") {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("check whether bucket %s exists: %w", bucket, err)
	}
	return true, nil
}

// hasCode reports whether err is an AWS error with the code.
func hasCode(err error, code string) bool {
	var failure smithy.APIError
	return errors.As(err, &failure) && failure.ErrorCode() == code
}

// errorOrDifference returns err, or a Difference with words if err is nil.
func errorOrDifference(err error, words string) error {
	if err != nil {
		return err
	}
	return differencef("%s", words)
}
