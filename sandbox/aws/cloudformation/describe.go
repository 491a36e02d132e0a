package cloudformation

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"perch/sandbox/aws/wire"
)

func (st *stack) key() string { return newestFirst(st.Created, st.ID) }

// sorted returns the stacks for which keep is true, newest first.
func (s *Service) sorted(keep func(*stack) bool) []*stack {
	var out []*stack
	for _, st := range s.stacks {
		if keep(st) {
			out = append(out, st)
		}
	}
	slices.SortFunc(out, func(a, b *stack) int { return cmp.Compare(a.key(), b.key()) })
	return out
}

// described returns the stack that a reading call names. It finds a deleted stack only by its id.
func (c *call) described() (*stack, error) {
	name := c.form.get("StackName")
	if name == "" {
		return nil, checkName("", "stackName")
	}
	if st := c.find(name); st != nil {
		return st, nil
	}
	return nil, invalid("Stack with id %s does not exist", name)
}

func (c *call) describeStacks() (answer, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c = c.lagging()
	if c.form.get("StackName") != "" {
		st, err := c.described()
		if err != nil {
			return nil, err
		}
		return answer{wire.List("Stacks", []*stack{st}, c.stackNodes)}, nil
	}
	stacks, next, err := page(c.sorted((*stack).live), (*stack).key, c.form.get("NextToken"), c.config.PageSize)
	if err != nil {
		return nil, err
	}
	return withNext(wire.List("Stacks", stacks, c.stackNodes), next), nil
}

// lagging returns the call as it reads the state from the time of its lag.
func (c *call) lagging() *call {
	lag := wire.Lag(c.ctx)
	if lag == 0 {
		return c
	}
	return &call{Service: c.past(c.now().Add(-lag)), ctx: c.ctx, form: c.form}
}

func withNext(list wire.Node, next string) answer {
	return append(answer{list}, optional("NextToken", next)...)
}

func optional(name, text string) []wire.Node {
	if text == "" {
		return nil
	}
	return []wire.Node{wire.T(name, text)}
}

func when(name string, at time.Time) []wire.Node {
	if at.IsZero() {
		return nil
	}
	return []wire.Node{wire.T(name, timestamp(at))}
}

// textList returns a list of texts.
func textList(name string, values []string) wire.Node {
	node := wire.Node{Name: name}
	for _, value := range values {
		node.Children = append(node.Children, wire.T("member", value))
	}
	return node
}

// stackNodes returns the elements of one stack in DescribeStacks, in the order of the API's model.
func (c *call) stackNodes(st *stack) []wire.Node {
	d := st.Definition
	nodes := []wire.Node{wire.T("StackId", st.ID), wire.T("StackName", st.Name)}
	nodes = append(nodes, optional("ChangeSetId", st.ChangeSet)...)
	nodes = append(nodes, templateNodes(d)...)
	nodes = append(nodes, wire.T("CreationTime", timestamp(st.Created)))
	nodes = append(nodes, when("DeletionTime", st.Deleted)...)
	nodes = append(nodes, when("LastUpdatedTime", st.Updated)...)
	nodes = append(nodes, wire.N("RollbackConfiguration"), wire.T("StackStatus", st.Status))
	nodes = append(nodes, optional("StackStatusReason", c.shownReason(st))...)
	nodes = append(nodes, wire.T("DisableRollback", strconv.FormatBool(st.DisableRollback)),
		textList("NotificationARNs", d.NotificationARNs))
	if st.Timeout > 0 {
		nodes = append(nodes, wire.T("TimeoutInMinutes", strconv.Itoa(st.Timeout)))
	}
	if len(d.Capabilities) > 0 {
		nodes = append(nodes, textList("Capabilities", d.Capabilities))
	}
	if len(st.Outputs) > 0 {
		nodes = append(nodes, wire.List("Outputs", st.Outputs, outputNodes))
	}
	nodes = append(nodes, optional("RoleARN", d.RoleARN)...)
	nodes = append(nodes, wire.List("Tags", d.Tags, tagNodes))
	if st.live() {
		nodes = append(nodes, wire.T("EnableTerminationProtection", strconv.FormatBool(st.Protected)))
	}
	nodes = append(nodes, wire.N("DriftInformation", wire.T("StackDriftStatus", "NOT_CHECKED")))
	nodes = append(nodes, optional("DeletionMode", st.DeletionMode)...)
	return append(nodes, st.lastOperationsNode())
}

