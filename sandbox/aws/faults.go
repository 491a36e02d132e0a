package aws

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"perch/sandbox/aws/cloudformation"
)

// The values of Fault.When.
const (
	// Before makes a call, or a step of a resource, fail without an effect. It is the default.
	Before = "before"
	// After makes it fail after it has had its effect: the answer of a call is lost, or a resource
	// is incomplete.
	After = "after"
)

// Fault is an injected failure. It is for one of three things. If Type, LogicalID, Stack or Phase
// is set, it is for steps in which CloudFormation changes resources. If Key is set, it is for
// single keys of DeleteObjects. Otherwise it is for calls (Service, Action, Contains, AccessKey).
// Empty fields match everything.
type Fault struct {
	// ID is the fault's id, which the endpoint assigns.
	ID string `json:"id,omitempty"`

	// Service and Action are those of the call, such as cloudformation and DescribeStacks. The
	// service registry is the sandbox's container registry, whose only action is GetManifest. A
	// fault matches its calls only if it names that service.
	Service string `json:"service,omitempty"`
	Action  string `json:"action,omitempty"`
	// Contains is text that the call must contain: in its parameters, in its JSON body or, for S3,
	// in its host and address.
	Contains string `json:"contains,omitempty"`
	// AccessKey is the id of the key that signed the call.
	AccessKey string `json:"access_key,omitempty"`

	// Key is the prefix of the object keys that fail one by one while DeleteObjects as a whole
	// succeeds. Contains is then text in the bucket's name, and Count counts keys.
	Key string `json:"key,omitempty"`

	// Type, LogicalID and Stack are those of the resource; Phase is create, update or delete. The
	// type AWS::CloudFormation::Stack is for the stack itself: its deletion or update is cancelled
	// before the first resource.
	Type      string `json:"type,omitempty"`
	LogicalID string `json:"logical_id,omitempty"`
	Stack     string `json:"stack,omitempty"`
	Phase     string `json:"phase,omitempty"`

	// When is Before or After.
	When string `json:"when,omitempty"`
	// Count is how many times the fault strikes; 0 means until it is deleted.
	Count int `json:"count,omitempty"`

	// Status, Code and Message are the error that the call returns. Status is 400 if it is not set.
	Status  int    `json:"status,omitempty"`
	Code    string `json:"code,omitempty"`
	Message string `json:"message,omitempty"`
	// Drop closes the connection without an answer.
	Drop bool `json:"drop,omitempty"`
	// Rate allows this many calls a second and answers the others with Throttling, "Rate exceeded".
	Rate float64 `json:"rate,omitempty"`
	// Stale makes CloudFormation's DescribeStacks or ListStacks, Systems Manager's
	// ListCommandInvocations, or Route 53's TestDNSAnswer answer with the state from this many
	// seconds ago. The tagging API's GetResources then also lists what was deleted in these
	// seconds.
	Stale float64 `json:"stale,omitempty"`

	// Reason is why the step of a resource fails.
	Reason string `json:"reason,omitempty"`
	// Hang holds the resource in its step until the fault is deleted or another operation starts.
	Hang bool `json:"hang,omitempty"`
	// Refill puts an object into the bucket just before its deletion, in spite of the bucket's
	// policy, so that the deletion fails.
	Refill bool `json:"refill,omitempty"`
}

// FaultKeys returns the JSON keys of a fault, with the kinds of their values.
func FaultKeys() map[string]reflect.Kind {
	keys := map[string]reflect.Kind{}
	for _, field := range reflect.VisibleFields(reflect.TypeFor[Fault]()) {
		if name, _, _ := strings.Cut(field.Tag.Get("json"), ","); name != "id" { // The endpoint assigns it.
			keys[name] = field.Type.Kind()
		}
	}
	return keys
}

func (f Fault) ofResource() bool {
	return f.Type != "" || f.LogicalID != "" || f.Stack != "" || f.Phase != ""
}

