package custom

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"perch"
	"perch/document"
)

// Limits of CloudFormation (AWS docs: CloudFormation quotas).
const (
	maxResources  = 500
	maxParameters = 200
	maxOutputs    = 200
	// maxValue is the longest value of a parameter, in bytes.
	maxValue = 4096
)

// parameter is one of the template's Parameters.
type parameter struct {
	name, kind string
	// fallback is its Default; nil if it has none.
	fallback *string
	noEcho   bool
	// definition has its limits. at is where its name is.
	definition *document.Node
	at         *document.Node
}

func (t *Template) readParameters(p *document.Report) {
	section := t.root.Get("Parameters")
	for name, most := range map[string]int{
		"Resources": maxResources, "Parameters": maxParameters, "Outputs": maxOutputs - len(added),
	} {
		if count := len(t.root.Get(name).All()); count > most {
			p.Fail(t.root.KeyNode(name), "%s has %d entries, and at most %d fit into a stack", name, count, most)
		}
	}
	for _, e := range section.All() {
		one := parameter{
			name: e.Key.Text, kind: e.Value.Under("Type"), noEcho: strings.EqualFold(e.Value.Under("NoEcho"), "true"),
			definition: e.Value, at: e.Key,
		}
		if fallback := e.Value.Get("Default"); fallback != nil && fallback.Shape == document.Scalar {
			one.fallback = &fallback.Text
		}
		switch {
		case !logicalID.MatchString(one.name):
			p.Fail(e.Key, "the name of parameter %q may have only letters and digits", one.name)
		case one.kind == "":
			p.Fail(e.Key, "parameter %s has no Type", one.name)
		}
		t.parameters = append(t.parameters, one)
	}
}

func (t *Template) parameter(name string) *parameter {
	for i := range t.parameters {
		if t.parameters[i].name == name {
			return &t.parameters[i]
		}
	}
	return nil
}

// stored reports whether the parameter's value is a name in Parameter Store, from which
// CloudFormation reads the real value.
func (p *parameter) stored() bool { return strings.HasPrefix(p.kind, "AWS::SSM::Parameter::Value<") }

// Takes reports whether the template uses the value that Perch knows by this name. It does if a
// parameter has the name, or if a value in given, from perch.yaml, has the name as a placeholder.
func (t *Template) Takes(name string, given map[string]string) bool {
	if _, other := given[name]; !other && t.parameter(name) != nil {
		return true
	}
	for _, known := range perch.KnownParameters() {
		for parameter, value := range given {
			if known.Name == name && t.parameter(parameter) != nil &&
				strings.Contains(value, "{"+known.Placeholder+"}") {
				return true
			}
		}
	}
	return false
}

func (t *Template) parameterNames() string {
	var names []string
	for _, one := range t.parameters {
		names = append(names, one.name)
	}
	if len(names) == 0 {
		return "none"
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// idTypes has the prefixes of the ids that AWS-specific parameter types accept.
var idTypes = map[string]string{
	"AWS::EC2::VPC::Id": "vpc-", "AWS::EC2::Subnet::Id": "subnet-", "AWS::EC2::SecurityGroup::Id": "sg-",
	"AWS::EC2::Instance::Id": "i-",
	"AWS::EC2::Image::Id":    "ami-", "AWS::EC2::Volume::Id": "vol-",
}

// rejects says what is wrong with value, as the end of a sentence; empty if nothing is. It leaves
// to AWS what only AWS can check.
func (p *parameter) rejects(value string) string {
	if dynamic(value) {
		return ""
	}
	kind, items := p.kind, []string{value}
	if inner, ok := strings.CutPrefix(kind, "List<"); ok {
		kind, items = strings.TrimSuffix(inner, ">"), strings.Split(value, ",")
	} else if kind == "CommaDelimitedList" {
		items = strings.Split(value, ",")
	}
	for _, item := range items {
		if problem := p.rejectsItem(kind, strings.TrimSpace(item)); problem != "" {
			return problem
		}
	}
	return p.rejectsLength(value)
}

func (p *parameter) rejectsItem(kind, value string) string {
	number, numeric := strconv.ParseFloat(value, 64)
	switch prefix := idTypes[kind]; {
	case kind == "Number" && numeric != nil:
		return "must be a number"
	case prefix != "" && !strings.HasPrefix(value, prefix):
		return fmt.Sprintf("must be an id that begins with %s", prefix)
	}
	if allowed := p.definition.Get(
		"AllowedValues",
	); allowed != nil && !slices.ContainsFunc(allowed.Items, func(n *document.Node) bool { return n.Text == value }) {
		var values []string
		for _, n := range allowed.Items {
			values = append(values, n.Text)
		}
		return "must be one of " + strings.Join(values, ", ")
	}
	// If Go cannot compile the pattern, which is a Java one, AWS checks the value.
	if pattern := p.definition.Under("AllowedPattern"); pattern != "" {
		if compiled, err := regexp.Compile(`^(?:` + pattern + `)$`); err == nil && !compiled.MatchString(value) {
			return "must match " + pattern
		}
	}
	if low, ok := p.limit("MinValue"); ok && number < low {
		return "must be at least " + p.definition.Under("MinValue")
	}
	if high, ok := p.limit("MaxValue"); ok && number > high {
		return "must be at most " + p.definition.Under("MaxValue")
	}
	return ""
}

func (p *parameter) rejectsLength(value string) string {
	length := float64(len([]rune(value)))
	if low, ok := p.limit("MinLength"); ok && length < low {
		return "must have at least " + p.definition.Under("MinLength") + " characters"
	}
	if high, ok := p.limit("MaxLength"); ok && length > high {
		return "must have at most " + p.definition.Under("MaxLength") + " characters"
	}
	if len(value) > maxValue {
		return fmt.Sprintf("must have at most %d bytes", maxValue)
	}
	return ""
}

func (p *parameter) limit(name string) (float64, bool) {
	limit, err := strconv.ParseFloat(p.definition.Under(name), 64)
	return limit, err == nil
}
