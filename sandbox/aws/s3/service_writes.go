package s3

import (
	"fmt"
	"strings"
)

// Provide creates a bucket with a policy, as another AWS service does. If the bucket exists, it
// does nothing.
func (s *Service) Provide(bucketName, policy string) error {
	created := newSettings()
	if err := created.setPolicy(s.config.Account, bucketName, policy); err != nil {
		return fmt.Errorf("provide bucket %s: %w", bucketName, err)
	}
	if err := s.makeBucket(bucketName, created); err != nil && errorCode(err) != "BucketAlreadyOwnedByYou" {
		return fmt.Errorf("provide bucket %s: %w", bucketName, err)
	}
	return nil
}

// Copy copies an object's newest version to another bucket, as another AWS service does.
func (s *Service) Copy(fromBucket, fromKey, bucketName, key string) error {
	content, err := s.Object(fromBucket, fromKey)
	if err != nil {
		return err
	}
	sum := checksum{Type: fullObject}
	blob, size, etag, err := s.storeCopy(strings.NewReader(string(content)), &sum)
	if err != nil {
		return fmt.Errorf("copy object s3://%s/%s: %w", fromBucket, fromKey, err)
	}
	return s.storeUnchecked(bucketName, key, &version{Blob: blob, Size: size, ETag: etag, Checksum: sum})
}

// Refill writes a small object to the bucket, as AWS's log delivery does. It ignores the bucket's
// policy. If the bucket does not exist, it does nothing.
func (s *Service) Refill(bucketName, key string) error {
	blob, size, err := s.blobs.put(strings.NewReader("a line that was delivered late\n"))
	if err != nil {
		return fmt.Errorf("refill bucket %s: %w", bucketName, err)
	}
	err = s.storeUnchecked(bucketName, key, &version{Blob: blob, Size: size})
	if errorCode(err) == "NoSuchBucket" {
		return nil
	}
	return err
}

// storeUnchecked stores a version under a key without checking any permission. If it fails, it
// removes the version's blob.
func (s *Service) storeUnchecked(bucketName, key string, v *version) error {
	v.Headers = map[string]string{"content-type": "binary/octet-stream"}
	err := s.withBucket(bucketName, func(b *bucket) error {
		b.numberVersion(s, v)
		return s.commit(record{Op: opPut, Bucket: b.name, Key: key, Version: v})
	})
	if err != nil {
		s.blobs.remove(v.Blob)
	}
	return err
}
