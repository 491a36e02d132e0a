package bucket

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"go.temporal.io/server/common/testing/freeport"
	"golang.org/x/sync/errgroup"

	"perch/activities/activitytest"
)

// TestOnMinIO empties a bucket of another S3 than the sandbox's: several pages of versions and
// markers, and an upload that is not finished.
func TestOnMinIO(t *testing.T) {
	m := startMinIO(t)
	const versions = 3300
	m.fill(bucketName, versions)
	result, err := activitytest.Try(emptyAt(m.url), emptyInput{Bucket: bucketName, StackID: bucketStack})
	if err != nil || result.Objects != versions {
		t.Fatalf("removed %d with error %v, want %d", result.Objects, err, versions)
	}
	// S3 and MinIO delete only a bucket that holds nothing.
	if _, err := clientAt(m.url).DeleteBucket(
		t.Context(), &s3.DeleteBucketInput{Bucket: aws.String(bucketName)},
	); err != nil {
		t.Error(err)
	}
}

// minio is a MinIO server.
type minio struct {
	testing.TB
	url string
}

func startMinIO(t *testing.T) *minio {
	t.Helper()
	program, err := exec.LookPath("minio")
	if err != nil {
		t.Skip("minio is not installed")
	}
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(freeport.MustGetFreePort()))
	command := exec.CommandContext(t.Context(), program, "server", t.TempDir(), "--address", address, "--quiet")
	command.Env = append(
		os.Environ(), "MINIO_ROOT_USER="+minioUser, "MINIO_ROOT_PASSWORD="+minioPassword, "MINIO_BROWSER=off",
	)
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	})
	m := &minio{TB: t, url: "http://" + address}
	m.awaitHealth(m.url + "/minio/health/ready")
	return m
}

// minioUser and minioPassword are the credentials of awsAt.
const minioUser, minioPassword = "AKIATEST", "secretsecret"

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

// fill makes a bucket of the stack with n versions and markers, two versions and a marker of each
// key, and an upload.
func (m *minio) fill(bucket string, n int) {
	m.Helper()
	client := clientAt(m.url)
	ctx := m.Context()
	_, made := client.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &bucket})
	_, versioned := client.PutBucketVersioning(ctx, &s3.PutBucketVersioningInput{
		Bucket: &bucket, VersioningConfiguration: &types.VersioningConfiguration{Status: "Enabled"},
	})
	_, tagged := client.PutBucketTagging(ctx, &s3.PutBucketTaggingInput{
		Bucket:  &bucket,
		Tagging: &types.Tagging{TagSet: []types.Tag{{Key: aws.String(StackIDTag), Value: aws.String(bucketStack)}}},
	})
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(16)
	for i := range n / 3 {
		key := fmt.Sprintf("media/%07d", i)
		group.Go(func() error { return twoVersionsAndAMarker(ctx, client, bucket, key) })
	}
	_, begun := client.CreateMultipartUpload(
		m.Context(), &s3.CreateMultipartUploadInput{Bucket: &bucket, Key: aws.String("unfinished")},
	)
	if err := errors.Join(made, versioned, tagged, begun, group.Wait()); err != nil {
		m.Fatal(err)
	}
}

func twoVersionsAndAMarker(ctx context.Context, client *s3.Client, bucket, key string) error {
	for range 2 {
		if _, err := client.PutObject(
			ctx, &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: strings.NewReader("x")},
		); err != nil {
			return err
		}
	}
	_, err := client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &bucket, Key: &key})
	return err
}
