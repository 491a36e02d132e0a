package cloudformation

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"perch/sandbox/aws/resource"
)

// createAll creates every resource of the stack, and ends the creation with success or failure.
func (r *run) createAll() error {
	p, err := r.currentPlan()
	if err != nil {
		return err
	}
	ctx, cancel := r.withDeadline()
	defer cancel()
	var failed map[string]error
	if err := r.pause(ctx, beforeFirst); err == nil {
		failed = walk(ctx, p.needs(), true, func(ctx context.Context, id string) error {
			return r.make(ctx, p, id, asCreation)
		})
		_ = r.pause(ctx, beforeEnd)
	}
	switch {
	case r.stopped():
		return nil
	case len(failed) > 0 || ctx.Err() != nil:
		r.creationFailed(sortedKeys(failed))
		return nil
	}
	return r.creationDone(p)
}

// withDeadline returns the run's context with the deadline of the creation, TimeoutInMinutes.
func (r *run) withDeadline() (context.Context, context.CancelFunc) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if deadline := r.stack.Operation.Deadline; !deadline.IsZero() {
		return context.WithDeadlineCause(r.ctx, deadline, errTimeout)
	}
	return r.ctx, func() {}
}

func (r *run) currentPlan() (*plan, error) {
	r.mu.Lock()
	definition := r.stack.Definition
	r.mu.Unlock()
	p, err := r.plan(definition, r.stack.ID, r.stack.Name)
	if err != nil {
		return nil, err
	}
	return p.with(r.lookup, false), nil
}

// lookup resolves Ref and Fn::GetAtt from the stack's resources.
func (r *run) lookup(id, attribute string) (any, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stack.value(id, attribute)
}

// value returns the value of Ref (attribute is empty) or Fn::GetAtt for a resource.
func (st *stack) value(id, attribute string) (any, error) {
	res, ok := st.Resources[id]
	switch {
	case !ok || res.PhysicalID == "":
		return nil, invalid("Template error: resource %s does not exist", id)
	case attribute == "":
		return res.PhysicalID, nil
	}
	value, ok := res.Attributes[attribute]
	if !ok {
		return nil, invalid(
			"Template error: resource %s does not support attribute type %s in Fn::GetAtt", id, attribute,
		)
	}
	return value, nil
}

func (r *run) creationDone(p *plan) error {
	outputs, err := r.outputs(p)
	if err != nil {
		r.enterRollback(undoingCreate, "ROLLBACK_IN_PROGRESS", message(err)+" Rollback requested by user.")
		return nil
	}
	r.locked(func() { r.setOutputs(r.stack, outputs) })
	r.finish("CREATE_COMPLETE", "")
	return nil
}

// creationFailed rolls back, deletes or stops, as the call's OnFailure requires.
func (r *run) creationFailed(ids []string) {
	sentence := failures("create", ids)
	r.mu.Lock()
	onFailure := r.stack.Operation.OnFailure
	r.mu.Unlock()
	switch onFailure {
	case "DO_NOTHING":
		r.finish("CREATE_FAILED", sentence)
	case "DELETE":
		r.enterRollback(deleting, "DELETE_IN_PROGRESS", sentence+"Delete requested by user.")
	default:
		r.enterRollback(undoingCreate, "ROLLBACK_IN_PROGRESS", sentence+"Rollback requested by user.")
	}
}

// enterRollback begins a rollback. It is a new operation, with the token of the operation that it
// undoes.
func (r *run) enterRollback(next phase, status, reason string) {
	r.locked(func() {
		op := r.stack.Operation
		op.ID = uuid.NewString()
		r.stack.begin(op, "ROLLBACK")
		op.Phase = next
		r.set(r.stack, status, reason)
		if !strings.HasPrefix(status, "UPDATE") {
			r.stack.Deleted = r.now()
		}
		if c := r.stack.changeSet(r.stack.ChangeSet); c != nil {
			c.ExecutionStatus = "EXECUTE_FAILED"
		}
		if next == undoingUpdate {
			r.stack.Definition, r.stack.ChangeSet = op.Previous, ""
		}
	})
}

