// Package cloudformation imitates CloudFormation. Stacks are created, updated and deleted in the
// background, by the handlers of the resource types that the endpoint has. Its clock may run faster
// than AWS's.
//
// Wire format, event sequences and messages follow recordings of the real service
// (github.com/radkawar/stackd, testdata).
package cloudformation

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"perch/sandbox/aws/resource"
	"perch/sandbox/aws/wire"
)

const namespace = "http://cloudformation.amazonaws.com/doc/2010-05-15/"

// Config configures the service.
type Config struct {
	// Account and Region are in every ARN.
	Account, Region string
	// Speed is how many seconds of AWS's typical times pass in one second; 0 means 1. Timestamps
	// stay real.
	Speed float64
	// Data is the folder in which stacks are stored; empty keeps them in memory.
	Data string
	// PageSize is the number of items on a page of any listing; 0 means 100.
	PageSize int
	// Handlers implement the resource types, by type name.
	Handlers map[string]resource.Handler
	// Faults is called before and during every step of a resource; nil for no faults.
	Faults Faults
	// ReadObject reads an S3 object for TemplateURL; nil if there is no S3.
	ReadObject func(ctx context.Context, bucket, key string) ([]byte, error)
	// Resolve returns the value of a dynamic reference without its braces, such as
	// `resolve:ssm:NAME:1`. If it is nil, references stay as they are.
	Resolve func(reference string) (string, error)
	// RoleExists reports whether IAM has a role; nil accepts every service role.
	RoleExists func(arn string) bool
	// Authorize returns an error if a service role lacks a right that a phase (create, update or
	// delete) of a resource needs; nil allows everything.
	Authorize func(role, phase string, r resource.Request) error
	// Logger receives internal errors; nil discards them.
	Logger *slog.Logger
	// Now returns the time; nil is time.Now.
	Now func() time.Time
}

// Step is one operation on one resource. Faults match it.
type Step struct {
	// Stack is the stack's name.
	Stack string
	// LogicalID, PhysicalID and Type are those of the resource. It has no physical id before it is
	// created.
	LogicalID, PhysicalID, Type string
	// Phase is create, update or delete.
	Phase string
}

// StackType is the type of the stack itself: in its events, and in the step at which a fault may
// cancel a deletion or an update before the first resource.
const StackType = "AWS::CloudFormation::Stack"

// Faults injects failures into the steps of resources.
type Faults interface {
	// Before returns an error if the step fails before its service is called.
	Before(ctx context.Context, step Step) error
	// During returns an error if the step fails after its service was called. It may also hold the
	// step until the fault is removed or ctx ends; then the error is the cause of ctx.
	During(ctx context.Context, step Step) error
}

type noFaults struct{}

func (noFaults) Before(context.Context, Step) error { return nil }
func (noFaults) During(context.Context, Step) error { return nil }

// Service is the CloudFormation endpoint of one account and region.
type Service struct {
	config Config
	log    *slog.Logger
	now    func() time.Time

	ctx     context.Context
	cancel  context.CancelCauseFunc
	running sync.WaitGroup

	// mu guards everything below, and every stack.
	mu     sync.Mutex
	stacks map[string]*stack
	runs   map[string]*run
	dirty  map[string]bool
	// wake tells the saver that a stack has changed.
	wake chan struct{}
	// saving is held while files are written, so that an older state never overwrites a newer one.
	saving sync.Mutex
}

