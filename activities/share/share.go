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
	// readTimeout limits each read. A caller that gives up does not end a read that others wait
	// for.
	readTimeout = time.Minute
	// readRate is how many reads a Reader begins in a second at most, after a first burst of as
	// many. AWS answers an account five DescribeStacks calls a second. A read that waits for its
	// turn serves all callers that come meanwhile.
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
func (r *Reader[T]) Recent(ctx context.Context, age time.Duration) (T, error) {
	r.mu.Lock()
	latest, began := r.latest, r.latestBegan
	r.mu.Unlock()
	if latest != nil && time.Since(began) < age {
		return *latest, nil
	}
	return r.Get(ctx)
}

// Get returns the result of a read that begins after the call, because an earlier one may lack what
// the caller has just done. All callers share the value and must not change it.
func (r *Reader[T]) Get(ctx context.Context) (T, error) {
	r.mu.Lock()
	if r.next == nil {
		r.next = &reading[T]{done: make(chan struct{})}
	}
	mine := r.next
	if !r.busy {
		r.busy = true
		go r.work(context.WithoutCancel(ctx))
	}
	r.mu.Unlock()
	select {
	case <-mine.done:
		return mine.value, mine.err
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}

// work reads as long as callers wait.
func (r *Reader[T]) work(ctx context.Context) {
	for r.wanted() {
		_ = r.limit.Wait(ctx) // The wait is short, and ctx is never cancelled.
		r.mu.Lock()
		current, began := r.next, time.Now()
		r.next = nil
		r.mu.Unlock()
		bounded, cancel := context.WithTimeout(ctx, readTimeout)
		current.value, current.err = r.read(bounded)
		cancel()
		if current.err == nil {
			r.mu.Lock()
			r.latest, r.latestBegan = &current.value, began
			r.mu.Unlock()
		}
		close(current.done)
	}
}

// wanted reports whether a caller waits for a read. If none does, the next caller starts work.
func (r *Reader[T]) wanted() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.busy = r.next != nil
	return r.busy
}
