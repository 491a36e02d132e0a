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

// bucket creates a stack with a bucket and returns the bucket's name; versioned turns on
// versioning.
func (w *World) bucket(ctx context.Context, versioned bool) (string, error) {
	resource := plainBucket
	if versioned {
		resource = versionedBucket
	}
	id, err := w.create(ctx, "", template(resource))
	if err != nil {
		return "", err
	}
	return w.physical(ctx, id, "Bucket")
}

// filled writes an object to the bucket of a stack and returns the bucket's name.
func (w *World) filled(ctx context.Context, id string) (string, error) {
	bucket, err := w.physical(ctx, id, "Bucket")
	if err != nil {
		return "", err
	}
	_, err = w.put(ctx, bucket, "object", "1")
	return bucket, err
}

// put writes an object and returns its version id; empty if the bucket has no versioning.
func (w *World) put(ctx context.Context, bucket, key, content string) (version string, err error) {
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
		return false, fmt.Errorf("look at bucket %s: %w", bucket, err)
	}
	return true, nil
}

// hasCode reports whether err is an AWS error with the code.
func hasCode(err error, code string) bool {
	var failure smithy.APIError
	return errors.As(err, &failure) && failure.ErrorCode() == code
}

// orDiffers returns err. If err is nil, because the call was wrongly accepted, it returns a
// Difference with words.
func orDiffers(err error, words string) error {
	if err != nil {
		return err
	}
	return differs("%s", words)
}
