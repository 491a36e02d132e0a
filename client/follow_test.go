package client

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	commonpb "go.temporal.io/api/common/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/converter"

	"perch"
	"perch/lifecycle"
)

// fakeRuns replaces Temporal. A nil function blocks until the context ends.
type fakeRuns struct {
	close    func(ctx context.Context, runID string) (*historypb.HistoryEvent, error)
	progress func() (Progress, error)
}

func (f fakeRuns) lastEvent(ctx context.Context, r Run) (*historypb.HistoryEvent, error) {
	return f.close(ctx, r.RunID)
}

func (f fakeRuns) Look(context.Context, Run) (Progress, error) { return f.progress() }

func (f fakeRuns) decode(p *commonpb.Payloads, into any) error {
	return converter.GetDefaultDataConverter().FromPayloads(p, into)
}

// remarksTo is a view that writes remarks, one a line.
type remarksTo struct{ out *strings.Builder }

func (remarksTo) Show(Progress)        {}
func (v remarksTo) Remark(text string) { v.out.WriteString(text + "\n") }
func (remarksTo) Done()                {}

// follow follows upA from run "first" in a separate bubble. It also returns what was shown.
func follow(ctx context.Context, t *testing.T, f fakeRuns) (lifecycle.Answer, Run, string, error) {
	t.Helper()
	var shown strings.Builder
	follower := follower{runs: f, view: remarksTo{&shown}, request: upA, queue: "perch-shop"}
	v, last, err := follower.follow(ctx, Run{WorkflowID: "shop-main", RunID: "first"})
	return v, last, shown.String(), err
}

func quiet() (Progress, error) { return Progress{}, nil }

func TestFollowsTheRequestToTheNextRun(t *testing.T) {
	ready := perch.Result{Goal: perch.GoalUp, Outcome: perch.OutcomeReady, Commit: commitA}
	f := fakeRuns{progress: quiet, close: func(_ context.Context, runID string) (*historypb.HistoryEvent, error) {
		if runID == "first" {
			return continued(t, &upA), nil
		}
		return completed(t, ready), nil
	}}
	v, last, _, err := follow(t.Context(), t, f)
	if err != nil || last.RunID != "next" {
		t.Fatalf("ended in run %q with %v, want run next", last.RunID, err)
	}
	if diff := cmp.Diff(lifecycle.Answer{Result: ready}, v); diff != "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
}

func TestSurvivesALostConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		down := func() bool { return time.Since(began) < 10*time.Second }
		unavailable := serviceerror.NewUnavailable("away")
		f := fakeRuns{
			close: func(context.Context, string) (*historypb.HistoryEvent, error) {
				if down() {
					return nil, unavailable
				}
				return completed(t, perch.Result{Goal: perch.GoalUp, Outcome: perch.OutcomeReady, Commit: commitA}), nil
			},
			progress: func() (Progress, error) {
				if down() {
					return Progress{}, unavailable
				}
				return Progress{}, nil
			},
		}
		v, _, shown, err := follow(t.Context(), t, f)
		if err != nil || v.Result.Outcome != perch.OutcomeReady {
			t.Fatalf("outcome %q, %v; want ready", v.Result.Outcome, err)
		}
		if n := strings.Count(shown, "the connection to Temporal is lost"); n != 1 {
			t.Errorf("said %d times that the connection is lost, want once:\n%s", n, shown)
		}
	})
}

// shownTo is a view that records what it is shown.
type shownTo struct {
	remarksTo
	shown *[]Progress
}

func (v shownTo) Show(p Progress) { *v.shown = append(*v.shown, p) }

// TestWhatWasKnownIsShownWhileTemporalIsLost checks that the view is still called, because CI ends
// a job that writes nothing.
func TestWhatWasKnownIsShownWhileTemporalIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 5500*time.Millisecond)
		defer cancel()
		var shown []Progress
		looks := 0
		progress := func() (Progress, error) {
			if looks++; looks > 1 {
				return Progress{}, errors.New("connection refused")
			}
			return Progress{Phase: perch.PhaseStack}, nil
		}
		f := follower{runs: fakeRuns{progress: progress}, view: shownTo{remarksTo{new(strings.Builder)}, &shown}}
		f.watch(ctx, Run{WorkflowID: "shop-main", RunID: "first"})
		stack, lost := Progress{Phase: perch.PhaseStack}, Progress{Phase: perch.PhaseStack, Lost: true}
		if diff := cmp.Diff([]Progress{stack, stack, stack, stack, lost, lost}, shown); diff != "" {
			t.Errorf("shown (-want +got):\n%s", diff)
		}
	})
}

