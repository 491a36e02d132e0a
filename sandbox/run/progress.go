package run

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	sdk "go.temporal.io/sdk/client"

	"perch"
	"perch/client"
	"perch/sandbox/page"
	workerrun "perch/worker/run"
)

// lookTimeout is the time limit for reading a run's progress for a page.
const lookTimeout = 2 * time.Second

// environmentProgress connects to Temporal, and returns a function that reads the progress of the
// run for the environment at a host.
func (s *Sandbox) environmentProgress() (func(ctx context.Context, host string) page.Progress, error) {
	connection, err := sdk.NewLazyClient(sdk.Options{
		HostPort: s.temporal.Address(), Logger: workerrun.TemporalLogger(slog.New(slog.DiscardHandler)),
	})
	if err != nil {
		return nil, fmt.Errorf("connect to Temporal: %w", err)
	}
	temporal := client.New(connection)
	s.closing(func() error { temporal.Close(); return nil })
	return func(ctx context.Context, host string) page.Progress {
		slug, found := strings.CutSuffix(strings.ToLower(host), "."+domain)
		if !found {
			return page.Progress{}
		}
		ctx, cancel := context.WithTimeout(ctx, lookTimeout)
		defer cancel()
		far, err := temporal.Look(ctx, client.Run{WorkflowID: s.project.name + "-" + slug})
		if err != nil {
			return page.Progress{} // There is no run, or Temporal cannot be reached.
		}
		return pageProgress(far, time.Now())
	}, nil
}

// pageProgress returns what a page shows of a run.
func pageProgress(far client.Progress, now time.Time) page.Progress {
	known := far.Known()
	words := known.Progress(now)
	if far.Phase == perch.PhaseFailed && words == "" {
		words = "The run failed; `perch status` says why"
	}
	if words == "" {
		return page.Progress{}
	}
	return page.Progress{State: known.State(), Words: words}
}
