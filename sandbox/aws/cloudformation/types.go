package cloudformation

import (
	_ "embed"
	"regexp"
	"strings"
	"sync"
)

// typeNames are the resource types of AWS in all regions, one a line. cfn-lint 1.51.0 (MIT-0) lists
// them, from the CloudFormation registry.
//
//go:embed types.txt
var typeNames string

// knownTypes returns the names as a set.
var knownTypes = sync.OnceValue(func() map[string]bool {
	all := map[string]bool{}
	for _, name := range strings.Fields(typeNames) {
		all[name] = true
	}
	return all
})

// Types returns the resource types of AWS, in the order of the registry.
func Types() []string { return strings.Fields(typeNames) }

// IsType reports whether CloudFormation has a resource type with the name, or it is a custom
// resource.
func IsType(name string) bool { return knownTypes()[name] || customType.MatchString(name) }

// customType matches a custom resource's name: at most 60 characters after Custom:: (AWS docs:
// Custom resources).
var customType = regexp.MustCompile(`^Custom::[a-zA-Z0-9_@-]{1,60}$`)

// checkTypes rejects a template with resource types that AWS does not have. Whether the endpoint
// implements a type is only checked when the resource is created.
func (t *template) checkTypes() error {
	unknown := map[string]bool{}
	for _, r := range t.resources {
		if !IsType(r.kind) {
			unknown[r.kind] = true
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	return invalid("Template format error: Unrecognized resource types: [%s]", strings.Join(sortedKeys(unknown), ", "))
}
