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
	// freshAge is the maximum age of a fresh answer, so that concurrent readers share one.
	freshAge = 3 * time.Second
	// refreshTimeout is the time limit of one refresh.
	refreshTimeout = 20 * time.Second
	// forgetAfter is how long an answer is kept after its last refresh.
	forgetAfter = 10 * time.Minute
)

// answerCache caches answers by key and shares them among all readers. Regardless of the number of
// readers, only one refresh of a key runs at a time. A refresh continues if the reader that started
// it leaves. If it fails, readers get the last known answer together with the error, until the next
// refresh is due. An answerCache is safe for concurrent use.
type answerCache[T any] struct {
	// read reads the current answer for a key.
	read func(ctx context.Context, key string) (T, error)
	// now is the clock by which ages are computed.
	now func() time.Time
	// age is the maximum age of an answer before it is refreshed. Until twice that age, readers get
	// the old answer during the refresh, so that they do not wait.
	age time.Duration
	// strict makes readers wait for the refresh of an old answer.
	strict bool
	// mostFresh is how many refreshes of a key may follow each other because readers request a
	// fresh answer. After that, one is allowed per freshEvery. 0 means no limit.
	mostFresh int
	// changes counts changes. An answer from before the last change is not used.
	changes *atomic.Int64

	mu      sync.Mutex
	answers map[string]*cachedAnswer[T]
}

// cachedAnswer is the cached state of a key, guarded by the cache's mutex.
type cachedAnswer[T any] struct {
	value T
	// known means that there is a value. at is when the refresh that read it began.
	known bool
	at    time.Time
	// err is the error of the last refresh, or nil. tried is when that refresh began, and changes
	// is the number of changes at that time.
	err     error
	tried   time.Time
	changes int64
	// ended counts the finished refreshes. done is closed when the one in progress ends; nil if
	// none is in progress.
	ended int
	done  chan struct{}
	// fresh limits the refreshes for readers that request a fresh answer; nil before the first one.
	fresh *rate.Limiter
}

// freshEvery is the time until one more fresh answer is allowed, once the limit is reached.
const freshEvery = 15 * time.Second

// errTooFresh means that fresh answers to the same question were requested too often.
var errTooFresh = errors.New("too many fresh answers were wanted")

// get returns the answer for key. stale is the error of the refresh if the answer is not current,
// and nil otherwise. If fresh is set, get waits for a refresh in progress and the answer is at most
// freshAge old. The error is errTooFresh if fresh answers for the key were requested too often.
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

// answer returns the state of key. It also drops the answers that were not refreshed for a long
// time.
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

// isCurrent reports whether the last refresh began after since and after the given number of
// changes. A failed refresh counts, too, so that readers do not cause more refreshes.
func (a *cachedAnswer[T]) isCurrent(changes int64, since time.Time) bool {
	return a.ended > 0 && a.changes >= changes && a.tried.After(since)
}

// takeFresh reports whether one more refresh is allowed for readers that request a fresh answer.
func (c *answerCache[T]) takeFresh(a *cachedAnswer[T]) bool {
	if c.mostFresh == 0 {
		return true
	}
	if a.fresh == nil {
		a.fresh = rate.NewLimiter(rate.Every(freshEvery), c.mostFresh)
	}
	return a.fresh.AllowN(c.now(), 1)
}

// isGoodEnough reports whether readers can get the cached answer during a refresh.
func (c *answerCache[T]) isGoodEnough(a *cachedAnswer[T], changes int64) bool {
	return a.known && (a.err != nil || !c.strict && a.changes >= changes && c.now().Sub(a.at) < 2*c.age)
}

// refresh starts a refresh.
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

// guardedRead calls read and turns a panic into an error, so that it does not end the worker.
func (c *answerCache[T]) guardedRead(ctx context.Context, key string) (value T, err error) {
	defer func() {
		if problem := recover(); problem != nil {
			err = fmt.Errorf("the worker has a defect: %v", problem)
		}
	}()
	return c.read(ctx, key)
}
