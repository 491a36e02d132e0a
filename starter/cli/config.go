package cli

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"perch"
	"perch/cfn"
	"perch/config"
)

// configDocument is the output of `config validate -o json`.
type configDocument struct {
	OK      bool   `json:"ok"`
	File    string `json:"file"`
	Project string `json:"project"`
	Error   string `json:"error"`
	// Unmatched are the patterns that match no branch of the checkout, with their places in the
	// file.
	Unmatched []string `json:"unmatched"`
	// Notes are sentences about settings that are most likely mistakes.
	Notes []string `json:"notes"`
}

func (a *app) configCommand() *cobra.Command {
	var branches bool
	validate := &cobra.Command{
		Use:   "validate [FILE]",
		Short: "Read a perch.yaml and say what is wrong with it",
		Args:  cobra.MaximumNArgs(1),
		RunE:  func(_ *cobra.Command, args []string) error { return a.configValidate(args, branches) },
	}
	validate.Flags().BoolVar(
		&branches, "branches", false,
		"take it for an error that a pattern matches no branch of the checkout, its own or origin's",
	)
	var (
		force             bool
		image, policyFile string
	)
	init := &cobra.Command{
		Use:   "init",
		Short: "Write a perch.yaml to begin with",
		Args:  cobra.NoArgs,
		RunE:  func(*cobra.Command, []string) error { return a.configInit(image, policyFile, force) },
	}
	init.Flags().BoolVar(&force, "force", false, "replace a file that is there")
	init.Flags().StringVar(&image, "image", "", "Docker image of the app, with {commit} where its tag is the commit")
	init.Flags().StringVar(&policyFile, "policy", "", "file of the worker's policy, to propose only what it allows")
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

func (a *app) configValidate(args []string, strict bool) error {
	p := a.place()
	path := filepath.Join(a.folder(p), config.FileName)
	if len(args) > 0 {
		path = args[0]
	}
	document := configDocument{File: path, Unmatched: []string{}, Notes: []string{}}
	file, err := readConfig(path)
	if err == nil {
		err = a.validateTemplates(file, filepath.Dir(path))
	}
	if err == nil && (strict || len(args) == 0) {
		document.Unmatched, err = unmatched(p, file, strict)
	}
	if err != nil {
		document.Error = err.Error()
	} else {
		document.OK, document.Project, document.Notes = true, file.Project, doubts(file)
	}
	if a.json() {
		if printed := a.printJSON(document); printed != nil {
			return printed
		}
	}
	if err != nil || a.json() {
		return err
	}
	a.say("%s is right: project %s, kinds %s", path, file.Project, kindsOf(file))
	for _, pattern := range document.Unmatched {
		a.note("Note: %s", pattern)
	}
	for _, doubt := range document.Notes {
		a.note("Note: %s.", doubt)
	}
	return nil
}

// doubts returns sentences about likely mistakes in any layer of file.
func doubts(file *config.File) []string {
	sentences := []string{}
	for _, sample := range file.Samples() {
		for _, doubt := range cfn.Doubts(sample.Settings, sample.Origin) {
			if !slices.Contains(sentences, doubt) {
				sentences = append(sentences, doubt)
			}
		}
	}
	return sentences
}

// unmatched returns the patterns that match no branch of the checkout. They are not an error,
// because such a branch may be created later. If strict is set, they are.
func unmatched(p place, file *config.File, strict bool) ([]string, error) {
	lines := []string{}
	if p.checkout == nil {
		if strict {
			return lines, usageError("compare patterns with branches: %w", p.noCheckout)
		}
		return lines, nil
	}
	branches, err := p.checkout.Names()
	if err != nil {
		return lines, failedError("compare patterns with branches: %w", err)
	}
	problems := file.Unmatched(branches)
	for _, problem := range problems {
		line, _, _ := strings.Cut(problem.Error(), "\n")
		lines = append(lines, line)
	}
	if strict && len(problems) > 0 {
		return lines, &exitError{code: exitUsage, err: problems}
	}
	return lines, nil
}

func readConfig(path string) (*config.File, error) {
	data, err := readAtMost(path, config.MaxFile+1)
	if errors.Is(err, os.ErrNotExist) {
		return nil, usageError("there is no %s; %s", path, advice(filepath.Dir(path)))
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

// advice says what to do in a folder without perch.yaml. If the folder is Perch's checkout, which
// is not a project, the variables of the sandbox's repository are most likely not set in this
// shell.
func advice(folder string) string {
	module, err := readAtMost(filepath.Join(folder, "go.mod"), 64)
	if err == nil && strings.HasPrefix(string(module), "module perch\n") {
		return "this is Perch's own checkout: " + pointAtSandbox + ", or name a project's checkout with --repo"
	}
	return "`perch config init` writes one"
}

// readAtMost reads at most limit bytes of a file, in case the file is endless.
func readAtMost(path string, limit int64) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	return io.ReadAll(io.LimitReader(file, limit))
}

// kindsOf describes which branches have which kind.
func kindsOf(file *config.File) string {
	var kinds []string
	for _, rule := range file.Branches.Kinds {
		kinds = append(kinds, string(rule.Kind)+" ("+rule.Pattern+")")
	}
	return sentence(append(kinds, string(perch.KindBranch)+" (every other)")...)
}
