package contract

import "perch"

// SeedInput names the environment to seed and the commit with the seed steps and files.
type SeedInput struct {
	Environment perch.Environment `json:"environment,omitzero"`
	Commit      string            `json:"commit"`
	// StackID is the environment's stack; a new stack is seeded again.
	StackID string `json:"stack_id"`
	// Later says that the environment answers: the steps that need it are carried out, otherwise
	// those that do not.
	Later bool `json:"later,omitempty"`
}

// SeedResult says what was done.
type SeedResult struct {
	// Seeded says that at least one step ran; steps that were done for this stack before are left
	// out.
	Seeded bool `json:"seeded"`
	// Objects is how many objects were written.
	Objects int `json:"objects"`
	// Steps are what the steps that ran did, in order.
	Steps []perch.SeedDone `json:"steps,omitempty"`
	// Before are the steps that were done for this stack before.
	Before []string `json:"before,omitempty"`
}

// ReopenInput names an environment whose removal stopped after it had begun to empty its buckets.
// Versions before the order "delete first, then empty" could leave one in service.
type ReopenInput struct {
	Environment perch.Environment `json:"environment,omitzero"`
	// StackID is the stack of the environment.
	StackID string `json:"stack_id"`
	// Commit is the commit whose seed steps are carried out again.
	Commit string `json:"commit"`
}

// ReopenResult says which buckets take writes again.
type ReopenResult struct {
	Buckets []string `json:"buckets,omitempty"`
}

// DatabaseInput names the environment that the database belongs to.
type DatabaseInput struct {
	Environment perch.Environment `json:"environment,omitzero"`
	// StackID is the environment's stack, whose secret holds the password. If a branch gets a new
	// stack, it gets a new database. DropDatabase does not need it.
	StackID string `json:"stack_id,omitempty"`
}

// DatabaseResult says how it ended.
type DatabaseResult struct {
	// Made says that the database is there, with the password of the stack's secret.
	Made bool `json:"made,omitempty"`
}

// EmptyBucketInput names a bucket and the environment and the stack that must own it.
type EmptyBucketInput struct {
	Environment perch.Environment `json:"environment,omitzero"`
	Bucket      string            `json:"bucket"`
	StackID     string            `json:"stack_id"`
}

// EmptyBucketResult says what was removed.
type EmptyBucketResult struct {
	// Objects counts versions and delete markers, those that earlier attempts removed included.
	Objects int `json:"objects"`
}

// ReadyInput names the environment to look at. Its address is the one in the outputs of its stack.
type ReadyInput struct {
	Environment perch.Environment `json:"environment,omitzero"`
	// StackID is the stack of the environment.
	StackID string `json:"stack_id"`
	// PatienceSeconds is how long the environment may take to answer after its stack is complete; 0
	// means ten minutes.
	PatienceSeconds int `json:"patience_seconds,omitempty"`
}

// ReadyResult is the answer that was good.
type ReadyResult struct {
	// Status is its HTTP status.
	Status int `json:"status"`
}

// SharedDatabase names a database in the shared instance, as messages do.
func SharedDatabase(name string) string { return "database " + name + " in the shared instance" }
