package stack

import (
	"context"
	"sync"
	"time"
)

// shareTimeout bounds a reading that several share, since none of their contexts does.
const shareTimeout = time.Minute

// shared lets those who want to read the same at the same time read it once: a hundred requests at
// once would else list a hundred stacks two hundred times, and AWS answers five such calls a
// second. A caller never gets a reading that began before it asked, because that reading may lack
// what the caller has just done.
type shared[T any] struct {
	read func(context.Context) (T, error)

	mu sync.Mutex
	// next is the reading that has not begun, nil if no caller waits for one; busy says that
	// another is under way.
	next *reading[T]
	busy bool
}

type reading[T any] struct {
	done  chan struct{}
	value T
	err   error
}

// get reads, or waits for a reading that begins after it was called. All callers share the value
// and must not change it.
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

// work reads as long as a caller waits.
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
