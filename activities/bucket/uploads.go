package bucket

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"golang.org/x/sync/errgroup"

	"perch/activities/awserr"
)

// aborts is how many unfinished uploads Perch aborts at the same time. S3 has no call that aborts
// several.
const aborts = 8

// abortUploads aborts unfinished uploads until S3 lists none. An upload whose parts are still being
// written can survive an abort (AWS docs: AbortMultipartUpload).
func (e *emptying) abortUploads(ctx context.Context) error {
	for range maxSweeps {
		found, err := e.abortListed(ctx)
		if found == 0 || err != nil {
			return err
		}
	}
	return fmt.Errorf(
		"empty bucket %s: unfinished uploads are listed after they were aborted %d times: stop what uploads to it",
		e.bucket, maxSweeps,
	)
}

// abortListed aborts the uploads of one listing, with all its pages, and returns their number.
func (e *emptying) abortListed(ctx context.Context) (found int, err error) {
	in := &s3.ListMultipartUploadsInput{
		Bucket: &e.bucket, ExpectedBucketOwner: &e.account, EncodingType: types.EncodingTypeUrl,
	}
	for {
		var page *s3.ListMultipartUploadsOutput
		err := e.persist(ctx, func(ctx context.Context) (err error) {
			page, err = e.s3.ListMultipartUploads(ctx, in)
			return err
		})
		if err != nil {
			return found, awserr.Wrap(err, "list uploads of bucket %s", e.bucket)
		}
		if err := e.abortAll(ctx, page); err != nil {
			return found, err
		}
		found += len(page.Uploads)
		if !aws.ToBool(page.IsTruncated) {
			return found, nil
		}
		key, err := decoder(page.EncodingType)(page.NextKeyMarker)
		if err != nil || key == "" {
			return found, fmt.Errorf("list uploads of bucket %s: the page is truncated and names no next key", e.bucket)
		}
		in.KeyMarker, in.UploadIdMarker = &key, present(aws.ToString(page.NextUploadIdMarker))
	}
}

func (e *emptying) abortAll(ctx context.Context, page *s3.ListMultipartUploadsOutput) error {
	decode := decoder(page.EncodingType)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(aborts)
	for _, upload := range page.Uploads {
		group.Go(func() error {
			key, err := decode(upload.Key)
			if err == nil {
				err = e.abort(ctx, key, upload.UploadId)
			}
			return awserr.Wrap(err, "abort upload of %q to bucket %s", key, e.bucket)
		})
	}
	return group.Wait()
}

func (e *emptying) abort(ctx context.Context, key string, id *string) error {
	err := e.persist(ctx, func(ctx context.Context) error {
		_, err := e.s3.AbortMultipartUpload(
			ctx,
			&s3.AbortMultipartUploadInput{Bucket: &e.bucket, ExpectedBucketOwner: &e.account, Key: &key, UploadId: id},
		)
		return err
	})
	if awserr.HasCode(err, "NoSuchUpload") {
		return nil
	}
	return err
}
