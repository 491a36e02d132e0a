package config

import _ "embed"

// The JSON Schemas are written by `go test ./config -update` from perch's types and this package's
// formats.
var (
	//go:embed schema/perch.schema.json
	schema []byte
	//go:embed schema/policy.schema.json
	policySchema []byte
)

// Schema is the JSON Schema (draft 2020-12) of perch.yaml. It says what one key may be; what only
// several keys together can tell, Read says.
func Schema() []byte { return schema }

// PolicySchema is the JSON Schema (draft 2020-12) of the policy.
func PolicySchema() []byte { return policySchema }
