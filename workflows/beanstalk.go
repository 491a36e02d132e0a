package workflows

import (
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"perch/activities"
	"perch/lifecycle"
)

// awaitBeanstalk waits until the stack's Elastic Beanstalk environments accept an update or a termination, if the
// stack's status says that one may be busy. It reports false if the rules leave the stack to a newer request.
func (r *run) awaitBeanstalk() (ready bool, err error) {
	if !lifecycle.Interrupted(r.state.Status) {
		return true, nil
	}
	ctx, cancel := workflow.WithCancel(r.ctx)
	defer cancel()
	in := activities.StackInput{Project: r.environment.Project, Branch: r.environment.Branch, StackID: r.state.StackID}
	summary := "wait until Elastic Beanstalk is ready for the next operation on " + r.environment.StackName()
	future := long(ctx, r.environment.Project, summary, workPatience, stacks.AwaitBeanstalk, in)
	if !r.waitUnless(future, func() bool { return r.next("") == lifecycle.Yield }) {
		return false, nil
	}
	err = future.Get(r.ctx, nil)
	if temporal.IsTimeoutError(err) {
		err = failed(
			"the Elastic Beanstalk environment of stack %s was not ready within %.0f hours: look at its events in the "+
				"Elastic Beanstalk console for what hangs, then run the command again",
			r.environment.StackName(),
			workPatience.Hours(),
		)
	}
	return err == nil, err
}

// withdraw removes what the environment still has and the template no longer sets. CloudFormation leaves it there.
func (r *run) withdraw(admitted activities.AdmitResult) error {
	if !admitted.Prepared.Withdraws {
		return nil
	}
	in := activities.StackInput{Project: r.environment.Project, Branch: r.environment.Branch, StackID: r.state.StackID}
	return r.work(
		"remove from "+r.environment.StackName()+" what the branch no longer sets",
		stacks.WithdrawOptions,
		in,
		nil,
	)
}
