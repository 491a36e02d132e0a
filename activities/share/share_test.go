package share

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// countSlowly returns a read that takes a second of the test's clock and returns its number.
func countSlowly() func(context.Context) (int, error) {
	readings := 0
	return func(context.Context) (int, error) {
		readings++
		time.Sleep(time.Second)
		return readings, nil
	}
}

func TestACallerDuringAReadGetsTheNextRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(countSlowly())
		got := make([]int, 11)
		var all sync.WaitGroup
		ask := func(i int) {
			all.Go(func() {
				var err error
				if got[i], err = s.Get(t.Context()); err != nil {
					t.Error(err)
				}
			})
			synctest.Wait()
		}
		for i := range got {
			ask(i)
		}
		all.Wait()
		for i, reading := range got {
			if want := min(i+1, 2); reading != want {
				t.Errorf("number %d got reading %d, want %d", i, reading, want)
			}
		}
		if later, err := s.Get(t.Context()); err != nil || later != 3 {
			t.Errorf("later: reading %d, %v; want a new one", later, err)
		}
	})
}

func TestACallerThatGivesUpDoesNotDisturbTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(func(ctx context.Context) (int, error) {
			select {
			case <-time.After(time.Second):
				return 1, nil
			case <-ctx.Done():
				return 0, ctx.Err()
			}
		})
		hasty, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		all.Go(func() {
			if _, err := s.Get(hasty); !errors.Is(err, context.Canceled) {
				t.Errorf("who gave up got %v", err)
			}
		})
		synctest.Wait()
		all.Go(func() {
			if value, err := s.Get(t.Context()); err != nil || value != 1 {
				t.Errorf("the other got %d, %v", value, err)
			}
		})
		synctest.Wait()
		cancel()
		all.Wait()
	})
}

func TestAFailedReadFailsForItsCallersAndNotForTheNext(t *testing.T) {
	readings := 0
	s := New(func(context.Context) (int, error) {
		if readings++; readings == 1 {
			return 0, errors.New("Rate exceeded")
		}
		return readings, nil
	})
	if _, err := s.Get(t.Context()); err == nil {
		t.Error("the failure was lost")
	}
	if value, err := s.Recent(t.Context(), time.Hour); err != nil || value != 2 {
		t.Errorf("got %d, %v", value, err)
	}
}

func TestARecentResultIsReturnedAgainUntilItIsTooOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(countSlowly())
		for _, c := range []struct {
			after time.Duration
			want  int
		}{{0, 1}, {0, 1}, {3 * time.Second, 1}, {2 * time.Second, 2}} {
			time.Sleep(c.after)
			if value, err := s.Recent(t.Context(), 5*time.Second); err != nil || value != c.want {
				t.Errorf("after %s more: reading %d, %v; want %d", c.after, value, err, c.want)
			}
		}
	})
}

// TestReadsBeginNoMoreOftenThanAWSAnswers has a caller every ten milliseconds.
func TestReadsBeginNoMoreOftenThanAWSAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		readings := 0
		s := New(func(context.Context) (int, error) {
			readings++
			return readings, nil
		})
		var all sync.WaitGroup
		for range 200 {
			all.Go(func() {
				if _, err := s.Get(t.Context()); err != nil {
					t.Error(err)
				}
			})
			time.Sleep(10 * time.Millisecond)
		}
		all.Wait()
		if most := readRate + 2*readRate; readings > most {
			t.Errorf("%d reads in two seconds, want at most %d", readings, most)
		}
	})
}
