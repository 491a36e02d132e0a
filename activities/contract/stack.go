package contract

import (
	"perch"
	"perch/lifecycle"
)

// StackInput names a stack.
type StackInput struct {
	Environment perch.Environment `json:"environment,omitzero"`
	// StackID identifies the stack. While it is empty, the stack is looked up by name.
	StackID string `json:"stack_id,omitempty"`
}

// StackState is a workflow's view of a stack.
type StackState struct {
	// StackID is empty if there is no stack.
	StackID string `json:"stack_id,omitempty"`
	// Status is CloudFormation's status; empty if there is no stack.
	Status string `json:"status,omitempty"`
	// Ours means that the stack's name, project, repository and branch are those of the
	// environment.
	Ours bool `json:"ours,omitempty"`
	// Conflict explains why the stack is not the environment's; nil if it is.
	Conflict *perch.Rejection `json:"conflict,omitempty"`
	// Kind is read from the stack's tags.
	Kind perch.Kind `json:"kind,omitempty"`
	// Protected means that termination protection is on.
	Protected bool `json:"protected,omitempty"`
	// Template is the hash of the deployed template, and Commit its commit. URL and Endpoint are
	// outputs of the stack.
	Template string `json:"template,omitempty"`
	Commit   string `json:"commit,omitempty"`
	URL      string `json:"url,omitempty"`
	Endpoint string `json:"endpoint,omitempty"`
}

// ChangeInput requests one mutating call on the environment's stack.
type ChangeInput struct {
	Environment perch.Environment `json:"environment,omitzero"`
	// Kind is the kind of the environment that CreateStack creates.
	Kind perch.Kind `json:"kind,omitempty"`
	// StackID identifies the stack; empty only for CreateStack.
	StackID string `json:"stack_id,omitempty"`
	// Template is the hash of the template that CreateStack and UpdateStack apply. They read the
	// template's location, parameters and capability from what Admit stored last.
	Template string `json:"template,omitempty"`
	// Force lets ContinueRollback skip resources that cannot be rolled back, and lets DeleteStack
	// skip resources that cannot be deleted.
	Force bool `json:"force,omitempty"`
	// Retain lists the logical ids of the resources that DeleteStack does not delete.
	// CloudFormation accepts only resources that it failed to delete before.
	Retain []string `json:"retain,omitempty"`
	// Token is the ClientRequestToken. Retries of this activity use the same token, and other calls
	// use different ones.
	Token string `json:"token"`
}

// Change is an activity that makes one call to change a stack.
type Change = Activity[ChangeInput, ChangeResult]

// ChangeResult is the result of starting a change.
type ChangeResult struct {
	// StackID is the stack that the call acts on.
	StackID string `json:"stack_id"`
	// Unchanged means that CloudFormation found nothing to update.
	Unchanged bool `json:"unchanged,omitempty"`
	// Token is the ClientRequestToken of the call.
	Token string `json:"token,omitempty"`
	// Rejection means that the environment must not exist because the policy's limit is reached. If
	// the stack was created anyway, concurrently with others, StackID is the stack that must be
	// deleted again.
	Rejection *perch.Rejection `json:"rejection,omitempty"`
}

// AwaitInput names the operation to wait for.
type AwaitInput struct {
	// StackID is the stack's id.
	StackID string `json:"stack_id"`
	// Token is the ClientRequestToken of the operation; empty if Perch did not start the operation.
	Token string `json:"token,omitempty"`
	// Total counts the resources that the operation affects; 0 if the number is unknown.
	Total int `json:"total,omitempty"`
	// ExpectedSeconds estimates how long the operation takes; 0 if there is no estimate.
	ExpectedSeconds float64 `json:"expected_seconds,omitempty"`
	// UntilDeleting ends the wait as soon as CloudFormation deletes a resource of the stack. From
	// then on it no longer cancels the deletion.
	UntilDeleting bool `json:"until_deleting,omitempty"`
	// Environment is the environment of the stack; nil if the stack is not an environment's.
	Environment *perch.Environment `json:"environment,omitempty"`
}

// AwaitResult is how the operation ended.
type AwaitResult struct {
	// Status is the stack's final status, or DELETE_IN_PROGRESS if UntilDeleting ended the wait.
	Status string `json:"status"`
	// Reason has the first failed events; empty if nothing failed.
	Reason string `json:"reason,omitempty"`
	// Stack is the environment's stack at the end of the wait; nil if it was not read, or if
	// UntilDeleting ended the wait. The caller need not read it again.
	Stack *StackState `json:"stack,omitempty"`
}

// ApplyInput requests an update of the application stack to the current template.
type ApplyInput struct {
	Application perch.ApplicationInput `json:"application"`
	// Token is the ClientRequestToken of the call.
	Token string `json:"token"`
}

// Judged converts the state for package lifecycle. template is the hash of the wanted template;
// empty if the caller wants none. A stack is protected if its termination protection is on, or if
// its kind is not KindBranch.
func (s StackState) Judged(template string) lifecycle.Stack {
	return lifecycle.Stack{
		Status: s.Status, Ours: s.Ours, Unchanged: template != "" && s.Template == template,
		Protected: s.Protected || s.Status != "" && s.Kind != perch.KindBranch,
	}
}

// Protection returns a rejection that explains why a protected stack of e is not deleted.
func (s StackState) Protection(e perch.Environment) *perch.Rejection {
	return perch.Reject("%s; nothing was touched", lifecycle.ProtectedStack(e.StackName(), s.Kind))
}

// Stack returns the input that names the stack of the call.
func (in ChangeInput) Stack() StackInput {
	return StackInput{Environment: in.Environment, StackID: in.StackID}
}
