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

// lookTimeout bounds a look at a run for a page.
const lookTimeout = 2 * time.Second

// environmentProgress connects to Temporal, and says how far the run of the environment at a host
// is.
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
			return page.Progress{} // There is no run, or Temporal is away.
		}
		return pageProgress(far, time.Now())
	}, nil
}

// pageProgress is what a page says of a run.
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
