package activities

import (
	"context"

	"perch/activities/application"
	"perch/activities/contract"
)

// Databases are the activities that make and remove an environment's database in the instance that
// environments share.
type Databases struct{ databases *application.Databases }

// EnsureDatabase makes the environment's database and its user as soon as the stack has their
// password.
func (d *Databases) EnsureDatabase(ctx context.Context, in contract.DatabaseInput) (contract.DatabaseResult, error) {
	return d.databases.Ensure(ctx, in)
}

// DropDatabase removes the environment's database and its user with all that they own.
func (d *Databases) DropDatabase(ctx context.Context, in contract.DatabaseInput) (contract.DatabaseResult, error) {
	return d.databases.Drop(ctx, in)
}
