package conformance

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"
)

// The outcomes of a check.
const (
	// Holds: the endpoint behaves as the assumption states.
	Holds = "holds"
	// Differs: the endpoint behaves differently.
	Differs = "differs"
	// NotChecked: the check failed before it had a result.
	NotChecked = "not checked"
)

// Outcome is the result of one check.
type Outcome struct {
	Assumption Assumption
	// Verdict is Holds, Differs or NotChecked.
	Verdict string
	// Detail describes the difference, why the assumption could not be checked, or what the check
	// observed in addition.
	Detail string
	// Left is the error of the resources that could not be deleted after the check. It is empty if
	// nothing is left.
	Left string
}

// newRun returns the id of a run: 8 hexadecimal digits.
func newRun() string {
	var id [4]byte
	_, _ = rand.Read(id[:]) // It never fails (crypto/rand).
	return hex.EncodeToString(id[:])
}

// Run checks assumptions against a target, deletes the resources that the checks created, and
// returns the outcomes in the order of assumptions. If ctx is canceled, Run stops early, and still
// deletes the resources.
func Run(ctx context.Context, target Target, run string, assumptions []Assumption) []Outcome {
	outcomes := make([]Outcome, len(assumptions))
	slots := make(chan struct{}, max(target.Parallel, 1))
	var running sync.WaitGroup
	var log sync.Mutex
	for i, assumption := range assumptions {
		slots <- struct{}{}
		running.Go(func() {
			defer func() { <-slots }()
			outcomes[i] = checkAssumption(ctx, newWorld(target, run, assumption.Name), assumption)
			log.Lock()
			defer log.Unlock()
			fmt.Fprintln(target.Log, outcomes[i])
		})
	}
	running.Wait()
	return outcomes
}

// String returns the outcome as one line of the log.
func (o Outcome) String() string {
	line := fmt.Sprintf("%-11s  %s", o.Verdict, o.Assumption.Name)
	if o.Detail != "" {
		line += ": " + o.Detail
	}
	if o.Left != "" {
		line += "\n  left over: " + o.Left
	}
	return line
}

// checkAssumption runs one check and deletes what it created, even if the check fails, panics or is
// interrupted.
func checkAssumption(ctx context.Context, w *World, assumption Assumption) (out Outcome) {
	out = Outcome{Assumption: assumption, Verdict: Holds}
	defer func() {
		if err := w.cleanUp(context.WithoutCancel(ctx)); err != nil {
			out.Left = err.Error()
		}
	}()
	err := runCheck(ctx, w, assumption)
	out.Detail = w.note
	var difference *Difference
	switch {
	case errors.As(err, &difference):
		out.Verdict, out.Detail = Differs, err.Error()
	case err != nil:
		out.Verdict, out.Detail = NotChecked, err.Error()
	}
	return out
}

// runCheck runs the check of an assumption, and returns a panic as an error.
func runCheck(ctx context.Context, w *World, assumption Assumption) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the check panicked: %v\n%s", r, debug.Stack())
		}
	}()
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	return assumption.check(ctx, w)
}

// estimate returns how much it costs in USD, and how long it takes, to check assumptions on AWS.
func estimate(assumptions []Assumption, parallel int) (cost float64, duration time.Duration) {
	cents, minutes, longest := 0, 0, 0
	for _, b := range assumptions {
		cents, minutes, longest = cents+b.Cents, minutes+b.Minutes, max(longest, b.Minutes)
	}
	return float64(cents) / 100, time.Duration(max(longest, (minutes+parallel-1)/parallel)) * time.Minute
}
