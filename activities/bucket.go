package activities

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"go.temporal.io/sdk/activity"
	"golang.org/x/sync/errgroup"
)

const (
	// deleteBatch is the most keys that S3 takes in one DeleteObjects call.
	deleteBatch = 1000
	// deleters is how many DeleteObjects calls run at a time: enough for S3's 3,500 deletes a second at one to three seconds a call.
	deleters = 8
	// deleteRetries is how often keys that S3 could not delete for a passing reason are tried again.
	deleteRetries = 8
	// tagStackID is the tag that CloudFormation puts on a stack's buckets.
	tagStackID = "aws:cloudformation:stack-id"
)

// Buckets are the activities that act on a stack's buckets.
type Buckets struct {
	s3 *s3.Client
}

// EmptyBucketInput names a bucket and the stack that must own it.
type EmptyBucketInput struct {
	Bucket  string `json:"bucket"`
	StackID string `json:"stack_id"`
}

// EmptyBucketResult says what was removed.
type EmptyBucketResult struct {
	// Objects counts versions and delete markers.
	Objects int `json:"objects"`
}

// EmptyBucket removes every version, delete marker and unfinished upload from a bucket of the stack, after it has denied further
// writes. A bucket that is gone already is empty; a bucket that is not the stack's is refused.
func (b *Buckets) EmptyBucket(ctx context.Context, in EmptyBucketInput) (EmptyBucketResult, error) {
	var earlier EmptyBucketResult
	if activity.HasHeartbeatDetails(ctx) {
		_ = activity.GetHeartbeatDetails(ctx, &earlier) // Without details the count begins at zero.
	}
	owned, err := b.check(ctx, in)
	if err != nil || !owned {
		return earlier, err
	}
	if err := b.denyWrites(ctx, in.Bucket); err != nil {
		return earlier, err
	}
	e := &emptying{s3: b.s3, bucket: in.Bucket, removed: earlier.Objects}
	stop := e.beat(ctx)
	defer stop()
	if err := e.versions(ctx); err != nil {
		return EmptyBucketResult{Objects: e.count()}, err
	}
	err = e.uploads(ctx)
	return EmptyBucketResult{Objects: e.count()}, err
}

// check reports whether the bucket is there, and refuses one that does not carry the stack's id.
func (b *Buckets) check(ctx context.Context, in EmptyBucketInput) (bool, error) {
	out, err := b.s3.GetBucketTagging(ctx, &s3.GetBucketTaggingInput{Bucket: &in.Bucket})
	if missing(err, "NoSuchBucket") {
		return false, nil
	}
	if err != nil && !missing(err, "NoSuchTagSet") {
		return false, awsFailure(err, "read tags of bucket %s", in.Bucket)
	}
	if out != nil {
		for _, tag := range out.TagSet {
			if aws.ToString(tag.Key) == tagStackID && aws.ToString(tag.Value) == in.StackID {
				return true, nil
			}
		}
	}
	return false, refuse(ErrorInvalid, "bucket %s does not carry the tag %s=%s: it is not this stack's and was left alone", in.Bucket, tagStackID, in.StackID)
}

