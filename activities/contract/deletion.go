package contract

import (
	"perch"
	"perch/lifecycle"
)

// PrepareInput names the stack to delete.
type PrepareInput struct {
	Environment perch.Environment `json:"environment,omitzero"`
	// StackID is the stack of the environment.
	StackID string `json:"stack_id"`
	// Force skips the checks for resources that a forced removal leaves behind: databases with
	// deletion protection, and locked object versions.
	Force bool `json:"force,omitempty"`
}

// PrepareResult lists what the deletion has to delete.
type PrepareResult struct {
	// Contents are the stack's current resources.
	Contents perch.StackContents `json:"contents"`
	// Obstacle explains in a sentence why CloudFormation, or one of the stack's services, would
	// reject the deletion; empty if no reason is known.
	Obstacle string `json:"obstacle,omitempty"`
	// Dropped are resources that stack updates removed from the template but could not delete.
	Dropped []Orphan `json:"dropped,omitempty"`
}

// Remains lists what is left of a stack after a failed deletion.
type Remains struct {
	// Failures are the resources that CloudFormation failed to delete. Only these are allowed in
	// RetainResources.
	Failures []lifecycle.Failure `json:"failures,omitempty"`
	// Dropped are resources that stack updates removed from the template but could not delete. The
	// stack no longer names them, but they may prevent the deletion of its resources. For example,
	// one security group may refer to another.
	Dropped []Orphan `json:"dropped,omitempty"`
}

// SweepInput names resources that a stack was told to retain, or that no stack names any more.
type SweepInput struct {
	Environment perch.Environment `json:"environment,omitzero"`
	// StackID identifies the stack that the resources belonged to.
	StackID string `json:"stack_id"`
	// Resources are the resources to delete through the APIs of their services.
	Resources []lifecycle.Failure `json:"resources"`
}

// SweepResult lists what a sweep keeps on purpose.
type SweepResult struct {
	// Kept name the final snapshots of the databases that were deleted.
	Kept []string `json:"kept,omitempty"`
}

// VerifyInput names the resources that must no longer exist.
type VerifyInput struct {
	Environment perch.Environment `json:"environment,omitzero"`
	// StackID identifies the deleted stack. If the environment had no stack, it is empty, and only
	// the leftovers of earlier removals are checked.
	StackID string `json:"stack_id,omitempty"`
	// Contents are the physical ids that were listed before the deletion. They are used only if
	// there is no application stack. Otherwise the record of the removal is used, which the
	// application stack's bucket stores.
	Contents perch.StackContents `json:"contents"`
	// SharedDatabase means that the environment may have had a database in the shared instance.
	SharedDatabase bool `json:"shared_database,omitempty"`
	// Known lists leftovers that need no check: the shared database, if it could not be dropped.
	Known []string `json:"known,omitempty"`
	// Swept means that Perch has already tried to delete the orphans that an earlier verification
	// found.
	Swept bool `json:"swept,omitempty"`
}

// VerifyResult lists what still exists.
type VerifyResult struct {
	// Leftovers lists each remaining resource with its type; empty if the environment is completely
	// removed.
	Leftovers []string `json:"leftovers,omitempty"`
	// Unconfirmed lists resources that may be deleted although the tagging API lists them, and
	// resources that Perch cannot verify.
	Unconfirmed []string `json:"unconfirmed,omitempty"`
	// Kept lists the resources that the stack's template retains.
	Kept []string `json:"kept,omitempty"`
	// Orphans are resources that no stack names any more and that Perch can delete. If there are
	// any, nothing else has been verified yet.
	Orphans []Orphan `json:"orphans,omitempty"`
}

// Orphan is a resource of a deleted stack that no stack names any more and that Perch can delete.
type Orphan struct {
	// Type is the resource's CloudFormation type, and PhysicalID its id.
	Type       string `json:"type"`
	PhysicalID string `json:"physical_id"`
	// StackID identifies the stack that created the resource.
	StackID string `json:"stack_id"`
}
