package workflows

import (
	"fmt"
	"slices"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"perch"
	"perch/activities/contract"
	"perch/lifecycle"
)

// maxSteps limits how often a run looks at the stack and changes it. The longest path consists of a
// rollback, a deletion and a creation.
const maxSteps = 12

// maxCollisions limits the retries of a creation that failed because another environment took the
// priority of its load balancer rule.
const maxCollisions = 2

// Provision deploys a commit to the branch's environment. Its workflow ID is the stack's name.
func Provision(ctx workflow.Context, in perch.RunInput) (*perch.Result, error) {
	r, err := begin(ctx, in)
	if err != nil {
		return nil, err
	}
	if r.chain.Target.Goal != perch.GoalUp {
		return nil, r.handOn(r.chain.Target, lifecycle.RunEnd{})
	}
	return r.end(r.provision())
}

func (r *run) provision() error {
	admitted, err := r.admitWithImage()
	if err != nil || r.result.Outcome != "" || r.superseded() {
		return err
	}
	if err := r.follow(admitted.Commit); err != nil {
		return err
	}
	if admitted.Settled != nil {
		r.state = admitted.Settled.Stack
		return r.check()
	}
	if admitted.Prepared == nil {
		return failed("the request for %s was admitted without a template: run the command again", r.environment.Branch)
	}
	rendered := admitted.Prepared.Rendered
	r.state, r.seen = admitted.Prepared.Stack, true
	start := workflow.Now(r.ctx)
	if err := r.show(perch.PhaseStack); err != nil {
		return err
	}
	if err := r.bringUp(admitted.Kind, rendered); err != nil {
		return err
	}
	r.result.Seconds.Stack = r.since(start)
	if r.result.Outcome != "" || r.superseded() {
		return nil
	}
	if err := r.requireDatabase(rendered); err != nil {
		return err
	}
	if err := r.withdraw(admitted); err != nil {
		return err
	}
	if err := r.reopen(admitted); err != nil {
		return err
	}
	if err := r.seed(rendered.SeedSteps, false); err != nil || r.superseded() {
		return err
	}
	if err := r.show(perch.PhaseChecking); err != nil {
		return err
	}
	if err := r.check(); err != nil || rendered.LaterSteps == 0 || r.superseded() {
		return err
	}
	return r.seed(rendered.LaterSteps, true)
}

// admit checks the request against the policy. If the target ends here, it sets the outcome in the
// run's result. For an `up` it may wait for the branch source, and a newer request ends that wait.
// This is harmless, because stored objects are named by their content. For a removal it always
// waits for the decision, because the requester must receive it.
func (r *run) admit() (contract.AdmitResult, error) {
	var out contract.AdmitResult
	var err error
	in := contract.AdmitInput{Request: r.chain.Target}
	summary := "admit " + string(r.chain.Target.Goal) + " of " + r.environment.Branch
	if r.chain.Target.Goal == perch.GoalUp {
		out, _, err = runUnlessSuperseded(r, summary, contract.Admit, in)
	} else {
		out, err = runActivity(r.ctx, summary, contract.AdmitRemoval, in)
	}
	r.result.Warnings = out.Warnings
	r.result.Outcome, r.result.Reason, r.result.SupersededBy = out.Outcome, out.Reason, out.SupersededBy
	if out.Rejection != nil {
		r.reject(out.Rejection)
	}
	r.mayRecreate, r.kind, r.foreseen = out.MayRecreate, out.Kind, out.Foreseen
	r.remember(out.Earlier)
	if out.Deploy {
		r.chain.RequestHead(out.SupersededBy, out.Reason)
	}
	return out, err
}

// follow changes the target's commit. The new commit differs only if Perch requested the head and
// the branch has moved since.
func (r *run) follow(commit string) error {
	if commit == r.chain.Target.Commit {
		return nil
	}
	r.chain.MoveTo(commit)
	r.noteCreation()
	return r.show(perch.PhaseAdmitting)
}

