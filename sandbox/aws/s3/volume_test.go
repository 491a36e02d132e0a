package s3

import (
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// fillVersions adds versions to the bucket without HTTP requests, three for each key.
func (b *fixture) fillVersions(versions int) {
	b.t.Helper()
	err := b.service.withBucket(testBucket, func(target *bucket) error {
		for i := range versions {
			v := &version{Marker: i%3 == 2}
			target.numberVersion(b.service, v)
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

// emptyBucket deletes all versions page by page, and returns the number of DeleteObjects calls.
func (b *fixture) emptyBucket() (calls int) {
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

func TestALargeBucketIsEmptiedInFullPages(t *testing.T) {
	b := newFixture(t, versioningEnabled)
	b.fillVersions(21000)
	if calls := b.emptyBucket(); calls != 21 {
		t.Errorf("%d calls for 21,000 versions", calls)
	}
	if left := b.listed(); len(left) != 0 {
		t.Errorf("%d are left", len(left))
	}
}

func TestALargeEmptiedBucketStaysEmptyAfterARestart(t *testing.T) {
	dir := t.TempDir()
	service, server := serve(t, dir)
	b := &fixture{client(server.URL), t, t.Context(), service, server.URL}
	if err := service.makeBucket(testBucket, newSettings()); err != nil {
		t.Fatal(err)
	}
	b.setVersioning(versioningEnabled)
	b.fillVersions(3000)
	b.emptyBucket()
	if again := reopen(t, dir); !again.buckets[testBucket].isEmpty() {
		t.Error("the restarted service has versions")
	}
}