// complete checks a fault and sets its defaults.
func (f *Fault) complete() error {
	if f.When == "" {
		f.When = Before
	}
	switch {
	case f.When != Before && f.When != After:
		return fmt.Errorf("when is %q: use before or after", f.When)
	case f.Count < 0 || f.Rate < 0 || f.Stale < 0:
		return errors.New("count, rate and stale cannot be negative")
	case f.ofResource():
		return f.checkResource()
	case f.Reason != "" || f.Hang || f.Refill:
		return errors.New("reason, hang and refill are for resources: select them by type, logical_id, stack or phase")
	case f.Key != "":
		return f.checkKey()
	case f.Stale > 0:
		return f.checkStale()
	case f.Rate > 0:
		f.Status, f.Code, f.Message = http.StatusBadRequest, "Throttling", "Rate exceeded"
	case f.Code == "" && !f.Drop:
		return errors.New(
			"the effect is missing: give code (and message, status), drop, rate or stale, or for a resource reason, " +
				"hang or refill",
		)
	}
	if f.Status == 0 {
		f.Status = http.StatusBadRequest
	}
	if f.Status < 100 || f.Status > 599 {
		return fmt.Errorf("status %d is not an HTTP status", f.Status)
	}
	return nil
}

// checkKey checks a fault for single keys of S3's DeleteObjects.
func (f *Fault) checkKey() error {
	switch {
	case f.Code == "" || f.Drop || f.Rate > 0 || f.Stale > 0 || f.AccessKey != "" || f.When == After:
		return errors.New("keys of DeleteObjects fail with a code (and message): say which, and nothing else")
	case f.Service != "" && f.Service != "s3" || f.Action != "" && f.Action != "DeleteObjects":
		return fmt.Errorf("key is for s3's DeleteObjects, not for %s %s", f.Service, f.Action)
	}
	f.Service, f.Action = "s3", "DeleteObjects"
	return nil
}

// staleCalls are the calls that can be stale, by service. The first is meant if a fault names none.
var staleCalls = map[string][]string{
	"cloudformation": {"DescribeStacks", "ListStacks"}, "ssm": {"ListCommandInvocations"},
	"tagging": {"GetResources"}, "route53": {"TestDNSAnswer"},
}

// checkStale checks a fault with stale reads. It is for CloudFormation unless the fault names
// another service or call.
func (f *Fault) checkStale() error {
	service := cmp.Or(f.Service, "cloudformation")
	for other, actions := range staleCalls {
		if f.Service == "" && slices.Contains(actions, f.Action) {
			service = other
		}
	}
	actions := staleCalls[service]
	switch {
	case f.Code != "" || f.Drop || f.Rate > 0 || f.When == After:
		return errors.New("a stale answer is not an error: leave out code, drop, rate and when")
	case len(actions) == 0 || f.Action != "" && !slices.Contains(actions, f.Action):
		return fmt.Errorf(
			"stale is for cloudformation's DescribeStacks and ListStacks, ssm's ListCommandInvocations, route53's "+
				"TestDNSAnswer and tagging's GetResources, not for %s %s",
			f.Service,
			f.Action,
		)
	}
	f.Service, f.Action = service, cmp.Or(f.Action, actions[0])
	return nil
}

func (f *Fault) checkResource() error {
	effects := 0
	for _, effect := range []bool{f.Reason != "", f.Hang, f.Refill} {
		if effect {
			effects++
		}
	}
	switch {
	case f.Service != "" || f.Action != "" || f.Contains != "" || f.AccessKey != "" || f.Key != "" || f.Code != "" ||
		f.Drop || f.Rate > 0 || f.Stale > 0:
		return errors.New("a fault is about calls (service, action, contains, access_key, key, code, drop, rate, " +
			"stale) or about resources (type, logical_id, stack, phase, reason, hang, refill), not both")
	case f.Phase != "" && f.Phase != "create" && f.Phase != "update" && f.Phase != "delete":
		return fmt.Errorf("phase is %q: use create, update or delete", f.Phase)
	case effects != 1:
		return errors.New("a fault of a resource has either a reason, hang or refill")
	case f.Type == cloudformation.StackType:
		return f.checkStack()
	case !f.Refill:
		return nil
	case f.Type != "" && f.Type != bucketType || f.Phase != "" && f.Phase != "delete" || f.When == After:
		return errors.New("refill is for buckets (type AWS::S3::Bucket) that are about to be deleted (phase delete)")
	}
	f.Type, f.Phase = bucketType, "delete"
	return nil
}

