package cloudformation

import (
	_ "embed"
	"regexp"
	"strings"
	"sync"
)

// typeNames are the resource types of AWS in all regions, one a line: the names that cfn-lint
// 1.51.0 (MIT-0) lists, which come from the CloudFormation registry.
//
//go:embed types.txt
var typeNames string

// knownTypes are the names as a set.
var knownTypes = sync.OnceValue(func() map[string]bool {
	all := map[string]bool{}
	for _, name := range strings.Fields(typeNames) {
		all[name] = true
	}
	return all
})

// Types are the resource types of AWS, sorted as the registry lists them.
func Types() []string { return strings.Fields(typeNames) }

// IsType reports whether CloudFormation has a resource type of that name, or it is a custom
// resource.
func IsType(name string) bool { return knownTypes()[name] || customType.MatchString(name) }

// customType is a custom resource's name: at most 60 characters after Custom:: (AWS docs: Custom
// resources).
var customType = regexp.MustCompile(`^Custom::[a-zA-Z0-9_@-]{1,60}$`)

// checkTypes rejects a template with resource types that AWS does not have. Whether the endpoint
// can make a type shows when the resource is made.
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
