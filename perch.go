// Package perch defines what an environment is: its identity, its settings, the requests for it and
// their results.
//
// All other packages use these types. This package imports none of them.
package perch

// FileName is the file in a repository's root that describes the environments of its branches.
const FileName = "perch.yaml"

// Kind selects the layer of settings that an environment inherits.
type Kind string

// The kinds. A branch has KindBranch unless perch.yaml gives it another.
const (
	KindProduction Kind = "production"
	KindStaging    Kind = "staging"
	KindBranch     Kind = "branch"
)

// Kinds lists every kind, strictest first.
func Kinds() []Kind { return []Kind{KindProduction, KindStaging, KindBranch} }

// Valid reports whether k is one of Kinds.
func (k Kind) Valid() bool {
	return k == KindProduction || k == KindStaging || k == KindBranch
}

// Application returns the kind of the Elastic Beanstalk application for environments of kind k.
// Production has a separate application; all other kinds use that of staging.
func (k Kind) Application() Kind {
	if k == KindProduction {
		return KindProduction
	}
	return KindStaging
}

// Names that the starter, the worker and the Temporal UI share. Workflow types and signal names are
// recorded in histories, so their meaning must never change.
const (
	WorkflowProvision   = "Provision"
	WorkflowTeardown    = "Teardown"
	WorkflowApplication = "Application"
	WorkflowList        = "List"
	WorkflowStatus      = "Status"
	WorkflowPlan        = "Plan"
	WorkflowCleanup     = "Cleanup"
	WorkflowNote        = "Note"
	WorkflowLook        = "Look"
	WorkflowExpiry      = "Expiry"
	WorkflowKeep        = "Keep"
	WorkflowHistory     = "History"

	// SignalRequest carries a Request to the environment's open run.
	SignalRequest = "request"
	// SignalNote carries a Note to the environment's open run.
	SignalNote = "note"
	// SignalLook carries a Hint to the branch's open Look.
	SignalLook = "look"
)

// WorkflowOf returns the workflow type for a request with the goal; known is false for an unknown
// goal.
func WorkflowOf(goal Goal) (workflowType string, known bool) {
	switch goal {
	case GoalUp:
		return WorkflowProvision, true
	case GoalGone:
		return WorkflowTeardown, true
	}
	return "", false
}

// Search attributes of Provision and Teardown runs. All are keywords.
const (
	AttributeProject = "PerchProject"
	AttributeBranch  = "PerchBranch"
	AttributeCommit  = "PerchCommit"
	AttributePhase   = "PerchPhase"
)

// SearchAttributes lists the search attributes that a namespace needs.
func SearchAttributes() []string {
	return []string{AttributeProject, AttributeBranch, AttributeCommit, AttributePhase}
}

// ErrorLeftBehind is the error type of a removal that deleted the stack and left other resources of
// the environment behind. The error's details are the leftovers, a []string.
const ErrorLeftBehind = "LeftBehind"

// TaskQueue returns the Temporal task queue for the project's runs and quick activities.
func TaskQueue(project string) string { return "perch-" + project }

// WaitQueue returns the task queue for the activities that wait, so that a thousand of them do not
// delay other activities.
func WaitQueue(project string) string { return TaskQueue(project) + WaitQueueSuffix }

// WaitQueueSuffix is the end of every WaitQueue's name.
const WaitQueueSuffix = "-waits"
