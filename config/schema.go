package config

import _ "embed"

// `go test ./config -update` generates the JSON Schemas from perch's types and this package's
// formats.
var (
	//go:embed schema/perch.schema.json
	schema []byte
	//go:embed schema/policy.schema.json
	policySchema []byte
)

// Schema returns the JSON Schema (draft 2020-12) of perch.yaml. It says which values one key may
// have. Read also checks what depends on several keys.
func Schema() []byte { return schema }

// PolicySchema returns the JSON Schema (draft 2020-12) of the policy.
func PolicySchema() []byte { return policySchema }
