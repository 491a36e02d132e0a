package cfn

import "encoding/json"

// value is a string, or an intrinsic function that CloudFormation replaces with one.
type value interface{ isValue() }

// literal is a string without functions.
type literal string

// ref is a Ref to a logical id. For most types it gives the name or id of the resource, and for a
// secret its ARN.
type ref string

// getAtt is an attribute of a resource.
type getAtt struct{ id, attribute string }

// sub is the text of an Fn::Sub: CloudFormation replaces ${LogicalId} and ${LogicalId.Attribute} in
// it.
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
