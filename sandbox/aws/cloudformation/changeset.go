package cloudformation

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"perch/cfn/spec"
	"perch/sandbox/aws/wire"
)

// changeSet is a definition that waits to be executed. It is complete when the call returns; on AWS
// that takes some seconds.
type changeSet struct {
	ID, Name, Kind, Description     string
	Definition                      definition
	Status, Reason, ExecutionStatus string
	Created                         time.Time
	Changes                         []change
	Token                           usedToken
	TokenText                       string
}

type change struct {
	Action, LogicalID, PhysicalID, Type string
	Replacement                         string
	Properties                          []string
}

func (c *changeSet) executed() bool { return strings.HasPrefix(c.ExecutionStatus, "EXECUTE_") }

const noChanges = "The submitted information didn't contain changes. Submit different information to create a change " +
	"set."

func changeSetNotFound(name string) error {
	return wire.Errorf(http.StatusNotFound, "ChangeSetNotFound", "ChangeSet [%s] does not exist", name)
}

func (c *call) createChangeSet() (answer, error) {
	name, kind := c.form.get("ChangeSetName"), c.form.get("ChangeSetType")
	if err := checkName(name, "changeSetName"); err != nil {
		return nil, err
	}
	if kind == "" {
		kind = "UPDATE"
	}
	if kind != "CREATE" && kind != "UPDATE" {
		return nil, invalid("this endpoint has change sets of the types CREATE and UPDATE, not %s", kind)
	}
	previous := ""
	c.mu.Lock()
	if st := c.find(c.form.get("StackName")); st != nil {
		previous = st.Definition.Body
	}
	c.mu.Unlock()
	body, err := c.body(previous)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	st, err := c.changeSetTarget(name, kind)
	if err != nil {
		return nil, err
	}
	if before := st.changeSet(name); before != nil {
		return c.repeatedChangeSet(st, before)
	}
	return c.addChangeSet(st, name, kind, body)
}

// repeatedChangeSet answers a call for a change set that exists. A call with the same input and
// token is a repeat.
func (c *call) repeatedChangeSet(st *stack, before *changeSet) (answer, error) {
	token := c.form.get("ClientToken")
	switch {
	case token != "" && token == before.TokenText && before.Token.Input == c.form.input():
		return answer{wire.T("Id", before.ID), wire.T("StackId", st.ID)}, nil
	case token != "" && token == before.TokenText:
		return nil, wire.Errorf(
			400, "AlreadyExistsException", "ChangeSet %s cannot be created due to a mismatch with existing attribute",
			before.Name,
		)
	}
	return nil, wire.Errorf(400, "AlreadyExistsException", "ChangeSet %s already exists", before.Name)
}

// changeSetTarget returns the stack that a change set is for. For one of type CREATE, the stack
// must not exist or must be in REVIEW_IN_PROGRESS.
func (c *call) changeSetTarget(name, kind string) (*stack, error) {
	stackName := c.form.get("StackName")
	st := c.find(stackName)
	if st != nil && !st.live() {
		st = nil
	}
	switch {
	case kind == "UPDATE" && (st == nil || st.Status == "REVIEW_IN_PROGRESS"):
		return nil, invalid("Stack [%s] does not exist", stackName)
	case kind == "UPDATE" && !updatable(st.Status):
		return nil, invalid("Stack:%s is in %s state and can not be updated.", st.ID, st.Status)
	case kind == "CREATE" && st != nil && st.Status != "REVIEW_IN_PROGRESS":
		return nil, invalid(
			"Stack [%s] already exists and cannot be created again with the changeSet [%s].", stackName, name,
		)
	case st != nil:
		return st, nil
	}
	if err := checkName(stackName, "stackName"); err != nil {
		return nil, err
	}
	id, err := c.stackID(stackName)
	return &stack{ID: id, Name: stackName, Created: c.now()}, err
}

