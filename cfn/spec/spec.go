// Package spec knows a part of the CloudFormation resource specification: which resource types exist, which properties they
// take, and what a change of a property does. testdata/README.md says where it comes from.
package spec

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
)

//go:embed testdata/cfn-spec-subset.json
var source []byte

type specification struct {
	Resources map[string]resource            `json:"resources"`
	Types     map[string]map[string]property `json:"types"`
}

type resource struct {
	Attributes []string            `json:"attrs"`
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

// UnmarshalJSON reads a primitive's name or an object with one of the keys ref, array, map and union.
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

// Replaces reports whether every change of property makes CloudFormation replace a resource of resourceType. It is false where
// that depends on the change, and for types and properties that the specification does not have.
func Replaces(resourceType, property string) bool {
	return load().Resources[resourceType].Properties[property].Replaces == "yes"
}

// Attributes lists what Fn::GetAtt can read of resourceType, nested ones as Endpoint.Address; nil for an unknown type.
func Attributes(resourceType string) []string {
	return slices.Clone(load().Resources[resourceType].Attributes)
}