func TestS221ARequestIsAskedAgainWhileTemporalDoesNotAnswer(t *testing.T) {
	late, denied := serviceerror.NewDeadlineExceeded(
		"context deadline exceeded",
	), serviceerror.NewPermissionDenied("no", "")
	for name, c := range map[string]struct {
		answers  []error
		patience time.Duration
		calls    int
		want     error
	}{
		"it answers late": {
			[]error{late, serviceerror.NewUnavailable("away"), context.DeadlineExceeded, nil}, time.Hour, 4, nil,
		},
		"it never answers":          {[]error{late}, 25 * time.Second, 3, late},
		"it answers no":             {[]error{denied}, time.Hour, 1, denied},
		"a request that is not two": {[]error{late}, 0, 1, late},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				calls := 0
				err := askUntilAnswered(t.Context(), c.patience, func() error {
					time.Sleep(8 * time.Second)
					calls++
					return c.answers[min(calls, len(c.answers))-1]
				})
				if !errors.Is(err, c.want) || calls != c.calls {
					t.Errorf("%v after %d calls, want %v after %d", err, calls, c.want, c.calls)
				}
			})
		})
	}
}

func TestSaysOnceThatNoWorkerTakesTheRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		f := fakeRuns{close: untilDone, progress: func() (Progress, error) { return Progress{Untaken: true}, nil }}
		_, last, shown, err := follow(ctx, t, f)
		if !errors.Is(err, context.DeadlineExceeded) || last.RunID != "first" {
			t.Errorf("ended in run %q with %v, want the deadline in run first", last.RunID, err)
		}
		want := "no worker has taken the request yet; it is kept, and goes on as soon as a worker polls task queue " +
			"\"perch-shop\"\n"
		if shown != want {
			t.Errorf("shown:\n%s\nwant:\n%s", shown, want)
		}
	})
}

func TestAQuestionThatNoWorkerTakesIsNotSaidToBeKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		var shown strings.Builder
		f := follower{
			runs:  fakeRuns{progress: func() (Progress, error) { return Progress{Untaken: true}, nil }},
			view:  remarksTo{&shown},
			queue: "perch-shop", reading: true,
		}
		f.watch(ctx, Run{WorkflowID: "shop:list:1", RunID: "first"})
		want := "no worker has taken the question yet; one that polls task queue \"perch-shop\" would answer it\n"
		if shown.String() != want {
			t.Errorf("shown:\n%s\nwant:\n%s", shown.String(), want)
		}
	})
}

func TestAQuestionWaitsAMomentForAWorkerThatHasJustStarted(t *testing.T) {
	for name, c := range map[string]struct {
		polled func(look int) (bool, error)
		want   bool
		took   time.Duration
	}{
		"one is there":           {func(int) (bool, error) { return true, nil }, true, 0},
		"one comes":              {func(look int) (bool, error) { return look == 3, nil }, true, 2 * workerEvery},
		"none comes":             {func(int) (bool, error) { return false, nil }, false, 5 * time.Second},
		"Temporal does not tell": {func(int) (bool, error) { return false, errors.New("denied") }, true, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began, looks := time.Now(), 0
				got := awaitWorker(t.Context(), 5*time.Second, func() (bool, error) {
					looks++
					return c.polled(looks)
				})
				if took := time.Since(began); got != c.want || took != c.took {
					t.Errorf("%v after %s, want %v after %s", got, took, c.want, c.took)
				}
			})
		})
	}
}

func TestGivesUpWhereAskingAgainCannotHelp(t *testing.T) {
	unknown := serviceerror.NewNotFound("no such run")
	f := fakeRuns{
		progress: quiet, close: func(context.Context, string) (*historypb.HistoryEvent, error) { return nil, unknown },
	}
	if _, _, _, err := follow(t.Context(), t, f); !errors.Is(err, unknown) {
		t.Errorf("ended with %v, want %v", err, unknown)
	}
}

func untilDone(ctx context.Context, _ string) (*historypb.HistoryEvent, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}
