package config

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"perch"
	"perch/document"
)

var (
	// placeholder matches {Name}. CloudFormation has other forms: {{resolve:...}} and ${Name}.
	placeholder = regexp.MustCompile(`\{([a-zA-Z][a-zA-Z0-9_]*)\}`)
)

func validTemplate(value string) string {
	ending := slices.ContainsFunc(
		[]string{".yaml", ".yml", ".json", ".template"},
		func(suffix string) bool { return strings.HasSuffix(value, suffix) },
	)
	if !ending || value != path.Clean(value) || path.IsAbs(value) || strings.ContainsAny(value, "\\:") ||
		strings.HasPrefix(value, "../") {
		return "must be the path of a file in the repository that ends in .yaml, .yml, .json or .template, such as " +
			"deploy/template.yaml"
	}
	return ""
}

// parameter checks the value of a custom template's parameter.
func (d *decoder) parameter(path string, e document.Entry) {
	key, value := e.Key, e.Value
	if !d.is(path, value, document.Scalar) {
		return
	}
	var allowed []string
	for _, known := range perch.KnownParameters() {
		allowed = append(allowed, known.Placeholder)
	}
	for _, match := range placeholder.FindAllStringSubmatchIndex(value.Text, -1) {
		name := value.Text[match[2]:match[3]]
		if before := value.Text[:match[0]]; !strings.HasSuffix(before, "$") && !slices.Contains(allowed, name) {
			d.Fail(
				value, "%s has the placeholder {%s}%s; allowed: {%s}", path, name, suggestion(name, allowed),
				strings.Join(allowed, "}, {"),
			)
		}
	}
	if document.SecretName(key.Text) && value.Text != "" && !strings.Contains(value.Text, "{{resolve:") {
		d.Fail(key, "%s looks like a secret, and perch.yaml is read by everyone; keep it in Secrets Manager and "+
			"write '{{resolve:secretsmanager:NAME:SecretString:KEY}}'", path)
	}
}

// customTemplate reports settings that have no effect with a custom template, and those that have
// no effect without one.
func (d *decoder) customTemplate(s perch.Settings, n *document.Node) {
	if s.Template == "" {
		for _, key := range []string{"parameters", "url_output"} {
			if value := n.Get(key); value != nil {
				d.Fail(
					value, "%s is for a custom template, and none is named here; add template, or take %s out",
					key, key,
				)
			}
		}
		return
	}
	if s.Database != nil && s.Database.Mode == perch.DatabaseShared {
		d.Fail(n.At("database", "mode"), "database.mode shared goes with Perch's own template, and template %s (%s) "+
			"is used instead; leave mode out, and let the template take the database's parameters", s.Template,
			n.At("template").Origin())
	}
	for key, size := range map[string]int{"buckets": len(s.Buckets), "environment": len(s.Environment)} {
		if size > 0 {
			d.Fail(n.At(key), "%s says what Perch's own template makes, and template %s (%s) is used instead: put it "+
				"there, and write `%s: null` here", key, s.Template, n.At("template").Origin(), key)
		}
	}
}
