package cli

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"perch"
	"perch/client"
	"perch/lifecycle"
)

// lastLookTimeout is the time limit for reading the state of the runs once the wait has timed out.
const lastLookTimeout = 10 * time.Second

// stage is the progress of one environment's removal.
type stage string

const (
	stagePending stage = "pending"
	stageBegun   stage = "begun"
	stageRemoved stage = "removed"
	stageKept    stage = "kept"
	stageFailed  stage = "failed"
)

// removal is a removal that the run requested, and its progress.
type removal struct {
	asked perch.CleanupAsked
	stage stage
	// why is the reason of stageKept, or the error of stageFailed.
	why string
}

// sweep is a run of Cleanup and its result.
type sweep struct {
	dryRun   bool
	result   perch.CleanupResult
	removals []removal
}

func (s *sweep) begin() {
	for _, asked := range s.result.Asked {
		s.removals = append(s.removals, removal{asked: asked, stage: stagePending})
	}
}

// await waits until every removal has ended or ctx ends. It calls ended for each removal that has
// ended, and calls going at each tick with the number of the others. It does not wait for a removal
// whose grace period is longer than the wait.
func (s *sweep) await(
	ctx context.Context, c *connection, ended func(removal), tick <-chan time.Time, going func(removals int),
) {
	deadline, _ := ctx.Deadline()
	var (
		group   sync.WaitGroup
		telling sync.Mutex
		left    atomic.Int64
	)
	for i := range s.removals {
		r := &s.removals[i]
		if r.asked.Judged.Until.After(deadline) {
			continue
		}
		left.Add(1)
		group.Go(func() {
			defer left.Add(-1)
			r.await(ctx, c)
			if r.stage != stagePending && r.stage != stageBegun {
				telling.Lock()
				defer telling.Unlock()
				ended(*r)
			}
		})
	}
	done := make(chan struct{})
	go func() { defer close(done); group.Wait() }()
	meanwhile(done, tick, func() {
		telling.Lock()
		defer telling.Unlock()
		going(int(left.Load()))
	})
}

// meanwhile calls tell at each tick until done is closed.
func meanwhile(done <-chan struct{}, tick <-chan time.Time, tell func()) {
	for {
		select {
		case <-done:
			return
		case <-tick:
			tell()
		}
	}
}

func (r *removal) await(ctx context.Context, c *connection) {
	request := perch.Request{
		ID: r.asked.RequestID, Goal: perch.GoalGone, Branch: r.asked.Branch, Judged: &r.asked.Judged,
	}
	answer, last, err := c.Follow(ctx, client.Run{WorkflowID: r.asked.Stack, RunID: r.asked.RunID}, request, nil)
	switch {
	case err != nil && ctx.Err() != nil:
		r.stage = c.given(ctx, last)
	case err != nil:
		r.stage, r.why = stageFailed, err.Error()
	default:
		r.stage, r.why = judgeRemoval(answer)
	}
}

// judgeRemoval returns the stage of a removal by cleanup whose run has ended, and the reason.
func judgeRemoval(answer lifecycle.Answer) (stage, string) {
	switch {
	case answer.Failure != "":
		return stageFailed, answer.Failure
	case answer.Result.Outcome == perch.OutcomeGone || answer.Result.Outcome == perch.OutcomeAbsent:
		return stageRemoved, ""
	case answer.Result.Outcome == perch.OutcomeSuperseded:
		return stageKept, fmt.Sprintf(
			"commit %s was requested meanwhile", perch.ShortCommit(answer.Result.SupersededBy),
		)
	}
	return stageKept, answer.Result.Reason
}

// given returns the stage of a removal when the wait for it has timed out.
func (c *connection) given(ctx context.Context, r client.Run) stage {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastLookTimeout)
	defer cancel()
	p, err := c.Look(ctx, r)
	waits := []perch.Phase{"", perch.PhaseAdmitting, perch.PhaseGrace}
	if err == nil && slices.Contains(waits, p.Phase) {
		return stagePending
	}
	return stageBegun
}
