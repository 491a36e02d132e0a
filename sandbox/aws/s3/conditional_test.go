package s3

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
)

// putIf writes an object with If-None-Match and If-Match; an empty value means no condition.
func (b *fixture) putIf(body, noneMatch, match string) (*sdk.PutObjectOutput, error) {
	in := &sdk.PutObjectInput{Bucket: aws.String(testBucket), Key: aws.String("card"), Body: strings.NewReader(body)}
	if noneMatch != "" {
		in.IfNoneMatch = &noneMatch
	}
	if match != "" {
		in.IfMatch = &match
	}
	return b.PutObject(b.ctx, in)
}

func TestAConditionalWriteSucceedsOnlyIfItsConditionHolds(t *testing.T) {
	for _, versioning := range []string{"", versioningEnabled, versioningSuspended} {
		t.Run("versioning "+versioning, func(t *testing.T) {
			b := newFixture(t, versioning)
			_, err := b.putIf("1", "", `"0123"`)
			wantCode(t, err, "NoSuchKey", 404)
			first := must(b.putIf("1", "*", ""))(t)
			_, err = b.putIf("2", "*", "")
			wantCode(t, err, "PreconditionFailed", 412)
			second := must(b.putIf("2", "", *first.ETag))(t)
			_, err = b.putIf("3", "", *first.ETag)
			wantCode(t, err, "PreconditionFailed", 412)
			if body, err := b.get("card", ""); err != nil || body != "2" {
				t.Errorf("the object is %q, %v", body, err)
			}
			b.delete("card", "")
			_, err = b.putIf("3", "", *second.ETag)
			wantCode(t, err, "NoSuchKey", 404)
			must(b.putIf("3", "*", ""))(t)
		})
	}
}

func TestUnsupportedConditionsReturnNotImplemented(t *testing.T) {
	b := newFixture(t, "")
	etag := *b.put("card", "1").ETag
	_, err := b.putIf("2", etag, "")
	wantCode(t, err, "NotImplemented", 501)
	_, err = b.putIf("2", "*", etag)
	wantCode(t, err, "NotImplemented", 501)
	if body, err := b.get("card", ""); err != nil || body != "1" {
		t.Errorf("the object is %q, %v", body, err)
	}
}

func TestAMultipartUploadStaysOpenIfItsConditionFails(t *testing.T) {
	b := newFixture(t, "")
	upload := b.beginUpload("card")
	part := b.uploadPart("card", upload, 1, []byte("1"))
	in := completion("card", upload, part)
	in.IfMatch = aws.String(`"0123"`)
	_, err := b.CompleteMultipartUpload(b.ctx, in)
	wantCode(t, err, "NoSuchKey", 404)
	b.put("card", "0")
	in.IfMatch, in.IfNoneMatch = nil, aws.String("*")
	_, err = b.CompleteMultipartUpload(b.ctx, in)
	wantCode(t, err, "PreconditionFailed", 412)
	b.delete("card", "")
	must(b.CompleteMultipartUpload(b.ctx, in))(t)
}

func TestADeletionDuringAConditionalWriteIsAConflict(t *testing.T) {
	for _, condition := range []string{"If-Match", "If-None-Match"} {
		t.Run(condition, func(t *testing.T) {
			b := newFixture(t, "")
			value := *b.put("card", "1").ETag
			if condition == "If-None-Match" {
				value = "*"
			}
			err := b.putAround(condition, value, func() { b.delete("card", "") })
			if err == nil || !strings.Contains(err.Error(), "409") ||
				!strings.Contains(err.Error(), "ConditionalRequestConflict") {
				t.Errorf("the write returns %v", err)
			}
			must(b.putIf("2", "*", ""))(t)
		})
	}
}

func TestOfTwoConditionalWritesTheFirstToFinishWins(t *testing.T) {
	b := newFixture(t, "")
	etag := *b.put("card", "1").ETag
	err := b.putAround("If-Match", etag, func() { must(b.putIf("2", "", etag))(t) })
	if err == nil || !strings.Contains(err.Error(), "412") || !strings.Contains(err.Error(), "PreconditionFailed") {
		t.Errorf("the write that finishes last returns %v", err)
	}
}

// putAround begins a conditional write, calls meanwhile while the service reads the write's body,
// and then sends the rest.
func (b *fixture) putAround(condition, value string, meanwhile func()) error {
	reader, writer := io.Pipe()
	trace := &httptrace.ClientTrace{Got100Continue: func() {
		go func() {
			meanwhile()
			_, _ = writer.Write([]byte("x"))
			_ = writer.Close()
		}()
	}}
	in, err := http.NewRequestWithContext(httptrace.WithClientTrace(b.ctx, trace), http.MethodPut,
		b.url+"/"+testBucket+"/card", reader)
	if err != nil {
		return err
	}
	in.ContentLength = 1
	in.Header.Set("Expect", "100-continue")
	in.Header.Set(condition, value)
	transport := &http.Transport{ExpectContinueTimeout: 1 << 40}
	defer transport.CloseIdleConnections()
	out, err := transport.RoundTrip(in)
	if err != nil {
		return err
	}
	defer out.Body.Close()
	text, err := io.ReadAll(out.Body)
	if out.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d: %s", out.StatusCode, text)
	}
	return err
}

func TestAConditionalDeleteSucceedsOnlyIfItsConditionHolds(t *testing.T) {
	for _, versioning := range []string{"", versioningEnabled} {
		t.Run("versioning "+versioning, func(t *testing.T) {
			b := newFixture(t, versioning)
			drop := func(match string) error {
				_, err := b.DeleteObject(b.ctx, &sdk.DeleteObjectInput{
					Bucket: aws.String(testBucket), Key: aws.String("card"), IfMatch: &match,
				})
				return err
			}
			wantCode(t, drop("*"), "NoSuchKey", 404)
			etag := *b.put("card", "1").ETag
			wantCode(t, drop(`"0123"`), "PreconditionFailed", 412)
			if err := drop(etag); err != nil {
				t.Fatal(err)
			}
			wantCode(t, drop(etag), "NoSuchKey", 404)
			_, err := b.get("card", "")
			var gone smithy.APIError
			if !errors.As(err, &gone) || gone.ErrorCode() != "NoSuchKey" {
				t.Errorf("the object still exists: %v", err)
			}
		})
	}
}
