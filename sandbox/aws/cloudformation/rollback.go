package cloudformation

import (
	"context"
	"slices"
)

// undoUpdate restores the resources that the update has changed. The cleanup that follows deletes
// those that it has created.
func (r *run) undoUpdate() error {
	_ = r.pause(r.ctx, beforeNext)
	needs := map[string][]string{}
	r.locked(func() {
		op := r.stack.Operation
		for id, before := range op.Before {
			if now := r.stack.Resources[id]; !slices.Contains(op.Skip, id) && !op.Restored[id] && now != nil &&
				now.Operation != before.Operation {
				needs[id] = before.Needs
			}
		}
	})
	failed := walk(r.ctx, needs, false, r.restore)
	switch {
	case r.stopped():
	case len(failed) > 0:
		r.finish("UPDATE_ROLLBACK_FAILED", failures("update", sortedKeys(failed)))
	default:
		r.restored()
	}
	return nil
}

// restore restores one resource: it puts a replaced one back into the stack, or updates a changed
// one to its earlier properties.
func (r *run) restore(ctx context.Context, id string) error {
	var before resourceState
	var now *resourceState
	r.locked(func() {
		before, now = *r.stack.Operation.Before[id], r.stack.Resources[id]
		if now.PhysicalID != before.PhysicalID {
			r.putBack(&before)
			now = nil
		}
	})
	if now != nil {
		if err := r.change(
			ctx, now, &resourceState{Properties: now.Properties}, before.Properties, before.Shown,
		); err != nil {
			return err
		}
	}
	r.locked(func() { r.stack.Operation.Restored[id] = true })
	return nil
}

// putBack puts the replaced physical resource back into the stack. Its replacement becomes garbage.
func (r *run) putBack(before *resourceState) {
	op := r.stack.Operation
	replacement := r.stack.Resources[before.LogicalID]
	op.Garbage = slices.DeleteFunc(op.Garbage, func(res *resourceState) bool {
		return res.LogicalID == before.LogicalID && res.PhysicalID == before.PhysicalID
	})
	replacement.Policy = ""
	op.Garbage = append(op.Garbage, replacement)
	before.Operation = op.ID
	r.stack.Resources[before.LogicalID] = before
	r.tell(r.stack, before, "UPDATE_IN_PROGRESS", "")
	r.tell(r.stack, before, "UPDATE_COMPLETE", "")
}

// restored marks as garbage what the update has created, for the cleanup.
func (r *run) restored() {
	r.locked(func() {
		op := r.stack.Operation
		for id, res := range r.stack.Resources {
			before, existed := op.Before[id]
			if existed {
				res.Needs, res.Policy, res.Metadata = before.Needs, before.Policy, before.Metadata
				continue
			}
			delete(r.stack.Resources, id)
			if res.Policy == "RetainExceptOnCreate" {
				res.Policy = ""
			}
			op.Garbage = append(op.Garbage, res)
		}
	})
	r.enter(undoingCleaning, "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", "")
}

// undoCleanUp deletes what the update created.
func (r *run) undoCleanUp() error {
	failed := r.removeGarbage()
	switch {
	case r.stopped():
	case failed:
		r.finish("UPDATE_ROLLBACK_COMPLETE", rollbackLeftover)
	default:
		r.finish("UPDATE_ROLLBACK_COMPLETE", "")
	}
	return nil
}
