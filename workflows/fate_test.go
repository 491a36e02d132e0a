package workflows

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	sdk "go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/testsuite"

	"perch"
	"perch/activities/contract"
	"perch/lifecycle"
)

// fate is a world in which anything may happen that AWS and people do. Its methods are the
// activities under their real names. What happens is drawn beforehand: so one seed is one story.
type fate struct {
	env *testsuite.TestWorkflowEnvironment
	mu  sync.Mutex
	// draws say what happens, from 0 to 99; below 60 all goes well, and so it does when they are
	// used up.
	draws []int
	// bucketDraws are those of EmptyBucket, which runs beside another activity.
	bucketDraws []int
	// waiting are the requests that may still arrive, asked those that have.
	waiting, asked []perch.Request
	// rejected are the IDs of the removals that were rejected, or failed before they were due;
	// notAllowed says that Admit rejected in this run.
	rejected   map[string]bool
	notAllowed bool
	// touched says that in this run something was changed, or tried to.
	touched bool
	// answered says that the app has answered in this run, and seeded that the steps that need it
	// are done.
	answered, seeded bool
	// shared says that the branch's database is in the shared instance, and database for which
	// stack it was made; empty if there is none.
	shared   bool
	database string
	// stack is the one of the branch's name; made counts those that there have been.
	stack contract.StackState
	made  int
	// ready says that the stack was ready once, and recreated which ready stack a request has had
	// deleted.
	ready     bool
	recreated map[string]string
	// stopped says that the stack's database is stopped, so that it can be neither changed nor
	// rolled back; forced that the rollback leaves it out. mayRecreate is the policy's word on a
	// stack that stays stuck.
	stopped, forced, mayRecreate bool
	// before is the status that a canceled deletion brings the stack back to; dying says that a
	// resource of the stack is being deleted, so that it can no longer return to service.
	before string
	dying  bool
	// closed says that the stack's buckets deny writes and have lost their objects.
	closed bool
	// orphan says that a deleted stack has left a bucket which no stack names.
	orphan bool
	// branchGone says that the branch is deleted in the repository.
	branchGone bool
	// wanted is the hash of the template that the stack is being brought to.
	wanted string
	// runs counts the runs, and done are the tokens of the calls that had their effect, each after
	// its run's number: here all have one id.
	runs int
	done map[string]bool
	// target is what the latest run works for.
	target perch.Request
	// abandons says that any newer request ends the activity that runs.
	abandons bool
	// hops counts the runs that Perch itself requested for a branch's head.
	hops int
	// awaited is the wait that is the latest thing begun.
	awaited string
	steps   int
	// passed counts the failures of the run that a retry fixes.
	passed int
	wrongs []string
	// reports counts what was told; every third report fails.
	reports int
}

func (f *fate) draw() int {
	if len(f.draws) == 0 {
		return 0
	}
	next := f.draws[0]
	f.draws = f.draws[1:]
	return next
}

// among is the first of the choices when all goes well, and another one else.
func (f *fate) among(choices ...string) string {
	next := f.draw()
	if next < 60 || len(choices) == 1 {
		return choices[0]
	}
	return choices[1+next%(len(choices)-1)]
}

func (f *fate) wrong(format string, args ...any) {
	f.wrongs = append(f.wrongs, fmt.Sprintf(format, args...))
}

// send sends the next request that waits.
func (f *fate) send() (request perch.Request) {
	if len(f.waiting) > 0 {
		request, f.waiting = f.waiting[0], f.waiting[1:]
		f.asked = append(f.asked, request)
		f.env.SignalWorkflow(perch.SignalRequest, request)
	}
	return request
}

// arrive sends the next request that waits while an activity runs, and now and then the one after
// it as well. Only an `up` has another one behind it, and only where it ends no wait: the test
// environment loses what is sent to a run that has ended.
func (f *fate) arrive() {
	for f.send().Goal == perch.GoalUp && !f.abandons && f.draw() >= 60 {
	}
}

var errPassing = errors.New("it is temporary")

// maxPassing bounds the passing failures of a run: more than that in a row do not pass within a
// run's patience.
const maxPassing = 6

// pass is a failure that a retry fixes.
func (f *fate) pass() error {
	if f.passed >= maxPassing {
		return nil
	}
	f.passed++
	return errPassing
}

// happenWhileWaiting is happen for an activity that a newer request ends.
func (f *fate) happenWhileWaiting() error {
	f.abandons = true
	defer func() { f.abandons = false }()
	return f.happen()
}

