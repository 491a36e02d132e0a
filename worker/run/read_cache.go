package run

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// refreshTimeout is how long one refresh may take.
	refreshTimeout = 20 * time.Second
	// forgetAfter is how long an answer is kept that is no longer requested.
	forgetAfter = 10 * time.Minute
)

// answerCache has answers that all readers share, each by its key. One refresh of a key runs at a
// time, regardless of the number of readers, and it goes on if the reader that began it has gone.
// If a refresh fails, readers are given the last answer that is known, and the error, for an age.
// It is safe for concurrent use.
type answerCache[T any] struct {
	// read makes an answer.
	read func(ctx context.Context, key string) (T, error)
	// now is the time that ages go by.
	now func() time.Time
	// age is how old an answer may be before it is refreshed. For one more age readers are given it
	// while it is refreshed, so that they do not wait.
	age time.Duration
	// strict has readers wait for the refresh of an old answer.
	strict bool
	// changes counts what has changed: an answer from before the last change is not given.
	changes *atomic.Int64

	mu      sync.Mutex
	answers map[string]*cachedAnswer[T]
}

// cachedAnswer is what is known of a key. All of it is guarded by the cache's mutex.
type cachedAnswer[T any] struct {
	value T
	// known says that there is a value; at is when its refresh began.
	known bool
	at    time.Time
	// err is why the last refresh failed; nil if it did not. tried is when that refresh began, and
	// changes what had changed by then.
	err     error
	tried   time.Time
	changes int64
	// begun and ended count the refreshes. done is closed when the one in progress ends; nil if
	// there is none.
	begun, ended int
	done         chan struct{}
}

// get returns the answer to key. stale is why it could not be refreshed, nil if it is current. With
// fresh, the answer is of a refresh that begins after the call.
func (c *answerCache[T]) get(ctx context.Context, key string, fresh bool) (value T, stale, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	answer := c.answer(key)
	changes, wanted := c.changes.Load(), 0
	if fresh {
		wanted = answer.begun + 1
	}
	for !c.isCurrent(answer, changes) || answer.ended < wanted {
		if answer.done == nil {
			c.refresh(key, answer)
		}
		if wanted == 0 && c.isGoodEnough(answer, changes) {
			break
		}
		done := answer.done
		c.mu.Unlock()
		select {
		case <-done:
		case <-ctx.Done():
		}
		c.mu.Lock()
		if err := ctx.Err(); err != nil {
			return value, nil, err
		}
	}
	if !answer.known {
		return value, nil, answer.err
	}
	return answer.value, answer.err, nil
}

// answer is what is known of key. It forgets what is no longer requested.
func (c *answerCache[T]) answer(key string) *cachedAnswer[T] {
	if known, ok := c.answers[key]; ok {
		return known
	}
	if c.answers == nil {
		c.answers = map[string]*cachedAnswer[T]{}
	}
	maps.DeleteFunc(c.answers, func(_ string, each *cachedAnswer[T]) bool {
		return each.done == nil && c.now().Sub(each.tried) > forgetAfter
	})
	c.answers[key] = &cachedAnswer[T]{}
	return c.answers[key]
}

// isCurrent reports whether the last refresh is young enough, and began after so many changes. One
// that failed counts, too: readers must not make it more frequent.
func (c *answerCache[T]) isCurrent(a *cachedAnswer[T], changes int64) bool {
	return a.ended > 0 && a.changes >= changes && c.now().Sub(a.tried) < c.age
}

// isGoodEnough reports whether readers can be given the known answer while it is refreshed.
func (c *answerCache[T]) isGoodEnough(a *cachedAnswer[T], changes int64) bool {
	return a.known && (a.err != nil || !c.strict && a.changes >= changes && c.now().Sub(a.at) < 2*c.age)
}

// refresh begins a refresh.
func (c *answerCache[T]) refresh(key string, a *cachedAnswer[T]) {
	a.begun++
	began, changes, done := c.now(), c.changes.Load(), make(chan struct{})
	a.done = done
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), refreshTimeout)
		defer cancel()
		value, err := c.guardedRead(ctx, key)
		c.mu.Lock()
		defer c.mu.Unlock()
		a.err, a.tried, a.changes, a.done = err, began, changes, nil
		a.ended++
		if err == nil {
			a.value, a.known, a.at = value, true, began
		}
		close(done)
	}()
}

// guardedRead is read. A panic in it is an error: it must not end the worker.
func (c *answerCache[T]) guardedRead(ctx context.Context, key string) (value T, err error) {
	defer func() {
		if problem := recover(); problem != nil {
			err = fmt.Errorf("the worker has a defect: %v", problem)
		}
	}()
	return c.read(ctx, key)
}
