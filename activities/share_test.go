package activities

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"perch"
)

// doer is an HTTP client of one function.
type doer func(*http.Request) (*http.Response, error)

// Do makes the call.
func (d doer) Do(r *http.Request) (*http.Response, error) { return d(r) }

// TestManyListingsAtOnceAreFewCalls lists the environments fifty times at the same time.
func TestManyListingsAtOnceAreFewCalls(t *testing.T) {
	w := newWorld(t)
	w.bare("shop-a", "a", nil)
	held, config := make(chan struct{}), w.config
	config.HTTPClient = doer(func(r *http.Request) (*http.Response, error) {
		<-held
		return http.DefaultClient.Do(r)
	})
	stacks := NewStacks(config, w.policy, w.set.branches.Source, time.Hour)
	before := w.calls("cloudformation", "DescribeStacks")
	var all, asking sync.WaitGroup
	for range 50 {
		asking.Add(1)
		all.Go(func() {
			asking.Done()
			out, err := stacks.ListEnvironments(t.Context(), perch.ListInput{Project: "shop"})
			if err != nil || len(out.Environments) != 1 {
				t.Errorf("listed %v, %v", out.Environments, err)
			}
		})
	}
	asking.Wait()
	close(held)
	all.Wait()
	if calls := w.calls("cloudformation", "DescribeStacks") - before; calls >= 50 {
		t.Errorf("fifty listings at once made %d calls", calls)
	}
}
