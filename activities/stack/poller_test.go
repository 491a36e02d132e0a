package stack

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// TestATickListsWhatIsInProgressAndDescribesTheRest has operations that are over and that are not.
func TestATickListsWhatIsInProgressAndDescribesTheRest(t *testing.T) {
	for _, c := range []struct{ stacks, pageSize, waits, over, lists, describes int }{
		{stacks: 1, pageSize: 100, waits: 1, describes: 1},
		{stacks: 50, pageSize: 100, waits: 50, lists: 1},
		{stacks: 50, pageSize: 100, waits: 50, over: 1, lists: 1, describes: 1},
		{stacks: 50, pageSize: 100, waits: 50, over: 20, lists: 1, describes: 1},
		{stacks: 1000, pageSize: 100, waits: 1000, lists: 10},
		{stacks: 1000, pageSize: 100, waits: 1000, over: 900, lists: 1, describes: 10},
		{stacks: 1000, pageSize: 100, waits: 1000, over: 4, lists: 10, describes: 4},
		{stacks: 1000, pageSize: 100, waits: 1, describes: 1},
	} {
		t.Run(fmt.Sprintf("%d of %d stacks, %d over", c.waits, c.stacks, c.over), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const interval = time.Minute
				a := newAccount(c.stacks, c.pageSize)
				for _, id := range a.stacks[:c.over] {
					a.status[id] = "CREATE_COMPLETE"
				}
				p := a.poller(interval)
				p.Learn((c.stacks + c.pageSize - 1) / c.pageSize)
				sightings, stop := a.watchAll(p, c.waits)
				time.Sleep(interval - time.Second) // The first tick may have begun before all were there.
				before := a.counts()
				time.Sleep(4 * interval)
				after := a.counts()
				want := map[string]int{"ListStacks": 4 * c.lists, "DescribeStacks": 4 * c.describes}
				for action, calls := range want {
					if got := after[action] - before[action]; got != calls {
						t.Errorf("four ticks cost %d calls of %s, want %d", got, action, calls)
					}
				}
				for i, seen := range sightings {
					select {
					case s := <-seen:
						if s.Err != nil || !s.Found || *s.Stack.StackId != a.stacks[i] ||
							string(s.Stack.StackStatus) != a.statusOf(a.stacks[i]) {
							t.Errorf("stack %d was seen as %+v", i, s)
						}
					default:
						t.Errorf("stack %d was not seen", i)
					}
				}
				stop()
				synctest.Wait()
			})
		})
	}
}

func TestS29CallsStayWithinTheBudgetForAnyNumberOfWaits(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		stacks, waits := rapid.IntRange(1, 400).Draw(rt, "stacks"), rapid.IntRange(1, 400).Draw(rt, "waits")
		over := rapid.IntRange(0, stacks).Draw(rt, "over")
		synctest.Test(t, func(t *testing.T) {
			a := newAccount(stacks, 20)
			for _, id := range a.stacks[:over] {
				a.status[id] = "CREATE_COMPLETE"
			}
			_, stop := a.watchAll(a.poller(time.Second), min(waits, stacks))
			time.Sleep(20 * time.Second)
			stop()
			synctest.Wait()
			for action, calls := range a.counts() {
				if most := callRate*20 + callRate; calls > most {
					t.Errorf("%d calls of %s in 20 seconds, the budget is %d", calls, action, most)
				}
			}
		})
	})
}

func TestAWaitDoesNotDependOnTheListing(t *testing.T) {
	for name, change := range map[string]func(*account){
		"the role may not list stacks":     func(a *account) { a.deny = "ListStacks" },
		"a thousand pages of it are empty": func(a *account) { a.emptyPages = 1000 },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newAccount(10, 100)
				change(a)
				sightings, stop := a.watchAll(a.poller(5*time.Second), 10)
				time.Sleep(6 * time.Second) // The first tick may have begun before all were there.
				for i, seen := range sightings {
					select {
					case s := <-seen:
						if s.Err != nil || !s.Found {
							t.Errorf("stack %d was seen as %+v", i, s)
						}
					default:
						t.Errorf("stack %d was not seen", i)
					}
				}
				if calls := a.counts()["ListStacks"]; calls > 2 {
					t.Errorf("%d calls of ListStacks in two ticks", calls)
				}
				stop()
				synctest.Wait()
			})
		})
	}
}

func TestS29ThrottlingReachesNoWatcherAndSlowsThePollerDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAccount(200, 100)
		start := time.Now()
		a.fail = func(int) (int, string, string) {
			if time.Since(start) < 10*time.Minute {
				return 400, "Throttling", "Rate exceeded"
			}
			return 0, "", ""
		}
		p := a.poller(5 * time.Second)
		sightings, stop := a.watchAll(p, 200)
		time.Sleep(10 * time.Minute)
		if calls := a.calls(); calls > 150 {
			t.Errorf("%d calls in ten throttled minutes", calls)
		}
		for _, seen := range sightings {
			if len(seen) > 0 {
				t.Fatalf("a watcher was told of %+v", <-seen)
			}
		}
		time.Sleep(30 * time.Second)
		for i, seen := range sightings {
			if len(seen) == 0 {
				t.Fatalf("stack %d is not seen after the throttling", i)
			}
			if s := <-seen; s.Err != nil || !s.Found {
				t.Fatalf("stack %d was seen as %+v", i, s)
			}
		}
		time.Sleep(2 * time.Minute)
		if limit := p.lists.limit.Limit(); limit != callRate {
			t.Errorf("the budget stays at %v", limit)
		}
		stop()
		synctest.Wait()
	})
}