// happen is what may befall any activity.
func (f *fate) happen() error {
	f.steps++
	f.awaited = ""
	switch next := f.draw(); {
	case next >= 97:
		return denied()
	case next >= 85:
		return f.pass()
	case next >= 70:
		f.arrive()
	}
	return nil
}

func (f *fate) exists() bool { return f.stack.Status != "" && f.stack.Status != "DELETE_COMPLETE" }

// tooMany is why an environment that was made has to go again.
const tooMany = "one environment too many"

// call is a mutating call on the stack: it has its effect at most once for each token, regardless
// of what happens to its answer.
func (f *fate) call(name string, in contract.ChangeInput, effect func()) error {
	f.touched = true
	if err := f.happen(); err != nil {
		return err
	}
	if in.Token == "" {
		f.wrong("%s without a token", name)
	}
	token := fmt.Sprint(f.runs, in.Token)
	if !f.done[token] {
		if name != "CreateStack" && f.exists() && !f.stack.Ours {
			f.wrong("%s on a stack that Perch does not manage", name)
		}
		effect()
		f.done[token] = true
	}
	if f.among("", "lost") == "lost" {
		return f.pass()
	}
	return nil
}

// mayRemove notes where something of a stack is removed that must not be.
func (f *fate) mayRemove(what, id string) {
	if f.exists() && id == f.stack.StackID && (!f.stack.Ours || f.stack.Protected || f.stack.Kind != perch.KindBranch) {
		f.wrong("%s of a stack that is not ours or is protected: %+v", what, f.stack)
	}
}

// mayLose notes where an up deletes a stack that was ready, although neither the request nor the
// policy says so, or a second time for the same request.
func (f *fate) mayLose() {
	if f.target.Goal != perch.GoalUp || !f.ready || strings.HasPrefix(f.stack.Status, "DELETE_") {
		return
	}
	if !f.target.Recreate {
		if !f.mayRecreate {
			f.wrong("a stack that was ready is deleted without a request for that: %+v", f.stack)
		}
		return
	}
	if before := f.recreated[f.target.ID]; before != "" && before != f.stack.StackID {
		f.wrong("the recreation %s deletes %s and before that %s", f.target.ID, f.stack.StackID, before)
	}
	f.recreated[f.target.ID] = f.stack.StackID
}

func (f *fate) Admit(_ context.Context, in contract.AdmitInput) (contract.AdmitResult, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.target = in.Request
	if err := f.happenWhileWaiting(); err != nil {
		return contract.AdmitResult{}, err
	}
	if f.draw() >= 90 || f.branchGone && in.Request.Goal == perch.GoalUp {
		f.notAllowed = true
		return contract.AdmitResult{Rejection: perch.Reject("not allowed")}, nil
	}
	if in.Request.Goal == perch.GoalGone {
		return contract.AdmitResult{Kind: perch.KindBranch, SharedDatabase: f.shared}, nil
	}
	if f.draw() >= 85 { // The branch's head is the other commit.
		f.target.Commit = map[string]string{commitOne: commitTwo, commitTwo: commitOne}[in.Request.Commit]
		if !in.Request.Head {
			return contract.AdmitResult{
				Outcome: perch.OutcomeSuperseded, SupersededBy: f.target.Commit, Deploy: true,
			}, nil
		}
	}
	prepared := contract.Prepared{Rendered: f.rendered(f.target.Commit)}
	if f.exists() {
		prepared.Stack, prepared.Closed = f.stack, f.closed && !strings.HasPrefix(f.stack.Status, "DELETE_")
	}
	return contract.AdmitResult{
		Kind: perch.KindBranch, Commit: f.target.Commit, Prepared: &prepared, MayRecreate: f.mayRecreate,
	}, nil
}

func (f *fate) rendered(commit string) contract.RenderResult {
	return contract.RenderResult{
		Hash: templateAt(commit), Resources: 7, SeedSteps: 1, LaterSteps: 1, SharedDatabase: f.shared,
	}
}

func templateAt(commit string) string { return "template of " + commit }

func (f *fate) DescribeStack(_ context.Context, in contract.StackInput) (contract.StackState, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.happen(); err != nil {
		return contract.StackState{}, err
	}
	switch {
	case in.StackID != "" && in.StackID != f.stack.StackID:
		return contract.StackState{
			StackID: in.StackID, Status: "DELETE_COMPLETE", Ours: true, Kind: perch.KindBranch,
		}, nil
	case in.StackID == "" && !f.exists():
		return contract.StackState{}, nil
	}
	return f.stack, nil
}

