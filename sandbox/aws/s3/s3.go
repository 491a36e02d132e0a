// Package s3 is the sandbox's S3: one account's buckets in one region, exact in versions, delete
// markers, pages and errors.
//
// It speaks the REST XML protocol to any client, path style and virtual-hosted. It checks checksums
// and bucket policies but not signatures: anyone who reaches it is the account's root user. What it
// does not implement it answers with S3's own NotImplemented.
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

// Config says whose S3 this is and where it keeps its state.
type Config struct {
	// Account is the 12-digit account that owns every bucket.
	Account string
	// Region is where every bucket is.
	Region string
	// Dir holds the journal and the objects' bytes. Empty keeps everything in memory.
	Dir string
	// Loopback gives every bucket host names of this machine as attributes.
	Loopback bool
	// Limits are how fast it is; nil is as fast as it can. They may change while nothing is asked.
	Limits *Limits
	// FailKey may fail single keys of DeleteObjects: a code that is not empty is the key's error.
	// Nil fails none.
	FailKey func(bucket, key string) (code, message string)
	// Logger logs failures that a client sees only as InternalError. Nil is silence.
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
	// conditional are the conditional writes under way.
	conditional map[*request]*conditionalWrite
	// sequence is the last number given to a version or an upload.
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

// Close ends the journal. Calls that change anything fail from then on.
func (s *Service) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.journal.close()
}

// ServeHTTP answers one S3 request. The path must arrive as the client sent it: http.ServeMux would
// clean `//` out of keys.
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

// admit checks what every operation on a bucket checks first: its owner, its existence and its
// policy.
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

// with runs f on the named bucket while nothing else changes.
func (s *Service) with(name string, f func(b *bucket) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.buckets[name]
	if b == nil {
		return noSuchBucket(name)
	}
	return f(b)
}

// Object reads the newest version of an object. The error is S3's own, as a sentence, if there is
// none.
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

// nextSequence numbers a version or an upload. The caller holds mu.
func (s *Service) nextSequence() uint64 {
	s.sequence++
	return s.sequence
}

// now is the time as S3 keeps it: UTC, whole seconds.
func now() time.Time { return time.Now().UTC().Truncate(time.Second) }
