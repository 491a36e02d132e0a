// Package custom reads a custom CloudFormation template: what it declares, what it needs, and what
// Perch adds to it. Everything else in it stays as it is. The package does no I/O.
package custom

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"perch"
	"perch/cfn"
	"perch/document"
)

// Template is a template that was read without problems. What depends on settings and policy is
// checked later.
type Template struct {
	source     *document.Source
	root       *document.Node
	parameters []parameter
	resources  []resource
}

// resource is one of the template's resources.
type resource struct {
	id, kind   string
	properties *document.Node
	// policy is the DeletionPolicy in the template; empty if it has none.
	policy string
	// at is where its name is.
	at *document.Node
}

var (
	sections = []string{
		"AWSTemplateFormatVersion", "Description", "Metadata", "Parameters", "Rules", "Mappings", "Conditions",
		"Resources", "Outputs",
	}
	logicalID = regexp.MustCompile(`^[a-zA-Z0-9]{1,255}$`)
	// added are the outputs that Perch adds.
	added = []string{cfn.OutputCommit, cfn.OutputTemplate, cfn.OutputCustomURL}
)

// Read reads a template in YAML or JSON. file is its name in messages. The error is
// document.Problems or a *document.Problem. It quotes nothing from the template, because a line may
// contain a secret.
func Read(file string, data []byte) (*Template, error) {
	root, source, err := document.Read(file, data, limits)
	if err != nil {
		return nil, err
	}
	if root.Shape != document.Mapping {
		return nil, source.Problem(root, fmt.Sprintf(
			"this is not a CloudFormation template but %s; a template is a mapping with a key Resources", root.Shape,
		))
	}
	t := &Template{source: source, root: root}
	p := document.NewReport(t.source)
	t.sections(p)
	t.readResources(p)
	t.readParameters(p)
	t.checkOutputs(p)
	if err := p.Err(); err != nil {
		return nil, err
	}
	t.checkReferences(p)
	return t, p.Err()
}

func (t *Template) sections(p *document.Report) {
	for _, e := range t.root.Entries {
		switch {
		case e.Key.Text == "Transform":
			p.Fail(e.Key, "Transform is not read: macros are not run; process the template before it is committed, "+
				"for example with `sam build` or `aws cloudformation package`")
		case !slices.Contains(sections, e.Key.Text):
			p.Fail(e.Key, "unknown section %q; this is not a CloudFormation template, or the key is in the wrong "+
				"place; allowed here: %s", e.Key.Text, strings.Join(sections, ", "))
		}
	}
	if resources := t.root.Get("Resources"); resources == nil {
		p.Fail(t.root, "the template has no Resources; it must define at least one")
	} else if resources.Shape != document.Mapping || len(resources.Entries) == 0 {
		p.Fail(t.root.KeyNode("Resources"), "Resources must be a mapping with at least one resource")
	}
	for _, name := range []string{"Parameters", "Outputs", "Conditions", "Mappings"} {
		if section := t.root.Get(name); section != nil && section.Shape != document.Mapping {
			p.Fail(t.root.KeyNode(name), "%s must be a mapping, not %s", name, section.Shape)
		}
	}
	t.root.Walk(func(n *document.Node) {
		for _, e := range n.Entries {
			if e.Key.Text == "Fn::Transform" || strings.HasPrefix(e.Key.Text, "Fn::ForEach") {
				p.Fail(
					e.Key, "%s needs a macro, and macros are not run; write out what the macro generates", e.Key.Text,
				)
			}
		}
	})
}

func (t *Template) readResources(p *document.Report) {
	section := t.root.Get("Resources")
	if section == nil {
		return
	}
	for _, e := range section.Entries {
		r := resource{
			id: e.Key.Text, kind: e.Value.Under("Type"), properties: e.Value.Get("Properties"),
			policy: e.Value.Under("DeletionPolicy"), at: e.Key,
		}
		switch {
		case !logicalID.MatchString(r.id):
			p.Fail(e.Key, "the name of resource %q may have only letters and digits", r.id)
		case e.Value.Shape != document.Mapping || r.kind == "":
			p.Fail(e.Key, "resource %s has no Type", r.id)
		case r.kind == "AWS::CloudFormation::Stack":
			p.Fail(e.Key, "resource %s is a nested stack, and nested stacks are not supported: a template is one "+
				"file of the commit; put its resources here", r.id)
		case r.kind == "AWS::CloudFormation::StackSet":
			p.Fail(e.Key, "resource %s makes stacks of another template (%s), which the policy "+
				"cannot check; put its resources here", r.id, r.kind)
		case strings.HasSuffix(r.kind, "::MODULE"):
			p.Fail(
				e.Key, "resource %s is a module (%s), and modules are not supported; put its resources here", r.id,
				r.kind,
			)
		}
		t.resources = append(t.resources, r)
	}
}

// checkOutputs reports outputs with the names that Perch adds.
func (t *Template) checkOutputs(p *document.Report) {
	outputs := t.root.Get("Outputs")
	for _, name := range added {
		if outputs.Get(name) != nil {
			p.Fail(outputs.KeyNode(name), "output %s is one that Perch adds itself; give yours another name", name)
		}
	}
	for _, e := range outputs.All() {
		if e.Value.Get("Value") == nil {
			p.Fail(e.Key, "output %s has no Value", e.Key.Text)
		}
	}
}

// seedTargets reports seed steps that the template cannot serve: steps that copy into a bucket that
// the template does not have, and commands if it has no Beanstalk environment to run them. A step
// names a bucket by its logical id, or by the name for which Perch's own template would have that
// logical id.
func (t *Template) seedTargets(steps []perch.SeedStep, p *document.Report) {
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
			p.Fail(t.root.KeyNode("Resources"), "perch.yaml's seed[%d].run is carried out by the instances of an "+
				"AWS::ElasticBeanstalk::Environment, and the template has none; let the app do it, and request it "+
				"with an http step", i)
		}
		if step.S3 == nil {
			continue
		}
		name, _, _ := strings.Cut(step.S3.To, "/")
		if !slices.Contains(buckets, name) && !slices.Contains(buckets, cfn.BucketID(name)) {
			p.Fail(t.root.KeyNode("Resources"), "perch.yaml's seed[%d].s3.to names the bucket %s, and the template "+
				"has no such AWS::S3::Bucket; its buckets are: %s", i, name,
				shownOr(strings.Join(buckets, ", "), "none"))
		}
	}
}
