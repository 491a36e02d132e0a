package workflows

import (
	"fmt"
	"strings"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"perch"
	"perch/activities/contract"
)

// asksAtOnce is the number of removals that are requested concurrently.
const asksAtOnce = 10

// Cleanup compares the repository's branches with the environments, and requests the removal of
// each environment whose branch no longer exists. It keeps no state between runs: each removal
// waits for the end of its grace period in a separate run. If Cleanup could not judge the branches,
// or if a removal has failed, it fails at the end. The failure's details are the result.
func Cleanup(ctx workflow.Context, in perch.CleanupInput) (*perch.CleanupResult, error) {
	c := &cleanup{ctx: ctx, in: in}
	if err := workflow.UpsertTypedSearchAttributes(ctx, attributeProject.ValueSet(in.Project)); err != nil {
		return nil, err
	}
	if err := c.judge(); err != nil {
		return nil, err
	}
	workflow.SetCurrentDetails(ctx, c.details())
	if !in.DryRun && c.result.Brake == nil && c.result.Problem == "" {
		if err := c.ask(); err != nil {
			return nil, err
		}
		if err := c.deploy(); err != nil {
			return nil, err
		}
	}
	if err := c.recheck(); err != nil {
		return nil, err
	}
	c.expire()
	workflow.SetCurrentDetails(ctx, c.details())
	return &c.result, c.failure()
}

// cleanup is one execution of Cleanup.
type cleanup struct {
	ctx    workflow.Context
	in     perch.CleanupInput
	plan   contract.PlanResult
	result perch.CleanupResult
}

func (c *cleanup) judge() error {
	plan, err := runActivity(c.ctx, "compare branches with environments", contract.PlanCleanup, c.in)
	if err != nil {
		return err
	}
	c.plan = plan
	// The removals wait by Temporal's clock, so the grace period also begins by it. With the clock
	// of a slow worker, there would be no grace period.
	now := workflow.Now(c.ctx).UTC()
	c.plan.At, c.plan.Until = now, now.Add(c.plan.Until.Sub(c.plan.At))
	c.result = perch.CleanupResult{
		Verdicts: c.plan.Verdicts, Unlisted: c.plan.Unlisted, Asked: []perch.CleanupAsked{},
		Failed: c.plan.Failed, Brake: c.plan.Brake, Problem: c.plan.Problem, OtherRepositories: c.plan.Others,
		Missing: c.plan.Missing,
	}
	return nil
}

// ask requests every removal in the plan, oldest environment first.
func (c *cleanup) ask() error {
	var removals []perch.CleanupVerdict
	for _, v := range c.plan.Verdicts {
		if v.Verdict == perch.VerdictRemove {
			removals = append(removals, v)
		}
	}
	for len(removals) > 0 {
		n := min(asksAtOnce, len(removals))
		if err := c.askFor(removals[:n]); err != nil {
			return err
		}
		removals = removals[n:]
	}
	return nil
}

func (c *cleanup) askFor(removals []perch.CleanupVerdict) error {
	futures := make([]pendingResult[contract.AskResult], len(removals))
	for i, v := range removals {
		environment, err := perch.NewEnvironment(c.in.Project, v.Branch)
		if err != nil {
			return temporal.NewNonRetryableApplicationError(err.Error(), perch.ErrorInvalid, nil)
		}
		in := contract.AskInput{Environment: environment, Judged: c.judgement(v), Reason: v.Reason}
		futures[i] = beginActivity(c.ctx, "request the removal of "+v.Stack, contract.AskRemoval, in)
	}
	for i, v := range removals {
		out, err := futures[i].result(c.ctx)
		if err != nil {
			return err
		}
		c.result.Asked = append(c.result.Asked, perch.CleanupAsked{
			Stack: v.Stack, Branch: v.Branch, RunID: out.RunID, RequestID: out.RequestID, Judged: c.judgement(v),
		})
		if out.Failure != "" {
			c.failed(v.Stack, out.Failure)
		}
	}
	return nil
}

