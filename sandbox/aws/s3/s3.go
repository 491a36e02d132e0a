// Package s3 imitates S3: one account's buckets in one region, with exact versions, delete markers,
// pages and errors. It speaks the REST XML protocol to any client, path style and virtual-hosted.
//
// It checks checksums and bucket policies but not signatures: every caller is the account's root
// user. It answers calls that it does not implement with S3's error NotImplemented.
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
	// Dir is the folder of the journal and the objects' bytes. Empty keeps everything in memory.
	Dir string
	// Loopback gives every bucket attributes with host names of this machine.
	Loopback bool
	// Limits are the limits on speed; nil means none. They may be changed while no request is in
	// progress.
	Limits *Limits
	// FailKey may make single keys of DeleteObjects fail: a code that is not empty is the key's
	// error. Nil means that no key fails.
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
	// sequence is the number of the last version or upload.
	sequence uint64
}

// New opens the service, with the state that an earlier one left in config.Dir.
func New(config Config) (*Service, error) {
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	if config.Limits == nil {
		config.Limits = &Limits{}
	}
	s := &Service{
		config: config, buckets: map[string]*bucket{}, blobs: &memoryBlobs{held: map[string][]byte{}},
		conditional: map[*request]*conditionalWrite{},
	}
	if config.Dir == "" {
		return s, nil
	}
	if err := s.open(config.Dir); err != nil {
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

// ServeHTTP answers one S3 request. The path must arrive as the client sent it, because
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
	if err := wait(r.Context(), s.config.Limits.Latency); err != nil {
		return err
	}
	if err := s.admit(r, op); err != nil {
		return err
	}
	return op.handle(s, w, r)
}

// admit makes the checks that every operation on a bucket begins with: its owner, its existence and
// its policy.
func (s *Service) admit(r *request, op operation) error {
	if owner := r.Header.Get("x-amz-expected-bucket-owner"); owner != "" && owner != s.config.Account {
		return accessDenied("Access Denied")
	}
	if r.bucket == "" || op.name == "CreateBucket" {
		return r.permitted(op.callerAction)
	}
	return s.with(r.bucket, func(b *bucket) error {
		r.compare(b)
		if err := r.permitted(cmp.Or(op.callerAction, r.action(op))); err != nil {
			return err
		}
		return s.allowed(b, r.action(op), r.key)
	})
}

// with calls f with the named bucket while nothing else changes.
func (s *Service) with(name string, f func(b *bucket) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.buckets[name]
	if b == nil {
		return noSuchBucket(name)
	}
	return f(b)
}

// Object reads the newest version of an object. If there is none, the error is S3's, as a sentence.
func (s *Service) Object(bucketName, key string) ([]byte, error) {
	var body io.ReadCloser
	err := s.with(bucketName, func(b *bucket) error {
		v, err := b.find(key, "")
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
