package conformance

import (
	"context"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
)

const storageAPI = "https://docs.aws.amazon.com/AmazonS3/latest/API/"

var bucketAssumptions = []Assumption{
	{
		Name:     "s3/expected-bucket-owner",
		Sentence: "A call whose ExpectedBucketOwner is not the bucket's account fails with AccessDenied.",
		Source:   "https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html",
		ReliedOn: "activities/bucket/owner.go", Minutes: 2, check: checkExpectedOwner,
	},
	{
		Name: "s3/policy-denies-writes",
		Sentence: "A bucket policy can deny PutObject to everyone, including the owner, and still allow reading and " +
			"deleting. After the policy is deleted, PutObject succeeds again.",
		Source:   "https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-policy-language-overview.html",
		ReliedOn: "activities/bucket/policy.go", Minutes: 3, check: checkDenyingPolicy,
	},
	{
		Name: "s3/no-policy",
		Sentence: "GetBucketPolicy of a bucket without a policy fails with NoSuchBucketPolicy. DeleteBucketPolicy of " +
			"that bucket succeeds.",
		Source:   storageAPI + "ErrorResponses.html",
		ReliedOn: "activities/bucket/policy.go", Minutes: 2, check: checkNoPolicy,
	},
	{
		Name: "s3/no-object-lock",
		Sentence: "GetObjectLockConfiguration of a bucket without Object Lock fails with " +
			"ObjectLockConfigurationNotFoundError.",
		Source: storageAPI + "API_GetObjectLockConfiguration.html", ReliedOn: "activities/change/checks.go",
		Minutes: 2, check: checkNoObjectLock,
	},
	{
		Name: "s3/missing-bucket",
		Sentence: "For a bucket that does not exist, HeadBucket fails with NotFound, and ListObjectVersions fails " +
			"with NoSuchBucket.",
		Source:   storageAPI + "API_HeadBucket.html",
		ReliedOn: "activities/leftovers/verify.go", Minutes: 1, check: checkMissingBucket,
	},
	{
		Name:     "s3/uploads-are-listed",
		Sentence: "ListMultipartUploads lists an incomplete multipart upload until it is aborted.",
		Source:   storageAPI + "API_ListMultipartUploads.html",
		ReliedOn: "activities/bucket/uploads.go", Minutes: 2, check: checkUploads,
	},
}

func checkExpectedOwner(ctx context.Context, w *World) error {
	bucket, err := w.createBucket(ctx, false)
	if err != nil {
		return err
	}
	in := &s3.ListObjectVersionsInput{Bucket: &bucket, ExpectedBucketOwner: &w.target.Account}
	if _, err := w.storage.ListObjectVersions(ctx, in); err != nil {
		return wantAccepted("ListObjectVersions with the owner", err)
	}
	in.ExpectedBucketOwner = aws.String("000000000001")
	_, err = w.storage.ListObjectVersions(ctx, in)
	return wantRejected("ListObjectVersions with another owner", err, "AccessDenied", "")
}

func checkDenyingPolicy(ctx context.Context, w *World) error {
	bucket, err := w.createBucket(ctx, false)
	if err != nil {
		return err
	}
	if _, err := w.putObject(ctx, bucket, "object", "1"); err != nil {
		return err
	}
	policy := fmt.Sprintf(
		`{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"s3:PutObject",`+
			`"Resource":"arn:aws:s3:::%s/*"}]}`,
		bucket,
	)
	_, err = w.storage.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: &bucket, Policy: &policy})
	if err := wantAccepted("PutBucketPolicy", err); err != nil {
		return err
	}
	if err := w.waitForWriting(ctx, bucket, false); err != nil {
		return err
	}
	_, err = w.storage.GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: aws.String("object")})
	if err := wantAccepted("GetObject", err); err != nil {
		return err
	}
	_, err = w.storage.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &bucket, Key: aws.String("object")})
	if err := wantAccepted("DeleteObject", err); err != nil {
		return err
	}
	_, err = w.storage.DeleteBucketPolicy(ctx, &s3.DeleteBucketPolicyInput{Bucket: &bucket})
	if err := wantAccepted("DeleteBucketPolicy", err); err != nil {
		return err
	}
	return w.waitForWriting(ctx, bucket, true)
}

