package cloudformation

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"perch/cfn/spec"
	"perch/sandbox/aws/wire"
)

const (
	replacing        = "Requested update requires the creation of a new physical resource; hence creating one."
	leftovers        = "Update successful. One or more resources could not be deleted."
	rollbackLeftover = "Rollback successful. One or more resources could not be deleted."
	trials           = 3
)

// updateAll brings every resource to the state in the new template.
func (r *run) updateAll() error {
	p, err := r.currentPlan()
	if err != nil {
		return err
	}
	_ = r.pause(r.ctx, beforeFirst)
	if r.updateCalledOff(p) {
		return nil
	}
	var failed map[string]error
	if !r.stopped() {
		failed = walk(
			r.ctx, p.needs(), true, func(ctx context.Context, id string) error { return r.update(ctx, p, id) },
		)
		_ = r.pause(r.ctx, beforeEnd)
	}
	switch {
	case r.stopped():
	case len(failed) > 0:
		r.updateFailed(p, sortedKeys(failed))
	default:
		r.updateDone(p)
	}
	return nil
}

// updateCalledOff rolls the update back and reports true if it would change an export that is in
// use, or a fault requires it. No resource has been changed then.
func (r *run) updateCalledOff(p *plan) bool {
	sentence := r.updateDenied(r.knownOutputs(p))
	if sentence == "" {
		sentence = r.faultOfStack("update")
	}
	if sentence == "" || r.stopped() {
		return false
	}
	r.enterRollback(undoingUpdate, "UPDATE_ROLLBACK_IN_PROGRESS", sentence)
	return true
}

func (r *run) updateFailed(p *plan, ids []string) {
	var created, updated []string
	r.mu.Lock()
	op := r.stack.Operation
	for _, id := range ids {
		if op.Before[id] == nil {
			created = append(created, id)
		} else {
			updated = append(updated, id)
		}
	}
	r.mu.Unlock()
	sentence := failures("create", created) + failures("update", updated)
	if op.OnFailure == "DO_NOTHING" {
		r.finish("UPDATE_FAILED", sentence)
		return
	}
	r.enterRollback(undoingUpdate, "UPDATE_ROLLBACK_IN_PROGRESS", sentence)
}

// updateDone makes the new state the stack's state. The cleanup that always follows deletes what is
// left over.
func (r *run) updateDone(p *plan) {
	outputs, err := r.outputs(p)
	if err != nil {
		r.enterRollback(undoingUpdate, "UPDATE_ROLLBACK_IN_PROGRESS", message(err))
		return
	}
	if denied := r.updateDenied(outputs); denied != "" {
		r.enterRollback(undoingUpdate, "UPDATE_ROLLBACK_IN_PROGRESS", denied)
		return
	}
	r.locked(func() {
		op := r.stack.Operation
		r.setOutputs(r.stack, outputs)
		for id, res := range r.stack.Resources {
			if planned, ok := p.resources[id]; ok {
				res.Needs, res.Policy, res.Metadata = planned.needs, planned.deletionPolicy, metadata(planned)
				continue
			}
			delete(r.stack.Resources, id)
			op.Garbage = append(op.Garbage, res)
		}
	})
	r.enter(cleaning, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "")
}

// cleanUp deletes replaced and removed resources. What fails three times is left behind.
func (r *run) cleanUp() error {
	if failed := r.removeGarbage(); r.stopped() {
		return nil
	} else if failed {
		r.finish("UPDATE_COMPLETE", leftovers)
	} else {
		r.finish("UPDATE_COMPLETE", "")
	}
	return nil
}

func (r *run) removeGarbage() (failed bool) {
	_ = r.pause(r.ctx, beforeEnd)
	for trial := range trials {
		if trial > 0 && r.pause(r.ctx, betweenTrials) != nil {
			return true
		}
		garbage := map[string]*resourceState{}
		r.locked(func() {
			for i, res := range r.stack.Operation.Garbage {
				if res.Status != "DELETE_COMPLETE" && res.Status != "DELETE_SKIPPED" {
					garbage[fmt.Sprintf("%s#%d", res.LogicalID, i)] = res
				}
			}
		})
		if failed = len(r.removeOld(garbage)) > 0; !failed || r.stopped() {
			break
		}
	}
	return failed
}