func (c *call) addChangeSet(st *stack, name, kind, body string) (answer, error) {
	var previous *definition
	if kind == "UPDATE" {
		previous = &st.Definition
	}
	d, p, err := c.define(body, previous, st.ID, st.Name)
	if err != nil {
		return nil, err
	}
	set := &changeSet{
		ID: fmt.Sprintf(
			"arn:aws:cloudformation:%s:%s:changeSet/%s/%s", c.config.Region, c.config.Account, name, uuid.NewString(),
		),
		Name: name, Kind: kind, Description: c.form.get("Description"), Definition: d, Created: c.now(),
		Status: "CREATE_COMPLETE", ExecutionStatus: "AVAILABLE", Changes: st.changes(p),
		TokenText: c.form.get("ClientToken"), Token: usedToken{"CreateChangeSet", c.form.input()},
	}
	if kind == "UPDATE" {
		if err := c.checkUpdate(st, p, d); err != nil {
			set.Status, set.ExecutionStatus, set.Reason, set.Changes = "FAILED", "UNAVAILABLE", message(err), nil
			if set.Reason == "No updates are to be performed." {
				set.Reason = noChanges
			}
		}
	}
	if c.stacks[st.ID] == nil {
		c.stacks[st.ID] = st
		c.set(st, "REVIEW_IN_PROGRESS", userInitiated)
	}
	st.ChangeSets = append(st.ChangeSets, set)
	c.touch(st)
	return answer{wire.T("Id", set.ID), wire.T("StackId", st.ID)}, nil
}

// changes returns what executing a plan would do, by logical id.
func (st *stack) changes(p *plan) []change {
	tentative := p.with(func(id, attribute string) (any, error) {
		if value, err := st.value(id, attribute); err == nil {
			return value, nil
		}
		return placeholder(id, attribute)
	}, true)
	ids := map[string]bool{}
	for id := range p.resources {
		ids[id] = true
	}
	for id := range st.Resources {
		ids[id] = true
	}
	var out []change
	for _, id := range sortedKeys(ids) {
		if c, ok := st.changeOf(tentative, id); ok {
			out = append(out, c)
		}
	}
	return out
}

func (st *stack) changeOf(p *plan, id string) (change, bool) {
	planned, wanted := p.resources[id]
	now := st.Resources[id]
	switch {
	case now == nil:
		return change{Action: "Add", LogicalID: id, Type: planned.kind}, true
	case !wanted:
		return change{Action: "Remove", LogicalID: id, PhysicalID: now.PhysicalID, Type: now.Type}, true
	}
	properties, _, err := p.properties(id)
	if err != nil {
		return change{}, false
	}
	c := change{Action: "Modify", LogicalID: id, PhysicalID: now.PhysicalID, Type: now.Type, Replacement: "False"}
	c.Properties = changedProperties(now.Properties, properties)
	if slices.ContainsFunc(c.Properties, func(property string) bool { return spec.Replaces(now.Type, property) }) {
		c.Replacement = "True"
	}
	return c, len(c.Properties) > 0
}

// namedChangeSet returns the change set that a call names, by its name and stack or by its ARN.
func (c *call) namedChangeSet() (*stack, *changeSet, error) {
	name := c.form.get("ChangeSetName")
	if strings.HasPrefix(name, "arn:") {
		for _, st := range c.stacks {
			if set := st.changeSet(name); set != nil {
				return st, set, nil
			}
		}
		return nil, nil, changeSetNotFound(name)
	}
	st := c.find(c.form.get("StackName"))
	if st == nil {
		return nil, nil, invalid("Stack [%s] does not exist", c.form.get("StackName"))
	}
	set := st.changeSet(name)
	if set == nil {
		return st, nil, changeSetNotFound(name)
	}
	return st, set, nil
}

func (c *call) executeChangeSet() (answer, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	st, set, err := c.namedChangeSet()
	if st != nil && set == nil && c.form.get("ClientRequestToken") != "" {
		if again, failure := c.repeated(st, "ExecuteChangeSet"); again {
			return answer{}, failure
		}
	}
	if err != nil {
		return nil, err
	}
	if set.ExecutionStatus != "AVAILABLE" || st.Status != "REVIEW_IN_PROGRESS" && !updatable(st.Status) {
		status := set.Status
		if set.executed() {
			status = set.ExecutionStatus
		}
		return nil, wire.Errorf(
			400, "InvalidChangeSetStatus", "ChangeSet [%s] cannot be executed in its current status of [%s]", set.ID,
			status,
		)
	}
	c.use(st, "ExecuteChangeSet")
	set.ExecutionStatus = "EXECUTE_IN_PROGRESS"
	st.ChangeSet = set.ID
	if set.Kind == "CREATE" {
		onFailure, err := c.onFailure()
		if err != nil {
			return nil, err
		}
		c.beginCreation(st, set.Definition, onFailure)
	} else {
		c.beginUpdate(st, set.Definition)
	}
	st.clearChangeSets()
	return answer{}, nil
}