func (st *stack) lastOperationsNode() wire.Node {
	return wire.List("LastOperations", st.LastOperations, func(last lastOperation) []wire.Node {
		return []wire.Node{wire.T("OperationType", last.Type), wire.T("OperationId", last.ID)}
	})
}

// templateNodes returns Description and Parameters, if the template has them.
func templateNodes(d definition) []wire.Node {
	nodes := optional("Description", d.Description)
	if len(d.Parameters) == 0 {
		return nodes
	}
	return append(nodes, parameterNodes(d))
}

func parameterNodes(d definition) wire.Node {
	return wire.List("Parameters", sortedKeys(d.Parameters), func(name string) []wire.Node {
		value := d.Parameters[name]
		if slices.Contains(d.NoEcho, name) {
			value = hidden
		}
		return []wire.Node{wire.T("ParameterKey", name), wire.T("ParameterValue", value)}
	})
}

// shownReason returns the reason that DescribeStacks shows. It shows "User Initiated" for only a
// second.
func (c *call) shownReason(st *stack) string {
	if st.Reason == userInitiated && !c.since(st.ReasonAt, time.Second) {
		return ""
	}
	return st.Reason
}

func outputNodes(o output) []wire.Node {
	nodes := []wire.Node{wire.T("OutputKey", o.Key), wire.T("OutputValue", o.Value)}
	nodes = append(nodes, optional("Description", o.Description)...)
	return append(nodes, optional("ExportName", o.Export)...)
}

func tagNodes(t tag) []wire.Node {
	return []wire.Node{wire.T("Key", t.Key), wire.T("Value", t.Value)}
}

func (c *call) listStacks() (answer, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c = c.lagging()
	filter := c.form.list("StackStatusFilter")
	matching := c.sorted(func(st *stack) bool { return len(filter) == 0 || slices.Contains(filter, st.Status) })
	stacks, next, err := page(matching, (*stack).key, c.form.get("NextToken"), c.config.PageSize)
	if err != nil {
		return nil, err
	}
	return withNext(wire.List("StackSummaries", stacks, func(st *stack) []wire.Node {
		nodes := []wire.Node{wire.T("StackId", st.ID), wire.T("StackName", st.Name)}
		nodes = append(nodes, optional("TemplateDescription", st.Definition.Description)...)
		nodes = append(nodes, wire.T("CreationTime", timestamp(st.Created)))
		nodes = append(nodes, when("LastUpdatedTime", st.Updated)...)
		nodes = append(nodes, when("DeletionTime", st.Deleted)...)
		nodes = append(nodes, wire.T("StackStatus", st.Status))
		nodes = append(nodes, optional("StackStatusReason", c.shownReason(st))...)
		nodes = append(nodes, wire.N("DriftInformation", wire.T("StackDriftStatus", "NOT_CHECKED")))
		return append(nodes, st.lastOperationsNode())
	}), next), nil
}

func (c *call) describeStackEvents() (answer, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	name := c.form.get("StackName")
	st := c.find(name)
	if st == nil {
		return nil, invalid("Stack [%s] does not exist", name)
	}
	type numbered struct {
		event
		number int
	}
	var all []numbered
	for i := len(st.Events) - 1; i >= 0; i-- {
		all = append(all, numbered{st.Events[i], i})
	}
	key := func(e numbered) string { return strconv.Itoa(1<<40 - e.number) }
	events, next, err := page(all, key, c.form.get("NextToken"), c.config.PageSize)
	if err != nil {
		return nil, err
	}
	return withNext(
		wire.List("StackEvents", events, func(e numbered) []wire.Node { return st.eventNodes(e.event) }), next,
	), nil
}

