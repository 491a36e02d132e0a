package contract

import (
	"perch"
	"perch/lifecycle"
)

// PrepareInput names the stack that is to be deleted.
type PrepareInput struct {
	Environment perch.Environment `json:"environment,omitzero"`
	// StackID is the stack of the environment.
	StackID string `json:"stack_id"`
	// Force leaves out the checks for what a forced removal leaves behind: databases with deletion
	// protection and locked versions.
	Force bool `json:"force,omitempty"`
}

// PrepareResult is what a deletion must delete.
type PrepareResult struct {
	// Contents are what the stack holds now.
	Contents perch.StackContents `json:"contents"`
	// Obstacle is the sentence why CloudFormation, or a resource of the stack, would reject the
	// deletion; empty if there is no known reason.
	Obstacle string `json:"obstacle,omitempty"`
	// Dropped are what updates of the stack took out of the template and could not delete.
	Dropped []Orphan `json:"dropped,omitempty"`
}

// Remains is what is left of a stack after a failed deletion.
type Remains struct {
	// Failures are the resources that CloudFormation failed to delete: the only ones that it takes
	// in RetainResources.
	Failures []lifecycle.Failure `json:"failures,omitempty"`
	// Dropped are what updates of the stack took out of the template and could not delete. The
	// stack does not name it any more, and it may hold what the stack names: a security group its
	// peer.
	Dropped []Orphan `json:"dropped,omitempty"`
}

// SweepInput names what a stack was told to leave behind, or what no stack names any more.
type SweepInput struct {
	Environment perch.Environment `json:"environment,omitzero"`
	// StackID is the stack that it belonged to.
	StackID string `json:"stack_id"`
	// Resources are to be removed through their own services.
	Resources []lifecycle.Failure `json:"resources"`
}

// SweepResult says what a sweep leaves on purpose.
type SweepResult struct {
	// Kept name the final snapshots of the databases that were deleted.
	Kept []string `json:"kept,omitempty"`
}

// VerifyInput names what must be gone.
type VerifyInput struct {
	Environment perch.Environment `json:"environment,omitzero"`
	// StackID is the stack that was deleted; empty if the environment had none, and only what
	// earlier removals left is looked for.
	StackID string `json:"stack_id,omitempty"`
	// Contents are the physical ids that were listed before the deletion. They count only if no
	// application stack keeps the record of the removal, which otherwise decides.
	Contents perch.StackContents `json:"contents"`
	// SharedDatabase says that the environment may have had a database in the shared instance.
	SharedDatabase bool `json:"shared_database,omitempty"`
	// Known name what is known to be left without a check: SharedDatabaseName, if that could not be
	// dropped.
	Known []string `json:"known,omitempty"`
	// Swept says that the orphans of an earlier verification have been deleted as far as possible.
	Swept bool `json:"swept,omitempty"`
}

// VerifyResult says what still exists.
type VerifyResult struct {
	// Leftovers name each resource that still exists, with its type; empty if the environment is
	// removed.
	Leftovers []string `json:"leftovers,omitempty"`
	// Unconfirmed name what the tagging API lists although it may be gone, and what Perch cannot
	// verify.
	Unconfirmed []string `json:"unconfirmed,omitempty"`
	// Kept name what stays because the stack's template says so.
	Kept []string `json:"kept,omitempty"`
	// Orphans are what no stack names any more and Perch can delete. If there are any, nothing else
	// was verified yet.
	Orphans []Orphan `json:"orphans,omitempty"`
}

// Orphan is a resource of a deleted stack that no stack names any more and that Perch can delete.
type Orphan struct {
	// Type is its type in CloudFormation, and PhysicalID its id.
	Type       string `json:"type"`
	PhysicalID string `json:"physical_id"`
	// StackID is the stack that made it.
	StackID string `json:"stack_id"`
}
