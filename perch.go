// Package perch says what an environment is: its identity, its settings, which requests it takes
// and how they are answered.
//
// It is the vocabulary of every other package and imports none of them.
package perch

// FileName is the file in the root of a repository that describes the environments of its branches.
const FileName = "perch.yaml"

// Kind is the layer of settings that an environment inherits.
type Kind string

// The kinds. A branch is a KindBranch unless perch.yaml says otherwise.
const (
	KindProduction Kind = "production"
	KindStaging    Kind = "staging"
	KindBranch     Kind = "branch"
)

// Kinds lists every kind, the strictest first.
func Kinds() []Kind { return []Kind{KindProduction, KindStaging, KindBranch} }

// Valid reports whether k is one of Kinds.
func (k Kind) Valid() bool {
	return k == KindProduction || k == KindStaging || k == KindBranch
}

// Application is the Elastic Beanstalk application that environments of kind k are grouped in:
// production has a separate one, every other kind uses the staging one.
func (k Kind) Application() Kind {
	if k == KindProduction {
		return KindProduction
	}
	return KindStaging
}

// Names that starter, worker and the Temporal UI share. Workflow types and the signal are part of
// recorded histories: they never change their meaning.
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
	// SignalNote carries a Note to it.
	SignalNote = "note"
	// SignalLook carries a Hint to the branch's open Look.
	SignalLook = "look"
)

// WorkflowOf is the workflow type of the run that a request with the goal needs; false if there is
// no such goal.
func WorkflowOf(goal Goal) (workflowType string, known bool) {
	switch goal {
	case GoalUp:
		return WorkflowProvision, true
	case GoalGone:
		return WorkflowTeardown, true
	}
	return "", false
}

// Search attributes of Provision and Teardown runs; all are keywords.
const (
	AttributeProject = "PerchProject"
	AttributeBranch  = "PerchBranch"
	AttributeCommit  = "PerchCommit"
	AttributePhase   = "PerchPhase"
)

// SearchAttributes lists the search attributes that have to be registered.
func SearchAttributes() []string {
	return []string{AttributeProject, AttributeBranch, AttributeCommit, AttributePhase}
}

// ErrorLeftBehind is the type of a removal's failure when the stack is deleted and something of the
// environment is still there; the failure's details are the leftovers, a []string.
const ErrorLeftBehind = "LeftBehind"

// TaskQueue is the Temporal task queue that the project's runs and quick activities wait in.
func TaskQueue(project string) string { return "perch-" + project }

// WaitQueue is the task queue of the activities that wait: a thousand of them do not delay other
// activities.
func WaitQueue(project string) string { return TaskQueue(project) + WaitQueueSuffix }

// WaitQueueSuffix ends the name of every WaitQueue.
const WaitQueueSuffix = "-waits"
