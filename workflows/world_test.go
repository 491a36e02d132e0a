package workflows

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"perch"
	"perch/activities/activitytest"
	"perch/activities/contract"
	"perch/lifecycle"
)

// world stands for everything outside a run: one stack and what the activities did, in order.
type world struct {
	t   *testing.T
	env *testsuite.TestWorkflowEnvironment
	// stack is what DescribeStack sees; admitted, rendered and left are what the other activities
	// answer.
	stack    contract.StackState
	admitted contract.AdmitResult
	rendered contract.RenderResult
	left     []string
	kept     []string
	// failures are what DiagnoseDeletion sees.
	failures []lifecycle.Failure
	// ends are the statuses that AwaitStack reports, one for each wait; without one the operation
	// succeeds.
	ends []contract.AwaitResult
	// waits are the waits for operations, in order.
	waits []contract.AwaitInput
	// hung lets AwaitStack run into the deadline of its activity.
	hung bool
	// secretless lets EnsureDatabase find no secret in the stack.
	secretless bool
	// moved is the branch's head, if it has moved since Perch requested the head.
	moved string
	// shows lets AwaitStack show the stack at the end.
	shows bool
	// held makes AwaitStack wait until a request has arrived.
	held bool
	// unseeded is how the steps that need the app fail.
	unseeded error
	// unbuilt says that the image is missing until AwaitImage has ended.
	unbuilt bool
	// unchecked are the warnings of AwaitReady.
	unchecked []string
	// fails are how activities fail, under their names.
	fails map[string]error
	// canceled is why CloudFormation cancels a deletion that it has accepted; obstacle is what
	// PrepareDeletion finds.
	canceled, obstacle string
	// orphans are what the first VerifyGone finds, and earlier what Admit has read of earlier
	// removals.
	orphans []contract.Orphan
	// dropped are what updates left, as DiagnoseDeletion says.
	dropped []contract.Orphan
	// snapshots are what SweepResources takes of databases.
	snapshots []string
	earlier   []perch.Leftover
	// closed says that an earlier removal has closed the buckets of the stack.
	closed bool
	// withdraws says that the environment has variables that the template no longer sets.
	withdraws bool
	// during is called by each activity under its name.
	during map[string]func()
	// unreported are how many reports fail before one succeeds, and reports those that were tried,
	// in order.
	unreported int
	reports    []contract.ReportInput
	mu         sync.Mutex
	done       []string
}

const (
	commitOne = "1111111111111111111111111111111111111111"
	commitTwo = "2222222222222222222222222222222222222222"
	stackID   = "arn:aws:cloudformation:eu-central-1:000000000000:stack/shop-login/1"
)

func newWorld(t *testing.T) *world {
	var suite testsuite.WorkflowTestSuite
	w := &world{t: t, env: suite.NewTestWorkflowEnvironment(), during: map[string]func(){}, fails: map[string]error{}}
	w.admitted = contract.AdmitResult{Kind: perch.KindBranch}
	w.rendered = contract.RenderResult{Hash: "new", Resources: 7, SeedSteps: 1}
	w.env.RegisterActivity(&activity{w})
	w.env.RegisterWorkflow(Provision)
	w.env.RegisterWorkflow(Teardown)
	w.env.RegisterWorkflow(Note)
	w.env.SetTestTimeout(time.Minute)
	return w
}

// ours is the branch's own stack in status, with a template that is in force.
func (w *world) ours(status, template string) {
	w.stack = contract.StackState{
		StackID: stackID, Status: status, Ours: true, Kind: perch.KindBranch, Template: template,
		URL: "https://login.example.com", Endpoint: "lb.example.com",
	}
}

func (w *world) note(name, format string, args ...any) {
	w.mu.Lock()
	w.done = append(w.done, strings.TrimSpace(name+" "+fmt.Sprintf(format, args...)))
	act := w.during[name]
	w.mu.Unlock()
	if act != nil {
		act()
	}
}

// calls are the activities that the run called, in order. It takes the lock, because an activity
// that the run no longer waits for may still work.
func (w *world) calls() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.done)
}

// reported are the reports that the run tried, in order.
func (w *world) reported() []contract.ReportInput {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.reports)
}

func up(commit string) perch.Request {
	return perch.Request{ID: "up-" + commit[:4], Goal: perch.GoalUp, Project: "shop", Branch: "login", Commit: commit}
}

func gone() perch.Request {
	return perch.Request{ID: "gone", Goal: perch.GoalGone, Project: "shop", Branch: "login"}
}

