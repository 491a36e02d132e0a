package cloudformation

import (
	"cmp"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
	"time"

	"perch/sandbox/aws/wire"
)

// page cuts the page that a token asks for out of items, which are sorted by key; next is empty on the last page. Tokens name
// the last key of a page, so that items which come and go between two calls neither repeat nor hide others.
func page[E any](items []E, key func(E) string, token string, size int) (out []E, next string, err error) {
	if token != "" {
		last, err := base64.URLEncoding.DecodeString(token)
		if err != nil {
			return nil, "", invalid("The specified pagination token is invalid.")
		}
		for len(items) > 0 && key(items[0]) <= string(last) {
			items = items[1:]
		}
	}
	if len(items) <= size {
		return items, "", nil
	}
	return items[:size], base64.URLEncoding.EncodeToString([]byte(key(items[size-1]))), nil
}

// newestFirst is a key that sorts later instants before earlier ones.
func newestFirst(at time.Time, tie string) string {
	return strconv.FormatInt(1<<62-at.UnixNano(), 10) + " " + tie
}

func (st *stack) key() string { return newestFirst(st.Created, st.ID) }

// sorted are the stacks that keep says, newest first.
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

// described is the stack that a reading call names, deleted ones by id only.
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

// textList is a list of texts.
func textList(name string, values []string) wire.Node {
	node := wire.Node{Name: name}
	for _, value := range values {
		node.Children = append(node.Children, wire.T("member", value))
	}
	return node
}

// stackNodes are the elements of one stack in DescribeStacks, in the order of the API's model.
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
	return append(nodes, wire.List("LastOperations", st.LastOperations, func(last lastOperation) []wire.Node {
		return []wire.Node{wire.T("OperationType", last.Type), wire.T("OperationId", last.ID)}
	}))
}

// templateNodes are Description and Parameters, where the template has them.
func templateNodes(d definition) []wire.Node {
	t, err := parseTemplate(d.Body)
	if err != nil {
		return nil
	}
	nodes := optional("Description", t.description)
	if len(d.Parameters) == 0 {
		return nodes
	}
	return append(nodes, parameterNodes(t, d.Parameters))
}

func parameterNodes(t *template, values map[string]string) wire.Node {
	return wire.List("Parameters", sortedKeys(values), func(name string) []wire.Node {
		value := values[name]
		if t.parameters[name].noEcho {
			value = hidden
		}
		return []wire.Node{wire.T("ParameterKey", name), wire.T("ParameterValue", value)}
	})
}

