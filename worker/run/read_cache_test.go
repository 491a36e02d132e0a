package run

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// counter is a cache whose answers are numbers, on the clock of a bubble.
type counter struct {
	*answerCache[int]
	reads  int
	takes  time.Duration
	err    error
	broken bool
}

func newCounter() *counter {
	c := &counter{}
	c.answerCache = &answerCache[int]{now: time.Now, age: 5 * time.Second, changes: &atomic.Int64{}}
	c.read = func(ctx context.Context, _ string) (int, error) {
		c.reads++
		answer, err := c.reads, c.err
		if c.broken {
			panic("no such thing")
		}
		select {
		case <-time.After(c.takes):
			return answer, err
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
	return c
}

// expect asks and compares; problem is in what the answer's staleness or error says.
func (c *counter) expect(t *testing.T, want int, problem string) {
	t.Helper()
	got, stale, err := c.get(t.Context(), "", false)
	said := ""
	if failure := errors.Join(stale, err); failure != nil {
		said = failure.Error()
	}
	if got != want || said != problem {
		t.Errorf("answered %d and %q, want %d and %q", got, said, want, problem)
	}
}

func TestAnAnswerIsRefreshedWhenItIsOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounter()
		c.expect(t, 1, "")
		time.Sleep(4 * time.Second)
		c.expect(t, 1, "")
		time.Sleep(2 * time.Second)
		c.expect(t, 1, "") // It is refreshed for the next reader.
		synctest.Wait()
		c.expect(t, 2, "")
		time.Sleep(11 * time.Second)
		c.expect(t, 3, "")
	})
}

func TestReadersShareARefreshThatOutlivesTheFirstOfThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounter()
		c.takes = time.Second
		first, leave := context.WithCancel(t.Context())
		go func() { _, _, _ = c.get(first, "", false) }()
		for range 49 {
			go c.expect(t, 1, "")
		}
		synctest.Wait()
		leave()
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if c.reads != 1 {
			t.Errorf("%d refreshes, want 1", c.reads)
		}
	})
}

func TestWhatChangedIsReadAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounter()
		c.expect(t, 1, "")
		c.changes.Add(1)
		c.expect(t, 2, "")
		c.expect(t, 2, "")
		// A refresh that began before the change is not enough.
		time.Sleep(6 * time.Second)
		c.takes = time.Second
		go func() { _, _, _ = c.get(t.Context(), "", false) }()
		synctest.Wait()
		c.changes.Add(1)
		c.expect(t, 4, "")
	})
}

// getFresh requests a fresh answer and compares it.
func (c *counter) getFresh(t *testing.T, want int) {
	t.Helper()
	if got, stale, err := c.get(t.Context(), "", true); got != want || stale != nil || err != nil {
		t.Errorf("answered %d, %v, %v; want %d", got, stale, err, want)
	}
}

func TestAFreshAnswerIsAtMostThreeSecondsOldAndShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounter()
		c.expect(t, 1, "")
		time.Sleep(2 * time.Second)
		c.getFresh(t, 1)
		time.Sleep(2 * time.Second)
		c.expect(t, 1, "")
		c.takes = 4 * time.Second
		for range 50 {
			go c.getFresh(t, 2)
		}
		time.Sleep(3 * time.Second)
		go c.getFresh(t, 3) // The refresh in progress began too long ago.
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if c.reads != 3 {
			t.Errorf("%d refreshes, want 3", c.reads)
		}
		c.takes = 0
		c.getFresh(t, 4)
		c.changes.Add(1)
		c.getFresh(t, 5)
	})
}

func TestReadersOfARefreshThatTakesLongAreAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounter()
		c.takes = refreshTimeout - time.Second
		c.expect(t, 1, "")
		c.getFresh(t, 2)
		if c.reads != 2 {
			t.Errorf("%d refreshes, want 2", c.reads)
		}
	})
}

func TestAFailureCountsAsAFreshAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounter()
		c.err = errors.New("AWS is away")
		for range 5 {
			if _, _, err := c.get(t.Context(), "", true); err == nil {
				t.Error("it is answered")
			}
		}
		if c.reads != 1 {
			t.Errorf("%d refreshes, want 1", c.reads)
		}
	})
}

func TestTheLastAnswerIsGivenWhileRefreshesFail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounter()
		c.err = errors.New("AWS is away")
		c.expect(t, 0, "AWS is away")
		c.expect(t, 0, "AWS is away")
		if c.reads != 1 {
			t.Errorf("a failure was tried again at once: %d refreshes", c.reads)
		}
		c.err = nil
		time.Sleep(6 * time.Second)
		c.expect(t, 2, "")
		c.err = errors.New("AWS is away")
		time.Sleep(11 * time.Second)
		c.expect(t, 2, "AWS is away")
		// A refresh that hangs does not hold up those who can be given the last answer.
		c.err, c.takes = nil, time.Hour
		time.Sleep(11 * time.Second)
		before := time.Now()
		c.expect(t, 2, "AWS is away")
		if waited := time.Since(before); waited > 0 {
			t.Errorf("waited %s", waited)
		}
		synctest.Wait()
		c.takes = 0
		time.Sleep(refreshTimeout)
		synctest.Wait()
		c.expect(t, 2, "context deadline exceeded")
		time.Sleep(6 * time.Second)
		synctest.Wait()
		c.expect(t, 5, "")
	})
}

func TestADefectInARefreshIsAnError(t *testing.T) {
	c := newCounter()
	c.broken = true
	if _, _, err := c.get(t.Context(), "", false); err == nil || !strings.Contains(err.Error(), "no such thing") {
		t.Errorf("got %v", err)
	}
}

func TestAnswersThatNobodyAsksForAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounter()
		for _, key := range []string{"a", "b", "c"} {
			_, _, _ = c.get(t.Context(), key, false)
		}
		time.Sleep(forgetAfter + time.Second)
		_, _, _ = c.get(t.Context(), "d", false)
		if len(c.answers) != 1 {
			t.Errorf("%d answers are kept, want 1", len(c.answers))
		}
	})
}