func (f *fate) CreateStack(_ context.Context, in contract.ChangeInput) (contract.ChangeResult, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	err := f.call("CreateStack", in, func() {
		if f.exists() {
			f.wrong("CreateStack while a stack is %s", f.stack.Status)
		}
		f.made++
		f.wanted = in.Template
		f.dying, f.closed, f.ready, f.stopped = false, false, false, false
		f.stack = contract.StackState{
			StackID: fmt.Sprintf("%s-%d", stackID, f.made), Status: "CREATE_IN_PROGRESS", Ours: true,
			Kind: perch.KindBranch, URL: "https://login",
		}
	})
	out := contract.ChangeResult{StackID: f.stack.StackID}
	if err == nil && f.draw() >= 95 {
		out.Rejection = perch.Reject(tooMany)
	}
	return out, err
}

func (f *fate) UpdateStack(_ context.Context, in contract.ChangeInput) (contract.ChangeResult, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := contract.ChangeResult{StackID: in.StackID}
	err := f.call("UpdateStack", in, func() {
		if !updatable[f.stack.Status] {
			f.wrong("UpdateStack while the stack is %s", f.stack.Status)
		}
		f.wanted, f.stack.Status = in.Template, "UPDATE_IN_PROGRESS"
	})
	return out, err
}

var updatable = map[string]bool{
	"CREATE_COMPLETE": true, "UPDATE_COMPLETE": true, "UPDATE_ROLLBACK_COMPLETE": true, "IMPORT_COMPLETE": true,
	"IMPORT_ROLLBACK_COMPLETE": true,
}

func (f *fate) DeleteStack(_ context.Context, in contract.ChangeInput) (contract.ChangeResult, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return contract.ChangeResult{StackID: in.StackID}, f.call("DeleteStack", in, func() {
		f.mayRemove("DeleteStack", in.StackID)
		f.mayLose()
		if strings.HasPrefix(f.stack.Status, "UPDATE_") && lifecycle.InProgress(f.stack.Status) {
			f.wrong("DeleteStack while the stack is %s", f.stack.Status)
		}
		if in.StackID == f.stack.StackID && f.exists() {
			f.before, f.dying = f.stack.Status, f.dying || f.stack.Status == "DELETE_FAILED"
			f.stack.Status = "DELETE_IN_PROGRESS"
		}
	})
}

func (f *fate) CancelUpdate(_ context.Context, in contract.ChangeInput) (contract.ChangeResult, error) {
	return f.turnBack("CancelUpdate", in, "UPDATE_IN_PROGRESS")
}

func (f *fate) ContinueRollback(_ context.Context, in contract.ChangeInput) (contract.ChangeResult, error) {
	f.mu.Lock()
	f.forced = in.Force
	f.mu.Unlock()
	return f.turnBack("ContinueRollback", in, "UPDATE_ROLLBACK_FAILED")
}

func (f *fate) RollbackStack(_ context.Context, in contract.ChangeInput) (contract.ChangeResult, error) {
	return f.turnBack("RollbackStack", in, "UPDATE_FAILED")
}

// turnBack begins a rollback; CloudFormation takes each of the calls in one status only.
func (f *fate) turnBack(name string, in contract.ChangeInput, from string) (contract.ChangeResult, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return contract.ChangeResult{StackID: in.StackID}, f.call(name, in, func() {
		if f.stack.Status != from {
			f.wrong("%s while the stack is %s", name, f.stack.Status)
		}
		f.stack.Status = "UPDATE_ROLLBACK_IN_PROGRESS"
	})
}

// endings are how CloudFormation's operations end, the good one first.
var endings = map[string][]string{
	"CREATE_IN_PROGRESS": {
		"CREATE_COMPLETE", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED",
	},
	"ROLLBACK_IN_PROGRESS": {"ROLLBACK_COMPLETE", "ROLLBACK_FAILED"},
	"UPDATE_IN_PROGRESS": {
		"UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_FAILED", "UPDATE_FAILED",
	},
	"UPDATE_COMPLETE_CLEANUP_IN_PROGRESS":          {"UPDATE_COMPLETE"},
	"UPDATE_ROLLBACK_IN_PROGRESS":                  {"UPDATE_ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_FAILED"},
	"UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS": {"UPDATE_ROLLBACK_COMPLETE"},
	"DELETE_IN_PROGRESS":                           {"DELETE_COMPLETE", "DELETE_FAILED"},
	"IMPORT_IN_PROGRESS":                           {"IMPORT_COMPLETE", "IMPORT_ROLLBACK_COMPLETE"},
	"IMPORT_ROLLBACK_IN_PROGRESS":                  {"IMPORT_ROLLBACK_COMPLETE", "IMPORT_ROLLBACK_FAILED"},
}