// checkStack checks a fault for a whole stack: CloudFormation accepts the deletion or update, and
// then cancels it before it changes a resource.
func (f *Fault) checkStack() error {
	switch {
	case f.Phase != "delete" && f.Phase != "update":
		return errors.New("a fault of type AWS::CloudFormation::Stack needs a phase: use delete or update")
	case f.Refill || f.LogicalID != "" || f.When == After:
		return errors.New("a fault of type AWS::CloudFormation::Stack takes stack, phase, count, and reason or hang")
	}
	return nil
}

// environmentType is the resource type whose instances log why it fails.
const environmentType = "AWS::ElasticBeanstalk::Environment"

// bucketType is the resource type that Refill is for.
const bucketType = "AWS::S3::Bucket"

// order is a fault in force.
type order struct {
	Fault
	left    int
	struck  int
	limiter *rate.Limiter
	lifted  chan struct{}
}

// strike reports whether the fault, which matches, strikes this time.
func (o *order) strike() bool {
	strikes := true
	switch {
	case o.limiter != nil:
		strikes = !o.limiter.Allow()
	case o.Count > 0:
		o.left--
		strikes = o.left >= 0
	}
	if strikes {
		o.struck++
	}
	return strikes
}

type faults struct {
	// refill puts an object into a bucket.
	refill func(bucket, key string) error
	// fail tells an Elastic Beanstalk environment why its launch or update fails.
	fail func(environment, reason string)

	mu     sync.Mutex
	last   int
	orders []*order
}

// AddFault injects a fault and returns its id.
func (s *Server) AddFault(f Fault) (string, error) {
	err := f.complete()
	if err == nil {
		err = f.checkNames()
	}
	if err != nil {
		return "", fmt.Errorf("order fault: %w", err)
	}
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.last++
	f.ID = "fault-" + strconv.Itoa(s.faults.last)
	o := &order{Fault: f, left: f.Count, lifted: make(chan struct{})}
	if f.Rate > 0 {
		o.limiter = rate.NewLimiter(rate.Limit(f.Rate), max(1, int(f.Rate)))
	}
	s.faults.orders = append(s.faults.orders, o)
	return f.ID, nil
}

// DeleteFault deletes the fault with the id, or every fault if id is empty. It reports whether
// there was one. Resources that the fault holds continue.
func (s *Server) DeleteFault(id string) (found bool) {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	var kept []*order
	for _, o := range s.faults.orders {
		if id == "" || o.ID == id {
			close(o.lifted)
			continue
		}
		kept = append(kept, o)
	}
	found = id == "" || len(kept) < len(s.faults.orders)
	s.faults.orders = kept
	return found
}

// Faults returns the faults in force, oldest first.
func (s *Server) Faults() []Fault {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	out := []Fault{}
	for _, o := range s.faults.orders {
		out = append(out, o.Fault)
	}
	return out
}

// FaultInForce is a fault and how often it has struck. If that is 0, the fault may be mistyped.
type FaultInForce struct {
	Fault
	Struck int `json:"struck"`
}

// inForce returns the faults in force and how often each has struck.
func (f *faults) inForce() []FaultInForce {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := []FaultInForce{}
	for _, o := range f.orders {
		out = append(out, FaultInForce{o.Fault, o.struck})
	}
	return out
}

// match returns the fault that strikes the call.
func (f *faults) match(c Call) (Fault, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, o := range f.orders {
		named := o.Service == c.Service || o.Service == "" && c.Service != registryService
		fits := !o.ofResource() && o.Key == "" && named && (o.Action == "" || o.Action == c.Action) &&
			strings.Contains(c.text, o.Contains) && (o.AccessKey == "" || o.AccessKey == c.AccessKey)
		if fits && o.strike() {
			return o.Fault, true
		}
	}
	return Fault{}, false
}

// registryService and registryAction are the service and the action of calls to registries.
const (
	registryService = "registry"
	registryAction  = "GetManifest"
)

// RegistryFault records that a registry looks up an image, and returns the fault that strikes this
// call; struck is false if there is none.
func (s *Server) RegistryFault(image string) (status int, code, message string, struck bool) {
	c := Call{Service: registryService, Action: registryAction, Summary: image, Time: time.Now().UTC(), text: image}
	s.calls.add(c)
	fault, struck := s.faults.match(c)
	return fault.Status, fault.Code, fault.Message, struck
}

