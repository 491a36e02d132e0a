package s3

import (
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// fill adds versions to the bucket without HTTP, three of each key.
func (b *bed) fill(versions int) {
	b.t.Helper()
	err := b.service.with(testBucket, func(target *bucket) error {
		for i := range versions {
			v := &version{Marker: i%3 == 2}
			target.stamp(b.service, v)
			if err := b.service.commit(record{
				Op: opPut, Bucket: testBucket, Key: fmt.Sprintf("media/%06d", i/3), Version: v,
			}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

// drain empties the bucket page by page and returns the number of deleting calls.
func (b *bed) drain() (calls int) {
	b.t.Helper()
	pages := sdk.NewListObjectVersionsPaginator(b, &sdk.ListObjectVersionsInput{Bucket: aws.String(testBucket)})
	for pages.HasMorePages() {
		page := must(pages.NextPage(b.ctx))(b.t)
		var doomed []types.ObjectIdentifier
		for _, v := range page.Versions {
			doomed = append(doomed, types.ObjectIdentifier{Key: v.Key, VersionId: v.VersionId})
		}
		for _, m := range page.DeleteMarkers {
			doomed = append(doomed, types.ObjectIdentifier{Key: m.Key, VersionId: m.VersionId})
		}
		if out := b.deleteAll(true, doomed...); len(out.Errors) > 0 {
			b.t.Fatal(out.Errors)
		}
		calls++
	}
	return calls
}

func TestAFullBucketEmptiesInFullPages(t *testing.T) {
	b := newBed(t, versioningEnabled)
	b.fill(21000)
	if calls := b.drain(); calls != 21 {
		t.Errorf("%d calls for 21,000 versions", calls)
	}
	if left := b.listed(); len(left) != 0 {
		t.Errorf("%d are left", len(left))
	}
}

func TestAFullBucketOnDiskIsEmptyAfterARestartToo(t *testing.T) {
	dir := t.TempDir()
	service, server := serve(t, dir)
	b := &bed{client(server.URL), t, t.Context(), service, server.URL}
	if err := service.make(testBucket, newSettings()); err != nil {
		t.Fatal(err)
	}
	b.version(versioningEnabled)
	b.fill(3000)
	b.drain()
	if again := reopen(t, dir); !again.buckets[testBucket].empty() {
		t.Error("versions came back")
	}
}
