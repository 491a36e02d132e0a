package cfn

import "encoding/json"

// value is a string, or a function that CloudFormation replaces by one.
type value interface{ isValue() }

// literal is a string without functions.
type literal string

// ref is what Ref gives for a logical id: for most types the name or id of the resource, for a
// secret its ARN.
type ref string

// getAtt is an attribute of a resource.
type getAtt struct{ id, attribute string }

// sub is a text in which ${LogicalId} and ${LogicalId.Attribute} stand for values.
type sub string

func (literal) isValue() {}
func (ref) isValue()     {}
func (getAtt) isValue()  {}
func (sub) isValue()     {}

func (r ref) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]string{"Ref": string(r)})
}

func (g getAtt) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string][]string{"Fn::GetAtt": {g.id, g.attribute}})
}

func (s sub) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]string{"Fn::Sub": string(s)})
}
