package s3

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/go-cmp/cmp"
)

func (b *fixture) beginUpload(key string) *string {
	b.t.Helper()
	return must(b.CreateMultipartUpload(b.ctx, &sdk.CreateMultipartUploadInput{
		Bucket: aws.String(testBucket), Key: &key, ChecksumAlgorithm: types.ChecksumAlgorithmCrc32,
		ContentType: aws.String("text/plain"),
	}))(b.t).UploadId
}

func (b *fixture) uploadPart(key string, upload *string, number int32, body []byte) types.CompletedPart {
	b.t.Helper()
	out := must(b.UploadPart(b.ctx, &sdk.UploadPartInput{
		Bucket: aws.String(testBucket), Key: &key, UploadId: upload, PartNumber: &number, Body: bytes.NewReader(body),
		ChecksumAlgorithm: types.ChecksumAlgorithmCrc32,
	}))(b.t)
	return types.CompletedPart{ETag: out.ETag, PartNumber: &number, ChecksumCRC32: out.ChecksumCRC32}
}

func (b *fixture) completeUpload(
	key string, upload *string, parts ...types.CompletedPart,
) (*sdk.CompleteMultipartUploadOutput, error) {
	return b.CompleteMultipartUpload(b.ctx, completion(key, upload, parts...))
}

func completion(key string, upload *string, parts ...types.CompletedPart) *sdk.CompleteMultipartUploadInput {
	return &sdk.CompleteMultipartUploadInput{
		Bucket: aws.String(testBucket), Key: &key, UploadId: upload,
		MultipartUpload: &types.CompletedMultipartUpload{Parts: parts},
	}
}

func TestPartsBecomeOneObject(t *testing.T) {
	b := newFixture(t, versioningEnabled)
	upload := b.beginUpload("big")
	first := bytes.Repeat([]byte("a"), minPart)
	parts := []types.CompletedPart{b.uploadPart("big", upload, 2, first), b.uploadPart("big", upload, 7, []byte("end"))}
	out := must(b.completeUpload("big", upload, parts...))(t)
	if !strings.HasSuffix(*out.ETag, `-2"`) || len(*out.VersionId) != 32 ||
		!strings.HasSuffix(*out.ChecksumCRC32, "-2") {
		t.Errorf("result is %+v, want a version, and an ETag and a checksum of two parts", out)
	}
	if body, err := b.get("big", ""); err != nil || body != string(first)+"end" {
		t.Errorf("%d bytes, %v", len(body), err)
	}
	second := must(b.GetObject(
		b.ctx, &sdk.GetObjectInput{Bucket: aws.String(testBucket), Key: aws.String("big"), PartNumber: aws.Int32(2)},
	))(t)
	body := must(io.ReadAll(second.Body))(t)
	if string(body) != "end" || *second.PartsCount != 2 || *second.ContentType != "text/plain" {
		t.Errorf("part 2 is %q of %d", body, *second.PartsCount)
	}
	_, err := b.completeUpload("big", upload, parts...)
	wantCode(t, err, "NoSuchUpload", 404)
}

func TestInvalidPartsAreRejected(t *testing.T) {
	b := newFixture(t, "")
	upload := b.beginUpload("big")
	one, two := b.uploadPart("big", upload, 1, []byte("small")), b.uploadPart("big", upload, 2, []byte("end"))
	_, err := b.completeUpload("big", upload, one, two)
	wantCode(t, err, "EntityTooSmall", 400)
	_, err = b.completeUpload("big", upload, two, one)
	wantCode(t, err, "InvalidPartOrder", 400)
	one.ETag = two.ETag
	_, err = b.completeUpload("big", upload, one)
	wantCode(t, err, "InvalidPart", 400)
	must(b.AbortMultipartUpload(
		b.ctx, &sdk.AbortMultipartUploadInput{Bucket: aws.String(testBucket), Key: aws.String("big"), UploadId: upload},
	))(t)
	_, err = b.completeUpload("big", upload, two)
	wantCode(t, err, "NoSuchUpload", 404)
	if held := len(b.service.blobs.(*memoryBlobs).contents); held != 0 {
		t.Errorf("%d blobs are left after the abort", held)
	}
}

func TestUploadsAreListedInPages(t *testing.T) {
	b := newFixture(t, "")
	var want []string
	for _, key := range []string{"a", "a", "b", "b", "b", "dir/c"} {
		want = append(want, key+" "+*b.beginUpload(key))
	}
	for limit := range 6 {
		var got []string
		in := &sdk.ListMultipartUploadsInput{Bucket: aws.String(testBucket), MaxUploads: aws.Int32(int32(limit + 1))}
		for more := true; more; {
			out := must(b.ListMultipartUploads(b.ctx, in))(t)
			for _, u := range out.Uploads {
				got = append(got, *u.Key+" "+*u.UploadId)
			}
			in.KeyMarker, in.UploadIdMarker, more = out.NextKeyMarker, out.NextUploadIdMarker, *out.IsTruncated
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("pages of %d: %s", limit+1, diff)
		}
	}
}

func TestUploadPartCopyCopiesARange(t *testing.T) {
	b := newFixture(t, "")
	b.put("source", "0123456789")
	upload := b.beginUpload("target")
	out := must(b.UploadPartCopy(b.ctx, &sdk.UploadPartCopyInput{
		Bucket: aws.String(testBucket), Key: aws.String("target"), UploadId: upload, PartNumber: aws.Int32(1),
		CopySource: aws.String(testBucket + "/source"), CopySourceRange: aws.String("bytes=2-4"),
	}))(t)
	copied := types.CompletedPart{ETag: out.CopyPartResult.ETag, PartNumber: aws.Int32(1)}
	must(b.completeUpload("target", upload, copied))(t)
	if body, err := b.get("target", ""); err != nil || body != "234" {
		t.Errorf("the object is %q, %v", body, err)
	}
}

func TestDeleteBucketDeletesIncompleteUploads(t *testing.T) {
	b := newFixture(t, "")
	b.uploadPart("big", b.beginUpload("big"), 1, []byte("x"))
	must(b.DeleteBucket(b.ctx, &sdk.DeleteBucketInput{Bucket: aws.String(testBucket)}))(t)
	if held := len(b.service.blobs.(*memoryBlobs).contents); held != 0 {
		t.Errorf("%d blobs are left", held)
	}
}
