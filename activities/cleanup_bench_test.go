package activities

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"runtime/metrics"
	"sync"
	"testing"
	"time"

	"perch"
	hub "perch/sandbox/github"
)

// BenchmarkCleanupOfThousands plans the project of the scale test with listings over HTTP, once
// like a worker that has just started, and once when no page of GitHub has changed. Both servers
// answer from memory, so except for net/http on their side, the time and bytes are those of the
// worker.
func BenchmarkCleanupOfThousands(b *testing.B) {
	w := newWorld(b)
	hub := w.onGitHub(branches)
	w.many(live, gone)
	remembering := httptest.NewServer(remembered(w.aws))
	b.Cleanup(remembering.Close)
	w.config.BaseEndpoint = &remembering.URL
	hub.Intercept(remembered)
	for _, name := range []string{"first", "unchanged"} {
		b.Run(name, func(b *testing.B) {
			cleanups := w.cleanupsOf(hub)
			w.plan(b, cleanups) // The servers remember now.
			var peak, kept uint64
			for b.Loop() {
				b.StopTimer()
				if name == "first" {
					cleanups = w.cleanupsOf(hub)
				}
				before := heap()
				stop := watchHeap()
				b.StartTimer()
				w.plan(b, cleanups)
				b.StopTimer()
				most, after := stop(), heap()
				peak, kept = max(peak, most-min(before, most)), max(kept, after-min(before, after))
				b.StartTimer()
			}
			b.ReportMetric(float64(peak)/1e6, "peak-MB")
			b.ReportMetric(float64(kept)/1e6, "kept-MB")
		})
	}
}

// cleanupsOf are the activities of a worker that has just begun.
func (w *world) cleanupsOf(hub *hub.Server) *Cleanups {
	set := New(w.config, w.policy, w.github(hub), 5*time.Millisecond, nil, time.Now)
	return of[*Cleanups](&world{set: set})
}

func (w *world) plan(b *testing.B, cleanups *Cleanups) {
	if plan := must(
		w, cleanups.PlanCleanup, perch.CleanupInput{Project: "shop"},
	); plan.Problem != "" || len(plan.Verdicts)+plan.Unlisted != live+gone {
		b.Fatalf("problem %q, %d verdicts", plan.Problem, len(plan.Verdicts)+plan.Unlisted)
	}
}

// remembered answers the same request by the same answer.
func remembered(next http.Handler) http.Handler {
	var answers sync.Map
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		content, _ := io.ReadAll(r.Body)
		key := r.URL.String() + " " + r.Header.Get("If-None-Match") + " " + string(content)
		known, ok := answers.Load(key)
		if !ok {
			r.Body = io.NopCloser(bytes.NewReader(content))
			fresh := httptest.NewRecorder()
			next.ServeHTTP(fresh, r)
			known, _ = answers.LoadOrStore(key, fresh)
		}
		answer := known.(*httptest.ResponseRecorder)
		for name, values := range answer.Header() {
			w.Header()[name] = values
		}
		if r.Method == http.MethodPost {
			time.Sleep(2 * time.Millisecond) // sandbox/aws says why an AWS client cannot have its answer sooner.
		}
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes())
	})
}

// heap is how many bytes are in use after garbage collection.
func heap() uint64 {
	runtime.GC()
	return inUse()
}

func inUse() uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// watchHeap reads the size of the heap every millisecond until stop, which returns the largest
// size.
func watchHeap() (stop func() uint64) {
	done, most := make(chan struct{}), make(chan uint64)
	go func() {
		seen := inUse()
		for {
			select {
			case <-done:
				most <- seen
				return
			case <-time.After(time.Millisecond):
				seen = max(seen, inUse())
			}
		}
	}()
	return func() uint64 {
		close(done)
		return <-most
	}
}