// policyTries is how often waitForWriting tries to write. A bucket policy takes effect with a
// delay.
const policyTries = 20

// waitForWriting waits until a bucket policy allows writing or, if allowed is false, denies it.
func (w *World) waitForWriting(ctx context.Context, bucket string, allowed bool) error {
	for range policyTries {
		_, err := w.putObject(ctx, bucket, "another", "1")
		if err != nil && !hasCode(err, "AccessDenied") {
			return wantRejected("PutObject", err, "AccessDenied", "")
		}
		if (err == nil) == allowed {
			return nil
		}
		if err := w.pause(ctx); err != nil {
			return err
		}
	}
	return differencef("after %d tries, PutObject is still %s", policyTries, map[bool]string{true: "denied",
		false: "accepted"}[allowed])
}

func checkNoPolicy(ctx context.Context, w *World) error {
	bucket, err := w.createBucket(ctx, false)
	if err != nil {
		return err
	}
	_, err = w.storage.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: &bucket})
	if err := wantRejected("GetBucketPolicy", err, "NoSuchBucketPolicy", ""); err != nil {
		return err
	}
	_, err = w.storage.DeleteBucketPolicy(ctx, &s3.DeleteBucketPolicyInput{Bucket: &bucket})
	return wantAccepted("DeleteBucketPolicy", err)
}

func checkNoObjectLock(ctx context.Context, w *World) error {
	bucket, err := w.createBucket(ctx, false)
	if err != nil {
		return err
	}
	_, err = w.storage.GetObjectLockConfiguration(ctx, &s3.GetObjectLockConfigurationInput{Bucket: &bucket})
	return wantRejected("GetObjectLockConfiguration", err, "ObjectLockConfigurationNotFoundError", "")
}

func checkMissingBucket(ctx context.Context, w *World) error {
	name := w.stackName("-none")
	_, err := w.storage.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &name})
	if err := wantRejected("HeadBucket", err, "NotFound", ""); err != nil {
		return err
	}
	_, err = w.storage.ListObjectVersions(ctx, &s3.ListObjectVersionsInput{Bucket: &name})
	return wantRejected("ListObjectVersions", err, "NoSuchBucket", "")
}

func checkUploads(ctx context.Context, w *World) error {
	bucket, err := w.createBucket(ctx, false)
	if err != nil {
		return err
	}
	begun, err := w.storage.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: &bucket,
		Key: aws.String("large")})
	if err := wantAccepted("CreateMultipartUpload", err); err != nil {
		return err
	}
	if err := w.wantUploads(ctx, bucket, 1); err != nil {
		return err
	}
	_, err = w.storage.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &bucket,
		Key: aws.String("large"), UploadId: begun.UploadId})
	if err := wantAccepted("AbortMultipartUpload", err); err != nil {
		return err
	}
	return w.wantUploads(ctx, bucket, 0)
}

func (w *World) wantUploads(ctx context.Context, bucket string, count int) error {
	out, err := w.storage.ListMultipartUploads(ctx, &s3.ListMultipartUploadsInput{Bucket: &bucket})
	if err := wantAccepted("ListMultipartUploads", err); err != nil {
		return err
	}
	if len(out.Uploads) != count {
		return differencef("%d uploads are listed, want %d", len(out.Uploads), count)
	}
	return nil
}

// addDeleteMarkers adds count delete markers to a bucket with versioning. This is the fastest way
// to create many entries.
func (w *World) addDeleteMarkers(ctx context.Context, bucket string, count int) error {
	var ids []s3types.ObjectIdentifier
	for n := range count {
		ids = append(ids, s3types.ObjectIdentifier{Key: aws.String(fmt.Sprintf("object-%05d", n))})
	}
	for batch := range slices.Chunk(ids, 1000) {
		if err := w.deleteVersions(ctx, bucket, batch); err != nil {
			return err
		}
	}
	return nil
}

// listVersions returns one page of a listing, and the ids of the versions and delete markers on it.
func (w *World) listVersions(ctx context.Context, in *s3.ListObjectVersionsInput) (*s3.ListObjectVersionsOutput,
	[]s3types.ObjectIdentifier, error) {
	out, err := w.storage.ListObjectVersions(ctx, in)
	if err := wantAccepted("ListObjectVersions", err); err != nil {
		return nil, nil, err
	}
	return out, identifiers(out), nil
}
