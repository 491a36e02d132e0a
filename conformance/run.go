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
	// Holds: the endpoint behaves as the belief states.
	Holds = "holds"
	// Differs: the endpoint behaves differently.
	Differs = "differs"
	// NotChecked: the check failed before it had a result.
	NotChecked = "not checked"
)

// Outcome is the result of one check.
type Outcome struct {
	Belief Belief
	// Verdict is Holds, Differs or NotChecked.
	Verdict string
	// Detail describes the difference, why the belief could not be checked, or what the check
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

// Run checks beliefs against a target, deletes the resources that the checks created, and returns
// the outcomes in the order of beliefs. If ctx is canceled, Run stops early, and still deletes the
// resources.
func Run(ctx context.Context, target Target, run string, beliefs []Belief) []Outcome {
	outcomes := make([]Outcome, len(beliefs))
	slots := make(chan struct{}, max(target.Parallel, 1))
	var running sync.WaitGroup
	var log sync.Mutex
	for i, belief := range beliefs {
		slots <- struct{}{}
		running.Go(func() {
			defer func() { <-slots }()
			outcomes[i] = checkBelief(ctx, newWorld(target, run, belief.Name), belief)
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
	line := fmt.Sprintf("%-11s  %s", o.Verdict, o.Belief.Name)
	if o.Detail != "" {
		line += ": " + o.Detail
	}
	if o.Left != "" {
		line += "\n  left over: " + o.Left
	}
	return line
}

// checkBelief runs one check and deletes what it created, even if the check fails, panics or is
// interrupted.
func checkBelief(ctx context.Context, w *World, belief Belief) (out Outcome) {
	out = Outcome{Belief: belief, Verdict: Holds}
	defer func() {
		if err := w.cleanUp(context.WithoutCancel(ctx)); err != nil {
			out.Left = err.Error()
		}
	}()
	err := runCheck(ctx, w, belief)
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

// runCheck runs the check of a belief, and returns a panic as an error.
func runCheck(ctx context.Context, w *World, belief Belief) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the check panicked: %v\n%s", r, debug.Stack())
		}
	}()
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	return belief.check(ctx, w)
}

// estimate returns how much it costs in USD, and how long it takes, to check beliefs on AWS.
func estimate(beliefs []Belief, parallel int) (cost float64, duration time.Duration) {
	cents, minutes, longest := 0, 0, 0
	for _, b := range beliefs {
		cents, minutes, longest = cents+b.Cents, minutes+b.Minutes, max(longest, b.Minutes)
	}
	return float64(cents) / 100, time.Duration(max(longest, (minutes+parallel-1)/parallel)) * time.Minute
}
