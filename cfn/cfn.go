// Package cfn renders settings to CloudFormation templates: one for an application, which rarely
// changes, and one for each environment.
//
// A template has no Parameters: every value is fixed when it is rendered. The same input gives the
// same bytes, so a template's hash says whether anything has changed.
package cfn

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

const (
	// MaxBody is the longest template, in bytes, that a call to CloudFormation may contain (service
	// quota, AWS docs: CloudFormation quotas). A longer one must be in a bucket.
	MaxBody = 51200

	// maxTemplate is the longest template in bytes that CloudFormation reads from a bucket (1 MB,
	// same source).
	maxTemplate = 1 << 20
)

// Template is a rendered template.
type Template struct {
	// Body is the template in JSON.
	Body []byte
	// Hash is the lower-case hexadecimal SHA-256 of the template before the output PerchTemplate,
	// which holds it, was added.
	Hash string
	// Resources is how many resources the template has.
	Resources int
}

// document is a template's outermost object.
type document struct {
	AWSTemplateFormatVersion string
	Description              string
	Resources                map[string]resource
	Outputs                  map[string]output
}

// resource is an entry of Resources. Properties is one of the property structs.
type resource struct {
	Type                string
	Properties          any            `json:",omitempty"`
	DeletionPolicy      deletionPolicy `json:",omitempty"`
	UpdateReplacePolicy deletionPolicy `json:",omitempty"`
}

// deletionPolicy says what happens to a resource that its stack no longer has.
type deletionPolicy string

const (
	deleteIt   deletionPolicy = "Delete"
	snapshotIt deletionPolicy = "Snapshot"
	retainIt   deletionPolicy = "Retain"
)

// keep returns r with the policy as its DeletionPolicy and its UpdateReplacePolicy.
func (r resource) keep(policy deletionPolicy) resource {
	r.DeletionPolicy, r.UpdateReplacePolicy = policy, policy
	return r
}

type output struct {
	Description string
	Value       value
}

// tag is an entry of a resource's Tags.
type tag struct {
	Key   string
	Value string
}

func newDocument(description string) *document {
	return &document{
		AWSTemplateFormatVersion: "2010-09-09",
		Description:              description,
		Resources:                map[string]resource{},
		Outputs:                  map[string]output{},
	}
}

// render hashes the document, adds the output PerchTemplate, and returns the template.
func (d *document) render() (Template, error) {
	template, err := d.asMap()
	if err != nil {
		return Template{}, fmt.Errorf("render template: %w", err)
	}
	body, err := Encode(template)
	if err != nil {
		return Template{}, fmt.Errorf("render template: %w", err)
	}
	sum := sha256.Sum256(body)
	hash := hex.EncodeToString(sum[:])
	template["Outputs"].(map[string]any)[OutputTemplate] = output{
		Description: "SHA-256 of this template without this output", Value: literal(hash),
	}
	if body, err = Encode(template); err != nil {
		return Template{}, fmt.Errorf("render template: %w", err)
	}
	if len(body) > maxTemplate {
		return Template{}, fmt.Errorf("template has %d bytes and CloudFormation reads %d at most: shorten the "+
			"environment variables or have fewer buckets", len(body), maxTemplate)
	}
	return Template{Body: body, Hash: hash, Resources: len(d.Resources)}, nil
}

// asMap returns the document as maps and lists, which Encode sorts at every depth.
func (d *document) asMap() (template map[string]any, err error) {
	data, err := json.Marshal(d)
	if err != nil {
		return nil, err
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	return template, decoder.Decode(&template)
}

// Encode writes a template as JSON with sorted keys. The same template always gives the same bytes.
func Encode(template map[string]any) ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(template); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
