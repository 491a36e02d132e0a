package run

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

const (
	// freshAge is how old a fresh answer may be: concurrent readers share it.
	freshAge = 3 * time.Second
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
	// mostFresh is how many refreshes of a key may follow each other because a fresh answer is
	// wanted; after that there is one each freshEvery. 0 is no limit.
	mostFresh int
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
	// ended counts the refreshes. done is closed when the one in progress ends; nil if there is
	// none.
	ended int
	done  chan struct{}
	// fresh limits the refreshes for those who want a fresh answer; nil before the first one.
	fresh *rate.Limiter
}

// freshEvery is how long it takes until one more refresh is possible, after too many were wanted.
const freshEvery = 15 * time.Second

// errTooFresh says that too many fresh answers were wanted to the same question.
var errTooFresh = errors.New("too many fresh answers were wanted")

// get returns the answer to key. stale is why it could not be refreshed, nil if it is current. With
// fresh, the answer is not older than freshAge, and is not given before a refresh in progress ends;
// the error is errTooFresh if the key has had too many refreshes of that kind.
func (c *answerCache[T]) get(ctx context.Context, key string, fresh bool) (value T, stale, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	answer := c.answer(key)
	changes, age := c.changes.Load(), c.age
	if fresh {
		age = freshAge
	}
	for since := c.now().Add(-age); !answer.isCurrent(changes, since); {
		if answer.done == nil {
			if fresh && !c.takeFresh(answer) {
				return value, nil, errTooFresh
			}
			c.refresh(key, answer)
		}
		if !fresh && c.isGoodEnough(answer, changes) {
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

// isCurrent reports whether the last refresh began after since, and after so many changes. One that
// failed counts, too: readers must not make it more frequent.
func (a *cachedAnswer[T]) isCurrent(changes int64, since time.Time) bool {
	return a.ended > 0 && a.changes >= changes && a.tried.After(since)
}

// takeFresh reports whether one more refresh may be made for those who want a fresh answer.
func (c *answerCache[T]) takeFresh(a *cachedAnswer[T]) bool {
	if c.mostFresh == 0 {
		return true
	}
	if a.fresh == nil {
		a.fresh = rate.NewLimiter(rate.Every(freshEvery), c.mostFresh)
	}
	return a.fresh.AllowN(c.now(), 1)
}

// isGoodEnough reports whether readers can be given the known answer while it is refreshed.
func (c *answerCache[T]) isGoodEnough(a *cachedAnswer[T], changes int64) bool {
	return a.known && (a.err != nil || !c.strict && a.changes >= changes && c.now().Sub(a.at) < 2*c.age)
}

// refresh begins a refresh.
func (c *answerCache[T]) refresh(key string, a *cachedAnswer[T]) {
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
