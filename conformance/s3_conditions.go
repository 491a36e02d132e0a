package conformance

import (
	"bytes"
	"context"
	"io"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

const (
	conditionalWrites  = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html"
	conditionalDeletes = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-deletes.html"
	cardStore          = "activities/card/object.go"
)

var conditionAssumptions = []Assumption{
	{
		Name:     "s3/conditional-write",
		Sentence: "PutObject with If-None-Match `*` fails with PreconditionFailed if the key exists.",
		Source:   conditionalWrites, ReliedOn: cardStore, Minutes: 2, check: checkConditionalWrite,
	},
	{
		Name: "s3/conditional-update",
		Sentence: "PutObject with If-Match fails with PreconditionFailed if the object has another ETag, and with " +
			"NoSuchKey if the object does not exist.",
		Source: conditionalWrites, ReliedOn: cardStore, Minutes: 2, check: checkConditionalUpdate,
	},
	{
		Name: "s3/conditional-over-a-marker",
		Sentence: "If the newest version is a delete marker, PutObject with If-Match fails with NoSuchKey, and " +
			"PutObject with If-None-Match `*` succeeds.",
		Source: conditionalWrites, ReliedOn: cardStore, Minutes: 2, check: checkConditionalMarker,
	},
	{
		Name: "s3/conditional-conflict",
		Sentence: "PutObject with If-Match fails with ConditionalRequestConflict or NoSuchKey if the object is " +
			"deleted during the request.",
		Source: conditionalWrites, ReliedOn: cardStore, Minutes: 2, check: checkConditionalConflict,
	},
	{
		Name: "s3/conditional-delete",
		Sentence: "DeleteObject with If-Match fails with PreconditionFailed if the object has another ETag, and with " +
			"NoSuchKey if the object does not exist.",
		Source: conditionalDeletes, ReliedOn: cardStore, Minutes: 2, check: checkConditionalDelete,
	},
}

// putCard writes the object `card` with the headers If-None-Match and If-Match, and returns its
// ETag. It omits a header that is empty.
func (w *World) putCard(ctx context.Context, bucket, content, noneMatch, match string) (etag string, err error) {
	in := &s3.PutObjectInput{Bucket: &bucket, Key: aws.String("card"), Body: strings.NewReader(content)}
	if noneMatch != "" {
		in.IfNoneMatch = &noneMatch
	}
	if match != "" {
		in.IfMatch = &match
	}
	out, err := w.storage.PutObject(ctx, in)
	if err != nil {
		return "", err
	}
	return aws.ToString(out.ETag), nil
}

func checkConditionalWrite(ctx context.Context, w *World) error {
	bucket, err := w.createBucket(ctx, false)
	if err != nil {
		return err
	}
	_, err = w.putCard(ctx, bucket, "1", "*", "")
	if err := wantAccepted("PutObject of a new key", err); err != nil {
		return err
	}
	_, err = w.putCard(ctx, bucket, "1", "*", "")
	return wantRejected("PutObject of the key again", err, "PreconditionFailed", "")
}

func checkConditionalUpdate(ctx context.Context, w *World) error {
	bucket, err := w.createBucket(ctx, false)
	if err != nil {
		return err
	}
	_, err = w.putCard(ctx, bucket, "1", "", `"c4ca4238a0b923820dcc509a6f75849b"`)
	if err := wantRejected("PutObject with If-Match of a new key", err, "NoSuchKey", ""); err != nil {
		return err
	}
	etag, err := w.putCard(ctx, bucket, "1", "*", "")
	if err := wantAccepted("PutObject of a new key", err); err != nil {
		return err
	}
	_, err = w.putCard(ctx, bucket, "2", "", etag)
	if err := wantAccepted("PutObject with the object's ETag", err); err != nil {
		return err
	}
	_, err = w.putCard(ctx, bucket, "3", "", etag)
	return wantRejected("PutObject with an earlier ETag", err, "PreconditionFailed", "")
}

func checkConditionalMarker(ctx context.Context, w *World) error {
	bucket, err := w.createBucket(ctx, true)
	if err != nil {
		return err
	}
	etag, err := w.putCard(ctx, bucket, "1", "*", "")
	if err := wantAccepted("PutObject of a new key", err); err != nil {
		return err
	}
	_, err = w.storage.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &bucket, Key: aws.String("card")})
	if err := wantAccepted("DeleteObject", err); err != nil {
		return err
	}
	_, err = w.putCard(ctx, bucket, "2", "", etag)
	if err := wantRejected("PutObject with If-Match over a delete marker", err, "NoSuchKey", ""); err != nil {
		return err
	}
	_, err = w.putCard(ctx, bucket, "2", "*", "")
	return wantAccepted("PutObject with If-None-Match over a delete marker", err)
}

func checkConditionalDelete(ctx context.Context, w *World) error {
	bucket, err := w.createBucket(ctx, false)
	if err != nil {
		return err
	}
	first, err := w.putCard(ctx, bucket, "1", "*", "")
	if err := wantAccepted("PutObject of a new key", err); err != nil {
		return err
	}
	second, err := w.putCard(ctx, bucket, "2", "", first)
	if err := wantAccepted("PutObject with the object's ETag", err); err != nil {
		return err
	}
	drop := func(etag string) error {
		_, err := w.storage.DeleteObject(
			ctx, &s3.DeleteObjectInput{Bucket: &bucket, Key: aws.String("card"), IfMatch: &etag},
		)
		return err
	}
	if err := wantRejected("DeleteObject with an earlier ETag", drop(first), "PreconditionFailed", ""); err != nil {
		return err
	}
	if err := wantAccepted("DeleteObject with the object's ETag", drop(second)); err != nil {
		return err
	}
	return wantRejected("DeleteObject with If-Match of no object", drop(second), "NoSuchKey", "")
}

// slowBody is larger than the buffers of a connection, so that S3 begins to read the body before
// the client has sent all of it.
const slowBody = 16 << 20

func checkConditionalConflict(ctx context.Context, w *World) error {
	bucket, err := w.createBucket(ctx, false)
	if err != nil {
		return err
	}
	etag, err := w.putCard(ctx, bucket, "1", "*", "")
	if err := wantAccepted("PutObject of a new key", err); err != nil {
		return err
	}
	var deletion error
	body := io.MultiReader(bytes.NewReader(make([]byte, slowBody)), &callbackReader{say: func() {
		_, deletion = w.storage.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &bucket, Key: aws.String("card")})
	}})
	_, err = w.storage.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &bucket, Key: aws.String("card"), Body: body, ContentLength: aws.Int64(slowBody + 1), IfMatch: &etag,
	}, unsigned)
	if err := wantAccepted("DeleteObject during the write", deletion); err != nil {
		return err
	}
	if hasCode(err, "NoSuchKey") {
		return nil
	}
	return wantRejected("PutObject with If-Match", err, "ConditionalRequestConflict", "")
}

// unsigned makes the SDK send the body without a signature, which it would have to read the whole
// body for.
func unsigned(o *s3.Options) {
	o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
	o.RetryMaxAttempts = 1
	o.APIOptions = append(o.APIOptions, v4.SwapComputePayloadSHA256ForUnsignedPayloadMiddleware)
}

// callbackReader is a reader of one byte. It calls callback before it returns that byte.
type callbackReader struct {
	say  func()
	said bool
}

func (l *callbackReader) Read(p []byte) (int, error) {
	if l.said {
		return 0, io.EOF
	}
	l.say()
	l.said = true
	return copy(p, "x"), nil
}
