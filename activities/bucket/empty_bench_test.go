package bucket

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"perch/activities/activitytest"
	storageservice "perch/sandbox/aws/s3"
)

// contender empties a bucket of the S3 at url.
type contender struct {
	name  string
	empty func(ctx context.Context, url, bucket string) error
}

// ours is what Perch does.
var ours = contender{"perch", func(_ context.Context, url, bucket string) error {
	_, err := activitytest.Try(emptyAt(url), emptyInput{Bucket: bucket, StackID: bucketStack})
	return err
}}

// oneByOne is the loop of the published cleanup script: one request for every version.
var oneByOne = contender{"one by one", func(ctx context.Context, url, bucket string) error {
	client := clientAt(url)
	return eachPage(ctx, client, bucket, func(page []types.ObjectIdentifier) error {
		for _, id := range page {
			if _, err := client.DeleteObject(
				ctx, &s3.DeleteObjectInput{Bucket: &bucket, Key: id.Key, VersionId: id.VersionId},
			); err != nil {
				return err
			}
		}
		return nil
	})
}}

// pageByPage deletes each page before it lists the next one.
var pageByPage = contender{"page by page", func(ctx context.Context, url, bucket string) error {
	client := clientAt(url)
	return eachPage(ctx, client, bucket, func(page []types.ObjectIdentifier) error {
		for len(page) > 0 {
			out, err := client.DeleteObjects(
				ctx,
				&s3.DeleteObjectsInput{Bucket: &bucket, Delete: &types.Delete{Objects: page, Quiet: aws.Bool(true)}},
			)
			if err != nil {
				return err
			}
			page = nil
			for _, failed := range out.Errors {
				page = append(page, types.ObjectIdentifier{Key: failed.Key, VersionId: failed.VersionId})
			}
		}
		return nil
	})
}}

func clientAt(url string) *s3.Client {
	return s3.NewFromConfig(awsAt(url), func(o *s3.Options) { o.RetryMaxAttempts = 100 })
}

func eachPage(ctx context.Context, client *s3.Client, bucket string, visit func([]types.ObjectIdentifier) error) error {
	pages := s3.NewListObjectVersionsPaginator(client, &s3.ListObjectVersionsInput{Bucket: &bucket})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		var found []types.ObjectIdentifier
		for _, v := range page.Versions {
			found = append(found, types.ObjectIdentifier{Key: v.Key, VersionId: v.VersionId})
		}
		for _, m := range page.DeleteMarkers {
			found = append(found, types.ObjectIdentifier{Key: m.Key, VersionId: m.VersionId})
		}
		if err := visit(found); err != nil {
			return err
		}
	}
	return nil
}

// BenchmarkEmptyBucketAtS3Speed empties buckets of an S3 that deletes 3,500 keys a second, and
// takes 50 milliseconds for a request and one more for each key that it deletes. It reports keys a
// second, their share of the limit, and requests. The share leaves out the keys of the first
// second, which the limit lets through at once.
func BenchmarkEmptyBucketAtS3Speed(b *testing.B) {
	const limit = 3500
	for _, c := range []struct {
		contender
		versions int
	}{{oneByOne, 300}, {pageByPage, 21000}, {ours, 21000}, {ours, 105000}} {
		b.Run(fmt.Sprintf("%s/%d", c.name, c.versions), func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				var limits storageservice.Limits
				s := newStorage(b, storageservice.Config{Limits: &limits}, "Enabled")
				s.fill(c.versions)
				limits = storageservice.Limits{
					Deletes: limit, Latency: 50 * time.Millisecond, KeyLatency: time.Millisecond,
				}
				b.StartTimer()
				start := time.Now()
				if err := c.empty(b.Context(), s.url, bucketName); err != nil {
					b.Fatal(err)
				}
				seconds := time.Since(start).Seconds()
				b.ReportMetric(float64(c.versions)/seconds, "keys/s")
				b.ReportMetric(100*float64(max(0, c.versions-limit))/seconds/limit, "%limit")
				b.ReportMetric(float64(s.requests()), "requests")
				s.wantEmpty()
			}
		})
	}
}
