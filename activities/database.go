package activities

import (
	"context"

	"perch/activities/application"
	"perch/activities/contract"
)

// Databases has the activities that create and drop an environment's database in the instance that
// environments share.
type Databases struct{ databases *application.Databases }

// EnsureDatabase creates the environment's database and its user as soon as the stack has their
// password.
func (d *Databases) EnsureDatabase(ctx context.Context, in contract.DatabaseInput) (contract.DatabaseResult, error) {
	return d.databases.Ensure(ctx, in)
}

// DropDatabase drops the environment's database, and its user with everything that the user owns.
func (d *Databases) DropDatabase(ctx context.Context, in contract.DatabaseInput) (contract.DatabaseResult, error) {
	return d.databases.Drop(ctx, in)
}