func (w *world) ask(request perch.Request) { w.env.SignalWorkflow(perch.SignalRequest, request) }

// run executes the workflow for a first request and returns its result, the request that it handed
// on, and its error.
func (w *world) run(function any, first perch.Request) (*perch.Result, *perch.Request, error) {
	w.t.Helper()
	result, next, err := w.goOn(function, perch.RunInput{Request: &first})
	if next == nil {
		return result, nil, err
	}
	return result, next.Request, err
}

// goOn executes the workflow as the next run of a chain and returns its result, the input of the
// run after it, and its error.
func (w *world) goOn(function any, in perch.RunInput) (*perch.Result, *perch.RunInput, error) {
	w.t.Helper()
	in.Environment = activitytest.Environment("shop", "login")
	w.env.ExecuteWorkflow(function, in)
	if !w.env.IsWorkflowCompleted() {
		w.t.Fatal("the run did not end")
	}
	err := w.env.GetWorkflowError()
	if next := handedOn(w.t, err); next != nil {
		return nil, next, nil
	}
	if err != nil {
		return nil, nil, err
	}
	var result perch.Result
	if err := w.env.GetWorkflowResult(&result); err != nil {
		w.t.Fatal(err)
	}
	return &result, nil, nil
}

func handedOn(t *testing.T, err error) *perch.RunInput {
	t.Helper()
	next, ok := asContinueAsNew(err)
	if !ok {
		return nil
	}
	var in perch.RunInput
	if err := converter.GetDefaultDataConverter().FromPayloads(next.Input, &in); err != nil {
		t.Fatal(err)
	}
	kind := map[perch.Goal]string{perch.GoalUp: "Provision", perch.GoalGone: "Teardown"}[in.Request.Goal]
	if next.WorkflowType.Name != kind {
		t.Errorf("%s was handed on to %s", in.Request.Goal, next.WorkflowType.Name)
	}
	return &in
}

// did compares what the run did with want. Buckets are emptied while the deletion is waited for, so
// either may come first. Waits for Elastic Beanstalk are compared only if want has one.
func (w *world) did(want ...string) {
	w.t.Helper()
	done := w.calls()
	if !slices.Contains(want, "AwaitBeanstalk") {
		done = slices.DeleteFunc(done, func(name string) bool { return name == "AwaitBeanstalk" })
	}
	for i := range done[:max(len(done)-1, 0)] {
		if done[i] == "AwaitStack DELETE_IN_PROGRESS" && strings.HasPrefix(done[i+1], "EmptyBucket") {
			done[i], done[i+1] = done[i+1], done[i]
		}
	}
	if !slices.Equal(done, want) {
		w.t.Errorf("the run did\n  %s\nwant\n  %s", strings.Join(done, "\n  "), strings.Join(want, "\n  "))
	}
}

// activity are the activities as the world has them, under the names of the real ones.
type activity struct{ w *world }

func (a *activity) Admit(_ context.Context, in contract.AdmitInput) (contract.AdmitResult, error) {
	a.w.note("Admit", "%s", in.Request.Goal)
	out := a.w.admitted
	if in.Request.Goal == perch.GoalUp && out.Outcome == "" && out.Settled == nil {
		out.Prepared = &contract.Prepared{
			Rendered:  a.w.rendered,
			Stack:     a.w.stack,
			Closed:    a.w.closed,
			Withdraws: a.w.withdraws,
		}
	}
	if a.w.unbuilt && in.Request.Goal == perch.GoalUp {
		out.Prepared, out.Settled, out.MissingImage, out.ImageWaitSeconds = nil, nil, "shop:1", 900
	}
	out.Earlier, out.Commit = a.w.earlier, in.Request.Commit
	if in.Request.Head && a.w.moved != "" {
		out.Commit = a.w.moved
	}
	return out, a.w.fails["Admit"]
}

func (a *activity) AwaitImage(_ context.Context, in contract.ImageInput) (contract.ImageResult, error) {
	a.w.note("AwaitImage", "%s for %d s", in.Image, in.PatienceSeconds)
	a.w.unbuilt = a.w.fails["AwaitImage"] != nil
	return contract.ImageResult{Found: true}, a.w.fails["AwaitImage"]
}

func (a *activity) DescribeStack(_ context.Context, in contract.StackInput) (contract.StackState, error) {
	a.w.note("DescribeStack", "")
	return a.w.stack, a.w.fails["DescribeStack"]
}