// shownReason is the reason as DescribeStacks has it: "User Initiated" is there for a second only.
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
	filter := c.form.list("StackStatusFilter")
	matching := c.sorted(func(st *stack) bool { return len(filter) == 0 || slices.Contains(filter, st.Status) })
	stacks, next, err := page(matching, (*stack).key, c.form.get("NextToken"), c.config.PageSize)
	if err != nil {
		return nil, err
	}
	return withNext(wire.List("StackSummaries", stacks, func(st *stack) []wire.Node {
		nodes := []wire.Node{wire.T("StackId", st.ID), wire.T("StackName", st.Name)}
		if t, err := parseTemplate(st.Definition.Body); err == nil {
			nodes = append(nodes, optional("TemplateDescription", t.description)...)
		}
		nodes = append(nodes, wire.T("CreationTime", timestamp(st.Created)))
		nodes = append(nodes, when("LastUpdatedTime", st.Updated)...)
		nodes = append(nodes, when("DeletionTime", st.Deleted)...)
		nodes = append(nodes, wire.T("StackStatus", st.Status))
		nodes = append(nodes, optional("StackStatusReason", c.shownReason(st))...)
		return append(nodes, wire.N("DriftInformation", wire.T("StackDriftStatus", "NOT_CHECKED")))
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
	return withNext(wire.List("StackEvents", events, func(e numbered) []wire.Node { return st.eventNodes(e.event) }), next), nil
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

// listed are the stack's resources, sorted by logical id.
func (st *stack) listed() []*resourceState {
	var out []*resourceState
	for _, id := range sortedKeys(st.Resources) {
		out = append(out, st.Resources[id])
	}
	return out
}

func resourceNodes(res *resourceState, timeName string) []wire.Node {
	nodes := []wire.Node{wire.T("LogicalResourceId", res.LogicalID), wire.T("PhysicalResourceId", res.PhysicalID),
		wire.T("ResourceType", res.Type), wire.T(timeName, timestamp(res.Changed)), wire.T("ResourceStatus", res.Status)}
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
	resources := slices.DeleteFunc(st.listed(), func(res *resourceState) bool { return wanted != "" && res.LogicalID != wanted })
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

func (c *call) listExports() (answer, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var nodes []wire.Node
	for _, st := range c.sorted((*stack).live) {
		for _, o := range st.Outputs {
			if o.Export != "" {
				nodes = append(nodes, wire.N("member", wire.T("ExportingStackId", st.ID), wire.T("Name", o.Export), wire.T("Value", o.Value)))
			}
		}
	}
	return answer{wire.N("Exports", nodes...)}, nil
}

func (c *call) getTemplate() (answer, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	st, err := c.described()
	if err != nil {
		return nil, err
	}
	body := st.Definition.Body
	if name := c.form.get("ChangeSetName"); name != "" {
		change := st.changeSet(name)
		if change == nil {
			return nil, changeSetNotFound(name)
		}
		body = change.Definition.Body
	}
	return answer{wire.T("TemplateBody", body), textList("StagesAvailable", []string{"Original", "Processed"})}, nil
}

// validateTemplate checks the form of a template and says what it declares.
func (c *call) validateTemplate() (answer, error) {
	t, err := c.parsed("")
	if err != nil {
		return nil, err
	}
	nodes := answer{wire.List("Parameters", sortedKeys(t.parameters), func(name string) []wire.Node {
		p := t.parameters[name]
		nodes := []wire.Node{wire.T("ParameterKey", name)}
		if p.value != nil {
			nodes = append(nodes, wire.T("DefaultValue", *p.value))
		}
		nodes = append(nodes, wire.T("NoEcho", strconv.FormatBool(p.noEcho)))
		return append(nodes, optional("Description", p.description)...)
	})}
	nodes = append(nodes, optional("Description", t.description)...)
	return append(nodes, t.capabilityNodes()...), nil
}

// parsed is the template that a call brings, or the one of the stack whose body is given.
func (c *call) parsed(previous string) (*template, error) {
	body := previous
	if body == "" {
		var err error
		if body, err = c.body(""); err != nil {
			return nil, err
		}
	}
	return parseTemplate(body)
}

func (t *template) capabilityNodes() []wire.Node {
	needed, kinds := t.capabilities()
	if needed == "" {
		return nil
	}
	return []wire.Node{textList("Capabilities", []string{needed}),
		wire.T("CapabilitiesReason", "The following resource(s) require capabilities: ["+strings.Join(kinds, ", ")+"]")}
}

// getTemplateSummary says what a template, or a stack's template, declares.
func (c *call) getTemplateSummary() (answer, error) {
	previous := ""
	if c.form.get("StackName") != "" {
		c.mu.Lock()
		st, err := c.described()
		if err == nil {
			previous = st.Definition.Body
		}
		c.mu.Unlock()
		if err != nil {
			return nil, err
		}
	}
	t, err := c.parsed(previous)
	if err != nil {
		return nil, err
	}
	nodes := answer{wire.List("Parameters", sortedKeys(t.parameters), t.declarationNodes)}
	nodes = append(nodes, optional("Description", t.description)...)
	nodes = append(nodes, t.capabilityNodes()...)
	kinds := map[string]bool{}
	for _, r := range t.resources {
		kinds[r.kind] = true
	}
	nodes = append(nodes, textList("ResourceTypes", sortedKeys(kinds)))
	if t.metadata != nil {
		nodes = append(nodes, wire.T("Metadata", canonical(t.metadata)))
	}
	return nodes, nil
}

func (t *template) declarationNodes(name string) []wire.Node {
	p := t.parameters[name]
	nodes := []wire.Node{wire.T("ParameterKey", name)}
	if p.value != nil {
		nodes = append(nodes, wire.T("DefaultValue", *p.value))
	}
	nodes = append(nodes, wire.T("ParameterType", p.kind), wire.T("NoEcho", strconv.FormatBool(p.noEcho)))
	nodes = append(nodes, optional("Description", p.description)...)
	if p.allowed == nil {
		return append(nodes, wire.N("ParameterConstraints"))
	}
	return append(nodes, wire.N("ParameterConstraints", textList("AllowedValues", p.allowed)))
}
