package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"

	"perch"
)

const (
	// lookEvery is the pace of the live view. The heartbeats that it reads are about two seconds old at most.
	lookEvery = time.Second
	// untakenAfter is how long a request may lie on the task queue before the user hears of it.
	untakenAfter = 5 * time.Second
	// lostAfter is how long Temporal may be out of reach before the user hears of it.
	lostAfter = 3 * time.Second
	// lookTimeout is how long a look may take before the connection counts as lost.
	lookTimeout = 5 * time.Second
	// reconnectAfter is the pause before a lost connection is tried again.
	reconnectAfter = time.Second
)

// runs is what following needs of Temporal.
type runs interface {
	// closing waits for the run's last event.
	closing(context.Context, run) (*historypb.HistoryEvent, error)
	// look reads how far the run is.
	look(context.Context, run) (progress, error)
	decode(*commonpb.Payloads, any) error
}

// viewer shows what following sees.
type viewer interface {
	// show is called about once a second with how far the run is.
	show(progress)
	// remark shows a sentence that stays.
	remark(string)
	// done is called once, at the end.
	done()
}

// follower waits for what comes of one request, over all runs that the request passes through.
type follower struct {
	runs    runs
	view    viewer
	request perch.Request
	queue   string
}

// follow waits until request has ended. It returns the last run that held it. Its error is context.Cause's where ctx ended first; the
// run goes on then. A run that failed is no error but a verdict with a Failure.
func (f *follower) follow(ctx context.Context, r run) (verdict, run, error) {
	defer f.view.done()
	for {
		event, err := f.await(ctx, r)
		if err != nil {
			return verdict{}, r, err
		}
		v, err := judge(event, f.request, f.runs.decode)
		if err != nil {
			return verdict{}, r, fmt.Errorf("workflow %s, run %s: %w", r.WorkflowID, r.RunID, err)
		}
		if v.Next == "" {
			return v, r, nil
		}
		r.RunID = v.Next
	}
}

// await waits for r's last event, over lost connections, and shows meanwhile how far r is.
func (f *follower) await(ctx context.Context, r run) (*historypb.HistoryEvent, error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		f.watch(ctx, r)
	}()
	defer func() { stop(); <-watched }()
	for {
		event, err := f.runs.closing(ctx, r)
		switch {
		case err == nil:
			return event, nil
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case isFinal(err):
			return nil, err
		}
		if pause(ctx, reconnectAfter) != nil {
			return nil, ctx.Err()
		}
	}
}

// watch shows how far r is, and says when Temporal or a worker is missing, until ctx ends.
func (f *follower) watch(ctx context.Context, r run) {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	var lost, untaken warning
	for {
		p, err := f.lookOnce(ctx, r)
		if ctx.Err() != nil {
			return
		}
		if lost.due(err != nil, lostAfter) {
			f.view.remark("the connection to Temporal is lost; the run goes on, and so does the wait as soon as Temporal answers")
		}
		if err == nil {
			f.view.show(p)
		}
		if untaken.due(err == nil && p.Untaken, untakenAfter) {
			f.view.remark(fmt.Sprintf("no worker has taken the request yet; it is kept, and goes on as soon as a worker polls task queue %q", f.queue))
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (f *follower) lookOnce(ctx context.Context, r run) (progress, error) {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	return f.runs.look(ctx, r)
}

// warning is a condition that is spoken of once each time that it lasts.
type warning struct {
	since time.Time
	said  bool
}

// due reports whether the condition, which holds now, has lasted for at least after and has not been spoken of.
func (w *warning) due(holds bool, after time.Duration) bool {
	if !holds {
		*w = warning{}
		return false
	}
	if w.since.IsZero() {
		w.since = time.Now()
	}
	if w.said || time.Since(w.since) < after {
		return false
	}
	w.said = true
	return true
}

// isFinal reports whether asking again cannot help.
func isFinal(err error) bool {
	var (
		notFound    *serviceerror.NotFound
		noNamespace *serviceerror.NamespaceNotFound
		denied      *serviceerror.PermissionDenied
		invalid     *serviceerror.InvalidArgument
	)
	return errors.As(err, &notFound) || errors.As(err, &noNamespace) || errors.As(err, &denied) || errors.As(err, &invalid)
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
