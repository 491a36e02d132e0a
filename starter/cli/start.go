package cli

import (
	"path/filepath"
	"slices"
	"strings"

	"perch/config"
)

// schemaFile is the file name of the JSON Schema for editors, as docs/perch-yaml.md has it.
const schemaFile = "perch.schema.json"

// start returns the values for a first perch.yaml that follow from the folder and its checkout.
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

// firstBranch returns the first of wanted that exists.
func firstBranch(branches []string, wanted ...string) string {
	for _, branch := range wanted {
		if slices.Contains(branches, branch) {
			return branch
		}
	}
	return ""
}

// projectName derives a project's name from folder: its letters and digits in lower case, starting
// with the first letter, at most 15.
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

// guessImage returns the most likely image of a repository on GitHub. For other repositories it
// returns a placeholder.
func guessImage(repository, project string) string {
	if name, ok := strings.CutPrefix(repository, "github.com/"); ok {
		return "ghcr.io/" + strings.ToLower(name) + ":{commit}"
	}
	return "registry.example.com/" + project + ":{commit}"
}

// imageNote says how reliable the guess of image is.
func imageNote(repository, image string) string {
	if onGitHub(repository) {
		return "the image " + image + " is guessed from the repository; --image gives another"
	}
	return "the image " + image +
		" is a placeholder that no registry has: write the name under which CI pushes yours, or give --image"
}

// onGitHub reports whether a normalised address is that of a repository on GitHub.
func onGitHub(repository string) bool { return strings.HasPrefix(repository, "github.com/") }
