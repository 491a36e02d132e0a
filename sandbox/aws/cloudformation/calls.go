package cloudformation

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"perch/sandbox/aws/wire"
)

// find returns the stack with the id, which may be deleted, or the existing one with the name.
func (s *Service) find(nameOrID string) *stack {
	if st, ok := s.stacks[nameOrID]; ok {
		return st
	}
	for _, st := range s.stacks {
		if st.Name == nameOrID && st.live() {
			return st
		}
	}
	return nil
}

// existing returns the existing stack that a changing call names.
func (c *call) existing() (*stack, error) {
	name := c.form.get("StackName")
	if name == "" {
		return nil, checkName("", "stackName")
	}
	st := c.find(name)
	if st == nil || !st.live() {
		return nil, invalid("Stack [%s] does not exist", name)
	}
	return st, nil
}

func (s *Service) stackID(name string) (string, error) {
	id, err := uuid.NewUUID()
	if err != nil {
		return "", fmt.Errorf("make stack id: %w", err)
	}
	return fmt.Sprintf("arn:aws:cloudformation:%s:%s:stack/%s/%s", s.config.Region, s.config.Account, name, id), nil
}

func operationID() string {
	id, err := uuid.NewUUID()
	if err != nil {
		return uuid.NewString()
	}
	return id.String()
}

func (c *call) createStack() (answer, error) {
	name := c.form.get("StackName")
	if err := checkName(name, "stackName"); err != nil {
		return nil, err
	}
	if err := checkToken(c.form.get("ClientRequestToken")); err != nil {
		return nil, err
	}
	body, err := c.body("")
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if st := c.find(name); st != nil {
		if again, err := c.repeated(st, "CreateStack"); err != nil {
			return nil, err
		} else if again {
			return answer{wire.T("StackId", st.ID)}, nil
		}
		return nil, wire.Errorf(400, "AlreadyExistsException", "Stack [%s] already exists", name)
	}
	onFailure, err := c.onFailure()
	if err != nil {
		return nil, err
	}
	id, err := c.stackID(name)
	if err != nil {
		return nil, err
	}
	d, _, err := c.define(body, nil, id, name)
	if err != nil {
		return nil, err
	}
	st := &stack{ID: id, Name: name, Created: c.now(), Protected: c.form.is("EnableTerminationProtection")}
	c.use(st, "CreateStack")
	c.stacks[id] = st
	c.beginCreation(st, d, onFailure)
	return answer{wire.T("StackId", id), wire.T("OperationId", st.Operation.ID)}, nil
}

// onFailure returns what a creation that fails does: ROLLBACK, DELETE or DO_NOTHING.
func (c *call) onFailure() (string, error) {
	given := c.form.get("OnFailure")
	switch {
	case given != "" && c.form.given("DisableRollback"):
		return "", invalid("Either DisableRollback or OnFailure can be specified, not both.")
	case c.form.is("DisableRollback"):
		return "DO_NOTHING", nil
	case given == "":
		return "ROLLBACK", nil
	case !slices.Contains([]string{"ROLLBACK", "DELETE", "DO_NOTHING"}, given):
		return "", constraint(given, "onFailure", "satisfy enum value set: [ROLLBACK, DELETE, DO_NOTHING]")
	}
	return given, nil
}

// beginCreation begins to create st from d. The id of the first event is also that of the
// operation.
func (c *call) beginCreation(st *stack, d definition, onFailure string) {
	st.Definition, st.Resources = d, map[string]*resourceState{}
	st.DisableRollback = onFailure == "DO_NOTHING"
	op := &operation{ID: operationID(), Token: c.form.get("ClientRequestToken"), Phase: creating, OnFailure: onFailure}
	if st.Timeout = c.form.number("TimeoutInMinutes"); st.Timeout > 0 {
		op.Deadline = c.now().Add(c.scaled(float64(st.Timeout) * 60))
	}
	st.begin(op, "CREATE_STACK")
	c.set(st, "CREATE_IN_PROGRESS", userInitiated)
	st.Events[len(st.Events)-1].ID = op.ID
	c.launch(st)
}

const userInitiated = "User Initiated"

