package cfn

import "slices"

// Custom is a custom template. Package custom reads one.
type Custom interface {
	// Render fills in the template's parameters and adds Perch's outputs.
	Render(in EnvironmentInput) (Rendered, error)
}

// Rendered is the template of an environment for CloudFormation, with its bundle or its parameters.
type Rendered struct {
	// Template is Perch's template, or the custom one with Perch's outputs. The hash of a custom
	// template also covers its parameters.
	Template
	// Bundle is the source bundle, and BundleKey its key. Both are empty for a custom template.
	Bundle    []byte
	BundleKey string
	// Parameters are the custom template's parameters, in its order. CloudFormation fills in those
	// from `Default`.
	Parameters []Parameter
	// Capability is the capability that CloudFormation must be given to create a custom template;
	// empty if it needs none.
	Capability string
}

// Parameter is the value of one of a custom template's Parameters.
type Parameter struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	// From says where the value is from: `perch.yaml (defaults, line 3)`, `Perch`, or `Default`.
	From string `json:"-"`
	// NoEcho means that the template hides the value.
	NoEcho bool `json:"-"`
}

// Given returns the parameters that are passed to CloudFormation.
func (r Rendered) Given() []Parameter {
	return slices.DeleteFunc(slices.Clone(r.Parameters), func(p Parameter) bool { return p.From == "Default" })
}

// Render renders the template of an environment, for the worker and for the starter. It renders the
// custom template if the settings name one, and otherwise Perch's template with its source bundle.
func Render(in EnvironmentInput, custom Custom) (Rendered, error) {
	if in.Settings.Template != "" {
		return custom.Render(in)
	}
	host := ""
	if in.Policy.Domain != "" {
		host = in.Environment.Host(in.Policy.Domain)
	}
	bundle, key, err := Bundle(in.Settings, host)
	if err != nil {
		return Rendered{}, err
	}
	in.Bundle = key
	template, err := Environment(in)
	return Rendered{Template: template, Bundle: bundle, BundleKey: key}, err
}
