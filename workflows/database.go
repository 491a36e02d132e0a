package workflows

import (
	"errors"
	"fmt"

	"go.temporal.io/sdk/temporal"

	"perch/activities/contract"
)

// ensureDatabase creates the branch's database in the shared instance while the stack's operation
// is in progress. It needs the password, which the stack creates first. The app needs the database
// minutes later, when its instances start.
func (r *run) ensureDatabase(rendered contract.RenderResult) error {
	if !rendered.SharedDatabase || r.databaseMade {
		return nil
	}
	out, err := r.atDatabase("make the database of "+r.environment.StackName(), contract.EnsureDatabase)
	r.databaseMade = out.Made
	return err
}

// requireDatabase creates the database if no operation was needed, so that ensureDatabase was not
// called.
func (r *run) requireDatabase(rendered contract.RenderResult) error {
	if err := r.ensureDatabase(rendered); err != nil || !rendered.SharedDatabase || r.databaseMade {
		return err
	}
	return failed("stack %s has no secret for its database in the shared instance: look at its events in the "+
		"CloudFormation console", r.environment.StackName())
}

// dropDatabase drops the branch's database in the shared instance, after everything that uses it is
// deleted. A database can exist without a stack: an earlier template created it, or the stack was
// deleted outside Perch.
func (r *run) dropDatabase() error {
	if !r.sharedDatabase {
		return nil
	}
	_, err := r.atDatabase("drop the database of "+r.environment.StackName(), contract.DropDatabase)
	return err
}

// undropped returns the error of a removal whose database could not be dropped, and says how to
// drop it. others is the error about other leftovers, and left names them.
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

// said returns the message of an activity's error, without the names of workflow and activity.
func said(failure error) string {
	var application *temporal.ApplicationError
	if errors.As(failure, &application) {
		return application.Message()
	}
	return failure.Error()
}

// atDatabase runs an activity on the shared instance.
func (r *run) atDatabase(
	summary string, activity contract.Activity[contract.DatabaseInput, contract.DatabaseResult],
) (contract.DatabaseResult, error) {
	in := contract.DatabaseInput{Environment: r.environment, StackID: r.state.StackID}
	return runActivity(r.ctx, summary, activity, in)
}
