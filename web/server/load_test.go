package server

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"perch"
	"perch/readapi"
)

// BenchmarkFiftyViewersOfNinetyFiveEnvironments measures how long the first page takes for 50
// people (p50-ms, p95-ms), and how often the worker is read (asked/s). It measures this while open
// pages are loaded again at every look, which is as often as they can change, and without any
// pause.
func BenchmarkFiftyViewersOfNinetyFiveEnvironments(b *testing.B) {
	b.Run("EachLook", func(b *testing.B) { view(b, lookEvery) })
	b.Run("WithoutPause", func(b *testing.B) { view(b, 0) })
}

// view lets 50 people open the page, and pause after each time.
func view(b *testing.B, pause time.Duration) {
	const viewers, environments = 50, 95
	s := newSite(b, func(settings *Settings) {
		signedInLocally(settings)
		settings.Logger = slog.New(slog.DiscardHandler)
	})
	s.worker.change(func(w *worker) {
		w.overview.Environments = nil
		for i := range environments {
			w.overview.Environments = append(w.overview.Environments, readapi.Environment{
				Branch: fmt.Sprintf("feature/number-%d", i), Slug: fmt.Sprintf("feature-number-%d", i),
				Kind:   perch.KindBranch,
				Status: "UPDATE_COMPLETE", Commit: commitOne,
				URL:     fmt.Sprintf("https://feature-number-%d.preview.example.net", i),
				Updated: "2026-11-28T12:00:00Z", Expires: "2026-12-01T12:00:00Z", USDPerDay: 1.2, USDSoFar: 3.4,
				PullRequests: []perch.PullRequest{{Number: i, Title: "A feature that people wait for", Author: "ana"}},
				Message:      &perch.CommitMessage{Subject: "Let people log in", Author: "Ana", At: time.Now()},
			})
		}
	})
	transport := &http.Transport{MaxIdleConnsPerHost: viewers}
	b.Cleanup(transport.CloseIdleConnections)
	browser := &http.Client{Transport: transport}
	var (
		mu    sync.Mutex
		took  []time.Duration
		group sync.WaitGroup
	)
	work := make(chan struct{})
	for i := range viewers {
		group.Go(func() {
			time.Sleep(pause * time.Duration(i) / viewers)
			for range work {
				began := time.Now()
				answer, err := browser.Get(s.url)
				if err != nil {
					b.Error(err)
					continue
				}
				_, _ = io.Copy(io.Discard, answer.Body)
				answer.Body.Close()
				mu.Lock()
				took = append(took, time.Since(began))
				mu.Unlock()
				time.Sleep(pause)
			}
		})
	}
	began := time.Now()
	for b.Loop() {
		work <- struct{}{}
	}
	close(work)
	group.Wait()
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(took[len(took)*95/100].Microseconds())/1000, "p95-ms")
	b.ReportMetric(float64(s.worker.times(readapi.PathOverview))/time.Since(began).Seconds(), "asked/s")
}
