package cfn

import "slices"

// Custom is a custom template, the project's own. Package own reads one.
type Custom interface {
	// Render fills in its parameters and adds Perch's outputs.
	Render(in EnvironmentInput) (Rendered, error)
}

// Rendered is the template of an environment as CloudFormation gets it, with what belongs to it.
type Rendered struct {
	// Template is Perch's template, or the custom one with Perch's outputs. The hash of a custom
	// one covers its parameters, too.
	Template
	// Bundle is the source bundle and BundleKey its key; both are empty for a custom template.
	Bundle    []byte
	BundleKey string
	// Parameters are the custom template's, in its order. Those from `Default` are left to
	// CloudFormation.
	Parameters []Parameter
	// Capability is what CloudFormation is told before it creates a custom template; empty for
	// none.
	Capability string
}

// Parameter is the value of one of a custom template's Parameters.
type Parameter struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	// From says who filled it: `perch.yaml (defaults, line 3)`, `Perch`, or `Default`.
	From string `json:"-"`
	// NoEcho says that the template hides the value.
	NoEcho bool `json:"-"`
}

// Given are the parameters that CloudFormation is told.
func (r Rendered) Given() []Parameter {
	return slices.DeleteFunc(slices.Clone(r.Parameters), func(p Parameter) bool { return p.From == "Default" })
}

// Render renders the template of an environment, for the worker and for the starter: the custom one
// if the settings name one, else Perch's with its source bundle.
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