// AwaitStack lets a request arrive while the operation goes on. A wait that was given up does not
// go on behind the run's back.
func (f *fate) AwaitStack(ctx context.Context, in contract.AwaitInput) (contract.AwaitResult, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	info := sdk.GetInfo(ctx)
	if info.Attempt > 1 && f.awaited != info.ActivityID {
		return contract.AwaitResult{}, denied()
	}
	arrived := len(f.asked)
	err := f.happen()
	f.awaited = info.ActivityID
	switch ends, moving := endings[f.stack.Status]; {
	case err != nil:
		return contract.AwaitResult{}, err
	case len(f.asked) > arrived && f.among("goes on", "over") == "goes on":
		return contract.AwaitResult{}, errPassing // As often as requests arrive, and no oftener.
	case in.StackID != f.stack.StackID:
		return contract.AwaitResult{Status: "DELETE_COMPLETE"}, nil
	case in.UntilDeleting && moving:
		return f.beginDeletion(), nil
	case moving:
		f.stack.Status = f.among(f.stuck(ends)...)
	}
	if f.stack.Status == "CREATE_COMPLETE" || f.stack.Status == "UPDATE_COMPLETE" {
		f.ready = true
		f.stack.Template = f.wanted
	}
	out := contract.AwaitResult{Status: f.stack.Status, Reason: "drawn"}
	if f.among("shown", "not shown") == "shown" {
		stack := f.stack
		out.Stack = &stack
	}
	return out, nil
}

// stuck are the endings of an operation if the stack's database is stopped, and ends if it is not.
func (f *fate) stuck(ends []string) []string {
	switch {
	case f.stopped && f.stack.Status == "UPDATE_IN_PROGRESS":
		return []string{"UPDATE_ROLLBACK_FAILED", "UPDATE_ROLLBACK_COMPLETE"}
	case f.stopped && f.stack.Status == "UPDATE_ROLLBACK_IN_PROGRESS" && !f.forced:
		return []string{"UPDATE_ROLLBACK_FAILED"}
	}
	return ends
}

// beginDeletion is how a deletion begins: CloudFormation comes to a resource, or cancels the
// deletion.
func (f *fate) beginDeletion() contract.AwaitResult {
	if !f.dying && f.among("deletes", "canceled") == "canceled" {
		f.stack.Status = f.before
		return contract.AwaitResult{Status: f.stack.Status, Reason: "Delete canceled. Cannot delete export"}
	}
	f.dying = true
	return contract.AwaitResult{Status: f.stack.Status}
}

func (f *fate) PrepareDeletion(_ context.Context, in contract.PrepareInput) (contract.PrepareResult, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := contract.PrepareResult{Contents: perch.StackContents{Buckets: []string{"assets"}, Resources: 7}}
	if f.exists() && in.StackID == f.stack.StackID && !strings.HasPrefix(f.stack.Status, "DELETE_") {
		out.Obstacle = f.among("", "its database has deletion protection")
	}
	return out, f.happen()
}

func (f *fate) AwaitBeanstalk(context.Context, contract.StackInput) error { return nil }

func (f *fate) WithdrawOptions(context.Context, contract.StackInput) error { return nil }

func (f *fate) ReopenBuckets(context.Context, contract.ReopenInput) (contract.ReopenResult, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	err := f.happen()
	if err == nil {
		f.closed = false
	}
	return contract.ReopenResult{}, err
}

func (f *fate) EmptyBucket(_ context.Context, in contract.EmptyBucketInput) (contract.EmptyBucketResult, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.mayRemove("EmptyBucket", in.StackID)
	f.touched = true
	if in.StackID == f.stack.StackID && f.exists() {
		if f.closed = true; !f.dying && f.stack.Status != "DELETE_FAILED" {
			f.wrong("EmptyBucket while the stack is %s and may return to service", f.stack.Status)
		}
	}
	awaited := f.awaited
	f.draws, f.bucketDraws = f.bucketDraws, f.draws
	err := f.happen()
	f.draws, f.bucketDraws = f.bucketDraws, f.draws
	f.awaited = awaited
	return contract.EmptyBucketResult{}, err
}

