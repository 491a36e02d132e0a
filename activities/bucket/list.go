package bucket

import (
	"context"
	"fmt"
	"net/url"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"perch/activities/awserr"
)

// deleteBatch is the largest number of keys that S3 accepts in one DeleteObjects call, and also the
// largest number that it lists in one page.
const deleteBatch = 1000

// marker is a place in a bucket's listing: directly after this version of this key. The zero marker
// is the beginning.
type marker struct{ key, version string }

// identity is one version or delete marker. An object that was written before versioning was turned
// on has version "null".
type identity struct{ key, version string }

// listing is one page of versions and delete markers. next is nil in the last page and in a page
// with an error.
type listing struct {
	found []identity
	next  *marker
	err   error
}

// list sends the bucket's pages, starting at from. It closes pages after the last page, after an
// error, and when ctx ends.
func (e *emptying) list(ctx context.Context, from marker, pages chan<- listing) {
	defer close(pages)
	for {
		page := e.page(ctx, from)
		if page.next != nil && *page.next == from {
			page = listing{err: fmt.Errorf(
				"list versions of bucket %s: the page after %q ends at the same place again", e.bucket, from.key,
			)}
		}
		select {
		case pages <- page:
		case <-ctx.Done():
			return
		}
		if page.next == nil {
			return
		}
		from = *page.next
	}
}

func (e *emptying) listVersions(ctx context.Context, from marker) listing {
	in := &s3.ListObjectVersionsInput{
		Bucket: &e.bucket, ExpectedBucketOwner: &e.account, MaxKeys: aws.Int32(deleteBatch),
		EncodingType: types.EncodingTypeUrl,
		KeyMarker:    present(from.key), VersionIdMarker: present(from.version),
	}
	var out *s3.ListObjectVersionsOutput
	err := e.persist(ctx, func(ctx context.Context) (err error) {
		out, err = e.s3.ListObjectVersions(ctx, in)
		return err
	})
	if err == nil {
		var page listing
		if page, err = readListing(out); err == nil {
			return page
		}
	}
	return listing{err: awserr.Wrap(err, "list versions of bucket %s", e.bucket)}
}

// present returns nil for an empty marker, because S3 rejects a request with an empty one.
func present(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

func readListing(out *s3.ListObjectVersionsOutput) (listing, error) {
	decode := decoder(out.EncodingType)
	page := listing{found: make([]identity, 0, len(out.Versions)+len(out.DeleteMarkers))}
	add := func(key, version *string) error {
		name, err := decode(key)
		page.found = append(page.found, identity{name, aws.ToString(version)})
		return err
	}
	for _, v := range out.Versions {
		if err := add(v.Key, v.VersionId); err != nil {
			return listing{}, err
		}
	}
	for _, m := range out.DeleteMarkers {
		if err := add(m.Key, m.VersionId); err != nil {
			return listing{}, err
		}
	}
	if !aws.ToBool(out.IsTruncated) {
		return page, nil
	}
	if aws.ToString(out.NextKeyMarker) == "" {
		return listing{}, fmt.Errorf("the page is truncated and names no next key")
	}
	key, err := decode(out.NextKeyMarker)
	page.next = &marker{key, aws.ToString(out.NextVersionIdMarker)}
	return page, err
}

// decoder returns a function that decodes the names of a listing. Perch requests them URL-encoded,
// because XML 1.0 cannot represent most control characters.
func decoder(encoding types.EncodingType) func(*string) (string, error) {
	if encoding == types.EncodingTypeUrl {
		return func(text *string) (string, error) { return url.QueryUnescape(aws.ToString(text)) }
	}
	return func(text *string) (string, error) { return aws.ToString(text), nil }
}