func (a *activity) CreateStack(_ context.Context, in contract.ChangeInput) (contract.ChangeResult, error) {
	a.w.note("CreateStack", "")
	a.w.ours("CREATE_IN_PROGRESS", "")
	return contract.ChangeResult{StackID: stackID}, nil
}

func (a *activity) UpdateStack(_ context.Context, in contract.ChangeInput) (contract.ChangeResult, error) {
	a.w.note("UpdateStack", "")
	a.w.stack.Status = "UPDATE_IN_PROGRESS"
	return contract.ChangeResult{StackID: in.StackID}, nil
}

func (a *activity) DeleteStack(_ context.Context, in contract.ChangeInput) (contract.ChangeResult, error) {
	a.w.note("DeleteStack", "%s%s", strings.Join(in.Retain, " "), forced(in.Force))
	a.w.stack.Status = "DELETE_IN_PROGRESS"
	return contract.ChangeResult{StackID: in.StackID}, nil
}

func (a *activity) CancelUpdate(_ context.Context, in contract.ChangeInput) (contract.ChangeResult, error) {
	a.w.note("CancelUpdate", "")
	a.w.stack.Status = "UPDATE_ROLLBACK_IN_PROGRESS"
	return contract.ChangeResult{StackID: in.StackID}, nil
}

func (a *activity) ContinueRollback(_ context.Context, in contract.ChangeInput) (contract.ChangeResult, error) {
	a.w.note("ContinueRollback", "%s", forced(in.Force))
	a.w.stack.Status = "UPDATE_ROLLBACK_IN_PROGRESS"
	return contract.ChangeResult{StackID: in.StackID}, nil
}

func (a *activity) RollbackStack(_ context.Context, in contract.ChangeInput) (contract.ChangeResult, error) {
	a.w.note("RollbackStack", "")
	a.w.stack.Status = "UPDATE_ROLLBACK_IN_PROGRESS"
	return contract.ChangeResult{StackID: in.StackID}, nil
}

func forced(on bool) string {
	if on {
		return "forced"
	}
	return ""
}

// succeeded is how each operation ends when nothing goes wrong.
var succeeded = map[string]string{
	"CREATE_IN_PROGRESS": "CREATE_COMPLETE", "UPDATE_IN_PROGRESS": "UPDATE_COMPLETE",
	"DELETE_IN_PROGRESS":          "DELETE_COMPLETE",
	"UPDATE_ROLLBACK_IN_PROGRESS": "UPDATE_ROLLBACK_COMPLETE", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS": "UPDATE_COMPLETE",
}

func (a *activity) AwaitStack(ctx context.Context, in contract.AwaitInput) (contract.AwaitResult, error) {
	w := a.w
	if in.UntilDeleting {
		return w.beginDeletion()
	}
	w.note("AwaitStack", "%s", w.stack.Status)
	w.waits = append(w.waits, in)
	if w.hung {
		return contract.AwaitResult{}, temporal.NewTimeoutError(enums.TIMEOUT_TYPE_SCHEDULE_TO_CLOSE, nil)
	}
	if w.held {
		<-ctx.Done()
		return contract.AwaitResult{}, ctx.Err()
	}
	end := contract.AwaitResult{Status: succeeded[w.stack.Status]}
	if len(w.ends) > 0 {
		end, w.ends = w.ends[0], w.ends[1:]
	}
	w.stack.Status = end.Status
	if end.Status == "CREATE_COMPLETE" || end.Status == "UPDATE_COMPLETE" {
		w.stack.Template = w.rendered.Hash
	}
	if end.Status == "DELETE_COMPLETE" && in.Token != "" {
		w.stack = contract.StackState{
			StackID: w.stack.StackID, Status: "DELETE_COMPLETE", Ours: true, Kind: w.stack.Kind,
		}
	}
	if w.shows {
		stack := w.stack
		end.Stack = &stack
	}
	return end, nil
}

// beginDeletion is how a deletion begins: CloudFormation comes to the first resource, or cancels.
func (w *world) beginDeletion() (contract.AwaitResult, error) {
	w.note("AwaitStack", "until deleting")
	if w.canceled != "" {
		w.stack.Status = "CREATE_COMPLETE"
		return contract.AwaitResult{Status: w.stack.Status, Reason: w.canceled}, nil
	}
	return contract.AwaitResult{Status: "DELETE_IN_PROGRESS"}, nil
}

func (a *activity) AwaitBeanstalk(context.Context, contract.StackInput) error {
	a.w.note("AwaitBeanstalk", "")
	return a.w.fails["AwaitBeanstalk"]
}

