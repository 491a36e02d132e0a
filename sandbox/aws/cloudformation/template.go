package cloudformation

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// template is a template as submitted. Its form is checked, and no parameters or conditions are
// applied yet.
type template struct {
	description string
	parameters  map[string]parameter
	mappings    map[string]any
	conditions  map[string]any
	resources   map[string]definedResource
	outputs     map[string]map[string]any
	metadata    any
}

// definedResource is a resource as the template defines it.
type definedResource struct {
	kind                string
	condition           string
	properties          map[string]any
	dependsOn           []string
	deletionPolicy      string
	updateReplacePolicy string
	metadata            any
}

var (
	topLevel = []string{"AWSTemplateFormatVersion", "Description", "Metadata", "Parameters", "Mappings", "Conditions",
		"Transform", "Resources", "Outputs", "Rules", "Hooks"}
	resourceMembers = []string{"Type", "Properties", "DependsOn", "Condition", "DeletionPolicy", "UpdateReplacePolicy",
		"Metadata", "CreationPolicy", "UpdatePolicy", "Description"}
	logicalID = regexp.MustCompile(`^[a-zA-Z0-9]+$`)
)

// parseTemplate parses and checks a template body. Its errors are ValidationErrors with
// CloudFormation's words.
func parseTemplate(body string) (*template, error) {
	document, err := decodeDocument(body)
	if err != nil {
		return nil, err
	}
	if err := checkTop(document); err != nil {
		return nil, err
	}
	t := &template{
		mappings:   object(document["Mappings"]),
		conditions: object(document["Conditions"]),
		resources:  map[string]definedResource{},
		outputs:    map[string]map[string]any{},
		metadata:   document["Metadata"],
	}
	t.description, _ = document["Description"].(string)
	if t.parameters, err = parseParameters(object(document["Parameters"])); err != nil {
		return nil, err
	}
	for id, value := range object(document["Resources"]) {
		if t.resources[id], err = parseResource(id, value); err != nil {
			return nil, err
		}
	}
	if err := t.checkTypes(); err != nil {
		return nil, err
	}
	for id, value := range object(document["Outputs"]) {
		output := object(value)
		if output["Value"] == nil {
			return nil, invalid("Template format error: Every Outputs member must contain a Value object")
		}
		t.outputs[id] = output
	}
	return t, t.check()
}

func checkTop(document map[string]any) error {
	for _, key := range sortedKeys(document) {
		if !slices.Contains(topLevel, key) {
			return invalid("Invalid template property or properties [%s]", key)
		}
	}
	if document["Transform"] != nil {
		return invalid("this endpoint does not run macros: remove Transform from the template, or process it before")
	}
	if document["Rules"] != nil || document["Hooks"] != nil {
		return invalid("this endpoint has neither Rules nor Hooks: remove them from the template")
	}
	if len(object(document["Resources"])) == 0 {
		return invalid("Template format error: At least one Resources member must be defined.")
	}
	return nil
}

func parseResource(id string, value any) (definedResource, error) {
	members, ok := value.(map[string]any)
	if !ok {
		return definedResource{}, invalid("Template format error: Resources must be objects: [%s]", id)
	}
	if !logicalID.MatchString(id) {
		return definedResource{}, invalid("Template format error: Resource name %s is non alphanumeric.", id)
	}
	for _, key := range sortedKeys(members) {
		if !slices.Contains(resourceMembers, key) {
			return definedResource{}, invalid("Invalid template resource property '%s'", key)
		}
	}
	kind, ok := members["Type"].(string)
	if !ok {
		return definedResource{}, invalid(
			"Template format error: [/Resources/%s] Every Resources object must contain a Type member.", id,
		)
	}
	if kind == StackType {
		return definedResource{}, invalid(
			"this endpoint has no nested stacks: [%s] is an AWS::CloudFormation::Stack", id,
		)
	}
	r := definedResource{kind: kind, properties: object(members["Properties"]), metadata: members["Metadata"]}
	r.condition, _ = members["Condition"].(string)
	r.deletionPolicy, _ = members["DeletionPolicy"].(string)
	r.updateReplacePolicy, _ = members["UpdateReplacePolicy"].(string)
	switch needs := members["DependsOn"].(type) {
	case string:
		r.dependsOn = []string{needs}
	case []any:
		r.dependsOn = texts(needs)
	}
	return r, checkPolicies(id, r)
}