// words are the statuses of a resource's events while it is created.
type words struct{ progress, complete, failed, cancelled string }

var (
	asCreation = words{"CREATE_IN_PROGRESS", "CREATE_COMPLETE", "CREATE_FAILED", "Resource creation cancelled"}
	asUpdate   = words{"UPDATE_IN_PROGRESS", "UPDATE_COMPLETE", "UPDATE_FAILED", "Resource update cancelled"}
)

// make creates one resource and waits until it is complete. It continues a creation that began
// before a restart.
func (r *run) make(ctx context.Context, p *plan, id string, say words) error {
	res, complete, err := r.beginMaking(p, id, say)
	if complete || err != nil {
		return err
	}
	if err := r.bringUp(ctx, res, say); err != nil {
		return r.failed(ctx, res, say, err)
	}
	r.locked(func() { r.tell(r.stack, res, say.complete, "") })
	return nil
}

// beginMaking adds the resource to the stack, with its first event.
func (r *run) beginMaking(p *plan, id string, say words) (res *resourceState, complete bool, err error) {
	properties, shown, resolveErr := p.properties(id)
	r.locked(func() {
		op := r.stack.Operation.ID
		res = r.stack.Resources[id]
		if res != nil && res.Operation == op && res.Status == say.complete {
			complete = true
			return
		}
		if res == nil || res.Operation != op {
			planned := p.resources[id]
			res = &resourceState{
				LogicalID: id, Type: planned.kind, Properties: properties, Shown: shown, Needs: planned.needs,
				Policy: planned.deletionPolicy, Suffix: suffix(op, id), Operation: op, Metadata: metadata(planned),
			}
			r.announce(res, p.resources[id].updateReplacePolicy, say)
		}
	})
	if res == nil {
		return nil, false, errSuperseded
	}
	if resolveErr != nil && !complete {
		r.locked(func() { r.tell(r.stack, res, say.failed, message(resolveErr)) })
		return res, false, resolveErr
	}
	return res, complete, nil
}

// announce adds to the stack a resource that is about to be created, with its first event. If it
// replaces a physical resource, that one becomes garbage of the operation, and the event still has
// its id. Without an update-replace policy the old resource is deleted, even a database (AWS docs:
// UpdateReplacePolicy attribute).
func (r *run) announce(res *resourceState, replacePolicy string, say words) {
	old := r.stack.Resources[res.LogicalID]
	r.stack.Resources[res.LogicalID] = res
	if say != asUpdate {
		r.tell(r.stack, res, say.progress, "")
		return
	}
	leftover := *old
	leftover.Policy = cmp.Or(replacePolicy, "Delete")
	r.stack.Operation.Garbage = append(r.stack.Operation.Garbage, &leftover)
	res.PhysicalID = old.PhysicalID
	r.tell(r.stack, res, say.progress, replacing)
	res.PhysicalID = ""
}

func metadata(planned plannedResource) string {
	if planned.metadata == nil {
		return ""
	}
	return canonical(planned.metadata)
}

// bringUp calls the service to create the resource, waits for as long as that takes, and settles
// the resource.
func (r *run) bringUp(ctx context.Context, res *resourceState, say words) error {
	if err := r.pause(ctx, beforeCreate); err != nil {
		return err
	}
	handler, err := r.handler(res.Type)
	if err != nil {
		return err
	}
	step := Step{
		Stack: r.stack.Name, LogicalID: res.LogicalID, PhysicalID: res.PhysicalID, Type: res.Type, Phase: "create",
	}
	if err := r.config.Faults.Before(ctx, step); err != nil {
		return err
	}
	request := r.request(res)
	if err := r.authorize("create", request); err != nil {
		return err
	}
	if request.Properties, err = r.expandSecure(request.Properties); err != nil {
		return err
	}
	request.Takes = r.scaled(timesOf(res.Type).Create)
	state, err := handler.Create(ctx, request)
	if err != nil {
		return err
	}
	first := false
	r.record(func() {
		first = res.PhysicalID == ""
		res.take(state)
		if first {
			res.Started = r.now()
		}
	})
	if first {
		r.locked(func() { r.tell(r.stack, res, say.progress, "Resource creation Initiated") })
	}
	return r.settle(ctx, handler, res, step, timesOf(res.Type).Create)
}

