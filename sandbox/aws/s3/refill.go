package s3

import (
	"fmt"
	"net/http"
	"strings"
)

// Refill puts a small object into the bucket as AWS's own log delivery does: past the bucket's policy. A bucket that is not there stays so.
func (s *Service) Refill(bucketName, key string) error {
	blob, size, err := s.blobs.put(strings.NewReader("a line that was delivered late\n"))
	if err != nil {
		return fmt.Errorf("refill bucket %s: %w", bucketName, err)
	}
	err = s.with(bucketName, func(b *bucket) error {
		v, err := draft(http.Header{})
		if err != nil {
			return err
		}
		v.Blob, v.Size = blob, size
		b.stamp(s, v)
		return s.commit(record{Op: opPut, Bucket: b.name, Key: key, Version: v})
	})
	if err != nil {
		s.blobs.remove(blob)
	}
	if code(err) == "NoSuchBucket" {
		return nil
	}
	return err
}