func (a *activity) WithdrawOptions(context.Context, contract.StackInput) error {
	a.w.note("WithdrawOptions", "")
	return a.w.fails["WithdrawOptions"]
}

func (a *activity) PrepareDeletion(_ context.Context, in contract.PrepareInput) (contract.PrepareResult, error) {
	a.w.note("PrepareDeletion", "%s", forced(in.Force))
	contents := perch.StackContents{Buckets: []string{"assets"}, Databases: []string{"db"}, Resources: 7}
	return contract.PrepareResult{
		Contents: contents, Obstacle: a.w.obstacle, Dropped: a.w.dropped,
	}, a.w.fails["PrepareDeletion"]
}

func (a *activity) ReopenBuckets(context.Context, contract.ReopenInput) (contract.ReopenResult, error) {
	a.w.note("ReopenBuckets", "")
	return contract.ReopenResult{Buckets: []string{"assets"}}, nil
}

func (a *activity) EmptyBucket(_ context.Context, in contract.EmptyBucketInput) (contract.EmptyBucketResult, error) {
	a.w.note("EmptyBucket", "%s", in.Bucket)
	return contract.EmptyBucketResult{Objects: 3}, a.w.fails["EmptyBucket"]
}

func (a *activity) VerifyGone(_ context.Context, in contract.VerifyInput) (contract.VerifyResult, error) {
	held := append(in.Contents.Buckets, in.Contents.Databases...)
	if in.SharedDatabase {
		held = append(held, "shared")
	}
	a.w.note("VerifyGone", "%s", strings.Join(held, " "))
	if len(a.w.orphans) > 0 && !in.Swept {
		return contract.VerifyResult{Orphans: a.w.orphans}, nil
	}
	return contract.VerifyResult{Leftovers: append(in.Known, a.w.left...), Kept: a.w.kept}, a.w.fails["VerifyGone"]
}

func (a *activity) DiagnoseDeletion(context.Context, contract.StackInput) (contract.Remains, error) {
	a.w.note("DiagnoseDeletion", "")
	return contract.Remains{Failures: a.w.failures, Dropped: a.w.dropped}, nil
}

func (a *activity) SweepResources(_ context.Context, in contract.SweepInput) (contract.SweepResult, error) {
	a.w.note("SweepResources", "%s", lifecycle.Describe(in.Resources))
	if in.StackID != stackID {
		return contract.SweepResult{}, nil
	}
	return contract.SweepResult{Kept: a.w.snapshots}, nil
}

func (a *activity) EnsureDatabase(context.Context, contract.DatabaseInput) (contract.DatabaseResult, error) {
	a.w.note("EnsureDatabase", "%s", a.w.stack.Status)
	return contract.DatabaseResult{Made: !a.w.secretless}, nil
}

func (a *activity) DropDatabase(context.Context, contract.DatabaseInput) (contract.DatabaseResult, error) {
	a.w.note("DropDatabase", "%s", a.w.stack.Status)
	return contract.DatabaseResult{}, a.w.fails["DropDatabase"]
}

func (a *activity) SeedData(_ context.Context, in contract.SeedInput) (contract.SeedResult, error) {
	if in.Later {
		a.w.note("SeedData", "later")
		return contract.SeedResult{
			Seeded: true, Steps: []perch.SeedDone{{Step: "http POST /seed", Status: 201}},
		}, a.w.unseeded
	}
	a.w.note("SeedData", "")
	return contract.SeedResult{Seeded: true, Objects: 2, Steps: []perch.SeedDone{{Step: "s3 media", Objects: 2}}}, nil
}

func (a *activity) AwaitReady(_ context.Context, in contract.ReadyInput) (contract.ReadyResult, error) {
	if in.StackID != a.w.stack.StackID {
		a.w.t.Errorf("AwaitReady is for stack %q", in.StackID)
	}
	a.w.note("AwaitReady", "%s", a.w.stack.URL)
	return contract.ReadyResult{Status: 200, Warnings: a.w.unchecked}, a.w.fails["AwaitReady"]
}

// Report is called beside the other activities, so it is not among what the run did.
func (a *activity) Report(_ context.Context, in contract.ReportInput) (contract.ReportResult, error) {
	a.w.mu.Lock()
	a.w.reports = append(a.w.reports, in)
	fails := a.w.unreported > 0
	a.w.unreported--
	act := a.w.during["Report"]
	a.w.mu.Unlock()
	if act != nil {
		act()
	}
	if fails {
		return contract.ReportResult{}, errors.New("S3 does not answer")
	}
	return contract.ReportResult{}, nil
}