// New starts the service. With Config.Data, it continues the operations that were in progress when
// it was closed.
func New(config Config) (*Service, error) {
	if config.Speed <= 0 {
		config.Speed = 1
	}
	if config.PageSize <= 0 {
		config.PageSize = 100
	}
	if config.Faults == nil {
		config.Faults = noFaults{}
	}
	log := config.Logger
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	s := &Service{
		config: config, log: log, now: config.Now, ctx: ctx, cancel: cancel,
		stacks: map[string]*stack{}, runs: map[string]*run{}, dirty: map[string]bool{}, wake: make(chan struct{}, 1),
	}
	if config.Data != "" {
		s.config.Data = filepath.Join(config.Data, "stacks")
		if err := os.MkdirAll(s.config.Data, 0o755); err != nil {
			return nil, fmt.Errorf("make folder for stacks: %w", err)
		}
		if err := s.load(); err != nil {
			return nil, err
		}
		s.running.Go(s.keepSaving)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, st := range s.stacks {
		if st.Operation != nil && inProgress(st.Status) {
			s.launch(st)
		}
	}
	return s, nil
}

// Close interrupts operations in progress, and saves their state.
func (s *Service) Close() error {
	s.cancel(errClosing)
	s.running.Wait()
	return s.flush()
}

// call is one request of the API.
type call struct {
	*Service
	ctx  context.Context
	form form
}

// answer is the result of an action; nil for actions without a result.
type answer []wire.Node

// action is one operation of the API. Its caller does not hold the lock.
type action func(c *call) (answer, error)

var actions = map[string]action{
	"CreateStack":                 (*call).createStack,
	"UpdateStack":                 (*call).updateStack,
	"DeleteStack":                 (*call).deleteStack,
	"CancelUpdateStack":           (*call).cancelUpdateStack,
	"ContinueUpdateRollback":      (*call).continueUpdateRollback,
	"RollbackStack":               (*call).rollbackStack,
	"UpdateTerminationProtection": (*call).updateTerminationProtection,
	"DescribeStacks":              (*call).describeStacks,
	"ListStacks":                  (*call).listStacks,
	"DescribeStackEvents":         (*call).describeStackEvents,
	"DescribeStackResources":      (*call).describeStackResources,
	"DescribeStackResource":       (*call).describeStackResource,
	"ListStackResources":          (*call).listStackResources,
	"GetTemplate":                 (*call).getTemplate,
	"GetTemplateSummary":          (*call).getTemplateSummary,
	"ValidateTemplate":            (*call).validateTemplate,
	"ListImports":                 (*call).listImports,
	"CreateChangeSet":             (*call).createChangeSet,
	"DescribeChangeSet":           (*call).describeChangeSet,
	"ExecuteChangeSet":            (*call).executeChangeSet,
	"DeleteChangeSet":             (*call).deleteChangeSet,
	"ListChangeSets":              (*call).listChangeSets,
}

// Actions returns the names of all actions, sorted.
func Actions() []string { return slices.Sorted(maps.Keys(actions)) }

// Names returns the names of the stacks that exist, and the logical ids of their resources.
func (s *Service) Names() (stacks, resources []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, st := range s.stacks {
		if !st.Deleted.IsZero() {
			continue
		}
		stacks = append(stacks, st.Name)
		resources = append(resources, slices.Collect(maps.Keys(st.Resources))...)
	}
	slices.Sort(stacks)
	slices.Sort(resources)
	return stacks, slices.Compact(resources)
}

// ServeHTTP answers one call of the query protocol. It saves what the call changed before it writes
// the answer.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		wire.WriteQueryError(w, namespace, wire.Errorf(http.StatusBadRequest, "MalformedQueryString", "%v", err))
		return
	}
	name := r.Form.Get("Action")
	do, ok := actions[name]
	if !ok {
		wire.WriteQueryError(w, namespace, wire.Errorf(
			http.StatusBadRequest, "InvalidAction", "Could not find operation %s for version %s", name,
			r.Form.Get("Version"),
		))
		return
	}
	result, err := do(&call{Service: s, ctx: r.Context(), form: form(r.Form)})
	if err == nil && !reads(name) {
		err = s.flush()
	}
	if err != nil {
		wire.WriteQueryError(w, namespace, asWire(err))
		return
	}
	wire.WriteQuery(w, namespace, name, result)
}

// reads reports whether an action changes nothing.
func reads(action string) bool {
	for _, verb := range []string{"Describe", "List", "Get", "Validate"} {
		if strings.HasPrefix(action, verb) {
			return true
		}
	}
	return false
}

func asWire(err error) *wire.Error {
	var failure *wire.Error
	if errors.As(err, &failure) {
		return failure
	}
	return wire.Errorf(http.StatusInternalServerError, "InternalFailure", "%v", err)
}

// invalid returns a ValidationError, which is CloudFormation's answer to nearly every wrong call.
func invalid(format string, args ...any) *wire.Error {
	return wire.Errorf(http.StatusBadRequest, "ValidationError", format, args...)
}
