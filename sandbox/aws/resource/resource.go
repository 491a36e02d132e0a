// Package resource is what CloudFormation asks of the sandbox's services: to make, change and
// remove resources of one type.
package resource

import (
	"context"
	"errors"
	"time"
)

// Request is what the engine knows when it asks a service to act on one resource.
type Request struct {
	// Account and Region are the stack's.
	Account string
	Region  string
	// StackID and StackName name the stack.
	StackID   string
	StackName string
	// LogicalID and Type are the resource's in the template.
	LogicalID string
	Type      string
	// PhysicalID is the resource's id; empty before Create.
	PhysicalID string
	// Properties are the resolved properties; Previous are those before an update.
	Properties map[string]any
	Previous   map[string]any
	// Tags are the stack's own tags and CloudFormation's `aws:cloudformation:*` ones; a service
	// adds the resource's Tags property itself.
	Tags map[string]string
	// Suffix is the random part of names that CloudFormation generates, stable for one creation: 12
	// characters `[a-z0-9]`.
	Suffix string
	// Takes is how long the creation or the update takes. A service that goes on when
	// CloudFormation has turned away ends it by then.
	Takes time.Duration
	// Snapshot says that the deletion policy requests a final snapshot.
	Snapshot bool
}

// State is a resource as templates see it.
type State struct {
	// ID is the physical id, the value of Ref.
	ID string
	// Attributes are the values of Fn::GetAtt; a nested attribute has its dotted name as its key.
	Attributes map[string]string
}

// Handler carries out one resource type. Its calls return at once: the engine lets the type's
// typical time pass in between.
type Handler interface {
	// Create begins to make the resource. Called again with the same StackID, LogicalID and Suffix
	// it returns the same resource.
	Create(ctx context.Context, r Request) (State, error)
	// Update changes the resource in place.
	Update(ctx context.Context, r Request) (State, error)
	// Delete removes the resource when the deletion's time is over. A resource that is gone already
	// is no error.
	Delete(ctx context.Context, r Request) error
}

// Settler is a Handler that wants to know when a creation or an update is over.
type Settler interface {
	// Settle marks the resource as ready and returns its final attributes.
	Settle(ctx context.Context, r Request) (State, error)
}

// Terminator is a Handler that wants to know when a deletion begins.
type Terminator interface {
	Terminate(ctx context.Context, r Request) error
}

// Error is a failure as a resource handler words it; the engine puts the frame of CloudFormation's
// message around it.
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
