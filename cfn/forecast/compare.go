package forecast

import (
	"maps"
	"slices"

	"perch"
	"perch/cfn/spec"
)

// Comparison says what an update from one version of a template to another changes.
type Comparison struct {
	// Changes are the resources that are created, changed, replaced or removed, by logical id.
	Changes []perch.ResourceChange
	// Outputs are the names of the outputs that are added, removed or changed, sorted.
	Outputs []string

	before, after template
}

// Compare compares wanted with deployed, resource by resource and property by property, as
// CloudFormation does. If deployed is the zero Version, everything is created. A parameter whose
// value CloudFormation hides (NoEcho) counts as unchanged.
func Compare(deployed, wanted Version) (Comparison, error) {
	before, err := read(deployed)
	if err != nil {
		return Comparison{}, err
	}
	after, err := read(wanted.hiding(deployed))
	if err != nil {
		return Comparison{}, err
	}
	c := comparer{before: before, after: after, changes: map[string]perch.ResourceChange{}}
	for _, id := range after.ordered() {
		c.resource(id)
	}
	for id, r := range before.resources {
		if _, stays := after.resources[id]; !stays {
			c.changes[id] = perch.ResourceChange{
				LogicalID: id, Type: r.kind, Action: perch.ActionRemove, Data: dataAfterRemoval(r),
				Properties: []perch.PropertyChange{},
			}
		}
	}
	out := Comparison{Changes: []perch.ResourceChange{}, Outputs: []string{}, before: before, after: after}
	for _, id := range slices.Sorted(maps.Keys(c.changes)) {
		out.Changes = append(out.Changes, c.changes[id])
	}
	for _, name := range union(before.outputs, after.outputs) {
		if canonical(before.outputs[name]) != canonical(after.outputs[name]) {
			out.Outputs = append(out.Outputs, name)
		}
	}
	return out, nil
}

type comparer struct {
	before, after template
	changes       map[string]perch.ResourceChange
}

// resource compares one resource of the wanted template. The resources that it needs are already
// compared.
func (c *comparer) resource(id string) {
	now := c.after.resources[id]
	was, there := c.before.resources[id]
	change := perch.ResourceChange{LogicalID: id, Type: now.kind, Properties: []perch.PropertyChange{}}
	switch {
	case !there:
		change.Action = perch.ActionCreate
		c.changes[id] = change
		return
	case was.kind != now.kind:
		change.Action, change.Replacement = perch.ActionChange, string(spec.Unknown)
		change.Rejected = "CloudFormation does not change a resource's type, which is " + was.kind +
			" now: give the new resource another logical id"
		c.changes[id] = change
		return
	}
	change.Properties = append(c.properties(was, now), attributes(was, now)...)
	if len(change.Properties) == 0 {
		return
	}
	change.Action, change.Replacement = perch.ActionChange, strongest(change.Properties)
	if change.Replacement == string(spec.Yes) {
		change.Action = perch.ActionReplace
	}
	if change.Replacement != string(spec.No) {
		change.Data = dataAfterReplacement(now)
	}
	c.changes[id] = change
}

func (c *comparer) properties(was, now resource) []perch.PropertyChange {
	found := []perch.PropertyChange{}
	for _, name := range union(was.properties, now.properties) {
		before, after := was.properties[name], now.properties[name]
		if change := difference(
			now.kind, name, before, after,
		); len(change.Paths) > 0 || canonical(before) != canonical(after) {
			found = append(found, change)
		} else if change, ok := c.indirect(now.kind, name, after); ok {
			found = append(found, change)
		}
	}
	return found
}

// indirect finds a property that is the same in both templates but still changes, because it refers
// to a resource that is replaced.
func (c *comparer) indirect(kind, name string, value any) (perch.PropertyChange, bool) {
	var strong perch.PropertyChange
	found := references(value)
	for _, id := range slices.Sorted(maps.Keys(found)) {
		replacement := c.changes[id].Replacement
		if replacement != string(spec.Yes) && replacement != string(spec.Maybe) {
			continue
		}
		does := spec.Replacing(kind, name)
		if does == spec.Yes && (replacement == string(spec.Maybe) || !found[id]) {
			does = spec.Maybe
		}
		if strong.Name == "" || weight[string(does)] > weight[strong.Replacement] {
			strong = perch.PropertyChange{Name: name, Replacement: string(does), Paths: []string{}, Because: id}
		}
	}
	return strong, strong.Name != ""
}

// attributes returns the members of a resource, other than its properties, that differ. A change of
// these never replaces the resource.
func attributes(was, now resource) []perch.PropertyChange {
	var found []perch.PropertyChange
	for _, name := range union(was.attributes, now.attributes) {
		if canonical(was.attributes[name]) != canonical(now.attributes[name]) {
			found = append(found, perch.PropertyChange{Name: name, Replacement: string(spec.No), Paths: []string{}})
		}
	}
	return found
}

// weight orders the effects that a change can have on a resource.
var weight = map[string]int{string(spec.No): 0, string(spec.Maybe): 1, string(spec.Unknown): 2, string(spec.Yes): 3}

func strongest(properties []perch.PropertyChange) string {
	most := string(spec.No)
	for _, p := range properties {
		if weight[p.Replacement] > weight[most] {
			most = p.Replacement
		}
	}
	return most
}

func union(a, b map[string]any) []string {
	all := map[string]any{}
	maps.Copy(all, a)
	maps.Copy(all, b)
	return slices.Sorted(maps.Keys(all))
}