// removeOld deletes leftovers in order. They are keyed by number, because several may have the same
// logical id.
func (r *run) removeOld(garbage map[string]*resourceState) map[string]error {
	needs := map[string][]string{}
	for key, res := range garbage {
		needs[key] = nil
		for other, candidate := range garbage {
			if slices.Contains(res.Needs, candidate.LogicalID) {
				needs[key] = append(needs[key], other)
			}
		}
	}
	return walk(r.ctx, reversed(needs), false, func(ctx context.Context, key string) error {
		return r.remove(ctx, garbage[key], func(res *resourceState) policy {
			return policy{keep: strings.HasPrefix(res.Policy, "Retain"), snapshot: wantsSnapshot(res)}
		})
	})
}

// update brings one resource to the state in the plan: it creates, replaces, changes or keeps it.
func (r *run) update(ctx context.Context, p *plan, id string) error {
	r.mu.Lock()
	op := r.stack.Operation
	before, now := op.Before[id], r.stack.Resources[id]
	retagged := !slices.Equal(op.Previous.Tags, r.stack.Definition.Tags)
	r.mu.Unlock()
	if before == nil {
		return r.make(ctx, p, id, asCreation)
	}
	properties, shown, err := p.properties(id)
	if err != nil {
		r.locked(func() { r.tell(r.stack, now, "UPDATE_FAILED", message(err)) })
		return err
	}
	changed := changedProperties(before.Properties, properties)
	switch {
	case slices.ContainsFunc(changed, func(property string) bool { return spec.Replaces(before.Type, property) }):
		return r.make(ctx, p, id, asUpdate)
	case len(changed) > 0 || retagged || strings.HasSuffix(before.Status, "_FAILED") ||
		metadata(p.resources[id]) != before.Metadata:
		return r.change(ctx, now, before, properties, shown)
	}
	return nil
}

// changedProperties returns the names of the top-level properties that differ, sorted.
func changedProperties(before, after map[string]any) []string {
	var changed []string
	for _, name := range sortedKeys(union(before, after)) {
		if canonical(before[name]) != canonical(after[name]) {
			changed = append(changed, name)
		}
	}
	return changed
}

func union(a, b map[string]any) map[string]any {
	out := maps.Clone(b)
	if out == nil {
		out = map[string]any{}
	}
	maps.Copy(out, a)
	return out
}

// change updates one resource in place, from before to properties.
func (r *run) change(ctx context.Context, res, before *resourceState, properties map[string]any, shown string) error {
	complete := false
	r.locked(func() {
		op := r.stack.Operation.ID
		complete = res.Operation == op && res.Status == "UPDATE_COMPLETE"
		if res.Operation != op {
			res.Operation, res.Started = op, r.now()
			res.Properties, res.Shown = properties, shown
			r.tell(r.stack, res, "UPDATE_IN_PROGRESS", "")
		}
	})
	if complete {
		return nil
	}
	if err := r.carryChange(ctx, res, before); err != nil {
		return r.failed(ctx, res, asUpdate, err)
	}
	r.locked(func() { r.tell(r.stack, res, "UPDATE_COMPLETE", "") })
	return nil
}

func (r *run) carryChange(ctx context.Context, res, before *resourceState) error {
	handler, err := r.handler(res.Type)
	if err != nil {
		return err
	}
	step := Step{
		Stack: r.stack.Name, LogicalID: res.LogicalID, PhysicalID: res.PhysicalID, Type: res.Type, Phase: "update",
	}
	if err := r.config.Faults.Before(ctx, step); err != nil {
		return err
	}
	request := r.request(res)
	request.Previous = before.Properties
	if err := r.authorize("update", request); err != nil {
		return err
	}
	if request.Properties, err = r.expandSecure(request.Properties); err != nil {
		return err
	}
	if request.Previous, err = r.expandSecure(before.Properties); err != nil {
		request.Previous = before.Properties // A secret that has been deleted since then must not make the update fail.
	}
	request.Takes = r.scaled(timesOf(res.Type).Update)
	state, err := handler.Update(ctx, request)
	if err != nil {
		return err
	}
	r.record(func() { res.take(state) })
	return r.settle(ctx, handler, res, step, timesOf(res.Type).Update)
}

// message returns an error's sentence without its code.
func message(err error) string {
	var failure *wire.Error
	if errors.As(err, &failure) {
		return failure.Message
	}
	return err.Error()
}
