package cloudformation

import (
	"context"
	"slices"

	"perch/sandbox/aws/resource"
)

// deleteAll deletes the stack's resources in reverse order of their creation, unless CloudFormation
// cancels the deletion before the first.
func (r *run) deleteAll() error {
	_ = r.pause(r.ctx, beforeDeletion)
	if r.deletionCalledOff() {
		return nil
	}
	failed := r.removeAll(r.removable(), r.policyOfDeletion)
	switch {
	case r.stopped():
	case len(failed) > 0:
		r.finish("DELETE_FAILED", failures("delete", sortedKeys(failed)))
	default:
		r.finish("DELETE_COMPLETE", "")
	}
	return nil
}

// deletionCalledOff cancels the deletion and reports true if an export is in use or a fault
// requires it: the stack returns to its earlier status. A deletion that has changed a resource, or
// interrupts another operation, continues.
func (r *run) deletionCalledOff() bool {
	r.mu.Lock()
	before := r.stack.Operation.Former
	r.mu.Unlock()
	if before == nil || r.stopped() {
		return false
	}
	sentence := r.faultOfStack("delete")
	calledOff := false
	r.locked(func() {
		if used := r.inUse("delete", r.stack.exports()); used != "" {
			sentence = "Delete canceled. " + used
		}
		if r.stopped() || sentence == "" {
			r.stack.Operation.Former = nil
			return
		}
		calledOff = true
		r.set(r.stack, before.Status, sentence)
		r.stack.Operation, r.stack.Deleted = before.Operation, before.Deleted
	})
	return calledOff
}

// faultOfStack returns the reason for which a fault cancels the operation before the first
// resource; empty if none does. A fault may also hold the operation at this point.
func (r *run) faultOfStack(phase string) string {
	step := Step{Stack: r.stack.Name, LogicalID: r.stack.Name, PhysicalID: r.stack.ID, Type: StackType, Phase: phase}
	err := r.config.Faults.During(r.ctx, step)
	if err == nil {
		err = r.config.Faults.Before(r.ctx, step)
	}
	if err == nil {
		return ""
	}
	return message(err)
}

// undoCreate deletes what a failed creation has created.
func (r *run) undoCreate() error {
	_ = r.pause(r.ctx, beforeNext)
	failed := r.removeAll(r.removable(), r.policyOfRollback)
	switch {
	case r.stopped():
	case len(failed) > 0:
		r.finish("ROLLBACK_FAILED", failures("delete", sortedKeys(failed)))
	default:
		r.finish("ROLLBACK_COMPLETE", "")
	}
	return nil
}

// removable returns the stack's resources that still exist.
func (r *run) removable() map[string]*resourceState {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := map[string]*resourceState{}
	for id, res := range r.stack.Resources {
		if res.Status != "DELETE_COMPLETE" && res.Status != "DELETE_SKIPPED" {
			out[id] = res
		}
	}
	return out
}

// policy says what a deletion does with a resource: whether it is kept, and whether a snapshot is
// left.
type policy struct{ keep, snapshot bool }

func (r *run) policyOfDeletion(res *resourceState) policy {
	op := r.stack.Operation
	keep := res.Policy == "Retain" || res.Policy == "RetainExceptOnCreate" || slices.Contains(op.Retain, res.LogicalID)
	return policy{keep: keep, snapshot: wantsSnapshot(res)}
}

func (r *run) policyOfRollback(res *resourceState) policy {
	return policy{keep: res.Policy == "Retain", snapshot: wantsSnapshot(res) && res.Status == "CREATE_COMPLETE"}
}

// wantsSnapshot reports whether the resource's policy requires a final snapshot. For databases that
// is the default (AWS docs: DeletionPolicy attribute).
func wantsSnapshot(res *resourceState) bool {
	if res.Policy != "" {
		return res.Policy == "Snapshot"
	}
	_, member := res.Properties["DBClusterIdentifier"]
	return res.Type == "AWS::RDS::DBCluster" || res.Type == "AWS::RDS::DBInstance" && !member
}

// removeAll deletes resources, dependents first, and returns the failures.
func (r *run) removeAll(all map[string]*resourceState, policyOf func(*resourceState) policy) map[string]error {
	needs := map[string][]string{}
	for id, res := range all {
		needs[id] = res.Needs
	}
	return walk(r.ctx, reversed(needs), false, func(ctx context.Context, id string) error {
		return r.remove(ctx, all[id], policyOf)
	})
}

// remove deletes one resource, or keeps it if its policy says so.
func (r *run) remove(ctx context.Context, res *resourceState, policyOf func(*resourceState) policy) error {
	var does policy
	begin := false
	r.locked(func() {
		does = policyOf(res)
		switch {
		case does.keep:
			r.tell(r.stack, res, "DELETE_SKIPPED", "")
		case res.PhysicalID == "":
			r.tell(r.stack, res, "DELETE_COMPLETE", "")
		default:
			begin = true
			if res.Status != "DELETE_IN_PROGRESS" || res.Operation != r.stack.Operation.ID {
				res.Operation, res.Started = r.stack.Operation.ID, r.now()
				r.tell(r.stack, res, "DELETE_IN_PROGRESS", "")
			}
		}
	})
	if !begin {
		return nil
	}
	err := r.takeDown(ctx, res, does.snapshot)
	switch {
	case err == nil:
		r.locked(func() { r.tell(r.stack, res, "DELETE_COMPLETE", "") })
	case r.stopped():
	default:
		r.removalFailed(res, err)
		if r.forced() {
			return nil
		}
	}
	return err
}

func (r *run) forced() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stack.Operation.Force
}

// removalFailed records that a resource could not be deleted. A forced deletion leaves it behind.
func (r *run) removalFailed(res *resourceState, err error) {
	r.locked(func() {
		r.tell(r.stack, res, "DELETE_FAILED", reason(err))
		if r.stack.Operation.Force {
			r.tell(r.stack, res, "DELETE_SKIPPED", "")
		}
	})
}

// takeDown tells the service that the deletion begins, waits for as long as it takes, and deletes
// the resource.
func (r *run) takeDown(ctx context.Context, res *resourceState, snapshot bool) error {
	handler, err := r.handler(res.Type)
	if err != nil {
		return err
	}
	step := Step{
		Stack: r.stack.Name, LogicalID: res.LogicalID, PhysicalID: res.PhysicalID, Type: res.Type, Phase: "delete",
	}
	if err := r.config.Faults.Before(ctx, step); err != nil {
		return err
	}
	request := r.request(res)
	request.Snapshot = snapshot
	if err := r.authorize("delete", request); err != nil {
		return err
	}
	if terminator, ok := handler.(resource.Terminator); ok {
		if err := terminator.Terminate(ctx, request); err != nil {
			return err
		}
	}
	if err := r.config.Faults.During(ctx, step); err != nil {
		return err
	}
	if err := r.takes(ctx, res.Started, timesOf(res.Type).Remove); err != nil {
		return err
	}
	return handler.Delete(ctx, request)
}
