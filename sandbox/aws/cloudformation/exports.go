package cloudformation

import (
	"fmt"
	"slices"
	"strings"
)

// importedValue returns the value of an existing stack's export.
func (s *Service) importedValue(name string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, st := range s.stacks {
		for _, o := range st.Outputs {
			if st.live() && o.Export == name {
				return o.Value, nil
			}
		}
	}
	return "", invalid("No export named %s found.", name)
}

// exportable rejects the name of an export that another stack has.
func (r *run) exportable(name string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, other := range r.stacks {
		if other == r.stack || name == "" || !other.live() {
			continue
		}
		for _, o := range other.Outputs {
			if o.Export == name {
				return invalid("Export with name %s is already exported by stack %s.", name, other.Name)
			}
		}
	}
	return nil
}

// imports returns the names of the exports that the stack's resources and outputs import. During an
// update it includes those of the old template, because a rollback needs them. The caller holds the
// lock.
func (s *Service) imports(st *stack) map[string]bool {
	found := map[string]bool{}
	if !st.live() || st.Status == "REVIEW_IN_PROGRESS" || st.Status == "ROLLBACK_COMPLETE" {
		return found
	}
	definitions := []definition{st.Definition}
	if op := st.Operation; op != nil && op.Previous.Body != "" {
		definitions = append(definitions, op.Previous)
	}
	for _, d := range definitions {
		p, err := s.plan(d, st.ID, st.Name)
		if err != nil {
			continue
		}
		p.with(placeholder, true).addImports(found)
	}
	return found
}

// addImports adds the export names of every Fn::ImportValue to found. A name cannot depend on a
// resource (AWS docs: Fn::ImportValue), so all names are known before any resource exists.
func (p *plan) addImports(found map[string]bool) {
	visit := func(function string, argument any) error {
		if function != "Fn::ImportValue" {
			return nil
		}
		if name, err := p.scope.text(function, argument); err == nil {
			found[name] = true
		}
		return nil
	}
	for _, r := range p.resources {
		_ = walkFunctions(r.properties, visit)
	}
	for _, output := range p.outputs {
		_ = walkFunctions(output, visit)
	}
}

// importers returns the names of the stacks that import an export, sorted. The caller holds the
// lock.
func (s *Service) importers(export string) []string {
	var names []string
	for _, st := range s.stacks {
		if s.imports(st)[export] {
			names = append(names, st.Name)
		}
	}
	slices.Sort(names)
	return names
}

// inUse returns CloudFormation's sentence about the first of exports that a stack imports; empty if
// there is none. The caller holds the lock.
func (s *Service) inUse(verb string, exports []string) string {
	for _, export := range exports {
		if users := s.importers(export); len(users) > 0 {
			return fmt.Sprintf("Cannot %s export %s as it is in use by %s.", verb, export, enumerate(users))
		}
	}
	return ""
}

// enumerate writes names as "a, b and c".
func enumerate(names []string) string {
	if len(names) == 1 {
		return names[0]
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " and " + names[last]
}

// exports returns the names of the stack's exports, in the order of its outputs.
func (st *stack) exports() []string {
	var names []string
	for _, o := range st.Outputs {
		if o.Export != "" {
			names = append(names, o.Export)
		}
	}
	return names
}

// changedExports returns the stack's exports that outputs do not have, or have with another value.
func (st *stack) changedExports(outputs []output) []string {
	var names []string
	for _, before := range st.Outputs {
		kept := slices.ContainsFunc(
			outputs, func(o output) bool { return o.Export == before.Export && o.Value == before.Value },
		)
		if before.Export != "" && !kept {
			names = append(names, before.Export)
		}
	}
	return names
}

// knownOutputs returns the outputs that the plan determines before the update has changed anything.
// An output that depends on something new has its old value here, and is checked at the end of the
// update.
func (r *run) knownOutputs(p *plan) []output {
	var known []output
	for _, key := range sortedKeys(p.outputs) {
		o, err := p.output(key)
		if err == nil {
			known = append(known, o)
			continue
		}
		name, _ := p.scope.resolve(object(p.outputs[key]["Export"])["Name"])
		r.locked(func() {
			for _, before := range r.stack.Outputs {
				if before.Export != "" && before.Export == name {
					known = append(known, before)
				}
			}
		})
	}
	return known
}

// updateDenied explains why the update cannot lead to outputs; empty if it can.
func (r *run) updateDenied(outputs []output) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if sentence := r.inUse("update", r.stack.changedExports(outputs)); sentence != "" {
		return "Update canceled. " + sentence
	}
	return ""
}

// listImports returns the names of the stacks that import an export.
func (c *call) listImports() (answer, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	export := c.form.get("ExportName")
	if export == "" {
		return nil, checkName("", "exportName")
	}
	users := c.importers(export)
	if len(users) == 0 {
		return nil, invalid("Export '%s' is not imported by any stack.", export)
	}
	shown, next, err := page(
		users, func(name string) string { return name }, c.form.get("NextToken"), c.config.PageSize,
	)
	if err != nil {
		return nil, err
	}
	return withNext(textList("Imports", shown), next), nil
}
