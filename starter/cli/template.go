package cli

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"perch"
	"perch/cfn"
	"perch/cfn/custom"
	"perch/config"
)

// readTemplate reads a custom template by its path in the repository.
type readTemplate func(path string) (*custom.Template, error)

// templates returns a function that reads templates from the same place as perch.yaml: at the given
// commit, or else in the folder.
func (a *app) templates(ctx context.Context, p place, given, commit string) readTemplate {
	if given == "" {
		return templatesIn(a.folder(p))
	}
	return func(path string) (*custom.Template, error) {
		data, found, err := p.checkout.File(ctx, commit, path)
		if err != nil {
			return nil, err
		}
		if !found {
			return nil, usageError(
				"commit %s has no file %s, which %s names as template", perch.ShortCommit(commit), path,
				config.FileName,
			)
		}
		return custom.Read(path, data)
	}
}

func templatesIn(folder string) readTemplate {
	return func(path string) (*custom.Template, error) {
		data, err := os.ReadFile(filepath.Join(folder, filepath.FromSlash(path)))
		if errors.Is(err, os.ErrNotExist) {
			return nil, usageError(
				"there is no %s, which %s names as template; write it, or correct `template`",
				filepath.Join(folder, path), config.FileName,
			)
		}
		if err != nil {
			return nil, usageError("read template: %w", err)
		}
		return custom.Read(path, data)
	}
}

// standIns returns the input for rendering a template, with placeholders for values that only the
// AWS account has.
func standIns(
	file *config.File, environment perch.Environment, kind perch.Kind, settings perch.Settings, origins config.Origins,
	commit string,
) cfn.EnvironmentInput {
	account := cfn.Placeholders(file.Project, kind)
	return cfn.EnvironmentInput{
		Environment: environment, Kind: kind, Commit: commit, Settings: settings, Seed: file.Seed, Guess: true,
		Policy: account.Policy, Application: account.Application, Platform: account.Platform,
		Origin: func(path string) string { return origins[path] },
	}
}

// validateTemplates renders every custom template that a layer names, for a branch of each kind and
// of each override.
func (a *app) validateTemplates(file *config.File, folder string) error {
	read, told := templatesIn(folder), map[string]bool{}
	for _, sample := range file.Samples() {
		if sample.Settings.Template == "" {
			continue
		}
		template, err := read(sample.Settings.Template)
		if err != nil {
			return &exitError{code: exitUsage, err: err}
		}
		environment, err := perch.NewEnvironment(file.Project, "example")
		if err != nil {
			return &exitError{code: exitUsage, err: err}
		}
		in := standIns(file, environment, sample.Kind, sample.Settings, sample.Origins, noCommit)
		in.Sample = true
		if _, err := cfn.Render(in, template); err != nil {
			return &exitError{code: exitUsage, err: err}
		}
		if path := sample.Settings.Template; sample.Kind == perch.KindBranch && !told[path] {
			told[path] = true
			for _, kept := range template.Kept() {
				a.note(
					"%s: %s when a branch's environment is removed, and costs money until you delete it.", path, kept,
				)
			}
		}
	}
	return nil
}

func (a *app) noteParameters(parameters []cfn.Parameter) {
	for _, p := range parameters {
		value := p.Value
		if p.NoEcho && !strings.Contains(value, "{{resolve:") {
			value = "(hidden)"
		}
		a.note("Parameter %s = %s (%s)", p.Name, value, p.From)
	}
}