// authorize checks that the stack's service role has the rights that a phase of a resource needs.
func (r *run) authorize(phase string, request resource.Request) error {
	if r.config.Authorize == nil {
		return nil
	}
	r.mu.Lock()
	role := r.stack.Definition.RoleARN
	r.mu.Unlock()
	return r.config.Authorize(role, phase, request)
}

// settle waits for as long as the resource takes, and then reads its final state from the service.
// A resource that fails meanwhile also takes this long, because CloudFormation only learns of a
// failure when the service is done.
func (r *run) settle(
	ctx context.Context, handler resource.Handler, res *resourceState, step Step, seconds float64,
) error {
	settler, ok := handler.(resource.Settler)
	step.PhysicalID = res.PhysicalID
	if err := r.config.Faults.During(ctx, step); err != nil {
		if ok && ctx.Err() == nil {
			_, _ = settler.Settle(ctx, r.request(res))
		}
		return err
	}
	if err := r.takes(ctx, res.Started, seconds); err != nil || !ok {
		return err
	}
	state, err := settler.Settle(ctx, r.request(res))
	if err != nil {
		return err
	}
	r.record(func() { res.take(state) })
	return nil
}

// take stores what a service returned. If it returned no id or no attributes, the earlier ones
// stay.
func (res *resourceState) take(state resource.State) {
	if state.ID != "" {
		res.PhysicalID = state.ID
	}
	if state.Attributes != nil {
		res.Attributes = state.Attributes
	}
}

// failed adds the event of a failure, unless the run has been stopped.
func (r *run) failed(ctx context.Context, res *resourceState, say words, err error) error {
	if r.stopped() {
		return err
	}
	sentence := reason(err)
	if cause := context.Cause(ctx); errors.Is(cause, errSibling) || errors.Is(cause, errTimeout) {
		sentence = say.cancelled
	}
	r.locked(func() { r.tell(r.stack, res, say.failed, sentence) })
	return err
}

func (r *run) handler(kind string) (resource.Handler, error) {
	handler, ok := r.config.Handlers[kind]
	if !ok {
		return nil, fmt.Errorf("the sandbox cannot make resources of type %s, which AWS has", kind)
	}
	return handler, nil
}

// request returns what a service is told about a resource.
func (r *run) request(res *resourceState) resource.Request {
	r.mu.Lock()
	defer r.mu.Unlock()
	return resource.Request{
		Account: r.config.Account, Region: r.config.Region, StackID: r.stack.ID, StackName: r.stack.Name,
		LogicalID: res.LogicalID, Type: res.Type, PhysicalID: res.PhysicalID, Properties: res.Properties,
		Tags: r.stack.tags(res.LogicalID), Suffix: res.Suffix,
	}
}

// outputs returns the plan's resolved outputs, sorted by key.
func (r *run) outputs(p *plan) ([]output, error) {
	var out []output
	for _, key := range sortedKeys(p.outputs) {
		o, err := p.output(key)
		if err != nil {
			return nil, err
		}
		if err := r.exportable(o.Export); err != nil {
			return nil, err
		}
		out = append(out, o)
	}
	return out, nil
}

// output returns one of the plan's outputs, resolved.
func (p *plan) output(key string) (output, error) {
	resolved, err := p.scope.resolve(p.outputs[key])
	if err != nil {
		return output{}, err
	}
	members := object(resolved)
	o := output{Key: key}
	if o.Value, err = p.scope.text("Output", members["Value"]); err != nil {
		return output{}, err
	}
	o.Description, _ = members["Description"].(string)
	o.Export, _ = object(members["Export"])["Name"].(string)
	return o, nil
}