// bringUp performs the steps that the rules return until the stack has the wanted template.
func (r *run) bringUp(kind perch.Kind, rendered contract.RenderResult) error {
	switch {
	// A stack that was just created may not be found by its name yet.
	case r.chain.Operation != nil && r.chain.Recreates():
		r.state, r.seen, r.chain.Operation = contract.StackState{StackID: r.chain.Operation.StackID}, false, nil
	case r.chain.Operation != nil:
		if done, err := r.settle(*r.chain.Operation, rendered); done || err != nil {
			return err
		}
	}
	for range maxSteps {
		if r.next(rendered.Hash) == lifecycle.Yield { // The last known state suffices for that.
			return nil
		}
		if err := r.look(); err != nil {
			return err
		}
		step := r.next(rendered.Hash)
		if step == lifecycle.Done || step == lifecycle.Yield {
			return nil
		}
		if done, err := r.step(step, kind, rendered); done || err != nil {
			return err
		}
	}
	return failed(
		"stack %s does not settle: it is %s after %d steps; look at its events in the CloudFormation console",
		r.environment.StackName(), r.state.Status, maxSteps,
	)
}

// step performs one step towards up. It returns true if the target ends with this step.
func (r *run) step(step lifecycle.Step, kind perch.Kind, rendered contract.RenderResult) (bool, error) {
	template := contract.ChangeInput{Kind: kind, StackID: r.state.StackID, Template: rendered.Hash}
	switch step {
	case lifecycle.Create:
		return r.create(template, rendered)
	case lifecycle.Update:
		out, err := r.change("update stack", contract.UpdateStack, template)
		if err != nil || out.Unchanged {
			return true, err
		}
		return r.settle(
			perch.Operation{Commit: r.chain.Target.Commit, StackID: r.state.StackID, Token: out.Token}, rendered,
		)
	case lifecycle.Delete:
		return false, r.remove()
	case lifecycle.Wait,
		lifecycle.Rollback, lifecycle.ContinueRollback, lifecycle.ForceRollback, lifecycle.CancelUpdate:
		return false, r.repair(step)
	case lifecycle.NeedsRecreate:
		return true, failed("%s", lifecycle.OutOfService(r.environment, r.state.Status, r.trouble))
	case lifecycle.Protected:
		if r.chain.Target.Recreate {
			r.reject(r.state.Protection(r.environment))
			return true, nil
		}
		return true, failed("%s", lifecycle.DeleteByHand(r.environment, r.state.Kind, r.state.Status, r.trouble))
	case lifecycle.Conflict:
		r.reject(r.state.Conflict)
		return true, nil
	}
	return true, failed("%s", lifecycle.Stuck(r.environment.StackName(), r.state.Status, r.trouble))
}

func (r *run) create(template contract.ChangeInput, rendered contract.RenderResult) (bool, error) {
	r.forget()
	r.databaseMade = false
	out, err := r.change("create stack", contract.CreateStack, template)
	if err != nil {
		return true, err
	}
	r.state.StackID = out.StackID
	if r.chain.Target.Recreate {
		target := r.chain.Target
		r.chain.Recreated = &target
	}
	if out.Rejection != nil {
		r.reject(out.Rejection)
		if out.StackID == "" {
			return true, nil // Nothing was created.
		}
		return true, r.remove()
	}
	return r.settle(
		perch.Operation{Commit: r.chain.Target.Commit, StackID: out.StackID, Token: out.Token, Created: true}, rendered,
	)
}

// settle waits for an operation that this run began, or that an earlier run of the chain began for
// the same commit. It returns true if the target ends with the operation.
func (r *run) settle(operation perch.Operation, rendered contract.RenderResult) (bool, error) {
	name, status := "update", "UPDATE_IN_PROGRESS"
	if operation.Created {
		name, status, r.result.Created = "creation", "CREATE_IN_PROGRESS", true
	}
	r.chain.Operation, r.state = &operation, contract.StackState{StackID: operation.StackID, Status: status, Ours: true}
	if err := r.ensureDatabase(rendered); err != nil {
		return true, err
	}
	wait := contract.AwaitInput{Token: operation.Token, Total: rendered.Resources}
	if r.foreseen != nil {
		wait.ExpectedSeconds = r.foreseen.ExpectedSeconds
	}
	ended, err := r.awaitUntil("wait for the "+name+" of "+r.environment.StackName(), wait)
	if err != nil || ended.Status == "" {
		return false, err
	}
	r.chain.Operation = nil
	if lifecycle.Reached(ended.Status) || lifecycle.StuckAgain(ended.Status, r.rollbacks) {
		return false, nil
	}
	if operation.Created && lifecycle.PriorityTaken(ended.Reason) && r.collisions < maxCollisions {
		r.collisions++
		return false, nil
	}
	return true, failed(
		"the %s of stack %s ended in %s: %s", name, r.environment.StackName(), ended.Status,
		lifecycle.Explained(ended.Reason),
	)
}

