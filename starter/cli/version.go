package cli

import (
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// versionDocument is what `version -o json` prints. Commit is the one that the program was built from, empty where the build does not say;
// Modified says that the working folder had other changes.
type versionDocument struct {
	Version  string `json:"version"`
	Commit   string `json:"commit"`
	Modified bool   `json:"modified"`
	Go       string `json:"go"`
}

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version of this program",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			info, ok := debug.ReadBuildInfo()
			if !ok {
				info = &debug.BuildInfo{}
			}
			document := newVersionDocument(info)
			if a.json() {
				return a.printJSON(document)
			}
			a.say("starter %s", document)
			return nil
		},
	}
}

func newVersionDocument(info *debug.BuildInfo) versionDocument {
	document := versionDocument{Version: firstOf(info.Main.Version, "(devel)"), Go: firstOf(info.GoVersion, runtime.Version())}
	for _, setting := range info.Settings {
		switch setting.Key {
		case "vcs.revision":
			document.Commit = setting.Value
		case "vcs.modified":
			document.Modified = setting.Value == "true"
		}
	}
	return document
}

// String is the version as people read it.
func (d versionDocument) String() string {
	text := d.Version
	if d.Commit != "" {
		text += ", commit " + short(d.Commit)
	}
	if d.Modified {
		text += " with changes"
	}
	return text + ", " + d.Go
}
