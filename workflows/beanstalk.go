package workflows

import (
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"perch/activities/contract"
	"perch/lifecycle"
)

// awaitBeanstalk waits until the stack's Elastic Beanstalk environments accept an update or a
// termination. It only waits if the stack's status says that one may be busy. It returns false if
// the rules leave the stack to a newer request.
func (r *run) awaitBeanstalk() (ready bool, err error) {
	if !lifecycle.Interrupted(r.state.Status) {
		return true, nil
	}
	ctx, cancel := workflow.WithCancel(r.ctx)
	defer cancel()
	in := contract.StackInput{Environment: r.environment, StackID: r.state.StackID}
	summary := "wait until Elastic Beanstalk is ready for the next operation on " + r.environment.StackName()
	pending := beginActivity(ctx, summary, contract.AwaitBeanstalk, in)
	if !r.waitUnless(pending.future, func() bool { return r.next("") == lifecycle.Yield }) {
		return false, nil
	}
	_, err = pending.result(r.ctx)
	if temporal.IsTimeoutError(err) {
		err = failed(
			"the Elastic Beanstalk environment of stack %s was not ready within %.0f hours: look at its events in the "+
				"Elastic Beanstalk console for what hangs, then run the command again",
			r.environment.StackName(),
			contract.AwaitBeanstalk.Limits().Total.Hours(),
		)
	}
	return err == nil, err
}

// withdraw removes options that the template no longer sets, because CloudFormation does not remove
// them from the environment.
func (r *run) withdraw(admitted contract.AdmitResult) error {
	if !admitted.Prepared.Withdraws {
		return nil
	}
	in := contract.StackInput{Environment: r.environment, StackID: r.state.StackID}
	summary := "remove from " + r.environment.StackName() + " what the branch no longer sets"
	_, err := runActivity(r.ctx, summary, contract.WithdrawOptions, in)
	return err
}
