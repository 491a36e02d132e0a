// Package s3 imitates S3: one account's buckets in one region, with the versions, delete markers,
// pages and errors of S3. Any client can use it: it serves S3's REST API for path-style and
// virtual-hosted requests.
//
// It checks checksums and bucket policies but not signatures: every caller is the account's root
// user. A call that it does not implement fails with S3's error NotImplemented.
package s3

import (
	"cmp"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"
)

// Config configures a Service.
type Config struct {
	// Account is the 12-digit account that owns every bucket.
	Account string
	// Region is the region of every bucket.
	Region string
	// Dir is the folder of the journal and of the objects' contents. If it is empty, everything
	// stays in memory.
	Dir string
	// Loopback makes the attributes of a bucket contain localhost in place of S3's host names.
	Loopback bool
	// Limits are the limits on speed; nil means none. They may be changed while no request is in
	// progress.
	Limits *Limits
	// FailKey injects faults: the service calls it for each key of DeleteObjects. If it returns a
	// code, the deletion of that key fails with the code and the message. Nil means that no key
	// fails.
	FailKey func(bucket, key string) (code, message string)
	// Logger receives errors that clients see only as InternalError; nil discards them.
	Logger *slog.Logger
}

// Service is an S3 endpoint. Its methods may be called concurrently.
type Service struct {
	config  Config
	blobs   blobs
	journal *journal

	// mu guards everything below and the order of the journal.
	mu      sync.Mutex
	buckets map[string]*bucket
	deleted []DeletedBucket
	// conditional has the conditional writes in progress.
	conditional map[*request]*conditionalWrite
	// sequence is the sequence number of the newest version or upload.
	sequence uint64
}

// New returns a service with the state that an earlier service stored in config.Dir.
func New(config Config) (*Service, error) {
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	if config.Limits == nil {
		config.Limits = &Limits{}
	}
	s := &Service{
		config: config, buckets: map[string]*bucket{}, blobs: &memoryBlobs{contents: map[string][]byte{}},
		conditional: map[*request]*conditionalWrite{},
	}
	if config.Dir == "" {
		return s, nil
	}
	if err := s.openState(config.Dir); err != nil {
		return nil, fmt.Errorf("open S3 state in %s: %w", config.Dir, err)
	}
	return s, nil
}

// Close closes the journal. After that, calls that change anything fail.
func (s *Service) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.journal.close()
}

// ServeHTTP handles one S3 request. The path must arrive as the client sent it, because
// http.ServeMux would remove `//` from keys.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	req := newRequest(r)
	w.Header().Set("x-amz-request-id", req.id)
	w.Header().Set("x-amz-id-2", req.hostID)
	w.Header().Set("Server", "AmazonS3")
	if err := s.serve(w, req); err != nil {
		s.fail(w, req, err)
	}
}

func (s *Service) serve(w http.ResponseWriter, r *request) error {
	if err := r.validate(); err != nil {
		return err
	}
	op, ok := operations[r.selector()]
	if !ok {
		return notImplemented()
	}
	if err := waitFor(r.Context(), s.config.Limits.Latency); err != nil {
		return err
	}
	if err := s.admitRequest(r, op); err != nil {
		return err
	}
	return op.handle(s, w, r)
}

// admitRequest makes the checks that come before every operation: that the account is the expected
// owner, that the bucket exists, and that the caller's role and the bucket's policy allow the
// operation.
func (s *Service) admitRequest(r *request, op operation) error {
	if owner := r.Header.Get("x-amz-expected-bucket-owner"); owner != "" && owner != s.config.Account {
		return accessDenied("Access Denied")
	}
	if r.bucket == "" || op.name == "CreateBucket" {
		return r.checkRole(op.callerAction)
	}
	return s.withBucket(r.bucket, func(b *bucket) error {
		r.addTagKeys(b)
		if err := r.checkRole(cmp.Or(op.callerAction, r.action(op))); err != nil {
			return err
		}
		return s.checkPolicy(b, r.action(op), r.key)
	})
}

// withBucket calls f with the named bucket while it holds mu.
func (s *Service) withBucket(name string, f func(b *bucket) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.buckets[name]
	if b == nil {
		return noSuchBucket(name)
	}
	return f(b)
}

// Object reads the newest version of an object. If there is none, it returns S3's error.
func (s *Service) Object(bucketName, key string) ([]byte, error) {
	var body io.ReadCloser
	err := s.withBucket(bucketName, func(b *bucket) error {
		v, err := b.findReadable(key, "")
		if err != nil {
			return err
		}
		body, err = s.blobs.open(v.Blob)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read object s3://%s/%s: %w", bucketName, key, err)
	}
	defer body.Close()
	return io.ReadAll(body)
}

// nextSequence returns the next number for a version or an upload. The caller holds mu.
func (s *Service) nextSequence() uint64 {
	s.sequence++
	return s.sequence
}

// now returns the time as S3 stores it: in UTC, in whole seconds.
func now() time.Time { return time.Now().UTC().Truncate(time.Second) }
