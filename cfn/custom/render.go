package custom

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"perch/cfn"
	"perch/document"
)

// DefaultURLOutput is the output with the environment's address, unless `url_output` names another
// one.
const DefaultURLOutput = "URL"

// Render fills in the template's parameters and adds Perch's outputs: the commit, the address and
// the hash. It changes nothing else.
func (t *Template) Render(in cfn.EnvironmentInput) (cfn.Rendered, error) {
	p := document.NewReport(t.source)
	rendered := cfn.Rendered{Parameters: t.fill(in, p), Capability: t.Capability()}
	url := t.urlOutput(in, p)
	t.seedTargets(in.Seed, p)
	if err := p.Err(); err != nil {
		return cfn.Rendered{}, err
	}
	body := t.root.Value().(map[string]any)
	outputs := map[string]any{}
	if declared, ok := body["Outputs"].(map[string]any); ok {
		maps.Copy(outputs, declared)
	}
	body["Outputs"] = outputs
	outputs[cfn.OutputCustomURL] = url
	outputs[cfn.OutputCommit] = output("Commit that is deployed", in.Commit)
	hash, err := hashOf(body, rendered.Given())
	if err != nil {
		return cfn.Rendered{}, fmt.Errorf("render template %s: %w", t.source.Name(), err)
	}
	outputs[cfn.OutputTemplate] = output("SHA-256 of this template without this output, and of its parameters", hash)
	encoded, err := cfn.Encode(body)
	if err != nil {
		return cfn.Rendered{}, fmt.Errorf("render template %s: %w", t.source.Name(), err)
	}
	if len(encoded) > maxFile {
		return cfn.Rendered{}, t.source.Problem(nil, fmt.Sprintf(
			"as JSON the template has %d bytes, and CloudFormation reads at most %d: make it shorter", len(encoded),
			maxFile,
		))
	}
	rendered.Template = cfn.Template{Body: encoded, Hash: hash, Resources: len(t.resources)}
	return rendered, nil
}

func output(description, value string) map[string]any {
	return map[string]any{"Description": description, "Value": value}
}

// hashOf returns the SHA-256 of the document and of the parameters that CloudFormation is given.
func hashOf(document map[string]any, parameters []cfn.Parameter) (string, error) {
	body, err := cfn.Encode(document)
	if err != nil {
		return "", err
	}
	given, err := json.Marshal(parameters)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(slices.Concat(body, given))
	return hex.EncodeToString(sum[:]), nil
}

// checkAddress reports an output that is visibly not an address: a text without a scheme, or an
// attribute that is a host name.
func (t *Template) checkAddress(name string, value, outputs *document.Node, p *document.Report) {
	function, argument := function(value)
	switch {
	case value.Shape == document.Scalar && !strings.HasPrefix(value.Text, "http://") &&
		!strings.HasPrefix(value.Text, "https://"):
		p.Fail(
			outputs.KeyNode(name), "output %s must be an address that begins with http:// or https://, not %q", name,
			value.Text,
		)
	case function == "Fn::GetAtt" && len(argument.Items) == 2 && slices.ContainsFunc([]string{
		"DNSName", "DomainName", "EndpointURL", "PublicDnsName", "PublicIp",
	}, func(suffix string) bool {
		return strings.HasSuffix(argument.Items[1].Text, suffix)
	}):
		p.Fail(
			outputs.KeyNode(name), "output %s is a host name and no address; write !Sub 'http://${%s.%s}', or https",
			name, argument.Items[0].Text, argument.Items[1].Text,
		)
	}
}

// urlOutput returns the output with the address. Perch adds it again under PerchURL, the name that
// all readers know.
func (t *Template) urlOutput(in cfn.EnvironmentInput, p *document.Report) map[string]any {
	name := in.Settings.URLOutput
	if name == "" {
		name = DefaultURLOutput
	}
	outputs := t.root.Get("Outputs")
	named := outputs.Get(name)
	if named == nil {
		has := "it has no outputs"
		if names := outputs.Names(); len(names) > 0 {
			slices.Sort(names)
			has = "its outputs are: " + strings.Join(names, ", ")
		}
		p.Fail(t.root.KeyNode("Outputs"), "the template has no output %s, which holds the environment's address; add "+
			"it, or name another one as `url_output` in perch.yaml; %s", name, has)
		return nil
	}
	t.checkAddress(name, named.Get("Value"), outputs, p)
	added := output("Address of the environment", "")
	added["Value"] = named.Get("Value").Value()
	if condition := named.Get("Condition"); condition != nil {
		added["Condition"] = condition.Value()
	}
	return added
}
