// Package spec has a part of the CloudFormation resource specification: which resource types exist,
// which properties they have, and what a change of a property does. README.md says where it is
// from.
package spec

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
)

//go:embed cfn-spec-subset.json
var source []byte

type specification struct {
	Resources map[string]resource            `json:"resources"`
	Types     map[string]map[string]property `json:"types"`
}

type resource struct {
	Attributes []string            `json:"attrs"`
	Stateful   bool                `json:"stateful"`
	Properties map[string]property `json:"props"`
}

type property struct {
	Type     shape  `json:"t"`
	Required int    `json:"req"`
	Replaces string `json:"repl"`
}

// shape is the type of a value. Exactly one field is set.
type shape struct {
	Primitive string
	Ref       string
	Array     *shape
	Map       *shape
	Union     []shape
}

// UnmarshalJSON reads a primitive's name or an object with one of the keys ref, array, map and
// union.
func (s *shape) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '"' {
		return json.Unmarshal(data, &s.Primitive)
	}
	var compound struct {
		Ref   string  `json:"ref"`
		Array *shape  `json:"array"`
		Map   *shape  `json:"map"`
		Union []shape `json:"union"`
	}
	if err := json.Unmarshal(data, &compound); err != nil {
		return err
	}
	s.Ref, s.Array, s.Map, s.Union = compound.Ref, compound.Array, compound.Map, compound.Union
	return nil
}

var load = sync.OnceValue(func() specification {
	var s specification
	if err := json.Unmarshal(source, &s); err != nil {
		panic(fmt.Sprintf("read the embedded resource specification: %v", err))
	}
	return s
})

// Known reports whether the specification has resourceType, such as AWS::S3::Bucket.
func Known(resourceType string) bool {
	_, ok := load().Resources[resourceType]
	return ok
}

// Replacement says whether CloudFormation replaces the resource if a property changes.
type Replacement string

const (
	// No means that the resource is updated in place.
	No Replacement = "no"
	// Maybe means that it depends on the change, or on what AWS finds.
	Maybe Replacement = "maybe"
	// Yes means that a new resource is created and the old one deleted.
	Yes Replacement = "yes"
	// Unknown means that the specification has no such type or property.
	Unknown Replacement = "unknown"
)

// Replacing returns what a change at path does to a resource of resourceType. path begins with the
// property and continues to the value that changes; list indexes are left out.
func Replacing(resourceType string, path ...string) Replacement {
	known, ok := load().Resources[resourceType]
	if !ok || len(path) == 0 {
		return Unknown
	}
	return replacing(known.Properties, path)
}

func replacing(properties map[string]property, path []string) Replacement {
	p, ok := properties[path[0]]
	if !ok {
		return Unknown
	}
	if p.Replaces == "yes" || p.Replaces == "maybe" {
		return Replacement(p.Replaces)
	}
	below := p.Type
	for below.Array != nil {
		below = *below.Array
	}
	if deeper, ok := load().Types[below.Ref]; ok && len(path) > 1 {
		// For a nested property that is not listed, the replacement of its parent applies.
		if found := replacing(deeper, path[1:]); found != Unknown {
			return found
		}
	}
	return No
}

// Replaces reports whether every change of property makes CloudFormation replace a resource of
// resourceType. It returns false if that depends on the change, and if the specification does not
// have the type or the property.
func Replaces(resourceType, property string) bool {
	return Replacing(resourceType, property) == Yes
}

// Stateful reports whether a resource of resourceType has data that is lost when it is deleted.
func Stateful(resourceType string) bool { return load().Resources[resourceType].Stateful }

// Attributes lists what Fn::GetAtt can read of a resourceType, nested attributes in the form
// Endpoint.Address; nil for an unknown type.
func Attributes(resourceType string) []string {
	return slices.Clone(load().Resources[resourceType].Attributes)
}
