// Package resource defines the interface through which the sandbox's CloudFormation makes its
// services create, change and delete resources.
package resource

import (
	"context"
	"errors"
	"time"
)

// Request is what the engine passes to a service that acts on a resource.
type Request struct {
	// Account and Region are the stack's.
	Account string
	Region  string
	// StackID and StackName are the id and the name of the stack.
	StackID   string
	StackName string
	// LogicalID and Type describe the resource in the template.
	LogicalID string
	Type      string
	// PhysicalID is the resource's id; empty before Create.
	PhysicalID string
	// Properties are the resolved properties. Previous are those before an update.
	Properties map[string]any
	Previous   map[string]any
	// Tags are the stack's tags and CloudFormation's `aws:cloudformation:*` tags. The service adds
	// those in the resource's Tags property.
	Tags map[string]string
	// Suffix is the random part of names that CloudFormation generates, 12 characters of
	// `[a-z0-9]`. It stays the same during one creation.
	Suffix string
	// Takes is how long the creation or the update takes. A service that continues after
	// CloudFormation has stopped waiting for it ends the operation by then.
	Takes time.Duration
	// Snapshot means that the deletion policy requires a final snapshot.
	Snapshot bool
}

// State is a resource as templates see it.
type State struct {
	// ID is the physical id, the value of Ref.
	ID string
	// Attributes are the values of Fn::GetAtt. The key of a nested attribute is its dotted name.
	Attributes map[string]string
}

// Handler implements one resource type. Its calls return at once. The engine waits between them for
// as long as the type usually takes.
type Handler interface {
	// Create begins to create the resource. If it is called again with the same StackID, LogicalID
	// and Suffix, it returns the same resource.
	Create(ctx context.Context, r Request) (State, error)
	// Update changes the resource in place.
	Update(ctx context.Context, r Request) (State, error)
	// Delete removes the resource at the end of its deletion. If the resource does not exist, that
	// is not an error.
	Delete(ctx context.Context, r Request) error
}

// Settler is a Handler that is told when a creation or an update ends.
type Settler interface {
	// Settle marks the resource as ready and returns its final attributes.
	Settle(ctx context.Context, r Request) (State, error)
}

// Terminator is a Handler that is told when a deletion begins.
type Terminator interface {
	Terminate(ctx context.Context, r Request) error
}

// Error is an error in the words of a resource handler. The engine adds the rest of
// CloudFormation's message.
type Error struct {
	// Service is the service's name in the message: S3, Rds, ElasticBeanstalk.
	Service string
	// Message is the service's sentence.
	Message string
	// Status is the HTTP status code.
	Status int
	// Code is the HandlerErrorCode: GeneralServiceException, AccessDenied, AlreadyExists,
	// InvalidRequest.
	Code string
}

func (e *Error) Error() string { return e.Message }

// As finds the *Error in err.
func As(err error) (*Error, bool) {
	var e *Error
	ok := errors.As(err, &e)
	return e, ok
}