// denyWrites keeps the app, which still runs, from filling the bucket again.
func (b *Buckets) denyWrites(ctx context.Context, bucket string) error {
	partition := "aws"
	if region := b.s3.Options().Region; strings.HasPrefix(region, "cn-") {
		partition = "aws-cn"
	}
	policy := fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Sid":"PerchEmptiesThisBucket","Effect":"Deny","Principal":"*","Action":"s3:PutObject","Resource":"arn:%s:s3:::%s/*"}]}`, partition, bucket)
	_, err := b.s3.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: &bucket, Policy: &policy})
	if missing(err, "NoSuchBucket") {
		return nil
	}
	return awsFailure(err, "deny writes to bucket %s", bucket)
}

// emptying is one lister that feeds a bounded pool of deleters, so that memory does not depend on the bucket's size.
type emptying struct {
	s3     *s3.Client
	bucket string

	mu      sync.Mutex
	removed int
}

func (e *emptying) count() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.removed
}

// beat heartbeats the count as long as deletions go through.
func (e *emptying) beat(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	activity.RecordHeartbeat(ctx, EmptyBucketResult{Objects: e.count()})
	go func() {
		ticker := time.NewTicker(beat)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				activity.RecordHeartbeat(ctx, EmptyBucketResult{Objects: e.count()})
			}
		}
	}()
	return cancel
}

func (e *emptying) versions(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(deleters)
	err := e.list(ctx, func(batch []types.ObjectIdentifier) {
		group.Go(func() error { return e.remove(ctx, batch) })
	})
	if waited := group.Wait(); waited != nil {
		return waited
	}
	return err
}

// list pages through versions and delete markers by both markers; a truncated page without markers would go round for ever.
func (e *emptying) list(ctx context.Context, take func([]types.ObjectIdentifier)) error {
	in := &s3.ListObjectVersionsInput{Bucket: &e.bucket, MaxKeys: aws.Int32(deleteBatch)}
	for {
		page, err := e.s3.ListObjectVersions(ctx, in)
		if missing(err, "NoSuchBucket") {
			return nil
		}
		if err != nil {
			return awsFailure(err, "list versions of bucket %s", e.bucket)
		}
		batch := make([]types.ObjectIdentifier, 0, len(page.Versions)+len(page.DeleteMarkers))
		for _, v := range page.Versions {
			batch = append(batch, types.ObjectIdentifier{Key: v.Key, VersionId: v.VersionId})
		}
		for _, m := range page.DeleteMarkers {
			batch = append(batch, types.ObjectIdentifier{Key: m.Key, VersionId: m.VersionId})
		}
		if len(batch) > 0 {
			take(batch)
		}
		if !aws.ToBool(page.IsTruncated) {
			return nil
		}
		if page.NextKeyMarker == nil {
			return fmt.Errorf("list versions of bucket %s: the page is truncated and names no next key", e.bucket)
		}
		in.KeyMarker, in.VersionIdMarker = page.NextKeyMarker, page.NextVersionIdMarker
	}
}

// remove deletes one batch; keys that fail for a passing reason are tried again alone.
func (e *emptying) remove(ctx context.Context, batch []types.ObjectIdentifier) error {
	for try := 0; ; try++ {
		out, err := e.s3.DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: &e.bucket, Delete: &types.Delete{Objects: batch, Quiet: aws.Bool(true)}})
		if missing(err, "NoSuchBucket") {
			return nil
		}
		if err != nil {
			return awsFailure(err, "delete objects of bucket %s", e.bucket)
		}
		again, fatal := sortFailures(out.Errors)
		e.mu.Lock()
		e.removed += len(batch) - len(again) - len(fatal)
		e.mu.Unlock()
		if len(fatal) > 0 {
			return refuse(ErrorDenied, "bucket %s cannot be emptied: %s; remove the lock or give the permission and try again", e.bucket, strings.Join(fatal, ", "))
		}
		if len(again) == 0 {
			return nil
		}
		if try == deleteRetries {
			return fmt.Errorf("delete objects of bucket %s: %d keys failed %d times, the last with %s", e.bucket, len(again), try+1, aws.ToString(out.Errors[0].Code))
		}
		batch = again
		if err := pause(ctx, time.Duration(try+1)*200*time.Millisecond); err != nil {
			return err
		}
	}
}

// sortFailures tells passing failures from final ones, by code: the text is for people.
func sortFailures(failures []types.Error) (again []types.ObjectIdentifier, fatal []string) {
	for _, f := range failures {
		switch aws.ToString(f.Code) {
		case "SlowDown", "InternalError", "ServiceUnavailable", "RequestTimeout", "OperationAborted":
			again = append(again, types.ObjectIdentifier{Key: f.Key, VersionId: f.VersionId})
		case "NoSuchKey", "NoSuchVersion":
		default:
			if len(fatal) < maxFailures {
				fatal = append(fatal, fmt.Sprintf("%q (%s)", aws.ToString(f.Key), aws.ToString(f.Code)))
			}
		}
	}
	return again, fatal
}

func (e *emptying) uploads(ctx context.Context) error {
	pages := s3.NewListMultipartUploadsPaginator(e.s3, &s3.ListMultipartUploadsInput{Bucket: &e.bucket})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if missing(err, "NoSuchBucket") {
			return nil
		}
		if err != nil {
			return awsFailure(err, "list uploads of bucket %s", e.bucket)
		}
		for _, upload := range page.Uploads {
			_, err := e.s3.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &e.bucket, Key: upload.Key, UploadId: upload.UploadId})
			if err != nil && !missing(err, "NoSuchUpload", "NoSuchBucket") {
				return awsFailure(err, "abort upload %s of bucket %s", aws.ToString(upload.Key), e.bucket)
			}
		}
	}
	return nil
}

// pause waits for d or until ctx is over.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