// failKey returns the error of one key in DeleteObjects; the code is empty if the key is deleted.
func (f *faults) failKey(bucket, key string) (code, message string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, o := range f.orders {
		if o.Key != "" && strings.HasPrefix(key, o.Key) && strings.Contains(bucket, o.Contains) && o.strike() {
			return o.Code, o.Message
		}
	}
	return "", ""
}

func (f *faults) find(step cloudformation.Step, when string) *order {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, o := range f.orders {
		moment := o.When
		if o.Hang {
			moment = After
		}
		// A fault is only for the stack itself if it names that type. A fault that only has a phase
		// is for resources.
		ofStack := step.Type == cloudformation.StackType
		fits := o.ofResource() && moment == when && (o.Type == step.Type || !ofStack) &&
			(o.Type == "" || o.Type == step.Type) && (o.LogicalID == "" || o.LogicalID == step.LogicalID) &&
			(o.Stack == "" || o.Stack == step.Stack) && (o.Phase == "" || o.Phase == step.Phase)
		if fits && o.strike() {
			return o
		}
	}
	return nil
}

// Before returns the error of a step that fails before its service is called.
func (f *faults) Before(_ context.Context, step cloudformation.Step) error {
	o := f.find(step, Before)
	switch {
	case o == nil:
		return nil
	case o.Refill:
		return f.refill(step.PhysicalID, "delivered-late.log")
	}
	return errors.New(o.Reason)
}

// During returns the error of a step that fails after its service was called, or holds the step.
func (f *faults) During(ctx context.Context, step cloudformation.Step) error {
	o := f.find(step, After)
	switch {
	case o == nil:
		return nil
	case !o.Hang:
		if step.Type == environmentType {
			f.fail(step.PhysicalID, o.Reason)
		}
		return errors.New(o.Reason)
	}
	select {
	case <-o.lifted:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// OrderedFault is the answer to a request to inject a fault. Note describes a likely mistake in the
// fault; empty if there is none.
type OrderedFault struct {
	ID   string `json:"id"`
	Note string `json:"note,omitempty"`
}

// serveFaults answers /_perch/faults. POST injects a fault, GET lists them, DELETE deletes one
// (?id=) or all.
func (s *Server) serveFaults(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodGet:
		writeJSON(w, http.StatusOK, map[string]any{"faults": s.faults.inForce()})
	case http.MethodDelete:
		if id := r.URL.Query().Get("id"); !s.DeleteFault(id) {
			reject(w, http.StatusNotFound, "no fault "+id+" is in force")
			return
		}
		w.WriteHeader(http.StatusNoContent)
	case http.MethodPost:
		f, err := readFault(http.MaxBytesReader(w, r.Body, maxJSON))
		if err != nil {
			reject(w, http.StatusBadRequest, err.Error())
			return
		}
		id, err := s.AddFault(f)
		if err != nil {
			reject(w, http.StatusBadRequest, err.Error())
			return
		}
		writeJSON(w, http.StatusCreated, OrderedFault{ID: id, Note: s.doubt(f)})
	default:
		reject(w, http.StatusMethodNotAllowed, "use POST, GET or DELETE")
	}
}

// readFault reads a fault from JSON. An unknown key is an error, because without it the fault would
// not do what was meant.
func readFault(body io.Reader) (f Fault, err error) {
	var given map[string]json.RawMessage
	if err := json.NewDecoder(body).Decode(&given); err != nil {
		return f, fmt.Errorf("the fault is not understood: %w", err)
	}
	keys := FaultKeys()
	for key := range given {
		if _, known := keys[key]; !known {
			return f, fmt.Errorf(
				"a fault has no key %q; its keys are %s", key, strings.Join(slices.Sorted(maps.Keys(keys)), ", "),
			)
		}
	}
	text, err := json.Marshal(given)
	if err == nil {
		err = json.Unmarshal(text, &f)
	}
	if err != nil {
		return f, fmt.Errorf("the fault is not understood: %w", err)
	}
	return f, nil
}
