package conformance

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
)

var keyAssumptions = []Assumption{{
	Name: "s3/encoded-keys",
	Sentence: "ListObjectVersions with EncodingType url encodes every key so that decoding it as a URL query " +
		"returns the key.",
	Source: storageAPI + "API_ListObjectVersions.html", ReliedOn: "activities/bucket/list.go", Minutes: 2,
	check: checkEncodedKeys,
}}

func checkEncodedKeys(ctx context.Context, w *World) error {
	bucket, err := w.createBucket(ctx, false)
	if err != nil {
		return err
	}
	keys := []string{"a b", "a%20b", "a+b", "a\x01b", "ä/ö"}
	for _, key := range keys {
		if _, err := w.putObject(ctx, bucket, key, "1"); err != nil {
			return wantAccepted("PutObject", err)
		}
	}
	in := &s3.ListObjectVersionsInput{Bucket: &bucket, EncodingType: s3types.EncodingTypeUrl}
	out, err := w.storage.ListObjectVersions(ctx, in)
	if err := wantAccepted("ListObjectVersions", err); err != nil {
		return err
	}
	if out.EncodingType != s3types.EncodingTypeUrl {
		return differencef("the listing has EncodingType %q, want url", out.EncodingType)
	}
	var found []string
	for _, id := range identifiers(out) {
		found = append(found, aws.ToString(id.Key))
	}
	slices.Sort(keys)
	slices.Sort(found)
	if !slices.Equal(found, keys) {
		return differencef("the keys are %q, want %q", found, keys)
	}
	return nil
}

// decodeKey decodes a key of a listing. It returns a key that cannot be decoded unchanged.
func decodeKey(key *string, encoding s3types.EncodingType) *string {
	if encoding != s3types.EncodingTypeUrl {
		return key
	}
	if plain, err := url.QueryUnescape(aws.ToString(key)); err == nil {
		return &plain
	}
	return key
}

// deleteControlKeys deletes, one by one, the versions whose keys have control characters, which the
// XML of DeleteObjects cannot contain. It returns the other versions.
func (w *World) deleteControlKeys(
	ctx context.Context, bucket string, ids []s3types.ObjectIdentifier,
) (plain []s3types.ObjectIdentifier, err error) {
	for _, id := range ids {
		if !strings.ContainsFunc(aws.ToString(id.Key), func(r rune) bool { return r < ' ' }) {
			plain = append(plain, id)
			continue
		}
		in := &s3.DeleteObjectInput{Bucket: &bucket, Key: id.Key, VersionId: id.VersionId}
		if _, err := w.storage.DeleteObject(ctx, in); err != nil {
			return nil, fmt.Errorf("delete object %q of bucket %s: %w", aws.ToString(id.Key), bucket, err)
		}
	}
	return plain, nil
}
