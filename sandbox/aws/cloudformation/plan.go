package cloudformation

import (
	"encoding/json"
	"maps"
	"slices"
)

// plan is a template with its parameters and conditions applied: the state that a stack is to have.
type plan struct {
	template  *template
	resources map[string]plannedResource
	outputs   map[string]map[string]any
	scope     *scope
	masked    *scope
	// fetched has the values of dynamic references that were read when the operation began. resolve
	// reads others; it is nil if there is nothing to read from.
	fetched map[string]string
	resolve resolveReference
}

// plannedResource is a resource whose condition holds. Its properties still contain functions, but
// no Fn::If.
type plannedResource struct {
	definedResource
	// needs are the resources that must be complete before this one begins.
	needs []string
}

// plan applies a definition's parameters to its template.
func (s *Service) plan(d definition, stackID, stackName string) (*plan, error) {
	t, err := parseTemplate(d.Body)
	if err != nil {
		return nil, err
	}
	p := &plan{
		template: t, resources: map[string]plannedResource{}, outputs: map[string]map[string]any{},
		scope:  s.scope(t, d, stackID, stackName, false),
		masked: s.scope(t, d, stackID, stackName, true), fetched: d.Fetched, resolve: s.config.Resolve,
	}
	for id, r := range t.resources {
		if err := p.addResource(id, r); err != nil {
			return nil, err
		}
	}
	for id, r := range p.resources {
		wanted := append(t.references(r.properties), r.dependsOn...)
		slices.Sort(wanted)
		r.needs = slices.DeleteFunc(
			slices.Compact(wanted), func(need string) bool { _, ok := p.resources[need]; return !ok },
		)
		p.resources[id] = r
	}
	for id, output := range t.outputs {
		if err := p.addOutput(id, output); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func (s *Service) scope(t *template, d definition, stackID, stackName string, masked bool) *scope {
	values := t.values(d.Parameters, masked)
	maps.Copy(values, map[string]any{
		"AWS::AccountId": s.config.Account, "AWS::Region": s.config.Region, "AWS::StackId": stackID,
		"AWS::StackName": stackName,
		"AWS::Partition": "aws", "AWS::URLSuffix": "amazonaws.com", "AWS::NotificationARNs": list(d.NotificationARNs),
	})
	return &scope{
		mappings: t.mappings, conditions: t.conditions, parameters: values, region: s.config.Region,
		lookup: func(id, _ string) (any, error) {
			return nil, invalid("Template error: resource %s cannot be referred to here", id)
		},
		imports: s.importedValue,
	}
}

func list(texts []string) []any {
	out := make([]any, len(texts))
	for i, text := range texts {
		out[i] = text
	}
	return out
}

func (p *plan) addResource(id string, r definedResource) error {
	if r.condition != "" {
		if holds, err := p.scope.condition(r.condition); err != nil || !holds {
			return err
		}
	}
	pruned, err := p.scope.prune(r.properties)
	if err != nil {
		return err
	}
	r.properties = object(pruned)
	p.resources[id] = plannedResource{definedResource: r}
	return nil
}

func (p *plan) addOutput(id string, output map[string]any) error {
	if condition, ok := output["Condition"].(string); ok {
		if holds, err := p.scope.condition(condition); err != nil || !holds {
			return err
		}
	}
	pruned, err := p.scope.prune(output)
	p.outputs[id] = object(pruned)
	return err
}

// with returns a copy of the plan whose scopes look up resources with lookup.
func (p *plan) with(lookup func(id, attribute string) (any, error), tentative bool) *plan {
	out := *p
	open, masked := *p.scope, *p.masked
	open.lookup, masked.lookup = lookup, lookup
	open.tentative, masked.tentative = tentative, tentative
	if tentative {
		open.imports, masked.imports = placeholderImport, placeholderImport
	}
	out.scope, out.masked = &open, &masked
	return &out
}

// properties returns a resource's resolved properties, in which secrets are still dynamic
// references, and the properties as the API shows them.
func (p *plan) properties(id string) (properties map[string]any, shown string, err error) {
	resolved, err := p.scope.resolve(p.resources[id].properties)
	if err != nil {
		return nil, "", err
	}
	expanded, err := p.expandPlain(resolved)
	if err != nil {
		return nil, "", err
	}
	visible, err := p.masked.resolve(p.resources[id].properties)
	if err != nil {
		return nil, "", err
	}
	return object(expanded), canonical(visible), nil
}

// needs returns, for each resource, those that must be created before it.
func (p *plan) needs() map[string][]string {
	out := map[string][]string{}
	for id, r := range p.resources {
		out[id] = r.needs
	}
	return out
}

// canonical returns value as JSON with sorted keys and every scalar as a string. CloudFormation
// shows and compares properties in this form.
func canonical(value any) string {
	text, err := json.Marshal(stringified(value))
	if err != nil {
		return err.Error()
	}
	return string(text)
}

func stringified(value any) any {
	switch value := value.(type) {
	case map[string]any:
		out := make(map[string]any, len(value))
		for key, member := range value {
			out[key] = stringified(member)
		}
		return out
	case []any:
		out := make([]any, len(value))
		for i, item := range value {
			out[i] = stringified(item)
		}
		return out
	}
	if text, ok := scalar(value); ok {
		return text
	}
	return value
}

// fingerprint returns everything in the plan that makes an update necessary if it changes. Changes
// of only policies and dependencies do not (AWS docs: DeletionPolicy attribute).
func (p *plan) fingerprint(tags []tag) string {
	tentative := p.with(placeholder, true)
	resources := map[string]any{}
	for id, r := range p.resources {
		properties, err := tentative.scope.resolve(r.properties)
		if err != nil {
			properties = err.Error()
		}
		resources[id] = []any{r.kind, properties, r.metadata}
	}
	outputs := map[string]any{}
	for id, output := range p.outputs {
		value, err := tentative.scope.resolve(output)
		if err != nil {
			value = err.Error()
		}
		outputs[id] = value
	}
	labels := map[string]any{}
	for _, t := range tags {
		labels[t.Key] = t.Value
	}
	return canonical([]any{resources, outputs, labels})
}

// placeholder returns a value for a resource that does not exist yet.
func placeholder(id, attribute string) (any, error) {
	return "{{changeSet:KNOWN_AFTER_APPLY:" + id + "." + attribute + "}}", nil
}

func placeholderImport(name string) (string, error) { return "{{import:" + name + "}}", nil }
