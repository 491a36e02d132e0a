package card

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"go.temporal.io/sdk/temporal"

	"perch"
	"perch/activities/awserr"
)

const (
	// prefix is where the artifact bucket keeps cards. asidePrefix is where it keeps those that
	// could not be parsed.
	prefix      = "cards/"
	asidePrefix = prefix + "unreadable/"
	suffix      = ".json"
)

// key returns the key of an environment's card.
func key(slug string) string { return prefix + slug + suffix }

// slugOf returns the slug in the key of a card, also of one that was set aside.
func slugOf(key string) string {
	slug := strings.TrimSuffix(strings.TrimPrefix(key, prefix), suffix)
	if aside, ok := strings.CutPrefix(key, asidePrefix); ok {
		slug = aside[:max(0, strings.LastIndex(aside, "-"))]
	}
	return slug
}

// object is a card as it was read. Its ETag is empty if the bucket has no such object.
type object struct {
	bucket, key, etag string
	body              []byte
}

// get reads an object.
func (s *Store) get(ctx context.Context, bucket, key string) (object, error) {
	out, err := s.s3.GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: &key})
	if awserr.HasCode(err, "NoSuchKey", "NotFound") {
		return object{bucket: bucket, key: key}, nil
	}
	if err != nil {
		return object{}, awserr.Wrap(err, "read card %s in bucket %s", key, bucket)
	}
	defer out.Body.Close()
	body, err := io.ReadAll(out.Body)
	if err != nil {
		return object{}, fmt.Errorf("read card %s in bucket %s: %w", key, bucket, err)
	}
	return object{bucket: bucket, key: key, etag: aws.ToString(out.ETag), body: body}, nil
}

// parse reads the card in an object. The error is an *UnreadableError.
func (o object) parse() (perch.Card, error) {
	var card perch.Card
	reason := ""
	if err := json.Unmarshal(o.body, &card); err != nil {
		reason = err.Error()
	} else if key(card.Environment.Slug) != o.key {
		reason = fmt.Sprintf("it is of branch %q, whose card has another key", card.Environment.Branch)
	}
	if reason != "" {
		return perch.Card{}, &UnreadableError{Bucket: o.bucket, Key: o.key, Slug: slugOf(o.key), Reason: reason}
	}
	return card, nil
}

// put writes a card if the object is still as it was when it was read.
func (s *Store) put(ctx context.Context, bucket string, read object, card perch.Card) error {
	body, err := json.Marshal(card)
	if err != nil {
		return awserr.Final(perch.ErrorInvalid, "write card %s: %v", read.key, err)
	}
	in := &s3.PutObjectInput{
		Bucket: &bucket, Key: &read.key, Body: bytes.NewReader(body), ContentType: aws.String("application/json"),
	}
	if read.etag == "" {
		in.IfNoneMatch = aws.String("*")
	} else {
		in.IfMatch = &read.etag
	}
	_, err = s.s3.PutObject(ctx, in)
	return awserr.Wrap(err, "write card %s in bucket %s", read.key, bucket)
}

// drop deletes the object if it is still as it was when it was read.
func (s *Store) drop(ctx context.Context, bucket string, read object) error {
	_, err := s.s3.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &bucket, Key: &read.key, IfMatch: &read.etag})
	return awserr.Wrap(err, "delete card %s in bucket %s", read.key, bucket)
}

// keepAside copies an object that cannot be parsed. The key of the copy has the ETag, so copying
// the same content again writes the same object.
func (s *Store) keepAside(ctx context.Context, read object) (string, error) {
	aside := asidePrefix + slugOf(read.key) + "-" + strings.Trim(read.etag, `"`) + suffix
	_, err := s.s3.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &read.bucket, Key: &aside, Body: bytes.NewReader(read.body),
		ContentType: aws.String("application/json"),
	})
	return aside, awserr.Wrap(err, "copy card %s in bucket %s to %s", read.key, read.bucket, aside)
}

// mayRepeat reports whether a write may be tried again after err: another write was first, or no
// answer came, so the write may or may not have happened.
func mayRepeat(err error) bool {
	if awserr.HasCode(err, "PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey", "NoSuchBucket") {
		return true
	}
	var answer *smithyhttp.ResponseError
	if errors.As(err, &answer) && answer.HTTPStatusCode() >= http.StatusBadRequest {
		return answer.HTTPStatusCode() >= http.StatusInternalServerError || awserr.Throttled(err)
	}
	var final *temporal.ApplicationError
	return !errors.As(err, &final) || !final.NonRetryable()
}
