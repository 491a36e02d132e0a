package run

import (
	"strings"
	"testing"

	"go.temporal.io/sdk/workflow"
)

func TestVersioningIsOptedInToByBothVariables(t *testing.T) {
	for name, c := range map[string]struct {
		env      map[string]string
		on       bool
		complain string
	}{
		"neither":    {map[string]string{}, false, ""},
		"both":       {map[string]string{deploymentName: "perch", buildID: "7"}, true, ""},
		"name only":  {map[string]string{deploymentName: "perch"}, false, buildID},
		"build only": {map[string]string{buildID: "7"}, false, deploymentName},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := deployment(func(name string) string { return c.env[name] })
			if (err != nil) != (c.complain != "") || (err != nil && !strings.Contains(err.Error(), c.complain)) {
				t.Fatalf("error %v", err)
			}
			if got.UseVersioning != c.on ||
				(c.on && got.DefaultVersioningBehavior != workflow.VersioningBehaviorPinned) {
				t.Errorf("options %+v", got)
			}
		})
	}
}
