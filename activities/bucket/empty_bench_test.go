package bucket

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"go.temporal.io/server/common/testing/freeport"
	"golang.org/x/sync/errgroup"

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
			if _, err := client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &bucket, Key: id.Key, VersionId: id.VersionId}); err != nil {
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
			out, err := client.DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: &bucket, Delete: &types.Delete{Objects: page, Quiet: aws.Bool(true)}})
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

func s5cmd(program string) contender {
	return contender{"s5cmd", func(ctx context.Context, url, bucket string) error {
		command := exec.CommandContext(ctx, program, "--endpoint-url", url, "rm", "--all-versions", "s3://"+bucket+"/*")
		command.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID="+minioUser, "AWS_SECRET_ACCESS_KEY="+minioPassword, "AWS_REGION=eu-central-1")
		command.Stderr = os.Stderr
		return command.Run()
	}}
}

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

// BenchmarkEmptyBucketAtS3Speed empties buckets of an S3 that deletes 3,500 keys a second, and takes 50 milliseconds for a request and
// one more for each key that it deletes. It reports keys a second, their share of the limit, and requests. The share
// leaves out the keys of the first second, which the limit lets through at once.
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
				limits = storageservice.Limits{Deletes: limit, Latency: 50 * time.Millisecond, KeyLatency: time.Millisecond}
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

// BenchmarkEmptyBucketOnMinIO lets Perch, s5cmd and the others empty equal buckets, in turn and each of a MinIO that has just been started, so that none
// finds what another one has left of its memory and its files; in each round another one is first. It needs `minio` and `s5cmd` on the PATH;
// docs/performance.md says how to build them. It reports requests, each one's median time, and Perch's as a
// share of it.
func BenchmarkEmptyBucketOnMinIO(b *testing.B) {
	const versions = 21000
	contenders := []contender{ours, pageByPage, oneByOne}
	if program, err := exec.LookPath("s5cmd"); err == nil {
		contenders = append(contenders, s5cmd(program))
	} else {
		b.Log("s5cmd is not on the PATH: it is left out")
	}
	// The first activity of a process reads the whole program, for its checksum.
	if _, err := activitytest.Try(func(context.Context, string) (string, error) { return "", nil }, ""); err != nil {
		b.Fatal(err)
	}
	times := map[string][]float64{}
	for round := 0; b.Loop(); round++ {
		for i := range contenders {
			c := contenders[(i+round)%len(contenders)]
			seconds, requests := onMinIO(b, c, versions)
			times[c.name] = append(times[c.name], seconds)
			b.Logf("%-13s %8.2f s %7d requests", c.name, seconds, requests)
		}
	}
	for name, seconds := range times {
		unit := strings.ReplaceAll(name, " ", "-")
		b.ReportMetric(median(seconds), "s/"+unit)
		b.ReportMetric(median(times[ours.name])/median(seconds), "ours/"+unit)
	}
}

// onMinIO is how long the contender takes to empty a bucket of so many versions and markers, and how many requests.
func onMinIO(b *testing.B, c contender, versions int) (seconds float64, requests int64) {
	b.Helper()
	server := startMinIO(b)
	defer server.stop()
	server.fill(bucketName, versions)
	server.count.Store(0)
	start := time.Now()
	if err := c.empty(b.Context(), server.url, bucketName); err != nil {
		b.Fatalf("%s: %v", c.name, err)
	}
	seconds, requests = time.Since(start).Seconds(), server.count.Load()
	server.wantEmpty(bucketName)
	return seconds, requests
}

func median(values []float64) float64 {
	slices.Sort(values)
	return (values[(len(values)-1)/2] + values[len(values)/2]) / 2
}

const minioUser, minioPassword = "AKIATEST", "secretsecret"

// minio is a MinIO server. Requests reach it through a proxy that counts them.
type minio struct {
	testing.TB
	url   string
	count atomic.Int64
	stop  func()
}

func startMinIO(b *testing.B) *minio {
	b.Helper()
	program, err := exec.LookPath("minio")
	if err != nil {
		b.Skip("minio is not on the PATH: docs/performance.md says how to build it")
	}
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(freeport.MustGetFreePort()))
	command := exec.CommandContext(b.Context(), program, "server", b.TempDir(), "--address", address, "--quiet")
	command.Env = append(os.Environ(), "MINIO_ROOT_USER="+minioUser, "MINIO_ROOT_PASSWORD="+minioPassword, "MINIO_BROWSER=off")
	if err := command.Start(); err != nil {
		b.Fatal(err)
	}
	m := &minio{TB: b, stop: sync.OnceFunc(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	})}
	b.Cleanup(m.stop)
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(&url.URL{Scheme: "http", Host: address})
		r.Out.Host = r.In.Host // The signature covers it.
	}}
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m.count.Add(1)
		proxy.ServeHTTP(w, r)
	}))
	b.Cleanup(front.Close)
	m.url = front.URL
	m.awaitHealth("http://" + address + "/minio/health/ready")
	return m
}

func (m *minio) awaitHealth(url string) {
	m.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if answer, err := http.Get(url); err == nil {
			_ = answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return
			}
		}
	}
	m.Fatal("MinIO did not become ready within 30 seconds")
}

// fill makes a bucket of the stack with n versions and markers, two versions and a marker of each key.
func (m *minio) fill(bucket string, n int) {
	m.Helper()
	client := clientAt(m.url)
	ctx := m.Context()
	_, made := client.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &bucket})
	_, versioned := client.PutBucketVersioning(ctx, &s3.PutBucketVersioningInput{Bucket: &bucket, VersioningConfiguration: &types.VersioningConfiguration{Status: "Enabled"}})
	_, tagged := client.PutBucketTagging(ctx, &s3.PutBucketTaggingInput{Bucket: &bucket, Tagging: &types.Tagging{TagSet: []types.Tag{{Key: aws.String(StackIDTag), Value: aws.String(bucketStack)}}}})
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(16)
	for i := range n / 3 {
		key := fmt.Sprintf("media/%07d", i)
		group.Go(func() error { return twoVersionsAndAMarker(ctx, client, bucket, key) })
	}
	if err := errors.Join(made, versioned, tagged, group.Wait()); err != nil {
		m.Fatal(err)
	}
}

func twoVersionsAndAMarker(ctx context.Context, client *s3.Client, bucket, key string) error {
	for range 2 {
		if _, err := client.PutObject(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: strings.NewReader("x")}); err != nil {
			return err
		}
	}
	_, err := client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &bucket, Key: &key})
	return err
}

func (m *minio) wantEmpty(bucket string) {
	m.Helper()
	out, err := clientAt(m.url).ListObjectVersions(m.Context(), &s3.ListObjectVersionsInput{Bucket: &bucket})
	if err != nil || len(out.Versions)+len(out.DeleteMarkers) > 0 {
		m.Errorf("%s is not empty, or not to be listed: %v", bucket, err)
	}
}
