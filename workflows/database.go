package workflows

import (
	"errors"
	"fmt"

	"go.temporal.io/sdk/temporal"

	"perch/activities/contract"
)

// ensureDatabase makes the branch's database in the shared instance while the stack's operation is
// under way: it needs the password that the stack makes first, and the app needs it when its
// instances start, minutes later.
func (r *run) ensureDatabase(rendered contract.RenderResult) error {
	if !rendered.SharedDatabase || r.databaseMade {
		return nil
	}
	out, err := r.atDatabase("make the database of "+r.environment.StackName(), contract.EnsureDatabase)
	r.databaseMade = out.Made
	return err
}

// requireDatabase makes the database if that was not done during an operation, because the stack
// needed none.
func (r *run) requireDatabase(rendered contract.RenderResult) error {
	if err := r.ensureDatabase(rendered); err != nil || !rendered.SharedDatabase || r.databaseMade {
		return err
	}
	return failed("stack %s has no secret for its database in the shared instance: look at its events in the "+
		"CloudFormation console", r.environment.StackName())
}

// dropDatabase removes the branch's database from the shared instance, after everything that uses
// it. There may be a database without a stack: of an earlier template, or of a stack that was
// deleted outside of Perch.
func (r *run) dropDatabase() error {
	if !r.sharedDatabase {
		return nil
	}
	_, err := r.atDatabase("drop the database of "+r.environment.StackName(), contract.DropDatabase)
	return err
}

// undropped is the failure of a removal whose database could not be dropped, with the way to drop
// it. others is what else is wrong after the removal, and left what else is still there.
func (r *run) undropped(failure, others error, left []string) error {
	name := r.sharedDatabaseName()
	sentence := fmt.Sprintf(
		"%s could not be dropped: %s; after you fix that, run `perch down %s` again", name, said(failure),
		r.environment.Branch,
	)
	if others != nil {
		sentence += "; also, " + said(others)
	}
	return leftBehind(sentence, append([]string{name}, left...))
}

func (r *run) sharedDatabaseName() string {
	return contract.SharedDatabase(r.environment.DatabaseName())
}

// said is the message of an activity's failure, without the names of workflow and activity.
func said(failure error) string {
	var application *temporal.ApplicationError
	if errors.As(failure, &application) {
		return application.Message()
	}
	return failure.Error()
}

// atDatabase runs an activity at the shared instance.
func (r *run) atDatabase(
	summary string, activity contract.Activity[contract.DatabaseInput, contract.DatabaseResult],
) (contract.DatabaseResult, error) {
	in := contract.DatabaseInput{Environment: r.environment, StackID: r.state.StackID}
	return runActivity(r.ctx, summary, activity, in)
}
