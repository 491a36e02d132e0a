package cli

import (
	"path/filepath"
	"slices"
	"strings"

	"perch/config"
)

// schemaFile is what docs/perch-yaml.md calls the JSON Schema that an editor reads.
const schemaFile = "perch.schema.json"

// start is what the folder and its checkout say of a project that has no perch.yaml yet.
func (p place) start(folder string) config.Start {
	var s config.Start
	if _, err := readAtMost(filepath.Join(folder, schemaFile), 1); err == nil {
		s.Schema = schemaFile
	}
	if p.checkout == nil {
		return s
	}
	branches, err := p.checkout.Names()
	if err != nil {
		return s // They are for a comment only.
	}
	s.DefaultBranch = firstBranch(branches, p.checkout.DefaultBranch)
	s.StagingBranch = firstBranch(branches, "staging", "stage")
	return s
}

// firstBranch is the first of wanted that there is.
func firstBranch(branches []string, wanted ...string) string {
	for _, branch := range wanted {
		if slices.Contains(branches, branch) {
			return branch
		}
	}
	return ""
}

// projectName is folder as a project's name: its letters and digits in lower case from the first
// letter on, at most 15.
func projectName(folder string) string {
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, strings.ToLower(folder))
	name = strings.TrimLeft(name, "0123456789")
	if len(name) < 2 {
		return "app"
	}
	return name[:min(len(name), 15)]
}

// guessImage is where the image of a repository on GitHub most likely is; elsewhere a name to be
// replaced.
func guessImage(repository, project string) string {
	if name, ok := strings.CutPrefix(repository, "github.com/"); ok {
		return "ghcr.io/" + strings.ToLower(name) + ":{commit}"
	}
	return "registry.example.com/" + project + ":{commit}"
}

// imageNote says what the guess of image is worth.
func imageNote(repository, image string) string {
	if onGitHub(repository) {
		return "the image " + image + " is guessed from the repository; --image gives another"
	}
	return "the image " + image +
		" is a placeholder that no registry has: write the name under which CI pushes yours, or give --image"
}

// onGitHub says whether a normalised address is that of a repository on GitHub.
func onGitHub(repository string) bool { return strings.HasPrefix(repository, "github.com/") }
