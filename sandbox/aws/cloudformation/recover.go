package cloudformation

import (
	"cmp"
	"slices"

	"github.com/google/uuid"
)

// continueUpdateRollback continues a failed rollback without the resources to skip.
func (c *call) continueUpdateRollback() (answer, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	st, err := c.existing()
	if err != nil {
		return nil, err
	}
	if again, err := c.repeated(st, "ContinueUpdateRollback"); again || err != nil {
		return answer{}, err
	}
	if st.Status != "UPDATE_ROLLBACK_FAILED" {
		return nil, invalid("Stack:%s is in %s state and can not continue update rollback.", st.ID, st.Status)
	}
	if err := c.checkRole(cmp.Or(c.form.get("RoleARN"), st.Definition.RoleARN)); err != nil {
		return nil, err
	}
	skip := c.form.list("ResourcesToSkip")
	for _, id := range skip {
		if res := st.Resources[id]; res == nil || res.Status != "UPDATE_FAILED" {
			return nil, invalid("Resources to skip must be in UPDATE_FAILED state: [%s]", id)
		}
	}
	c.use(st, "ContinueUpdateRollback")
	op := st.Operation
	op.Token, op.Skip = c.form.get("ClientRequestToken"), append(op.Skip, skip...)
	c.beginRollback(st, op, userInitiated)
	return answer{}, nil
}

// rollbackStack rolls back an operation that failed without an automatic rollback.
func (c *call) rollbackStack() (answer, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	st, err := c.existing()
	if err != nil {
		return nil, err
	}
	if again, err := c.repeated(st, "RollbackStack"); err != nil {
		return nil, err
	} else if again {
		return answer{}, nil
	}
	if err := c.checkRole(cmp.Or(c.form.get("RoleARN"), st.Definition.RoleARN)); err != nil {
		return nil, err
	}
	switch {
	case st.Status == "UPDATE_FAILED":
		st.Operation.Token = c.form.get("ClientRequestToken")
		c.beginRollback(st, st.Operation, userInitiated)
	case st.Status == "CREATE_FAILED":
		st.begin(
			&operation{ID: uuid.NewString(), Token: c.form.get("ClientRequestToken"), Phase: undoingCreate}, "ROLLBACK",
		)
		c.set(st, "ROLLBACK_IN_PROGRESS", userInitiated)
		st.Deleted = c.now()
		c.launch(st)
	default:
		return nil, invalid("Stack:%s is in %s state and can not be rolled back.", st.ID, st.Status)
	}
	c.use(st, "RollbackStack")
	return answer{}, nil
}

// clearChangeSets deletes the change sets that an operation invalidates: all except the executed
// ones.
func (st *stack) clearChangeSets() {
	st.ChangeSets = slices.DeleteFunc(st.ChangeSets, func(c *changeSet) bool { return !c.executed() })
}
