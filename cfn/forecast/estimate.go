package forecast

import (
	"maps"
	"slices"

	"perch"
	"perch/cfn/spec"
)

// Estimate returns how long CloudFormation typically takes for the changes. CloudFormation works
// concurrently on resources that do not need each other, so the longest chain of resources that
// need each other determines the time. It removes old resources after that, in the opposite order,
// and the update ends only then. A resource that may or may not be replaced counts with the longer
// time.
func (c Comparison) Estimate() perch.TimeEstimate {
	before, after := c.before, c.after
	estimate := perch.TimeEstimate{Path: []perch.TimeStep{}, Assumed: []string{}}
	making, removing := map[string]perch.TimeStep{}, map[string]perch.TimeStep{}
	for _, change := range c.Changes {
		if _, known := Typical(change.Type); !known && !slices.Contains(estimate.Assumed, change.Type) {
			estimate.Assumed = append(estimate.Assumed, change.Type)
		}
		if step, ok := made(change); ok {
			making[change.LogicalID] = step
		}
		if step, ok := removed(change, len(before.resources) > 0); ok {
			removing[change.LogicalID] = step
		}
	}
	slices.Sort(estimate.Assumed)
	estimate.Path = append(estimate.Path, after.longest(after.needs, making)...)
	estimate.Path = append(estimate.Path, before.longest(before.neededBy(), removing)...)
	for _, step := range estimate.Path {
		estimate.Seconds += step.Seconds
	}
	return estimate
}

// made returns the step that creates or updates the resource.
func made(change perch.ResourceChange) (perch.TimeStep, bool) {
	times, _ := Typical(change.Type)
	step := perch.TimeStep{LogicalID: change.LogicalID, Action: "create", Seconds: times.Create}
	switch {
	case change.Action == perch.ActionRemove || change.Rejected != "" || !touches(change):
		return step, false
	case change.Action == perch.ActionChange &&
		(change.Replacement != string(spec.Maybe) || times.Update >= times.Create):
		step.Action, step.Seconds = "update", times.Update
	}
	return step, true
}

// touches reports whether CloudFormation does any work on the resource. Changes of policies or of
// the order take no time.
func touches(change perch.ResourceChange) bool {
	said := []string{"DeletionPolicy", "UpdateReplacePolicy", "DependsOn", "UpdatePolicy", "CreationPolicy"}
	return change.Action != perch.ActionChange || slices.ContainsFunc(
		change.Properties, func(p perch.PropertyChange) bool { return !slices.Contains(said, p.Name) },
	)
}

// removed returns the step that deletes the old resource, after all other changes.
func removed(change perch.ResourceChange, there bool) (perch.TimeStep, bool) {
	times, _ := Typical(change.Type)
	goes := change.Action == perch.ActionRemove || change.Action == perch.ActionReplace
	return perch.TimeStep{
		LogicalID: change.LogicalID, Action: "remove", Seconds: times.Remove,
	}, there && goes && change.Data != retained
}

// longest returns the chain of steps that takes longest, if each resource waits for the ones that
// waits returns. If two chains take the same time, it returns the first in alphabetical order.
func (t template) longest(waits func(id string) []string, steps map[string]perch.TimeStep) []perch.TimeStep {
	var (
		last  string
		most  float64
		total = map[string]float64{}
		via   = map[string]string{}
	)
	for _, id := range order(slices.Sorted(maps.Keys(t.resources)), waits) {
		for _, other := range waits(id) {
			if total[other] > total[via[id]] {
				via[id] = other
			}
		}
		total[id] = total[via[id]] + steps[id].Seconds
		if total[id] > most {
			last, most = id, total[id]
		}
	}
	var path []perch.TimeStep
	for id := last; id != ""; id = via[id] {
		if step, ok := steps[id]; ok {
			path = append(path, step)
		}
	}
	slices.Reverse(path)
	return path
}

// neededBy inverts needs: a resource is removed after those that need it.
func (t template) neededBy() func(id string) []string {
	by := map[string][]string{}
	for _, id := range slices.Sorted(maps.Keys(t.resources)) {
		for _, other := range t.needs(id) {
			by[other] = append(by[other], id)
		}
	}
	return func(id string) []string { return by[id] }
}

// ordered returns the resources, each after those that it needs.
func (t template) ordered() []string {
	return order(slices.Sorted(maps.Keys(t.resources)), t.needs)
}

// order sorts ids so that each follows those that it waits for. If some wait for each other, which
// CloudFormation rejects, it starts with any of them.
func order(ids []string, waits func(id string) []string) []string {
	var sorted []string
	seen := map[string]bool{}
	var take func(id string)
	take = func(id string) {
		if seen[id] {
			return
		}
		seen[id] = true
		for _, other := range waits(id) {
			take(other)
		}
		sorted = append(sorted, id)
	}
	for _, id := range ids {
		take(id)
	}
	return sorted
}