func (f *fate) DiagnoseDeletion(context.Context, contract.StackInput) (contract.Remains, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	reason := f.among(
		"Internal failure", "The bucket you tried to delete is not empty", "resource sg-1 has a dependent object",
		"it does not exist", "Cannot delete protected DB Instance",
	)
	return contract.Remains{
		Failures: []lifecycle.Failure{{LogicalID: "Thing", Type: "AWS::Some::Thing", Reason: reason}},
	}, f.happen()
}

func (f *fate) SweepResources(_ context.Context, in contract.SweepInput) (contract.SweepResult, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.mayRemove("SweepResources", in.StackID)
	err := f.happen()
	if err == nil && in.StackID == stackID+"-0" {
		f.orphan = false
	}
	return contract.SweepResult{}, err
}

// EnsureDatabase makes a database where the stack has come as far as to have its secret.
func (f *fate) EnsureDatabase(_ context.Context, in contract.DatabaseInput) (contract.DatabaseResult, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.happen(); err != nil {
		return contract.DatabaseResult{}, err
	}
	if !f.exists() || in.StackID != f.stack.StackID || f.among("", "no secret yet") != "" {
		return contract.DatabaseResult{}, nil
	}
	f.database = in.StackID
	return contract.DatabaseResult{Made: true}, nil
}

func (f *fate) DropDatabase(_ context.Context, in contract.DatabaseInput) (contract.DatabaseResult, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.exists() && (in.StackID == f.stack.StackID || f.database == f.stack.StackID) {
		f.wrong("DropDatabase while the stack is %s", f.stack.Status)
	}
	f.touched = true
	err := f.happen()
	if err == nil {
		f.database = ""
	}
	return contract.DatabaseResult{}, err
}

func (f *fate) VerifyGone(_ context.Context, in contract.VerifyInput) (contract.VerifyResult, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.exists() && in.StackID == f.stack.StackID {
		f.wrong("VerifyGone while the stack is %s", f.stack.Status)
	}
	switch err := f.happen(); {
	case err != nil:
		return contract.VerifyResult{}, err
	case f.orphan && !in.Swept:
		return contract.VerifyResult{
			Orphans: []contract.Orphan{{Type: typeBucket, PhysicalID: "dropped", StackID: stackID + "-0"}},
		}, nil
	case f.orphan || f.among("", "left") == "left":
		return contract.VerifyResult{Leftovers: append(in.Known, "bucket assets")}, nil
	}
	return contract.VerifyResult{Leftovers: in.Known}, nil
}

func (f *fate) LastLook(context.Context, contract.LastLookInput) (contract.LastLookResult, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return contract.LastLookResult{Keep: f.among("", "the branch is there")}, f.happenWhileWaiting()
}

func (f *fate) SeedData(_ context.Context, in contract.SeedInput) (contract.SeedResult, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if in.Later != f.answered {
		f.wrong("seed steps that need the app: %t, and it has answered: %t", in.Later, f.answered)
	}
	err := f.happen()
	f.seeded = err == nil && in.Later
	return contract.SeedResult{Seeded: true}, err
}

func (f *fate) AwaitReady(context.Context, contract.ReadyInput) (contract.ReadyResult, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	err := f.happenWhileWaiting()
	f.answered = err == nil
	return contract.ReadyResult{Status: 200}, err
}

// effective is the request that is in force when all that were made have arrived: the newest, but
// no rejected removal, unless there is nothing else, and none of cleanup's after a person's.
func (f *fate) effective() perch.Request {
	var last, rejected *perch.Request
	for i, request := range f.asked {
		switch {
		case f.rejected[request.ID]:
			rejected = &f.asked[i]
		case last == nil || request.Judged == nil || last.Judged != nil:
			last = &f.asked[i]
		}
	}
	if last == nil {
		return *rejected
	}
	return *last
}

// named are the types of failures that a run may end in.
var named = []string{
	perch.ErrorDenied, perch.ErrorInvalid, perch.ErrorStackFailed, perch.ErrorNotReady, perch.ErrorSeedFailed,
	perch.ErrorLeftBehind,
}

func isNamed(kind string) bool { return slices.Contains(named, kind) }

// Report may fail, which changes nothing.
func (f *fate) Report(context.Context, contract.ReportInput) (contract.ReportResult, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.reports++
	if f.reports%3 == 0 {
		return contract.ReportResult{}, denied()
	}
	return contract.ReportResult{}, nil
}
