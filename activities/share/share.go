// Package share lets callers that want to read the same from AWS at the same time share one read. A
// hundred concurrent requests would otherwise list the stacks two hundred times, and AWS answers
// five such calls a second.
package share

import (
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	// readTimeout limits a read whose result several callers share. None of their contexts limits
	// it.
	readTimeout = time.Minute
	// readRate is how many reads begin in a second at most, after as many that begin at once. AWS
	// answers an account five DescribeStacks calls a second. More callers share a read if it waits
	// for its turn.
	readRate = 5
)

// Reader reads one thing for all its callers. Its methods may be called concurrently.
type Reader[T any] struct {
	read  func(context.Context) (T, error)
	limit *rate.Limiter

	mu sync.Mutex
	// latest is the result of the latest read that succeeded; nil before the first. It began at
	// latestBegan.
	latest      *T
	latestBegan time.Time
	// next is the read that has not begun yet; nil if no caller waits for one. busy means that
	// another read is in progress.
	next *reading[T]
	busy bool
}

type reading[T any] struct {
	done  chan struct{}
	value T
	err   error
}

// New returns a Reader that reads with read.
func New[T any](read func(context.Context) (T, error)) *Reader[T] {
	return &Reader[T]{read: read, limit: rate.NewLimiter(readRate, readRate)}
}

// Recent returns the latest result if its read began less than age ago, and otherwise reads.
func (s *Reader[T]) Recent(ctx context.Context, age time.Duration) (T, error) {
	s.mu.Lock()
	latest, began := s.latest, s.latestBegan
	s.mu.Unlock()
	if latest != nil && time.Since(began) < age {
		return *latest, nil
	}
	return s.Get(ctx)
}

// Get returns the result of a read that begins after the call, because an earlier one may lack what
// the caller has just done. All callers share the value and must not change it.
func (s *Reader[T]) Get(ctx context.Context) (T, error) {
	s.mu.Lock()
	if s.next == nil {
		s.next = &reading[T]{done: make(chan struct{})}
	}
	mine := s.next
	if !s.busy {
		s.busy = true
		go s.work(context.WithoutCancel(ctx))
	}
	s.mu.Unlock()
	select {
	case <-mine.done:
		return mine.value, mine.err
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}

// work reads as long as callers wait.
func (s *Reader[T]) work(ctx context.Context) {
	for s.wanted() {
		_ = s.limit.Wait(ctx) // The wait is short, and ctx is never cancelled.
		s.mu.Lock()
		r, began := s.next, time.Now()
		s.next = nil
		s.mu.Unlock()
		bounded, cancel := context.WithTimeout(ctx, readTimeout)
		r.value, r.err = s.read(bounded)
		cancel()
		if r.err == nil {
			s.mu.Lock()
			s.latest, s.latestBegan = &r.value, began
			s.mu.Unlock()
		}
		close(r.done)
	}
}

// wanted reports whether a caller waits for a read. If none does, the next caller starts work.
func (s *Reader[T]) wanted() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.busy = s.next != nil
	return s.busy
}
