package stack

import (
	"context"
	"sync"
	"time"
)

// shareTimeout limits a read whose result several callers share. None of their contexts limits it.
const shareTimeout = time.Minute

// shared lets callers that want to read the same at the same time share one read. A hundred
// concurrent requests would otherwise list the stacks two hundred times, and AWS answers five such
// calls a second. A caller never gets the result of a read that began before its call, because that
// may lack what the caller has just done.
type shared[T any] struct {
	read func(context.Context) (T, error)

	mu sync.Mutex
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

// get returns the result of a read that begins after the call. All callers share the value and must
// not change it.
func (s *shared[T]) get(ctx context.Context) (T, error) {
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
func (s *shared[T]) work(ctx context.Context) {
	for {
		s.mu.Lock()
		r := s.next
		s.next, s.busy = nil, r != nil
		s.mu.Unlock()
		if r == nil {
			return
		}
		bounded, cancel := context.WithTimeout(ctx, shareTimeout)
		r.value, r.err = s.read(bounded)
		cancel()
		close(r.done)
	}
}
