package activities

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"perch/activities/activitytest"
	"perch/activities/contract"
	"perch/sandbox/aws"
)

// readingActions are the calls that show the status of stacks.
var readingActions = []string{"DescribeStacks", "ListStacks"}

// BenchmarkAThousandWaits has 1,000 stacks in progress on one worker. The endpoint accepts five
// DescribeStacks a second, as AWS does, and as many ListStacks, and ends one stack after the other.
// The benchmark reports how long the waits took to notice, in ticks of five seconds, and fails if a
// wait fails.
func BenchmarkAThousandWaits(b *testing.B) {
	const waits, tick = 1000, 5 * time.Second
	for b.Loop() {
		w := newWorld(b)
		throttled := throttleCounter{}
		for _, action := range readingActions {
			w.fault(aws.Fault{Service: "cloudformation", Action: action, Rate: 5})
			throttled[action] = &throttleCount{}
		}
		config := w.config
		config.HTTPClient = throttled
		stacks := NewStacks(config, w.policy, nil, tick)
		holds := make([]string, waits)
		delays := make([]time.Duration, waits)
		ended := make([]atomic.Int64, waits)
		var running sync.WaitGroup
		for i := range waits {
			branch := fmt.Sprintf("branch-%d", i)
			holds[i] = w.fault(aws.Fault{Stack: "shop-" + branch, Phase: "create", Hang: true})
			id := w.bare("shop-"+branch, branch, nil)
			running.Go(func() {
				env := activitytest.NewEnvironment()
				env.SetTestTimeout(5 * time.Minute)
				if out, err := activitytest.TryIn(
					env, stacks.AwaitStack, contract.AwaitInput{StackID: id},
				); err != nil || out.Status != "CREATE_COMPLETE" {
					b.Errorf("stack %d: %+v, %v", i, out, err)
				}
				delays[i] = time.Since(time.Unix(0, ended[i].Load()))
			})
		}
		start := time.Now()
		for i, hold := range holds {
			time.Sleep(20 * time.Millisecond)
			ended[i].Store(time.Now().UnixNano())
			w.aws.DeleteFault(hold)
		}
		running.Wait()
		slices.Sort(delays)
		b.ReportMetric(delays[waits/2].Seconds()/tick.Seconds(), "median-ticks")
		b.ReportMetric(delays[waits-1].Seconds()/tick.Seconds(), "slowest-ticks")
		for action, count := range throttled {
			b.ReportMetric(float64(count.calls.Load())/time.Since(start).Seconds(), action+"/s")
			b.ReportMetric(float64(count.throttled.Load()), "throttled-"+action)
		}
	}
}

// throttleCount is how many calls of an operation there were, and how many were throttled.
type throttleCount struct{ calls, throttled atomic.Int64 }

// throttleCounter counts the calls of its operations.
type throttleCounter map[string]*throttleCount

// Do makes the call.
func (c throttleCounter) Do(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	response, err := http.DefaultClient.Do(r)
	for action, count := range c {
		if bytes.Contains(body, []byte("Action="+action+"&")) {
			count.calls.Add(1)
			if err == nil && response.StatusCode != http.StatusOK {
				count.throttled.Add(1)
			}
		}
	}
	return response, err
}
