package application

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"perch/activities/awserr"
)

// StoreObject stores an object under a key that contains the hash of its content. So an existing
// object with this key has the same content.
func (s *Stacks) StoreObject(ctx context.Context, bucket, key string, body []byte) error {
	if there, err := s.HasObject(ctx, bucket, key); err != nil || there {
		return err
	}
	_, err := s.s3.PutObject(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: bytes.NewReader(body)})
	return awserr.Wrap(err, "store %s in bucket %s", key, bucket)
}

// HasObject reports whether the bucket has an object with this key.
func (s *Stacks) HasObject(ctx context.Context, bucket, key string) (bool, error) {
	_, err := s.s3.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &bucket, Key: &key})
	if awserr.HasCode(err, "NotFound", "NoSuchKey") {
		return false, nil
	}
	return err == nil, awserr.Wrap(err, "look for %s in bucket %s", key, bucket)
}

// ReadObject reads a small object. The error is the SDK's.
func (s *Stacks) ReadObject(ctx context.Context, bucket, key string) ([]byte, error) {
	out, err := s.s3.GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: &key})
	if awserr.HasCode(err, "NoSuchBucket") {
		s.buckets.Clear() // The application stack was created again.
	}
	if err != nil {
		return nil, err
	}
	defer out.Body.Close()
	return io.ReadAll(out.Body)
}

// ObjectURL returns the URL of an object in the form that TemplateURL takes.
func (s *Stacks) ObjectURL(bucket, key string) string {
	suffix := "amazonaws.com"
	if strings.HasPrefix(s.policy.Region, "cn-") {
		suffix += ".cn"
	}
	return fmt.Sprintf("https://%s.s3.%s.%s/%s", bucket, s.policy.Region, suffix, key)
}
