package cli

import (
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"perch"
	"perch/config"
)

// configDocument is what `config validate -o json` prints.
type configDocument struct {
	OK      bool   `json:"ok"`
	File    string `json:"file"`
	Project string `json:"project"`
	Error   string `json:"error"`
}

func (a *app) configCommand() *cobra.Command {
	validate := &cobra.Command{
		Use:   "validate [FILE]",
		Short: "Read a perch.yaml and say what is wrong with it",
		Args:  cobra.MaximumNArgs(1),
		RunE:  func(_ *cobra.Command, args []string) error { return a.configValidate(args) },
	}
	var (
		force bool
		image string
	)
	init := &cobra.Command{
		Use:   "init",
		Short: "Write a perch.yaml to begin with",
		Args:  cobra.NoArgs,
		RunE:  func(*cobra.Command, []string) error { return a.configInit(image, force) },
	}
	init.Flags().BoolVar(&force, "force", false, "replace a file that is there")
	init.Flags().StringVar(&image, "image", "", "Docker image of the app, with {commit} where its tag is the commit")
	var policy bool
	schema := &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of perch.yaml, for editors",
		Args:  cobra.NoArgs,
		RunE:  func(*cobra.Command, []string) error { return a.configSchema(policy) },
	}
	schema.Flags().BoolVar(&policy, "policy", false, "that of the worker's policy")
	return group("config", "Check or begin a perch.yaml", validate, init, schema)
}

func (a *app) configSchema(policy bool) error {
	schema := config.Schema()
	if policy {
		schema = config.PolicySchema()
	}
	if _, err := a.stdout.Write(schema); err != nil {
		return failedError("write the schema: %w", err)
	}
	return nil
}

func (a *app) configValidate(args []string) error {
	path := filepath.Join(a.folder(a.place()), config.FileName)
	if len(args) > 0 {
		path = args[0]
	}
	file, err := readConfig(path)
	if a.json() {
		document := configDocument{OK: err == nil, File: path}
		if err != nil {
			document.Error = err.Error()
		} else {
			document.Project = file.Project
		}
		if printed := a.printJSON(document); printed != nil {
			return printed
		}
	}
	if err != nil {
		return err
	}
	if !a.json() {
		a.say("%s is right: project %s, kinds %s", path, file.Project, kindsOf(file))
	}
	return nil
}

func readConfig(path string) (*config.File, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, usageError("there is no %s; `starter config init` writes one", path)
	}
	if err != nil {
		return nil, usageError("read %s: %w", path, err)
	}
	file, err := config.Read(path, data)
	if err != nil {
		return nil, &exitError{code: exitUsage, err: err}
	}
	return file, nil
}

// kindsOf says which branches have which kind.
func kindsOf(file *config.File) string {
	var kinds []string
	for _, rule := range file.Branches.Kinds {
		kinds = append(kinds, string(rule.Kind)+" ("+rule.Pattern+")")
	}
	return sentence(append(kinds, string(perch.KindBranch)+" (every other)")...)
}

func (a *app) configInit(image string, force bool) error {
	place := a.place()
	folder, err := filepath.Abs(a.folder(place))
	if err != nil {
		return failedError("find folder %s: %w", a.repoDir(), err)
	}
	project := firstOf(a.givenProject(), projectName(filepath.Base(folder)))
	if err := perch.ValidateProject(project); err != nil {
		return &exitError{code: exitUsage, err: err}
	}
	data := config.Init(project, firstOf(image, guessImage(place.repository(), project)))
	path := filepath.Join(folder, config.FileName)
	if _, err := config.Read(path, data); err != nil {
		return usageError("--image %q cannot stand in %s: %w", image, config.FileName, err)
	}
	if err := writeConfig(path, data, force); err != nil {
		return err
	}
	if a.json() {
		return a.printJSON(configDocument{OK: true, File: path, Project: project})
	}
	a.say("%s is written for project %s. Read it, commit it, then `starter up`.", path, project)
	return nil
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

// projectName is folder as a project's name: its letters and digits in lower case from the first letter on, at most 15.
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

// guessImage is where the image of a repository on GitHub most likely is; elsewhere a name to be replaced.
func guessImage(repository, project string) string {
	if name, ok := strings.CutPrefix(repository, "github.com/"); ok {
		return "ghcr.io/" + strings.ToLower(name) + ":{commit}"
	}
	return "registry.example.com/" + project + ":{commit}"
}
