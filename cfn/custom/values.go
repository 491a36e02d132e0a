package custom

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"perch"
	"perch/cfn"
	"perch/document"
)

const filledByPerch = "Perch"

// known is a value that Perch has for a parameter.
type known struct {
	value string
	// guessed means that it comes from a guessed policy.
	guessed bool
}

// knownValues returns the values of perch.KnownParameters by name, without those that do not exist.
func knownValues(in cfn.EnvironmentInput) map[string]known {
	e, s, p := in.Environment, in.Settings, in.Policy
	values := map[string]known{
		"Project": {value: e.Project}, "Branch": {e.Branch, in.Sample}, "Slug": {e.Slug, in.Sample},
		"Kind":   {value: string(in.Kind)},
		"Commit": {in.Commit, in.Sample}, "Image": {s.Image, in.Sample}, "HealthPath": {value: s.HealthPath},
		"InstanceType": {value: s.InstanceType},
		"MinInstances": {value: strconv.Itoa(s.Instances.Min)}, "MaxInstances": {value: strconv.Itoa(s.Instances.Max)},
	}
	guess := func(name, value string) { values[name] = known{value, in.Guess} }
	guess("Repository", p.Repository)
	guess("VpcId", p.Network.VPC)
	guess("Domain", p.Domain)
	guess("HostedZoneId", p.HostedZone)
	if p.Domain != "" {
		guess("Host", e.Host(p.Domain))
		address := p.URL
		if address == "" {
			address = "https://{host}"
		}
		guess("URL", strings.ReplaceAll(address, "{host}", e.Host(p.Domain)))
	}
	subnets := func(name string, ids []string) {
		guess(name+"s", strings.Join(ids, ","))
		for i, id := range ids[:min(len(ids), 2)] {
			guess(name+strconv.Itoa(i+1), id)
		}
	}
	subnets("Subnet", p.Network.Subnets)
	subnets("DatabaseSubnet", p.Network.DatabaseSubnets)
	if db := s.Database; db != nil {
		values["DatabaseEngine"], values["DatabaseVersion"], values["DatabaseClass"] = known{
			value: db.Engine,
		}, known{value: db.Version}, known{value: db.Class}
		values["DatabaseStorage"], values["DatabaseBackupDays"] = known{
			value: strconv.Itoa(db.StorageGB),
		}, known{value: strconv.Itoa(db.BackupDays)}
		values["DatabaseMultiAZ"] = known{value: strconv.FormatBool(db.MultiAZ)}
	}
	maps.DeleteFunc(values, func(_ string, one known) bool { return one.value == "" })
	return values
}

var placeholder = regexp.MustCompile(`\{([a-z][a-z0-9_]*)\}`)

// expand replaces the placeholders in a value of `parameters`. If there is no value for a
// placeholder, missing names it.
func expand(text string, values map[string]known) (out known, missing string) {
	byPlaceholder := map[string]string{}
	for _, one := range perch.KnownParameters() {
		byPlaceholder[one.Placeholder] = one.Name
	}
	out.value = placeholder.ReplaceAllStringFunc(text, func(match string) string {
		name, ok := byPlaceholder[strings.Trim(match, "{}")]
		if !ok {
			return match
		}
		one, ok := values[name]
		if !ok && missing == "" {
			missing = match
		}
		out.guessed = out.guessed || one.guessed
		return one.value
	})
	return out, missing
}

// fill gives every parameter a value: from perch.yaml, or else what Perch has under the parameter's
// name, or else its Default, which CloudFormation fills in.
func (t *Template) fill(in cfn.EnvironmentInput, p *document.Report) []cfn.Parameter {
	values := knownValues(in)
	for _, name := range slices.Sorted(maps.Keys(in.Settings.Parameters)) {
		if t.parameter(name) == nil {
			p.Fail(
				t.root.KeyNode("Parameters"),
				"%s gives a value to %s, which the template does not declare; its parameters are: %s",
				originOf(in, name), name, t.parameterNames(),
			)
		}
	}
	var filled []cfn.Parameter
	for i := range t.parameters {
		one := &t.parameters[i]
		value, from, ok := t.valueOf(one, in, values, p)
		if !ok {
			continue
		}
		if problem := one.rejects(value.value); problem != "" && !value.guessed {
			shown := strconv.Quote(value.value)
			if one.noEcho {
				shown = "the value given"
			}
			if from == filledByPerch {
				from += ", which fills it by its name; give it another one under `parameters` in perch.yaml"
			}
			p.Fail(one.at, "parameter %s %s, not %s (from %s)", one.name, problem, shown, from)
			continue
		}
		filled = append(filled, cfn.Parameter{Name: one.name, Value: value.value, From: from, NoEcho: one.noEcho})
	}
	return filled
}

func (t *Template) valueOf(
	one *parameter, in cfn.EnvironmentInput, values map[string]known, p *document.Report,
) (value known, from string, ok bool) {
	if text, given := in.Settings.Parameters[one.name]; given {
		value, missing := expand(text, values)
		switch {
		case missing != "":
			p.Fail(
				one.at, "parameter %s: %s uses %s, and there is no such value for branch %q: %s", one.name,
				originOf(in, one.name), missing, in.Environment.Branch, absent,
			)
		case one.noEcho && value.value != "" && !dynamic(value.value):
			p.Fail(one.at, "parameter %s hides its value (NoEcho), and %s gives it one that everybody can read; keep "+
				"it in Secrets Manager and write '{{resolve:secretsmanager:NAME:SecretString:KEY}}' there", one.name,
				originOf(in, one.name))
		default:
			return value, originOf(in, one.name), true
		}
		return known{}, "", false
	}
	if value, has := values[one.name]; has {
		return value, filledByPerch, true
	}
	if one.fallback != nil {
		if one.noEcho && *one.fallback != "" && !dynamic(*one.fallback) {
			p.Fail(one.at, "parameter %s hides its value (NoEcho), and its Default is one that everybody can read; "+
				"keep it in Secrets Manager and write '{{resolve:secretsmanager:NAME:SecretString:KEY}}' there",
				one.name)
			return known{}, "", false
		}
		// CloudFormation checks the Default against the limits.
		return known{value: *one.fallback, guessed: true}, "Default", true
	}
	hint := ""
	if slices.ContainsFunc(perch.KnownParameters(), func(k perch.KnownParameter) bool { return k.Name == one.name }) {
		hint = "; Perch fills it by its name, but has no value for it here: " + absent
	}
	p.Fail(one.at, "parameter %s has no value: give it one under `parameters` in perch.yaml, or a Default "+
		"here%s; Perch fills by name: %s", one.name, hint, knownNames())
	return known{}, "", false
}

// absent says why Perch may have no value for a parameter that it knows.
const absent = "host and zone need a domain in the policy, database values a `database` in perch.yaml"

func knownNames() string {
	var names []string
	for _, one := range perch.KnownParameters() {
		names = append(names, one.Name)
	}
	return strings.Join(names, ", ")
}

// originOf says where in perch.yaml the value of a parameter is.
func originOf(in cfn.EnvironmentInput, name string) string {
	if in.Origin != nil {
		if place := in.Origin("parameters." + name); place != "" {
			return fmt.Sprintf("perch.yaml (%s)", place)
		}
	}
	return "perch.yaml"
}