func checkPolicies(id string, r definedResource) error {
	if !slices.Contains([]string{"", "Delete", "Retain", "RetainExceptOnCreate", "Snapshot"}, r.deletionPolicy) {
		return invalid("Template format error: Unrecognized DeletionPolicy %s for resource %s", r.deletionPolicy, id)
	}
	if !slices.Contains([]string{"", "Delete", "Retain", "Snapshot"}, r.updateReplacePolicy) {
		return invalid(
			"Template format error: Unrecognized UpdateReplacePolicy %s for resource %s", r.updateReplacePolicy, id,
		)
	}
	return nil
}

// check rejects references to what does not exist, and circular dependencies.
func (t *template) check() error {
	missing := map[string]bool{}
	for _, r := range t.resources {
		if err := t.checkReferences(r.properties, missing); err != nil {
			return err
		}
		for _, id := range r.dependsOn {
			if _, ok := t.resources[id]; !ok {
				missing[id] = true
			}
		}
		if _, ok := t.conditions[r.condition]; r.condition != "" && !ok {
			return invalid(
				"Template format error: Unresolved condition dependency %s in the Resources block of the template",
				r.condition,
			)
		}
	}
	if len(missing) > 0 {
		return invalid(
			"Template format error: Unresolved resource dependencies [%s] in the Resources block of the template",
			strings.Join(sortedKeys(missing), ", "),
		)
	}
	for _, output := range t.outputs {
		if err := t.checkReferences(output["Value"], missing); err != nil {
			return err
		}
	}
	if len(missing) > 0 {
		return invalid(
			"Template format error: Unresolved resource dependencies [%s] in the Outputs block of the template",
			strings.Join(sortedKeys(missing), ", "),
		)
	}
	needs := map[string][]string{}
	for id, r := range t.resources {
		needs[id] = append(t.references(r.properties), r.dependsOn...)
	}
	if circle := circular(needs); len(circle) > 0 {
		return invalid("Circular dependency between resources: [%s]", strings.Join(circle, ", "))
	}
	return nil
}

// checkReferences collects the names in Refs and ${} of value that are neither a resource nor a
// parameter. It rejects unknown functions.
func (t *template) checkReferences(value any, missing map[string]bool) error {
	return walkFunctions(value, func(function string, argument any) error {
		if !known(function) {
			return invalid(
				"Template error: Encountered unsupported function: %s Supported functions are: [%s]", function,
				strings.Join(functionNames(), ", "),
			)
		}
		for _, reference := range referencesOf(function, argument) {
			_, isResource := t.resources[reference.id]
			_, isParameter := t.parameters[reference.id]
			switch {
			case isResource, isParameter && reference.attribute == "", strings.HasPrefix(reference.id, "AWS::"):
			case function == "Fn::GetAtt":
				return invalid("Template error: instance of Fn::GetAtt references undefined resource %s", reference.id)
			default:
				missing[reference.id] = true
			}
		}
		return nil
	})
}

// references returns the resources that value refers to.
func (t *template) references(value any) []string {
	found := map[string]bool{}
	_ = walkFunctions(value, func(function string, argument any) error {
		for _, reference := range referencesOf(function, argument) {
			if _, ok := t.resources[reference.id]; ok {
				found[reference.id] = true
			}
		}
		return nil
	})
	return sortedKeys(found)
}

// circular returns the ids that depend on each other, sorted; none if there is no circle.
func circular(needs map[string][]string) []string {
	left := maps.Clone(needs)
	for progress := true; progress; {
		progress = false
		for id, wants := range left {
			if !slices.ContainsFunc(wants, func(want string) bool { _, open := left[want]; return open }) {
				delete(left, id)
				progress = true
			}
		}
	}
	return sortedKeys(left)
}

func object(value any) map[string]any {
	members, _ := value.(map[string]any)
	return members
}

func texts(values []any) []string {
	out := make([]string, len(values))
	for i, value := range values {
		out[i] = fmt.Sprint(value)
	}
	return out
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
