package workflows

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"perch"
	"perch/activities"
	"perch/lifecycle"
)

const (
	// callTimeout bounds one try of a quick activity, callPatience all its tries together: what throttles or fails for longer is no
	// passing fault.
	callTimeout  = time.Minute
	callPatience = 15 * time.Minute
	// sourcePatience is callPatience where the branch source is asked: it may want to be left alone for most of an hour.
	sourcePatience = 70 * time.Minute
	// stackPatience bounds the wait for one operation of CloudFormation. A database alone takes ten minutes; CloudFormation itself
	// would wait 36 hours for one that hangs.
	stackPatience = 2 * time.Hour
	// workPatience bounds seeding, emptying a bucket and the wait for an answer.
	workPatience = 2 * time.Hour
	// heartbeatTimeout is how soon a dead worker's activity goes on elsewhere.
	heartbeatTimeout = 20 * time.Second
)

// Method references for ExecuteActivity; they are never called.
var (
	stacks       *activities.Stacks
	requests     *activities.Requests
	buckets      *activities.Buckets
	seeds        *activities.Seeds
	readiness    *activities.Readiness
	verification *activities.Verification
	applications *activities.Applications
	cleanups     *activities.Cleanups
	databases    *activities.Databases
	examinations *activities.Examinations
	deletions    *activities.Deletions
	images       *activities.Images
)

// quick runs an activity that makes a few calls.
func (r *run) quick(summary string, activity, in, out any) error {
	return quick(r.ctx, summary, activity, in, out)
}

func quick(ctx workflow.Context, summary string, activity, in, out any) error {
	return patient(ctx, callPatience, summary, activity, in, out)
}

func patient(ctx workflow.Context, patience time.Duration, summary string, activity, in, out any) error {
	return brief(ctx, patience, summary, activity, in).Get(ctx, out)
}

// brief begins an activity that makes a few calls; patience bounds all its tries together.
func brief(ctx workflow.Context, patience time.Duration, summary string, activity, in any) workflow.Future {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: callTimeout, ScheduleToCloseTimeout: patience, HeartbeatTimeout: heartbeatTimeout, RetryPolicy: retries(), Summary: summary,
	})
	return workflow.ExecuteActivity(ctx, activity, in)
}

// long begins an activity that takes its time, on the queue of those that wait.
func long(ctx workflow.Context, project, summary string, patience time.Duration, activity, in any) workflow.Future {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue: perch.WaitQueue(project), ScheduleToCloseTimeout: patience, StartToCloseTimeout: patience,
		HeartbeatTimeout: heartbeatTimeout, RetryPolicy: retries(), Summary: summary,
	})
	return workflow.ExecuteActivity(ctx, activity, in)
}

func retries() *temporal.RetryPolicy {
	return &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: 30 * time.Second}
}

// work runs a long activity to its end: it is never cut off half-way.
func (r *run) work(summary string, activity, in, out any) error {
	return long(r.ctx, r.environment.Project, summary, workPatience, activity, in).Get(r.ctx, out)
}

// await waits until the operation on the stack is over. It stops early, with an empty status, when the rules leave the stack to a newer
// request. A wait that ran out fails with a sentence of its own and nothing below it, because the starter shows what is deepest.
func (r *run) await(summary, token string, total int) (activities.AwaitResult, error) {
	return r.awaitUntil(summary, activities.AwaitInput{Token: token, Total: total})
}

func (r *run) awaitUntil(summary string, in activities.AwaitInput) (activities.AwaitResult, error) {
	ctx, cancel := workflow.WithCancel(r.ctx)
	defer cancel()
	in.StackID, in.Project, in.Branch = r.state.StackID, r.environment.Project, r.environment.Branch
	future := long(ctx, r.environment.Project, summary, stackPatience, stacks.AwaitStack, in)
	if !r.waitUnless(future, func() bool { return r.next("") == lifecycle.Yield }) {
		return activities.AwaitResult{}, nil
	}
	var out activities.AwaitResult
	err := future.Get(r.ctx, &out)
	if err == nil {
		r.state.Status = out.Status
		if out.Reason != "" {
			r.trouble = out.Reason
		}
		if r.seen = out.Stack != nil && !in.UntilDeleting; r.seen {
			r.state = *out.Stack
		}
	}
	if temporal.IsTimeoutError(err) {
		err = failed("stack %s did not settle within %.0f hours: look at its events in the CloudFormation console for what hangs; `perch down %s` can still remove it",
			r.environment.StackName(), stackPatience.Hours(), r.environment.Branch)
	}
	return out, err
}

// waitUnless waits until the future is ready. It reports false as soon as leave holds, which it checks first and after every request.
func (r *run) waitUnless(future workflow.Future, leave func() bool) (ready bool) {
	selector := workflow.NewSelector(r.ctx).
		AddFuture(future, func(workflow.Future) {}).
		AddReceive(r.requests, func(workflow.ReceiveChannel, bool) { r.drain() })
	for !future.IsReady() {
		if leave() {
			return false
		}
		selector.Select(r.ctx)
	}
	return true
}

// interruptible runs an activity that is safe to abandon at any time. A newer request ends it, whatever it waits for: done is
// false then, and the activity is cancelled.
func (r *run) interruptible(begin func(workflow.Context) workflow.Future, out any) (done bool, err error) {
	ctx, cancel := workflow.WithCancel(r.ctx)
	defer cancel()
	future := begin(ctx)
	if !r.waitUnless(future, r.overtaken) {
		return false, nil
	}
	return true, future.Get(r.ctx, out)
}
