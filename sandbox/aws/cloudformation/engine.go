package cloudformation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"perch/sandbox/aws/resource"
)

// Causes that end a run before its operation is complete.
var (
	errClosing    = errors.New("the endpoint is closing")
	errSuperseded = errors.New("another operation takes over")
	errSibling    = errors.New("another resource failed")
	errTimeout    = errors.New("the creation took too long")
)

// run carries out a stack's operation, phase by phase. Every phase can be started again from the
// stack's stored state, so after a restart the operation continues.
type run struct {
	*Service
	stack  *stack
	ctx    context.Context
	cancel context.CancelCauseFunc
	done   chan struct{}
}

// launch starts the run of st's operation, after the run that it supersedes has ended. The caller
// holds the lock.
func (s *Service) launch(st *stack) {
	ctx, cancel := context.WithCancelCause(s.ctx)
	r := &run{Service: s, stack: st, ctx: ctx, cancel: cancel, done: make(chan struct{})}
	previous := s.runs[st.ID]
	s.runs[st.ID] = r
	s.running.Go(func() {
		defer close(r.done)
		defer cancel(nil)
		if previous != nil {
			previous.cancel(errSuperseded)
			<-previous.done
		}
		r.execute()
	})
}

func (r *run) execute() {
	for {
		r.mu.Lock()
		var now phase
		if r.runs[r.stack.ID] == r && inProgress(r.stack.Status) {
			now = r.stack.Operation.Phase
		}
		r.mu.Unlock()
		if now == "" || r.stopped() {
			return
		}
		if err := r.carryOut(now); err != nil {
			r.log.Error("carry out operation", "stack", r.stack.Name, "phase", now, "error", err)
			return
		}
	}
}

func (r *run) carryOut(now phase) error {
	switch now {
	case creating:
		return r.createAll()
	case updating:
		return r.updateAll()
	case cleaning:
		return r.cleanUp()
	case undoingCreate:
		return r.undoCreate()
	case undoingUpdate:
		return r.undoUpdate()
	case undoingCleaning:
		return r.undoCleanUp()
	case deleting:
		return r.deleteAll()
	}
	return fmt.Errorf("unknown phase %q", now)
}

// stopped reports whether the run must end without changing the stack, because the endpoint is
// closing or another run superseded it.
func (r *run) stopped() bool {
	cause := context.Cause(r.ctx)
	return errors.Is(cause, errClosing) || errors.Is(cause, errSuperseded)
}

// locked calls change while it holds the lock, unless another run has superseded this one.
func (r *run) locked(change func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.runs[r.stack.ID] == r {
		change()
	}
}

// record stores what a service returned, even if another run supersedes this one, because that run
// only starts when this one has ended.
func (r *run) record(change func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change()
	r.touch(r.stack)
}

// finish ends the operation with a stable status. It keeps what a later rollback needs.
func (r *run) finish(status, reason string) {
	r.locked(func() {
		r.set(r.stack, status, reason)
		if status != "UPDATE_FAILED" && status != "UPDATE_ROLLBACK_FAILED" {
			r.stack.Operation = nil
		}
		if c := r.stack.changeSet(r.stack.ChangeSet); c != nil {
			c.ExecutionStatus = "EXECUTE_COMPLETE"
		}
	})
}

// enter starts another phase.
func (r *run) enter(next phase, status, reason string) {
	r.locked(func() {
		r.stack.Operation.Phase = next
		r.set(r.stack, status, reason)
	})
}

// pause waits for a number of AWS's seconds. If it is interrupted, it returns the reason.
func (s *Service) pause(ctx context.Context, seconds float64) error {
	return sleep(ctx, s.scaled(seconds))
}

func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return context.Cause(ctx)
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

// takes waits until a resource has taken its time since started.
func (r *run) takes(ctx context.Context, started time.Time, seconds float64) error {
	return sleep(ctx, r.scaled(seconds)-r.now().Sub(started))
}

// walk calls do for every key of needs, each as soon as all keys that it needs are done, and
// several at a time. It leaves out keys that need a failed one. If stop is set, the first failure
// interrupts all others. It returns the failures by key.
func walk(
	ctx context.Context, needs map[string][]string, stop bool, do func(ctx context.Context, id string) error,
) map[string]error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	type result struct {
		id  string
		err error
	}
	begun, done, failed := map[string]bool{}, map[string]bool{}, map[string]error{}
	waits := func(id string) bool {
		return slices.ContainsFunc(
			needs[id], func(need string) bool { _, exists := needs[need]; return exists && !done[need] },
		)
	}
	results, active := make(chan result), 0
	for {
		for _, id := range sortedKeys(needs) {
			if begun[id] || waits(id) || ctx.Err() != nil || stop && len(failed) > 0 {
				continue
			}
			begun[id] = true
			active++
			go func() { results <- result{id, do(ctx, id)} }()
		}
		if active == 0 {
			return failed
		}
		r := <-results
		active--
		if r.err == nil {
			done[r.id] = true
			continue
		}
		failed[r.id] = r.err
		if stop {
			cancel(errSibling)
		}
	}
}

// reversed returns, for each key, the keys that need it.
func reversed(needs map[string][]string) map[string][]string {
	out := map[string][]string{}
	for id, wants := range needs {
		out[id] = append(out[id], []string{}...)
		for _, want := range wants {
			if _, ok := needs[want]; ok {
				out[want] = append(out[want], id)
			}
		}
	}
	return out
}

// reason returns a failure in the words of CloudFormation's events.
func reason(err error) string {
	if failure, ok := resource.As(err); ok {
		code := failure.Code
		if code == "" {
			code = "GeneralServiceException"
		}
		return fmt.Sprintf(`Resource handler returned message: "%s (Service: %s, Status Code: %d, Request ID: %s) `+
			`(SDK Attempt Count: 1)" (RequestToken: %s, HandlerErrorCode: %s)`,
			failure.Message, failure.Service, failure.Status, uuid.NewString(), uuid.NewString(), code)
	}
	return message(err)
}

// failures lists logical ids in CloudFormation's sentence.
func failures(verb string, ids []string) string {
	if len(ids) == 0 {
		return ""
	}
	return fmt.Sprintf("The following resource(s) failed to %s: [%s]. ", verb, strings.Join(ids, ", "))
}
