package cloudformation

import (
	"strconv"
	"strings"

	"perch/sandbox/aws/wire"
)

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

// validateTemplate checks the form of a template and returns what it declares.
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

// parsed returns the template with the body previous or, if that is empty, the one in the call.
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

// getTemplateSummary returns what a template, or a stack's template, declares.
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