func (st *stack) eventNodes(e event) []wire.Node {
	nodes := []wire.Node{wire.T("StackId", st.ID), wire.T("EventId", e.ID), wire.T("StackName", st.Name)}
	nodes = append(nodes, optional("OperationId", e.Operation)...)
	nodes = append(nodes, wire.T("LogicalResourceId", e.LogicalID), wire.T("PhysicalResourceId", e.PhysicalID),
		wire.T("ResourceType", e.Type), wire.T("Timestamp", timestamp(e.Time)), wire.T("ResourceStatus", e.Status))
	nodes = append(nodes, optional("ResourceStatusReason", e.Reason)...)
	nodes = append(nodes, optional("ResourceProperties", e.Shown)...)
	return append(nodes, optional("ClientRequestToken", e.Token)...)
}

// listed returns the stack's resources, sorted by logical id.
func (st *stack) listed() []*resourceState {
	var out []*resourceState
	for _, id := range sortedKeys(st.Resources) {
		out = append(out, st.Resources[id])
	}
	return out
}

func resourceNodes(res *resourceState, timeName string) []wire.Node {
	nodes := []wire.Node{wire.T("LogicalResourceId", res.LogicalID), wire.T("PhysicalResourceId", res.PhysicalID),
		wire.T("ResourceType", res.Type), wire.T(timeName, timestamp(res.Changed)),
		wire.T("ResourceStatus", res.Status)}
	nodes = append(nodes, optional("ResourceStatusReason", res.Reason)...)
	return append(nodes, wire.N("DriftInformation", wire.T("StackResourceDriftStatus", "NOT_CHECKED")))
}

func (st *stack) nameNodes() []wire.Node {
	return []wire.Node{wire.T("StackName", st.Name), wire.T("StackId", st.ID)}
}

// describeStackResources answers for a stack, or for the stack that a physical id belongs to.
func (c *call) describeStackResources() (answer, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	st, err := c.stackOfResource()
	if err != nil {
		return nil, err
	}
	wanted := c.form.get("LogicalResourceId")
	resources := slices.DeleteFunc(
		st.listed(), func(res *resourceState) bool { return wanted != "" && res.LogicalID != wanted },
	)
	return answer{wire.List("StackResources", resources, func(res *resourceState) []wire.Node {
		return append(st.nameNodes(), resourceNodes(res, "Timestamp")...)
	})}, nil
}

func (c *call) stackOfResource() (*stack, error) {
	physical := c.form.get("PhysicalResourceId")
	if physical == "" {
		return c.described()
	}
	for _, st := range c.sorted((*stack).live) {
		for _, res := range st.Resources {
			if res.PhysicalID == physical {
				return st, nil
			}
		}
	}
	return nil, invalid("Stack for %s does not exist", physical)
}

func (c *call) describeStackResource() (answer, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	st, err := c.described()
	if err != nil {
		return nil, err
	}
	id := c.form.get("LogicalResourceId")
	res := st.Resources[id]
	if res == nil {
		return nil, invalid("Resource %s does not exist for stack %s", id, st.Name)
	}
	nodes := append(st.nameNodes(), resourceNodes(res, "LastUpdatedTimestamp")...)
	return answer{wire.N("StackResourceDetail", append(nodes, wire.T("Metadata", cmp.Or(res.Metadata, "{}")))...)}, nil
}

func (c *call) listStackResources() (answer, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	st, err := c.described()
	if err != nil {
		return nil, err
	}
	key := func(res *resourceState) string { return res.LogicalID }
	resources, next, err := page(st.listed(), key, c.form.get("NextToken"), c.config.PageSize)
	if err != nil {
		return nil, err
	}
	return withNext(wire.List("StackResourceSummaries", resources, func(res *resourceState) []wire.Node {
		return resourceNodes(res, "LastUpdatedTimestamp")
	}), next), nil
}
