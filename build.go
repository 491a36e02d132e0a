package perch

import (
	"cmp"
	"runtime"
	"runtime/debug"
)

// Build identifies the source that a program was built from. Commit is the Git commit, or empty if
// the build does not record it. Modified means that the working folder had uncommitted changes.
type Build struct {
	Version  string `json:"version"`
	Commit   string `json:"commit"`
	Modified bool   `json:"modified"`
	Go       string `json:"go"`
}

// ThisBuild returns the Build of the running program.
func ThisBuild() Build {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{}
	}
	build := Build{Version: cmp.Or(info.Main.Version, "(devel)"), Go: cmp.Or(info.GoVersion, runtime.Version())}
	for _, setting := range info.Settings {
		switch setting.Key {
		case "vcs.revision":
			build.Commit = setting.Value
		case "vcs.modified":
			build.Modified = setting.Value == "true"
		}
	}
	return build
}

// String formats the build for people.
func (b Build) String() string {
	text := b.Version
	if b.Commit != "" {
		text += ", commit " + b.Commit[:min(len(b.Commit), 7)]
	}
	if b.Modified {
		text += " with changes"
	}
	return text + ", " + b.Go
}
