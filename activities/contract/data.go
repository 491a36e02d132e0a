package contract

import "perch"

// SeedInput names the environment to seed, and the commit that has the seed steps and files.
type SeedInput struct {
	Environment perch.Environment `json:"environment,omitzero"`
	Commit      string            `json:"commit"`
	// StackID identifies the environment's stack. A new stack is seeded again.
	StackID string `json:"stack_id"`
	// Later selects the steps that need the app; the environment must then answer already.
	// Otherwise the steps that do not need it run.
	Later bool `json:"later,omitempty"`
}

// SeedResult reports which steps ran.
type SeedResult struct {
	// Seeded means that at least one step ran. Steps that ran earlier for this stack are skipped.
	Seeded bool `json:"seeded"`
	// Objects counts the objects that were written.
	Objects int `json:"objects"`
	// Steps are the results of the steps that ran, in order.
	Steps []perch.SeedDone `json:"steps,omitempty"`
	// Before are the steps that ran earlier for this stack.
	Before []string `json:"before,omitempty"`
}

// ReopenInput names an environment that is in service although a removal has closed its buckets.
// Older versions of Perch emptied buckets before the deletion, so a removal that stopped could
// leave such an environment.
type ReopenInput struct {
	Environment perch.Environment `json:"environment,omitzero"`
	// StackID is the stack of the environment.
	StackID string `json:"stack_id"`
	// Commit is the commit whose seed steps run again.
	Commit string `json:"commit"`
}

// ReopenResult lists the buckets that accept writes again.
type ReopenResult struct {
	Buckets []string `json:"buckets,omitempty"`
}

// DatabaseInput names the environment that the database belongs to.
type DatabaseInput struct {
	Environment perch.Environment `json:"environment,omitzero"`
	// StackID identifies the environment's stack, whose secret holds the password. A new stack of
	// the same branch gets a new database. DropDatabase does not need the id.
	StackID string `json:"stack_id,omitempty"`
}

// DatabaseResult is the result of a database activity.
type DatabaseResult struct {
	// Made means that the database exists and has the password in the stack's secret.
	Made bool `json:"made,omitempty"`
}

// EmptyBucketInput names a bucket, and the environment and stack that must own it.
type EmptyBucketInput struct {
	Environment perch.Environment `json:"environment,omitzero"`
	Bucket      string            `json:"bucket"`
	StackID     string            `json:"stack_id"`
}

// EmptyBucketResult reports what was deleted.
type EmptyBucketResult struct {
	// Objects counts versions and delete markers, including those that earlier attempts deleted.
	Objects int `json:"objects"`
}

// ReadyInput names the environment to check. Its address is an output of its stack.
type ReadyInput struct {
	Environment perch.Environment `json:"environment,omitzero"`
	// StackID is the stack of the environment.
	StackID string `json:"stack_id"`
	// PatienceSeconds is how long the environment may take to answer once its stack is complete; 0
	// means ten minutes.
	PatienceSeconds int `json:"patience_seconds,omitempty"`
}

// ReadyResult is the response with which the environment showed that it is ready.
type ReadyResult struct {
	// Status is the HTTP status.
	Status int `json:"status"`
	// Warnings are sentences about what could not be checked.
	Warnings []string `json:"warnings,omitempty"`
}

// SharedDatabase returns the words with which messages name a database in the shared instance.
func SharedDatabase(name string) string { return "database " + name + " in the shared instance" }