func updatable(status string) bool {
	return slices.Contains([]string{"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "UPDATE_FAILED",
		"IMPORT_COMPLETE", "IMPORT_ROLLBACK_COMPLETE"}, status)
}

func (c *call) updateStack() (answer, error) {
	if err := checkToken(c.form.get("ClientRequestToken")); err != nil {
		return nil, err
	}
	c.mu.Lock()
	st, err := c.existing()
	c.mu.Unlock()
	if err != nil {
		return nil, err
	}
	body, err := c.body(st.bodyLocked(c.Service))
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if again, err := c.repeated(st, "UpdateStack"); err != nil {
		return nil, err
	} else if again {
		return answer{wire.T("StackId", st.ID)}, nil
	}
	if !updatable(st.Status) {
		return nil, invalid("Stack:%s is in %s state and can not be updated.", st.ID, st.Status)
	}
	d, p, err := c.define(body, &st.Definition, st.ID, st.Name)
	if err != nil {
		return nil, err
	}
	if err := c.checkUpdate(st, p, d); err != nil {
		return nil, err
	}
	c.use(st, "UpdateStack")
	op := c.beginUpdate(st, d)
	st.ChangeSet = ""
	return answer{wire.T("StackId", st.ID), wire.T("OperationId", op.ID)}, nil
}

func (st *stack) bodyLocked(s *Service) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return st.Definition.Body
}

// checkUpdate rejects an update that changes nothing, or the type of a resource.
func (c *call) checkUpdate(st *stack, p *plan, d definition) error {
	current, err := c.plan(st.Definition, st.ID, st.Name)
	if err != nil {
		return err
	}
	same := current.fingerprint(st.Definition.Tags) == p.fingerprint(d.Tags) &&
		maps.Equal(st.Definition.Fetched, d.Fetched)
	if st.Status != "UPDATE_FAILED" && same {
		return invalid("No updates are to be performed.")
	}
	var changed []string
	for id, r := range p.resources {
		if now := st.Resources[id]; now != nil && now.Type != r.kind {
			changed = append(changed, id)
		}
	}
	if len(changed) > 0 {
		slices.Sort(changed)
		return invalid("Update of resource type is not permitted. The new template modifies resource type of the "+
			"following resources: [%s]", strings.Join(changed, ", "))
	}
	return nil
}

// beginUpdate begins to update st to d.
func (c *call) beginUpdate(st *stack, d definition) *operation {
	op := &operation{
		ID: operationID(), Token: c.form.get("ClientRequestToken"), Phase: updating, Previous: st.Definition,
		Before: map[string]*resourceState{}, Restored: map[string]bool{},
	}
	if c.form.is("DisableRollback") {
		op.OnFailure = "DO_NOTHING"
	}
	for id, res := range st.Resources {
		if res.PhysicalID == "" {
			continue
		}
		before := *res
		before.Properties, before.Attributes = maps.Clone(res.Properties), maps.Clone(res.Attributes)
		op.Before[id] = &before
	}
	st.Definition = d
	st.begin(op, "UPDATE_STACK")
	c.set(st, "UPDATE_IN_PROGRESS", userInitiated)
	st.Updated = st.Events[len(st.Events)-1].Time
	c.launch(st)
	return op
}

func (c *call) deleteStack() (answer, error) {
	name := c.form.get("StackName")
	if name == "" {
		return nil, checkName("", "stackName")
	}
	if err := checkToken(c.form.get("ClientRequestToken")); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	st := c.find(name)
	if st == nil || !st.live() {
		return nil, nil
	}
	if again, err := c.repeated(st, "DeleteStack"); again || err != nil {
		return nil, err
	}
	if err := c.deletable(st, name); err != nil || st.Status == "DELETE_IN_PROGRESS" {
		return nil, err
	}
	if err := c.checkRole(cmp.Or(c.form.get("RoleARN"), st.Definition.RoleARN)); err != nil {
		return nil, err
	}
	c.use(st, "DeleteStack")
	if role := c.form.get("RoleARN"); role != "" {
		st.Definition.RoleARN = role
	}
	op := &operation{
		ID: uuid.NewString(), Token: c.form.get("ClientRequestToken"), Phase: deleting,
		Retain: c.form.list("RetainResources"), Force: c.form.get("DeletionMode") == "FORCE_DELETE_STACK",
	}
	st.DeletionMode = c.form.get("DeletionMode")
	if !inProgress(st.Status) {
		op.Former = &former{Status: st.Status, Deleted: st.Deleted, Operation: st.Operation}
	}
	st.begin(op, "DELETE_STACK")
	c.set(st, "DELETE_IN_PROGRESS", userInitiated)
	st.Deleted = st.Events[len(st.Events)-1].Time
	c.launch(st)
	return nil, nil
}

