package contract

import (
	"perch"
	"perch/lifecycle"
)

// StackInput names a stack.
type StackInput struct {
	Environment perch.Environment `json:"environment,omitzero"`
	// StackID is the stack's id; empty before it is known, then the stack is looked up by name.
	StackID string `json:"stack_id,omitempty"`
}

// StackState is what a workflow knows of a stack.
type StackState struct {
	// StackID is empty if there is no stack.
	StackID string `json:"stack_id,omitempty"`
	// Status is CloudFormation's status; empty if there is no stack.
	Status string `json:"status,omitempty"`
	// Ours says that name, project, repository and branch are the environment's.
	Ours bool `json:"ours,omitempty"`
	// Conflict is why the stack is not the environment's; nil if it is.
	Conflict *perch.Rejection `json:"conflict,omitempty"`
	// Kind is read from the stack's tags.
	Kind perch.Kind `json:"kind,omitempty"`
	// Protected says that termination protection is on.
	Protected bool `json:"protected,omitempty"`
	// Template is the hash of the deployed template, Commit its commit, URL and Endpoint its
	// outputs.
	Template string `json:"template,omitempty"`
	Commit   string `json:"commit,omitempty"`
	URL      string `json:"url,omitempty"`
	Endpoint string `json:"endpoint,omitempty"`
}

// ChangeInput requests one mutating call on the environment's stack.
type ChangeInput struct {
	Environment perch.Environment `json:"environment,omitzero"`
	// Kind is the kind that CreateStack makes the environment of.
	Kind perch.Kind `json:"kind,omitempty"`
	// StackID is the stack's id; empty only for CreateStack.
	StackID string `json:"stack_id,omitempty"`
	// Template is the hash of the template that CreateStack and UpdateStack bring the stack to.
	// They read its place, parameters and capability from what Admit stored last.
	Template string `json:"template,omitempty"`
	// Force lets ContinueRollback leave out the resources that cannot be rolled back, and
	// DeleteStack those that cannot be deleted.
	Force bool `json:"force,omitempty"`
	// Retain are the logical ids of the resources that DeleteStack leaves alone. CloudFormation
	// takes only ones that it failed to delete.
	Retain []string `json:"retain,omitempty"`
	// Token is the ClientRequestToken: the same on every retry of this activity, another one for
	// any other call.
	Token string `json:"token"`
}

// Change is an activity that makes one call that changes a stack.
type Change = Activity[ChangeInput, ChangeResult]

// ChangeResult is what a mutating call began.
type ChangeResult struct {
	// StackID is the stack that the call acts on.
	StackID string `json:"stack_id"`
	// Unchanged says that CloudFormation found nothing to update.
	Unchanged bool `json:"unchanged,omitempty"`
	// Token is the ClientRequestToken that the call was made with.
	Token string `json:"token,omitempty"`
	// Rejection is why there must be no such environment: the policy's limit is
	// reached. If the stack was created all the same, at the same time as others, StackID says
	// which one must be deleted again.
	Rejection *perch.Rejection `json:"rejection,omitempty"`
}

// AwaitInput names the operation to wait for.
type AwaitInput struct {
	// StackID is the stack's id.
	StackID string `json:"stack_id"`
	// Token is the ClientRequestToken of the operation; empty for an operation that Perch did not
	// begin.
	Token string `json:"token,omitempty"`
	// Total is how many resources the operation concerns; 0 where it is not known.
	Total int `json:"total,omitempty"`
	// ExpectedSeconds is how long the operation typically takes, an estimate; 0 if there is none.
	ExpectedSeconds float64 `json:"expected_seconds,omitempty"`
	// UntilDeleting ends the wait as soon as a resource of the stack is being deleted. From then on
	// CloudFormation no longer cancels the deletion.
	UntilDeleting bool `json:"until_deleting,omitempty"`
	// Environment is the environment of the stack; nil for another stack.
	Environment *perch.Environment `json:"environment,omitempty"`
}

// AwaitResult is how the operation ended.
type AwaitResult struct {
	// Status is the stack's final status; DELETE_IN_PROGRESS if the wait ended because a resource
	// is being deleted.
	Status string `json:"status"`
	// Reason holds the first failed events, empty if nothing failed.
	Reason string `json:"reason,omitempty"`
	// Stack is the environment's stack as it was seen at the end, so that the caller need not read
	// it again; nil if it was not seen.
	Stack *StackState `json:"stack,omitempty"`
}

// ApplyInput requests an update of the application stack to today's template.
type ApplyInput struct {
	Application perch.ApplicationInput `json:"application"`
	// Token is the ClientRequestToken of the call.
	Token string `json:"token"`
}

// Judged is the stack as the rules see it; template is the hash of the wanted template, empty if
// none is wanted. Termination protection, and a kind that Perch does not remove, protect it.
func (s StackState) Judged(template string) lifecycle.Stack {
	return lifecycle.Stack{
		Status: s.Status, Ours: s.Ours, Unchanged: template != "" && s.Template == template,
		Protected: s.Protected || s.Status != "" && s.Kind != perch.KindBranch,
	}
}

// Protection says why a protected stack of e is not deleted.
func (s StackState) Protection(e perch.Environment) *perch.Rejection {
	why := "termination protection is on; turn it off in the CloudFormation console if you mean it"
	if s.Kind != perch.KindBranch {
		why = "its kind is " + string(s.Kind) + ", and only branch environments are ever removed"
	}
	return perch.Reject("stack %s is protected: %s; nothing was touched", e.StackName(), why)
}

// Stack names the stack that the call is for.
func (in ChangeInput) Stack() StackInput {
	return StackInput{Environment: in.Environment, StackID: in.StackID}
}
