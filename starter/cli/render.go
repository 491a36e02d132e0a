package cli

import (
	"cmp"
	"context"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"perch"
	"perch/cfn"
	"perch/cfn/custom"
	"perch/config"
)

// noCommit replaces an unknown commit in a rendered template.
var noCommit = strings.Repeat("0", 40)

func (a *app) renderCommand() *cobra.Command {
	var commit string
	command := &cobra.Command{
		Use:   "render [BRANCH]",
		Short: "Print the CloudFormation template of a branch's environment",
		Long: `Print the CloudFormation template of a branch's environment, rendered on this machine from perch.yaml in the folder, committed or not. With --commit, it reads perch.yaml at that commit.

Values that only the account has are placeholders: account 111122223333, region eu-central-1, domain PROJECT.example.com, the IDs of the network and the hosted zone, the outputs of the application stack and the platform version. An unknown commit is zeros. The worker renders the same template with the real values.

For a custom template it prints what CloudFormation gets, and on stderr the value of every parameter and its source.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.render(cmd.Context(), args, commit) },
	}
	command.Flags().StringVar(
		&commit, "commit", "", "commit to read perch.yaml at, in full or as the checkout can complete it",
	)
	return command
}

func (a *app) render(ctx context.Context, args []string, given string) error {
	p := a.place()
	branch, err := p.branch(args, "BRANCH")
	if err != nil {
		return err
	}
	commit, err := p.commit(ctx, given, branch)
	if err != nil {
		return err
	}
	file, err := a.renderFile(ctx, p, given, commit)
	if err != nil {
		return err
	}
	environment, err := perch.NewEnvironment(file.Project, branch)
	if err != nil {
		return &exitError{code: exitUsage, err: err}
	}
	rendered, err := renderTemplate(file, environment, cmp.Or(commit, noCommit), a.templates(ctx, p, given, commit))
	if err != nil {
		return &exitError{code: exitUsage, err: err}
	}
	a.say("%s", strings.TrimSuffix(string(rendered.Body), "\n"))
	a.noteParameters(rendered.Parameters)
	a.note("Placeholders stand for what only the account knows; see `perch render --help`.")
	return nil
}

// renderFile reads perch.yaml at the given commit, or else from the folder.
func (a *app) renderFile(ctx context.Context, p place, given, commit string) (*config.File, error) {
	if given == "" {
		return readConfig(filepath.Join(a.folder(p), config.FileName))
	}
	file, err := p.file(ctx, commit)
	if err == nil && file == nil {
		err = usageError("no checkout here has commit %s; fetch it, or go to one (--repo, PERCH_REPO)", commit)
	}
	return file, err
}

// renderTemplate renders the environment's template. It calls read for a custom template.
func renderTemplate(
	file *config.File, environment perch.Environment, commit string, read readTemplate,
) (cfn.Rendered, error) {
	settings, origins, err := file.Resolve(environment.Branch, commit)
	if err != nil {
		return cfn.Rendered{}, err
	}
	var custom *custom.Template
	if settings.Template != "" {
		if custom, err = read(settings.Template); err != nil {
			return cfn.Rendered{}, err
		}
	}
	return cfn.Render(standIns(file, environment, file.Kind(environment.Branch), settings, origins, commit), custom)
}