// deletable returns an error if a stack cannot be deleted in the way that the call requests.
func (c *call) deletable(st *stack, name string) error {
	if st.Protected {
		return invalid("Stack [%s] cannot be deleted while TerminationProtection is enabled", name)
	}
	if inProgress(st.Status) &&
		!slices.Contains([]string{"CREATE_IN_PROGRESS", "DELETE_IN_PROGRESS", "REVIEW_IN_PROGRESS"}, st.Status) {
		return invalid("Stack [%s] cannot be deleted while in status %s", name, st.Status)
	}
	mode := c.form.get("DeletionMode")
	if mode != "" && mode != "STANDARD" && mode != "FORCE_DELETE_STACK" {
		return constraint(mode, "deletionMode", "satisfy enum value set: [STANDARD, FORCE_DELETE_STACK]")
	}
	if mode == "FORCE_DELETE_STACK" && st.Status != "DELETE_FAILED" {
		return invalid(
			"Invalid operation on stack [%s]. Force delete is only allowed when the stack is in DELETE_FAILED state.",
			st.ID,
		)
	}
	retain := c.form.list("RetainResources")
	if len(retain) > 0 && st.Status != "DELETE_FAILED" {
		return invalid("Invalid operation on stack [%s]. Specify resources to retain only when the stack is in "+
			"DELETE_FAILED state.", st.ID)
	}
	for _, id := range retain {
		if res := st.Resources[id]; res == nil || res.Status == "DELETE_COMPLETE" {
			return invalid("The specified resources to retain must be in a valid state. Do not specify resources " +
				"that are in the DELETE_COMPLETE state.")
		}
	}
	return nil
}

func (c *call) cancelUpdateStack() (answer, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	st, err := c.existing()
	if err != nil {
		return nil, err
	}
	if again, err := c.repeated(st, "CancelUpdateStack"); again || err != nil {
		return nil, err
	}
	if st.Status != "UPDATE_IN_PROGRESS" {
		return nil, invalid("CancelUpdateStack cannot be called from current stack status")
	}
	c.use(st, "CancelUpdateStack")
	op := st.Operation
	for _, res := range st.Resources {
		if inProgress(res.Status) && res.Operation == op.ID {
			failed := asUpdate
			if op.Before[res.LogicalID] == nil {
				failed = asCreation
			}
			c.tell(st, res, failed.failed, failed.cancelled)
		}
	}
	c.beginRollback(st, op, userInitiated)
	return nil, nil
}

// beginRollback begins to undo an update.
func (c *call) beginRollback(st *stack, op *operation, reason string) {
	if op.Phase == updating {
		st.Definition, st.ChangeSet = op.Previous, ""
	}
	op.ID, op.Phase = uuid.NewString(), undoingUpdate
	st.begin(op, "ROLLBACK")
	c.set(st, "UPDATE_ROLLBACK_IN_PROGRESS", reason)
	c.launch(st)
}

func (c *call) updateTerminationProtection() (answer, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	st, err := c.existing()
	if err != nil {
		return nil, err
	}
	if st.Status == "DELETE_IN_PROGRESS" {
		return nil, invalid("Stack [%s] is in %s state: termination protection cannot be changed", st.Name, st.Status)
	}
	st.Protected = c.form.is("EnableTerminationProtection")
	c.touch(st)
	return answer{wire.T("StackId", st.ID)}, nil
}

// since reports whether a time is less than d ago.
func (s *Service) since(at time.Time, d time.Duration) bool { return s.now().Sub(at) < d }
