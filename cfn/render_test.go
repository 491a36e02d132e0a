package cfn

import (
	"strings"
	"testing"

	"perch"
)

func TestRenderNamesTheBundleThatItReturns(t *testing.T) {
	account := Placeholders("shop", perch.KindBranch)
	environment, err := perch.NewEnvironment("shop", "login")
	if err != nil {
		t.Fatal(err)
	}
	rendered, err := Render(EnvironmentInput{
		Environment: environment, Kind: perch.KindBranch, Commit: strings.Repeat("0", 40), Policy: account.Policy,
		Application: account.Application, Platform: account.Platform,
		Settings: perch.Settings{
			Image: "shop:1", InstanceType: "t3.small", Instances: perch.Instances{Min: 1, Max: 1},
			LoadBalancer: "shared", HealthPath: "/",
		},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(rendered.Bundle) == 0 || !strings.Contains(string(rendered.Body), rendered.BundleKey) {
		t.Errorf("bundle %q of %d bytes is not in the template", rendered.BundleKey, len(rendered.Bundle))
	}
}

// filled is a custom template that is rendered to what it says.
type filled struct{ Rendered }

func (f filled) Render(EnvironmentInput) (Rendered, error) { return f.Rendered, nil }

func TestRenderTakesTheCustomTemplateThatTheSettingsName(t *testing.T) {
	want := Rendered{Template: Template{Hash: "x"}, Capability: "CAPABILITY_IAM"}
	rendered, err := Render(EnvironmentInput{Settings: perch.Settings{Template: "t.yaml"}}, filled{want})
	if err != nil || rendered.Hash != "x" || rendered.Capability != want.Capability || rendered.BundleKey != "" {
		t.Errorf("got %+v, %v", rendered, err)
	}
}
