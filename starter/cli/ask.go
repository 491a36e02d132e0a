package cli

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/user"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"perch"
	"perch/client"
	"perch/lifecycle"
)

// waiting has the flags of the commands that wait for a run.
type waiting struct {
	wait    bool
	noWait  bool
	timeout time.Duration
}

func (w *waiting) register(command *cobra.Command) {
	flags := command.Flags()
	flags.BoolVar(&w.wait, "wait", true, "wait until it is done")
	flags.BoolVar(&w.noWait, "no-wait", false, "return as soon as the request is kept")
	flags.DurationVar(&w.timeout, "timeout", time.Hour, "give up the wait after this long; the run goes on")
	command.MarkFlagsMutuallyExclusive("wait", "no-wait")
}

func (w *waiting) check() error {
	if w.timeout <= 0 {
		return usageError("--timeout %s is not a wait; give a duration such as 20m, or --no-wait", w.timeout)
	}
	return nil
}

// requestReport is the answer to a request. It is then written as text or JSON.
type requestReport struct {
	target target
	goal   perch.Goal
	result perch.Result
	// failure is the error message of OutcomeFailed and OutcomeTimeout.
	failure string
	run     client.Run
	link    string
	// log is what the environment logged while its deployment failed; nil if it is not known.
	log *perch.LogLines
}

// ask sends the request for t to Temporal and, unless --no-wait is set, waits for the answer. An
// error means that no request was sent.
func (a *app) ask(ctx context.Context, goal perch.Goal, t target, w waiting) (requestReport, error) {
	r := requestReport{target: t, goal: goal}
	c, err := a.connect(ctx)
	if err != nil {
		return r, err
	}
	defer c.Close()
	request := a.newRequest(goal, t)
	r.run, err = c.Request(ctx, request, w.timeout)
	if err != nil {
		return r, &exitError{code: exitFailed, err: err}
	}
	if r.link = c.link(r.run); r.link != "" {
		a.note("%s", r.link)
	}
	if w.noWait || !w.wait {
		r.result.Outcome = perch.OutcomeAccepted
		return r, nil
	}
	ctx, cancel := context.WithTimeout(ctx, w.timeout)
	defer cancel()
	answer, last, err := c.Follow(ctx, r.run, request, a.newView(t.title(goal)))
	r.run, r.link = last, c.link(last)
	r.conclude(answer, err, w.timeout)
	if r.result.Outcome == perch.OutcomeTimeout {
		look, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookTimeout)
		defer cancel()
		far, _ := c.Look(look, last) // Without an answer there is nothing to add.
		r.failure += far.RetrySentences()
	}
	return r, nil
}

// conclude records in the report how the wait ended.
func (r *requestReport) conclude(answer lifecycle.Answer, err error, timeout time.Duration) {
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		r.result.Outcome, r.failure = perch.OutcomeTimeout, fmt.Sprintf("not done after %s", timeout)
	case errors.Is(err, context.Canceled), errors.Is(err, ErrStopped):
		r.result.Outcome, r.failure = perch.OutcomeTimeout, "the wait was interrupted"
	case err != nil:
		r.result.Outcome, r.failure = perch.OutcomeFailed, err.Error()
	case answer.Failure != "":
		r.result = answer.Result
		r.result.Outcome, r.failure = perch.OutcomeFailed, answer.Failure
	default:
		r.result = answer.Result
	}
}

// code returns the program's exit code.
func (r *requestReport) code() int {
	switch r.result.Outcome {
	case perch.OutcomeFailed:
		return exitFailed
	case perch.OutcomeTimeout:
		return exitTimeout
	case perch.OutcomeRejected:
		return exitRejected
	}
	return exitDone
}

// problem returns the value of `error` in the JSON documents.
func (r *requestReport) problem() string {
	if r.result.Outcome == perch.OutcomeRejected {
		return r.result.Reason
	}
	return r.failure
}

// where returns where to find the run.
func (r *requestReport) where() string {
	if r.link != "" {
		return "The run: " + r.link
	}
	return fmt.Sprintf("The run: workflow %s, run %s", r.run.WorkflowID, r.run.RunID)
}

// explain prints why the request did not succeed. command is the command to run again.
func (a *app) explain(r *requestReport, command string) {
	branch := r.target.environment.Branch
	switch r.result.Outcome {
	case perch.OutcomeFailed:
		a.note("%s failed: %s", r.target.title(r.goal), r.failure)
		if r.goal == perch.GoalUp {
			a.note("%s", strings.Join(failureLogText(r.log, branch), "\n"))
		}
		a.note("%s", r.where())
		if !strings.Contains(r.failure, "run `perch "+command) {
			a.note("After you fix the cause, `perch %s %s` goes on from what is there.", command, branch)
		}
	case perch.OutcomeTimeout:
		a.note("%s: %s; the run goes on.", r.target.title(r.goal), r.failure)
		a.note("%s", r.where())
		a.note("`perch %s %s` waits for it again.", command, branch)
	case perch.OutcomeRejected:
		a.note("%s is rejected: %s", r.target.title(r.goal), r.result.Reason)
	}
}

func (a *app) newRequest(goal perch.Goal, t target) perch.Request {
	request := perch.Request{
		Goal: goal, Project: t.environment.Project, Branch: t.environment.Branch, Repository: t.repository,
		Force: t.force,
		By:    cmp.Or(t.job.By, a.person()), Reason: "perch " + verb(goal),
	}
	if t.job.By != "" {
		request.Trigger = perch.TriggerCI
	}
	if goal == perch.GoalUp {
		request.Commit, request.Recreate = t.commit, t.recreate
	}
	request.ID = requestID(request, t.job)
	return request
}

// verb returns the command that requests the goal.
func verb(goal perch.Goal) string {
	if goal == perch.GoalGone {
		return "down"
	}
	return string(goal)
}

// requestID returns the ID of a request. In CI, a job always gets one ID for one request, so that a
// repeated step finds its request. Elsewhere every call returns a new ID.
func requestID(request perch.Request, job ciJob) string {
	if job.ID == "" {
		return uuid.NewString()
	}
	parts := []string{request.Project, request.Repository, request.Branch, request.Commit, string(request.Goal), job.ID}
	if request.Recreate {
		parts = append(parts, "recreate")
	}
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:16])
}

// person returns the name of the requester outside CI.
func (a *app) person() string {
	name := cmp.Or(a.env("USER"), a.env("LOGNAME"))
	if name == "" {
		if current, err := user.Current(); err == nil {
			name = current.Username
		}
	}
	if host, err := os.Hostname(); err == nil && name != "" {
		return name + "@" + host
	}
	return name
}
