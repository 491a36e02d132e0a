package client

import (
	"context"
	"errors"
	"fmt"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"

	"perch"
	"perch/lifecycle"
)

const (
	// lookEvery is the refresh interval of the live view. The heartbeats that it shows are at most
	// about two seconds old.
	lookEvery = time.Second
	// untakenAfter is how long a request may wait on the task queue before the user is told about
	// it.
	untakenAfter = 5 * time.Second
	// lostAfter is how long Temporal may be unreachable before the user is told about it.
	lostAfter = 3 * time.Second
	// lookTimeout is how long one refresh may take before the connection counts as lost.
	lookTimeout = 5 * time.Second
	// reconnectAfter is the pause before a lost connection is retried.
	reconnectAfter = time.Second
)

// runs lists the calls to Temporal that a follower makes.
type runs interface {
	// lastEvent waits for the run's last event.
	lastEvent(context.Context, Run) (*historypb.HistoryEvent, error)
	// Look reads the progress of the run.
	Look(context.Context, Run) (Progress, error)
	decode(*commonpb.Payloads, any) error
}

// View shows people the progress of a run.
type View interface {
	// Show displays the progress of the run. It is called about once a second, even while Temporal
	// is unreachable.
	Show(Progress)
	// Remark displays a sentence that stays when the progress is redrawn.
	Remark(string)
	// Done is called once, at the end.
	Done()
}

// Follow waits for the end of request, which run r holds. It follows the request through all its
// runs and reconnects if the connection is lost. It returns the last run that held the request. If
// ctx ends first, the error is that of context.Cause, and the run continues. view may be nil.
func (c *Client) Follow(ctx context.Context, r Run, request perch.Request, view View) (lifecycle.Answer, Run, error) {
	f := follower{runs: c, view: view, request: request, queue: perch.TaskQueue(request.Project)}
	return f.follow(ctx, r)
}

// follower waits for the answer to one request.
type follower struct {
	runs    runs
	view    View
	request perch.Request
	queue   string
	// reading means that the run only reads. Temporal keeps such runs for a short time.
	reading bool
}

func (f *follower) follow(ctx context.Context, r Run) (lifecycle.Answer, Run, error) {
	if f.view != nil {
		defer f.view.Done()
	}
	for {
		event, err := f.await(ctx, r)
		if err != nil {
			return lifecycle.Answer{}, r, err
		}
		answer, err := readLastEvent(event, f.request, f.runs.decode)
		if err != nil {
			return lifecycle.Answer{}, r, fmt.Errorf("workflow %s, run %s: %w", r.WorkflowID, r.RunID, err)
		}
		if answer.NextRun == "" {
			return answer, r, nil
		}
		r.RunID = answer.NextRun
	}
}

// await waits for r's last event and reconnects if the connection is lost. Meanwhile it shows r's
// progress.
func (f *follower) await(ctx context.Context, r Run) (*historypb.HistoryEvent, error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	if f.view != nil {
		watched := make(chan struct{})
		go func() {
			defer close(watched)
			f.watch(ctx, r)
		}()
		defer func() { stop(); <-watched }()
	}
	for {
		event, err := f.runs.lastEvent(ctx, r)
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

// watch shows the progress of r until ctx ends. It also tells the user if Temporal is unreachable
// or no worker takes the request.
func (f *follower) watch(ctx context.Context, r Run) {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	var (
		lost, untaken warning
		known         Progress
	)
	for {
		p, err := f.lookOnce(ctx, r)
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			known = p
		}
		if lost.due(err != nil, lostAfter) {
			f.view.Remark("the connection to Temporal is lost; the run goes on, and this wait continues as soon as " +
				"Temporal answers")
		}
		known.Lost = lost.said
		f.view.Show(known)
		if untaken.due(err == nil && p.Untaken, untakenAfter) {
			f.view.Remark(f.untakenSentence())
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (f *follower) untakenSentence() string {
	if f.reading {
		return fmt.Sprintf(
			"no worker has taken the question yet; one that polls task queue %q would answer it", f.queue,
		)
	}
	return fmt.Sprintf(
		"no worker has taken the request yet; it is kept, and goes on as soon as a worker polls task queue %q", f.queue,
	)
}

func (f *follower) lookOnce(ctx context.Context, r Run) (Progress, error) {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	return f.runs.Look(ctx, r)
}

// warning is a condition that is reported once each time it begins.
type warning struct {
	since time.Time
	said  bool
}

// due reports whether the condition has lasted for at least after and has not been reported yet.
// holds is whether the condition is true now.
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

// isFinal reports whether a retry cannot fix the error.
func isFinal(err error) bool {
	var (
		notFound    *serviceerror.NotFound
		noNamespace *serviceerror.NamespaceNotFound
		denied      *serviceerror.PermissionDenied
		invalid     *serviceerror.InvalidArgument
	)
	return errors.As(err, &notFound) || errors.As(err, &noNamespace) || errors.As(err, &denied) ||
		errors.As(err, &invalid)
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
