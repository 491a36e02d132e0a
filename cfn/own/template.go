// Package own reads a project's own CloudFormation template: what it declares, what it needs, and what Perch adds to it. Everything else in
// it stays as it is. It does no I/O.
package own

import (
	"regexp"
	"slices"
	"strings"

	"perch"
	"perch/cfn"
)

// Template is a template that has been read and is right as far as it can tell for itself.
type Template struct {
	file       string
	root       *node
	parameters []parameter
	resources  []resource
}

// resource is one of the template's resources.
type resource struct {
	id, kind   string
	properties *node
	// policy is the DeletionPolicy that the template writes; empty for none.
	policy string
	// at is where its name stands.
	at *node
}

var (
	sections  = []string{"AWSTemplateFormatVersion", "Description", "Metadata", "Parameters", "Rules", "Mappings", "Conditions", "Resources", "Outputs"}
	logicalID = regexp.MustCompile(`^[a-zA-Z0-9]{1,255}$`)
	// added are the outputs that Perch adds.
	added = []string{cfn.OutputCommit, cfn.OutputTemplate, cfn.OutputOwnURL}
)

// Read reads a template, YAML or JSON; file is what messages call it. The error is Problems or a *Problem.
func Read(file string, data []byte) (*Template, error) {
	root, err := parse(file, data)
	if err != nil {
		return nil, err
	}
	if root.shape != object {
		return nil, problemAt(file, root, "this is no CloudFormation template but %s; a template is a mapping with a key Resources", root.shape)
	}
	t := &Template{file: file, root: root}
	p := &problems{file: file}
	t.sections(p)
	t.readResources(p)
	t.readParameters(p)
	t.checkOutputs(p)
	if err := p.err(); err != nil {
		return nil, err
	}
	t.checkReferences(p)
	return t, p.err()
}

func (t *Template) sections(p *problems) {
	for _, e := range t.root.entries {
		switch {
		case e.key.text == "Transform":
			p.at(e.key, "Transform is not read: macros are not run; process the template before it is committed, for example with `sam build` or `aws cloudformation package`")
		case !slices.Contains(sections, e.key.text):
			p.at(e.key, "unknown section %q; this is no CloudFormation template, or the key stands at the wrong place; allowed here: %s", e.key.text, strings.Join(sections, ", "))
		}
	}
	if resources := t.root.get("Resources"); resources == nil {
		p.at(t.root, "the template has no Resources; it must define at least one")
	} else if resources.shape != object || len(resources.entries) == 0 {
		p.at(t.root.key("Resources"), "Resources must be a mapping with at least one resource")
	}
	for _, name := range []string{"Parameters", "Outputs", "Conditions", "Mappings"} {
		if section := t.root.get(name); section != nil && section.shape != object {
			p.at(t.root.key(name), "%s must be a mapping, not %s", name, section.shape)
		}
	}
	t.root.walk(func(n *node) {
		for _, e := range n.entries {
			if e.key.text == "Fn::Transform" || strings.HasPrefix(e.key.text, "Fn::ForEach") {
				p.at(e.key, "%s needs a macro, and macros are not run; write out what it makes", e.key.text)
			}
		}
	})
}

func (t *Template) readResources(p *problems) {
	section := t.root.get("Resources")
	if section == nil {
		return
	}
	for _, e := range section.entries {
		r := resource{id: e.key.text, kind: e.value.under("Type"), properties: e.value.get("Properties"), policy: e.value.under("DeletionPolicy"), at: e.key}
		switch {
		case !logicalID.MatchString(r.id):
			p.at(e.key, "the name of resource %q may have only letters and digits", r.id)
		case e.value.shape != object || r.kind == "":
			p.at(e.key, "resource %s has no Type", r.id)
		case r.kind == "AWS::CloudFormation::Stack":
			p.at(e.key, "resource %s is a nested stack, and nested stacks are not supported: a template is one file of the commit; put its resources here", r.id)
		case r.kind == "AWS::CloudFormation::StackSet":
			p.at(e.key, "resource %s makes stacks of another template (%s), and nothing holds that against the policy; put its resources here", r.id, r.kind)
		case strings.HasSuffix(r.kind, "::MODULE"):
			p.at(e.key, "resource %s is a module (%s), and modules are not supported; put its resources here", r.id, r.kind)
		}
		t.resources = append(t.resources, r)
	}
}

// checkOutputs rejects outputs of the names that Perch adds.
func (t *Template) checkOutputs(p *problems) {
	outputs := t.root.get("Outputs")
	for _, name := range added {
		if outputs.get(name) != nil {
			p.at(outputs.key(name), "output %s is one that Perch adds itself; give yours another name", name)
		}
	}
	for _, e := range outputs.all() {
		if e.value.get("Value") == nil {
			p.at(e.key, "output %s has no Value", e.key.text)
		}
	}
}

func (n *node) all() []entry {
	if n == nil {
		return nil
	}
	return n.entries
}

// seedTargets rejects seed steps into buckets that the template does not have, by logical id or by the id that Perch's own template gives a name,
// and commands where it has nothing that runs them.
func (t *Template) seedTargets(steps []perch.SeedStep, p *problems) {
	var buckets []string
	runs := false
	for _, r := range t.resources {
		if r.kind == "AWS::S3::Bucket" {
			buckets = append(buckets, r.id)
		}
		runs = runs || r.kind == "AWS::ElasticBeanstalk::Environment"
	}
	for i, step := range steps {
		if step.Run != nil && !runs {
			p.at(t.root.key("Resources"), "perch.yaml's seed[%d].run is carried out by the instances of an AWS::ElasticBeanstalk::Environment, and the template has none; let the app do it, and ask it to by an http step", i)
		}
		if step.S3 == nil {
			continue
		}
		name, _, _ := strings.Cut(step.S3.To, "/")
		if !slices.Contains(buckets, name) && !slices.Contains(buckets, cfn.BucketID(name)) {
			p.at(t.root.key("Resources"), "perch.yaml's seed[%d].s3.to names the bucket %s, and the template has no such AWS::S3::Bucket; its buckets are: %s", i, name, shownOr(strings.Join(buckets, ", "), "none"))
		}
	}
}