// deploy requests an environment for each branch that should have one and has none.
func (c *cleanup) deploy() error {
	if c.result.Missing == nil {
		return nil
	}
	branches := c.result.Missing.Branches
	for begin := 0; begin < len(branches); begin += asksAtOnce {
		some := branches[begin:min(begin+asksAtOnce, len(branches))]
		futures := make([]pendingResult[contract.AskResult], len(some))
		for i, missing := range some {
			environment, err := perch.NewEnvironment(c.in.Project, missing.Branch)
			if err != nil {
				return temporal.NewNonRetryableApplicationError(err.Error(), perch.ErrorInvalid, nil)
			}
			in := contract.DeploymentInput{Environment: environment, Commit: missing.Commit}
			futures[i] = beginActivity(c.ctx, "request "+missing.Stack, contract.AskDeployment, in)
		}
		for i := range some {
			out, err := futures[i].result(c.ctx)
			if err != nil {
				return err
			}
			some[i].RunID = out.RunID
		}
	}
	return nil
}

// recheck checks the leftovers of earlier removals again. Cleanup fails until they are deleted.
func (c *cleanup) recheck() error {
	out, err := runActivity(c.ctx, "look for what earlier removals left", contract.RecheckLeftovers, c.in)
	for _, f := range out.Failed {
		c.failed(f.Stack, f.Error)
	}
	return err
}

// expire judges the expiry of environments. If that fails, it records the error in the result, and
// cleanup continues. The next cleanup judges expiry again.
func (c *cleanup) expire() {
	in := perch.ExpiryInput{Project: c.in.Project, DryRun: c.in.DryRun}
	out, err := runActivity(c.ctx, "judge the expiry of environments", contract.SweepExpiry, in)
	if err != nil {
		out.Problem = said(err)
	}
	if out.Verdicts == nil {
		out.Verdicts = []perch.ExpiryVerdict{}
	}
	c.result.Expiry = &out
}

func (c *cleanup) judgement(v perch.CleanupVerdict) perch.Judgement {
	return perch.Judgement{StackID: v.StackID, Commit: v.Commit, At: c.plan.At, Until: c.plan.Until}
}

// failed records why a removal failed. The removal's own message replaces the one derived from the
// stack.
func (c *cleanup) failed(stack, message string) {
	for i := range c.result.Failed {
		if c.result.Failed[i].Stack == stack {
			c.result.Failed[i].Error = message
			return
		}
	}
	c.result.Failed = append(c.result.Failed, perch.CleanupFailure{Stack: stack, Error: message})
}

// failure returns the error of the run. It is nil for a dry run, and if nothing failed.
func (c *cleanup) failure() error {
	var message string
	switch {
	case c.in.DryRun:
		return nil
	case c.result.Problem != "":
		message = c.result.Problem + "; nothing was removed"
	case len(c.result.Failed) > 0:
		lines := make([]string, len(c.result.Failed))
		for i, f := range c.result.Failed {
			lines[i] = f.Stack + ": " + f.Error
		}
		message = "these environments should be gone, and their removal failed: " + strings.Join(lines, "; ")
	default:
		return nil
	}
	return temporal.NewNonRetryableApplicationError(message, perch.ErrorCleanupFailed, nil, c.result)
}

// details formats the plan for the run's page in the Temporal UI.
func (c *cleanup) details() string {
	var b strings.Builder
	if c.result.Problem != "" {
		b.WriteString(fmt.Sprintf("**Held**: %s\n\n", c.result.Problem))
	}
	if brake := c.result.Brake; brake != nil {
		b.WriteString(fmt.Sprintf(
			"**Stopped by the safety limit**: %s. `perch cleanup approve %s` carries out exactly this plan.\n\n",
			brake.Reason, brake.Hash,
		))
	}
	b.WriteString("| verdict | stack | branch | reason |\n|---|---|---|---|\n")
	for _, v := range c.result.Verdicts {
		b.WriteString(fmt.Sprintf("| %s | %s | %s | %s |\n", v.Verdict, v.Stack, cell(v.Branch), cell(v.Reason)))
	}
	if c.result.Unlisted > 0 {
		b.WriteString(fmt.Sprintf("\nand %d more\n", c.result.Unlisted))
	}
	if missing := c.result.Missing; missing != nil {
		for _, branch := range missing.Branches {
			b.WriteString(fmt.Sprintf(
				"\nBranch %s has no environment at its head, %s\n", cell(branch.Branch),
				perch.ShortCommit(branch.Commit),
			))
		}
	}
	for _, f := range c.result.Failed {
		b.WriteString(fmt.Sprintf("\nThe removal of %s failed: %s\n", f.Stack, cell(f.Error)))
	}
	for _, other := range c.result.OtherRepositories {
		b.WriteString(fmt.Sprintf("\n%s\n", other))
	}
	return b.String()
}

// cell escapes text for a table.
func cell(text string) string { return strings.NewReplacer("|", "\\|", "\n", " ").Replace(text) }