func (c *call) describeChangeSet() (answer, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	st, set, err := c.namedChangeSet()
	if err != nil {
		return nil, err
	}
	nodes := answer{
		wire.T("ChangeSetName", set.Name), wire.T("ChangeSetId", set.ID), wire.T("StackId", st.ID),
		wire.T("StackName", st.Name),
	}
	nodes = append(nodes, optional("Description", set.Description)...)
	if len(set.Definition.Parameters) > 0 {
		nodes = append(nodes, parameterNodes(set.Definition))
	}
	nodes = append(
		nodes, wire.T("CreationTime", timestamp(set.Created)), wire.T("ExecutionStatus", set.ExecutionStatus),
		wire.T("Status", set.Status),
	)
	nodes = append(nodes, optional("StatusReason", set.Reason)...)
	nodes = append(nodes, textList(
		"NotificationARNs", set.Definition.NotificationARNs,
	), wire.N("RollbackConfiguration"),
		textList("Capabilities", set.Definition.Capabilities), wire.List("Tags", set.Definition.Tags, tagNodes))
	changes, next, err := page(
		set.Changes, func(c change) string { return c.LogicalID }, c.form.get("NextToken"), c.config.PageSize,
	)
	if err != nil {
		return nil, err
	}
	nodes = append(nodes, wire.List("Changes", changes, changeNodes))
	nodes = append(nodes, optional("NextToken", next)...)
	return append(nodes, wire.T("IncludeNestedStacks", "false")), nil
}

func changeNodes(c change) []wire.Node {
	nodes := []wire.Node{}
	if c.Replacement == "True" {
		nodes = append(nodes, wire.T("PolicyAction", "ReplaceAndDelete"))
	}
	nodes = append(nodes, wire.T("Action", c.Action), wire.T("LogicalResourceId", c.LogicalID))
	nodes = append(nodes, optional("PhysicalResourceId", c.PhysicalID)...)
	nodes = append(nodes, wire.T("ResourceType", c.Type))
	nodes = append(nodes, optional("Replacement", c.Replacement)...)
	scope := []string{}
	if len(c.Properties) > 0 {
		scope = append(scope, "Properties")
	}
	nodes = append(nodes, textList(
		"Scope", scope,
	), wire.List("Details", c.Properties, func(property string) []wire.Node {
		recreation := "Never"
		if spec.Replaces(c.Type, property) {
			recreation = "Always"
		}
		return []wire.Node{
			wire.N(
				"Target", wire.T("Attribute", "Properties"), wire.T("Name", property),
				wire.T("RequiresRecreation", recreation),
			),
			wire.T("Evaluation", "Static"), wire.T("ChangeSource", "DirectModification"),
		}
	}))
	return []wire.Node{wire.T("Type", "Resource"), wire.N("ResourceChange", nodes...)}
}

func (c *call) deleteChangeSet() (answer, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	st, set, err := c.namedChangeSet()
	switch {
	case st != nil && set == nil:
		return answer{}, nil
	case err != nil:
		return nil, err
	case set.executed():
		return nil, wire.Errorf(
			400, "InvalidChangeSetStatus", "Cannot delete ChangeSet in execution status %s", set.ExecutionStatus,
		)
	}
	st.ChangeSets = slices.DeleteFunc(st.ChangeSets, func(other *changeSet) bool { return other == set })
	c.touch(st)
	return answer{}, nil
}

func (c *call) listChangeSets() (answer, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	st, err := c.described()
	if err != nil {
		return nil, err
	}
	var nodes []wire.Node
	for _, set := range st.ChangeSets {
		if set.executed() {
			continue
		}
		member := []wire.Node{
			wire.T("StackId", st.ID), wire.T("StackName", st.Name), wire.T("ChangeSetId", set.ID),
			wire.T("ChangeSetName", set.Name), wire.T("ExecutionStatus", set.ExecutionStatus),
			wire.T("Status", set.Status),
		}
		member = append(member, optional("StatusReason", set.Reason)...)
		nodes = append(nodes, wire.N("member", append(member, wire.T("CreationTime", timestamp(set.Created)))...))
	}
	return answer{wire.N("Summaries", nodes...)}, nil
}

// ProposedStack returns the ARN of the stack of a change set, by the change set's ARN; empty if it
// does not exist.
func (s *Service) ProposedStack(id string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, st := range s.stacks {
		if st.changeSet(id) != nil {
			return st.ID
		}
	}
	return ""
}