func TestAListingThatBreaksOffIsNotASighting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAccount(200, 100)
		a.fail = func(call int) (int, string, string) {
			if call%2 == 0 {
				return 500, "InternalFailure", "try later"
			}
			return 0, "", ""
		}
		sightings, stop := a.watchAll(a.poller(5*time.Second), 200)
		time.Sleep(time.Second)
		if s := <-sightings[0]; s.Err != nil || !s.Found {
			t.Errorf("the stack of the first page was seen as %+v", s)
		}
		if s := <-sightings[199]; s.Err == nil || s.Found {
			t.Errorf("the stack of the page that failed was seen as %+v", s)
		}
		stop()
		synctest.Wait()
	})
}

func TestADeletedStackIsNotFoundByAListingAndFoundByItsID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAccount(3, 100)
		a.status[a.stacks[0]], a.status[a.stacks[1]] = Deleted, Deleted
		p := a.poller(5 * time.Second)
		sightings, stop := a.watchAll(p, 3)
		time.Sleep(6 * time.Second) // The first tick may have begun before all were there.
		if s := <-sightings[0]; s.Found || s.Err != nil {
			t.Errorf("the listing shows %+v", s)
		}
		stop()
		time.Sleep(time.Second)
		sightings, stop = a.watchAll(p, 1)
		time.Sleep(time.Second)
		if s := <-sightings[0]; !s.Found || s.Stack.StackStatus != Deleted {
			t.Errorf("seen by its id: %+v", s)
		}
		stop()
		synctest.Wait()
	})
}

func TestThePollerStopsWithItsLastWatcherAndStartsAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAccount(2, 100)
		p := a.poller(5 * time.Second)
		_, stop := a.watchAll(p, 2)
		time.Sleep(time.Minute)
		stop()
		stop() // A second time does nothing.
		synctest.Wait()
		before := a.calls()
		time.Sleep(time.Minute)
		if a.calls() != before {
			t.Error("it still calls when no caller waits")
		}
		seen, stop := p.Watch(a.stacks[0])
		time.Sleep(time.Second)
		if len(seen) == 0 {
			t.Error("it does not see anything for a new watcher")
		}
		stop()
		synctest.Wait()
	})
}

func TestEveryWatcherOfAStackSeesItAndOnlyTheNewestSightingIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAccount(1, 100)
		p := a.poller(5 * time.Second)
		one, stopOne := p.Watch(a.stacks[0])
		other, stopOther := p.Watch(a.stacks[0])
		time.Sleep(7 * time.Second)
		a.mu.Lock()
		a.status[a.stacks[0]] = Deleted
		a.mu.Unlock()
		time.Sleep(5 * time.Second)
		for _, seen := range []<-chan Sighting{one, other} {
			if s := <-seen; s.Stack.StackStatus != Deleted {
				t.Errorf("an old Sighting was kept: %+v", s)
			}
		}
		if calls := a.calls(); calls != 3 {
			t.Errorf("two watchers of one stack cost %d calls in three ticks", calls)
		}
		stopOne()
		stopOther()
		synctest.Wait()
	})
}

func TestAThousandWaitsLearnTheEndWithinTwoTicksAndAreNeverThrottled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const tick = 5 * time.Second
		a := newAccount(1000, 100)
		a.fail = a.atMost(5)
		sightings, stop := a.watchAll(a.poller(tick), 1000)
		delays := make(chan time.Duration, 1000)
		for i, seen := range sightings {
			go func() {
				time.Sleep(time.Minute + time.Duration(i)*53*time.Millisecond)
				ended := time.Now()
				a.mu.Lock()
				a.status[a.stacks[i]] = "CREATE_COMPLETE"
				a.mu.Unlock()
				for s := range seen {
					if s.Err != nil {
						t.Errorf("stack %d: %v", i, s.Err)
					}
					if s.Stack.StackStatus == "CREATE_COMPLETE" {
						break
					}
				}
				delays <- time.Since(ended)
			}()
		}
		var all []time.Duration
		for range sightings {
			all = append(all, <-delays)
		}
		slices.Sort(all)
		if median, slowest := all[len(all)/2], all[len(all)-1]; median >= 2*tick || slowest >= 3*tick {
			t.Errorf("median %s, slowest %s, a tick is %s", median, slowest, tick)
		}
		stop()
		synctest.Wait()
	})
}

func TestWhatAStoppedPollerSawIsDiscarded(t *testing.T) {
	p := newAccount(1, 100).poller(time.Hour)
	channel := make(chan Sighting, 1)
	p.watches["stack-0000"] = map[chan Sighting]bool{channel: true}
	stopped, cancel := context.WithCancel(t.Context())
	cancel()
	p.deliver(stopped, "stack-0000", Sighting{})
	if len(channel) != 0 {
		t.Error("it was delivered")
	}
}
