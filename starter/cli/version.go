package cli

import (
	"github.com/spf13/cobra"

	"perch"
)

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version of this program",
		Args:  cobra.NoArgs,
		RunE:  func(*cobra.Command, []string) error { return a.tellVersion() },
	}
}

// tellVersion prints the output of `version` and --version.
func (a *app) tellVersion() error {
	build := perch.ThisBuild()
	if a.json() {
		return a.printJSON(build)
	}
	a.say("perch %s", build)
	return nil
}
