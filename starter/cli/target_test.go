package cli

import (
	"testing"

	"perch"
	"perch/config"
)

// TestOnlyPerchYAMLDecidesWhatIsSkipped: without it at hand the worker decides, because
// `skip_defaults: false` turns the built-in list off.
func TestOnlyPerchYAMLDecidesWhatIsSkipped(t *testing.T) {
	environment, err := perch.NewEnvironment("shop", "dependabot/go/x")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		target  target
		skipped bool
	}{
		"no file and a commit":  {target{commit: "2c26b46b68ffc68ff99b453c1d30413413422d70"}, false},
		"no file and no commit": {target{}, true},
		"the built-in list":     {target{file: &config.File{Branches: config.Branches{SkipDefaults: true}}}, true},
		"no built-in list":      {target{file: &config.File{}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			c.target.environment = environment
			if sentence, skipped := c.target.skipped(); skipped != c.skipped || skipped && sentence == "" {
				t.Errorf("skipped: %t, %q", skipped, sentence)
			}
		})
	}
}