// repair waits for the operation in progress, cancels an update, or rolls back one that is stuck.
func (r *run) repair(step lifecycle.Step) error {
	call := contract.ChangeInput{StackID: r.state.StackID}
	if step != lifecycle.Wait && step != lifecycle.CancelUpdate {
		if ready, err := r.awaitBeanstalk(); !ready || err != nil {
			return err
		}
	}
	var out contract.ChangeResult
	var err error
	switch step {
	case lifecycle.Rollback:
		r.rollbacks++
		out, err = r.change("roll back stack", contract.RollbackStack, call)
	case lifecycle.ContinueRollback, lifecycle.ForceRollback:
		r.rollbacks++
		call.Force = step == lifecycle.ForceRollback
		out, err = r.change("continue the rollback of stack", contract.ContinueRollback, call)
	case lifecycle.CancelUpdate:
		_, err = r.change("cancel the update of stack", contract.CancelUpdate, call)
	}
	if err != nil {
		return err
	}
	if step != lifecycle.Wait {
		r.state.Status = "UPDATE_ROLLBACK_IN_PROGRESS"
	}
	_, err = r.await("wait for "+r.environment.StackName()+" to settle", out.Token, 0)
	return err
}

// reopen allows writes to buckets that an unfinished removal has closed. Their seed data is copied
// again afterwards.
func (r *run) reopen(admitted contract.AdmitResult) error {
	if admitted.Prepared == nil || !admitted.Prepared.Closed {
		return nil
	}
	in := contract.ReopenInput{Environment: r.environment, StackID: r.state.StackID, Commit: r.chain.Target.Commit}
	_, err := runActivity(r.ctx, "open the buckets of "+r.environment.StackName()+" again", contract.ReopenBuckets, in)
	return err
}

// remember adds the leftovers of earlier removals, from the card, to those of the chain.
func (r *run) remember(earlier []perch.Leftover) {
	for _, leftover := range earlier {
		r.left = slices.DeleteFunc(r.left, func(l perch.Leftover) bool { return l.StackID == leftover.StackID })
		r.left = append(r.left, leftover)
	}
}

// seed runs the seed steps that need no app or, if later is set, those that need it.
func (r *run) seed(steps int, later bool) error {
	if steps == 0 {
		return nil
	}
	start := workflow.Now(r.ctx)
	if err := r.show(perch.PhaseSeeding); err != nil {
		return err
	}
	in := contract.SeedInput{
		Environment: r.environment, Commit: r.chain.Target.Commit, StackID: r.state.StackID, Later: later,
	}
	out, err := runActivity(
		r.ctx, fmt.Sprintf("seed %s (%d steps)", r.environment.StackName(), steps), contract.SeedData, in,
	)
	if err != nil {
		return err
	}
	r.result.Seeded = r.result.Seeded || out.Seeded
	r.result.Seeds = append(r.result.Seeds, out.Steps...)
	r.rememberSeeds(out)
	r.result.Seconds.Seed += r.since(start)
	return nil
}

// mostSeeds is the maximum number of seed steps in a report.
const mostSeeds = 30

// rememberSeeds adds the environment's seed steps to the next report.
func (r *run) rememberSeeds(out contract.SeedResult) {
	for _, step := range out.Before {
		r.seeds = append(r.seeds, perch.SeedRecord{Step: perch.ShortSentence(step)})
	}
	for _, did := range out.Steps {
		r.seeds = append(r.seeds, did.Record())
	}
	r.seeds = r.seeds[:min(len(r.seeds), mostSeeds)]
}

// check waits until the environment answers at its address or a newer request arrives.
func (r *run) check() error {
	start := workflow.Now(r.ctx)
	in := contract.ReadyInput{Environment: r.environment, StackID: r.state.StackID}
	out, done, err := runUnlessSuperseded(r, "wait for an answer from "+r.state.URL, contract.AwaitReady, in)
	if err != nil || !done {
		return err
	}
	r.result.Seconds.Ready = r.since(start)
	r.result.Warnings = append(r.result.Warnings, out.Warnings...)
	r.result.Outcome, r.result.Commit, r.result.URL = perch.OutcomeReady, r.chain.Target.Commit, r.state.URL
	return nil
}

func failed(format string, args ...any) error {
	return temporal.NewNonRetryableApplicationError(fmt.Sprintf(format, args...), perch.ErrorStackFailed, nil)
}
