package cli

import (
	"cmp"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"perch"
	"perch/config"
)

// initDocument is the output of `config init -o json`.
type initDocument struct {
	configDocument
	// Guessed are the values that no flag gave, in the order of the file.
	Guessed []guess `json:"guessed"`
}

func (a *app) configInit(image, policyFile string, force bool) error {
	place := a.place()
	folder, err := filepath.Abs(a.folder(place))
	if err != nil {
		return failedError("find folder %s: %w", a.repoDir(), err)
	}
	project := cmp.Or(a.givenProject(), projectName(filepath.Base(folder)))
	if err := perch.ValidateProject(project); err != nil {
		return &exitError{code: exitUsage, err: err}
	}
	found := surveyRepository(appFolder{os.DirFS(folder), "."}, a.meantFolder(folder))
	if a.givenProject() == "" {
		found.guesses = append(found.guesses, guess{"project", project, "the folder's name"})
		found.note("the project's name is guessed from the folder. It cannot change once there are environments; " +
			"--project gives another")
	}
	start := place.start(folder)
	start.Project, start.Image, start.App = project, cmp.Or(image, guessImage(place.repository(), project)), found.app
	if image == "" {
		from := "the project's name"
		if onGitHub(place.repository()) {
			from = place.repository()
		}
		found.guesses = append(found.guesses, guess{"image", start.Image, from})
		found.notes = append(found.notes, imageNote(place.repository(), start.Image))
	}
	if policyFile != "" {
		text, err := os.ReadFile(policyFile)
		if err != nil {
			return usageError("read --policy: %w", err)
		}
		policy, err := config.ReadPolicy(policyFile, text)
		if err != nil {
			return &exitError{code: exitUsage, err: err}
		}
		start.KeepWithin(policy)
	}
	data := config.Init(start)
	path := filepath.Join(folder, config.FileName)
	if _, err := config.Read(path, data); err != nil {
		return usageError("--image %q is not valid in %s: %w", image, config.FileName, err)
	}
	if err := writeConfig(path, data, force); err != nil {
		return err
	}
	if a.json() {
		written := configDocument{OK: true, File: path, Project: project, Unmatched: []string{}, Notes: found.notes}
		return a.printJSON(initDocument{written, found.guesses})
	}
	a.say("%s is written for project %s. Read it, commit it, then `perch up`.", path, project)
	a.tellGuesses(found)
	return nil
}

// tellGuesses prints the guessed values, and what a person still has to do.
func (a *app) tellGuesses(found *survey) {
	rows := [][]string{{"GUESSED", "VALUE", "FROM"}}
	for _, each := range found.guesses {
		rows = append(rows, []string{each.Key, each.Value, each.From})
	}
	if len(rows) > 1 {
		var table strings.Builder
		paper{}.table(&table, 0, rows, nil)
		a.note("%s", strings.TrimSuffix(table.String(), "\n"))
	}
	for _, note := range found.notes {
		a.note("Note: %s.", note)
	}
}

// meantFolder returns the path in the repository of the current folder, or of the folder in --repo.
// It selects one of several apps. "." is the repository's root.
func (a *app) meantFolder(root string) string {
	folder, err := filepath.Abs(a.repoDir())
	if err != nil {
		return "."
	}
	if real, err := filepath.EvalSymlinks(folder); err == nil {
		folder = real
	}
	if real, err := filepath.EvalSymlinks(root); err == nil {
		root = real
	}
	path, err := filepath.Rel(root, folder)
	if err != nil || !filepath.IsLocal(path) {
		return "."
	}
	return filepath.ToSlash(path)
}
func writeConfig(path string, data []byte, force bool) error {
	flags := os.O_WRONLY | os.O_CREATE | os.O_EXCL
	if force {
		flags = os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	}
	file, err := os.OpenFile(path, flags, 0o644)
	if errors.Is(err, os.ErrExist) {
		return usageError("%s is there already; --force replaces it", path)
	}
	if err != nil {
		return failedError("write %s: %w", path, err)
	}
	_, err = file.Write(data)
	if err := errors.Join(err, file.Close()); err != nil {
		return failedError("write %s: %w", path, err)
	}
	return nil
}
