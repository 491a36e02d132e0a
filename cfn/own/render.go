package own

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"perch/cfn"
)

// DefaultURLOutput is the output that holds the environment's address where `url_output` names no other.
const DefaultURLOutput = "URL"

// Rendering is a template as CloudFormation gets it, with the values of its parameters.
type Rendering struct {
	// Template is the project's template with Perch's outputs. Its hash covers the parameters, too.
	cfn.Template
	// Parameters are in the order of the template's. Those From `Default` are left to CloudFormation.
	Parameters []Parameter
}

// Given are the parameters that CloudFormation is told.
func (r Rendering) Given() []Parameter {
	return slices.DeleteFunc(slices.Clone(r.Parameters), func(p Parameter) bool { return p.From == "Default" })
}

// Render fills in the template's parameters and adds Perch's outputs: the commit, the address and the hash. Nothing else is changed.
func (t *Template) Render(in Input) (Rendering, error) {
	p := &problems{file: t.file}
	rendered := Rendering{Parameters: t.fill(in, p)}
	url := t.urlOutput(in, p)
	t.seedTargets(in.Seed, p)
	if err := p.err(); err != nil {
		return Rendering{}, err
	}
	document := t.root.value().(map[string]any)
	outputs := map[string]any{}
	if declared, ok := document["Outputs"].(map[string]any); ok {
		maps.Copy(outputs, declared)
	}
	document["Outputs"] = outputs
	outputs[cfn.OutputOwnURL] = url
	outputs[cfn.OutputCommit] = output("Commit that is deployed", in.Commit)
	hash, err := rendered.hash(document)
	if err != nil {
		return Rendering{}, fmt.Errorf("render template %s: %w", t.file, err)
	}
	outputs[cfn.OutputTemplate] = output("SHA-256 of this template without this output, and of its parameters", hash)
	body, err := cfn.Encode(document)
	if err != nil {
		return Rendering{}, fmt.Errorf("render template %s: %w", t.file, err)
	}
	if len(body) > maxFile {
		return Rendering{}, problemAt(t.file, nil, "as JSON the template has %d bytes, and CloudFormation reads at most %d: make it shorter", len(body), maxFile)
	}
	rendered.Template = cfn.Template{Body: body, Hash: hash, Resources: len(t.resources)}
	return rendered, nil
}

func output(description, value string) map[string]any {
	return map[string]any{"Description": description, "Value": value}
}

// hash is the SHA-256 of the document and of the parameters that CloudFormation is told.
func (r Rendering) hash(document map[string]any) (string, error) {
	body, err := cfn.Encode(document)
	if err != nil {
		return "", err
	}
	given, err := json.Marshal(r.Given())
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(slices.Concat(body, given))
	return hex.EncodeToString(sum[:]), nil
}

// checkAddress rejects what can be seen to be no address: a text without a scheme, and an attribute that is a host name.
func (t *Template) checkAddress(name string, value, outputs *node, p *problems) {
	function, argument := value.function()
	switch {
	case value.shape == scalar && !strings.HasPrefix(value.text, "http://") && !strings.HasPrefix(value.text, "https://"):
		p.at(outputs.key(name), "output %s must be an address that begins with http:// or https://, not %q", name, value.text)
	case function == "Fn::GetAtt" && len(argument.items) == 2 && slices.ContainsFunc([]string{"DNSName", "DomainName", "EndpointURL", "PublicDnsName", "PublicIp"}, func(suffix string) bool {
		return strings.HasSuffix(argument.items[1].text, suffix)
	}):
		p.at(outputs.key(name), "output %s is a host name and no address; write !Sub 'http://${%s.%s}', or https", name, argument.items[0].text, argument.items[1].text)
	}
}

// urlOutput is the output that holds the address, as Perch adds it once more under a name that every reader knows.
func (t *Template) urlOutput(in Input, p *problems) map[string]any {
	name := in.Settings.URLOutput
	if name == "" {
		name = DefaultURLOutput
	}
	outputs := t.root.get("Outputs")
	named := outputs.get(name)
	if named == nil {
		has := "it has no outputs"
		if names := outputs.names(); len(names) > 0 {
			slices.Sort(names)
			has = "its outputs are: " + strings.Join(names, ", ")
		}
		p.at(t.root.key("Outputs"), "the template has no output %s, which holds the environment's address; add it, or name another one as `url_output` in perch.yaml; %s", name, has)
		return nil
	}
	t.checkAddress(name, named.get("Value"), outputs, p)
	added := output("Address of the environment", "")
	added["Value"] = named.get("Value").value()
	if condition := named.get("Condition"); condition != nil {
		added["Condition"] = condition.value()
	}
	return added
}
