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

// BenchmarkAThousandWaits has 1,000 stacks in progress on one worker. The endpoint accepts five
// DescribeStacks a second, as AWS does, and ends one stack after the other. The benchmark reports
// how long the waits took to notice, in ticks of five seconds, and fails if a wait fails.
func BenchmarkAThousandWaits(b *testing.B) {
	const waits, tick = 1000, 5 * time.Second
	for b.Loop() {
		w := newWorld(b)
		w.fault(aws.Fault{Service: "cloudformation", Action: "DescribeStacks", Rate: 5})
		throttled := &throttleCounter{}
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
		b.ReportMetric(float64(throttled.calls.Load())/time.Since(start).Seconds(), "DescribeStacks/s")
		b.ReportMetric(float64(throttled.throttled.Load()), "throttled")
	}
}

// throttleCounter counts calls of DescribeStacks and those that were throttled.
type throttleCounter struct{ calls, throttled atomic.Int64 }

// Do makes the call.
func (c *throttleCounter) Do(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	response, err := http.DefaultClient.Do(r)
	if bytes.Contains(body, []byte("Action=DescribeStacks&")) {
		c.calls.Add(1)
		if err == nil && response.StatusCode != http.StatusOK {
			c.throttled.Add(1)
		}
	}
	return response, err
}
