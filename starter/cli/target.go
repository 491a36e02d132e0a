package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"perch"
	"perch/config"
	"perch/source"
)

var errNoFile = errors.New("there is no " + config.FileName)

var (
	fullCommit        = regexp.MustCompile(`^[0-9a-f]{40}$`)
	abbreviatedCommit = regexp.MustCompile(`^[0-9a-f]{7,39}$`)
)

// target is what a command applies to.
type target struct {
	environment perch.Environment
	// commit is the full commit; empty if it is unknown and not needed.
	commit string
	// repository is the normalised address; empty if it is unknown.
	repository string
	// file is perch.yaml at commit; nil if it is not available.
	file *config.File
	// force lets a removal skip resources that cannot be deleted.
	force bool
	// recreate lets an `up` delete the environment first.
	recreate bool
	// job is the CI job that makes the request; empty outside CI.
	job ciJob
	// nothing explains why there is nothing to do.
	nothing string
}

// place is where a command runs: the CI job, and the checkout if there is one.
type place struct {
	job      ciJob
	checkout *checkout
	// noCheckout explains why there is no checkout. gone is the same error if PERCH_REPO does not
	// name a folder, and nil otherwise.
	noCheckout, gone error
}

func (a *app) place() place {
	p := place{job: readCI(a.env)}
	p.checkout, p.noCheckout = openCheckout(a.repoDir())
	if folder := a.env("PERCH_REPO"); p.checkout == nil && a.repo == "" && folder != "" {
		if _, err := os.Stat(folder); errors.Is(err, os.ErrNotExist) {
			p.gone = fmt.Errorf("PERCH_REPO names %s, and there is no such folder: if it was a sandbox's, %s; else "+
				"correct PERCH_REPO or "+
				"unset it", folder, pointAtSandbox)
			p.noCheckout = p.gone
		}
	}
	return p
}

// pointAtSandbox is the advice for a shell in which the sandbox's variables are not set.
const pointAtSandbox = "run `eval \"$(go run ./sandbox env)\"` while the sandbox runs"

// repository returns the normalised address of the project's repository, from the CI job or the
// checkout.
func (p place) repository() string {
	if p.job.Repository != "" || p.checkout == nil {
		return p.job.Repository
	}
	return p.checkout.repository()
}

// branch returns the branch that the command applies to: the argument, or else the CI job's branch,
// or else, outside CI, the branch that is checked out. give says what to add to the command if the
// CI job has no branch.
func (p place) branch(args []string, give string) (string, error) {
	switch {
	case len(args) > 0:
		return args[0], nil
	case p.job.Branch != "":
		return p.job.Branch, nil
	case p.job.NoBranch != "" || p.job.Skip != "":
		return "", usageError("which branch? %s; give %s", cmp.Or(p.job.NoBranch, p.job.Skip), give)
	case p.checkout == nil:
		return "", usageError("which branch? %w.\nOr name the branch", p.noCheckout)
	}
	return p.checkout.branch()
}

// nothingToDo explains why a command without BRANCH has nothing to do in this CI job; empty if it
// has something to do.
func (p place) nothingToDo(args []string) string {
	if len(args) > 0 {
		return ""
	}
	return p.job.Skip
}

// commit returns the commit to use for branch: given, or else the CI job's, or else the branch's
// head in the checkout. It does not use the checkout if the CI job is about branch. It is empty if
// none of these is known.
func (p place) commit(ctx context.Context, given, branch string) (string, error) {
	if given != "" {
		return p.fullCommit(strings.ToLower(given), branch)
	}
	if p.job.Branch == branch {
		return p.job.Commit, nil
	}
	if p.checkout == nil {
		return "", nil
	}
	commit, err := p.checkout.commit(ctx, branch)
	if err != nil {
		return "", usageError("which commit of %s? %w", branch, err)
	}
	return commit, nil
}

// fullCommit returns the full commit of which given is the whole or a prefix.
func (p place) fullCommit(given, branch string) (string, error) {
	if fullCommit.MatchString(given) {
		return given, nil
	}
	if p.checkout != nil && abbreviatedCommit.MatchString(given) {
		if commit, err := p.checkout.Revision(given); err == nil && strings.HasPrefix(commit, given) {
			return commit, nil
		}
	}
	return "",
		usageError("--commit %q is not a full commit, and no commit here begins with it; give all 40 characters "+
			"(git rev-parse refs/heads/%s)", given, branch)
}

// file reads perch.yaml at commit. It returns nil if the checkout does not have the commit; only a
// worker can then read the file.
func (p place) file(ctx context.Context, commit string) (*config.File, error) {
	if p.checkout == nil || commit == "" {
		return nil, nil
	}
	if has, err := p.checkout.HasCommit(ctx, commit); err != nil || !has {
		return nil, err
	}
	data, found, err := p.checkout.File(ctx, commit, config.FileName)
	if fault := (*source.CommitFault)(nil); errors.As(err, &fault) {
		return nil, &exitError{code: exitUsage, err: err}
	}
	if err != nil {
		return nil, failedError("read %s at commit %s: %w", config.FileName, perch.ShortCommit(commit), err)
	}
	if !found {
		return nil, usageError(
			"%w at commit %s; commit one (%s)", errNoFile, perch.ShortCommit(commit), advice(p.checkout.Dir),
		)
	}
	file, err := config.Read(config.FileName, data)
	if err != nil {
		return nil, usageError("at commit %s: %w", perch.ShortCommit(commit), err)
	}
	return file, nil
}

// upTarget returns the target of `up`. Its commit may still be empty, because a skipped branch
// needs none.
func (a *app) upTarget(ctx context.Context, args []string, o upOptions) (target, error) {
	p := a.place()
	if reason := p.nothingToDo(args); reason != "" {
		return target{nothing: reason, job: p.job}, nil
	}
	branch, err := p.branch(args, "BRANCH --commit SHA")
	if err != nil {
		return target{}, err
	}
	commit, err := p.commit(ctx, o.commit, branch)
	if err != nil {
		return target{}, err
	}
	a.noteUncommitted(ctx, p, commit, config.FileName)
	file, err := p.file(ctx, commit)
	nothing := ""
	if rule, skipped := config.SkipByDefault(branch); skipped && errors.Is(err, errNoFile) {
		nothing = rule.Sentence(branch)
	} else if err != nil {
		return target{}, err
	}
	project, err := a.upProject(p, file, commit)
	if err != nil {
		return target{}, err
	}
	environment, err := perch.NewEnvironment(project, branch)
	if err != nil {
		return target{}, &exitError{code: exitUsage, err: err}
	}
	if file != nil {
		settings, _, err := file.Resolve(branch, commit)
		if err != nil {
			return target{}, usageError("at commit %s: %w", perch.ShortCommit(commit), err)
		}
		if settings.Template != "" {
			a.noteUncommitted(ctx, p, commit, settings.Template)
		}
	}
	return target{
		environment: environment, commit: commit, repository: p.repository(), file: file, nothing: nothing,
		recreate: o.recreate, job: p.job,
	}, nil
}

// upProject returns the project of an `up`. It fails if perch.yaml at the commit contradicts the
// given project.
func (a *app) upProject(p place, file *config.File, commit string) (string, error) {
	given := a.givenProject()
	switch {
	case file == nil && given == "":
		return a.anyProject(p)
	case file == nil:
		return given, nil
	case given != "" && given != file.Project:
		return "", usageError(
			"%s at commit %s is of project %q, and --project or PERCH_PROJECT says %q; leave one out", config.FileName,
			perch.ShortCommit(commit), file.Project, given,
		)
	}
	return file.Project, nil
}

// branchTarget returns the target of a command that needs no commit.
func (a *app) branchTarget(args []string) (target, error) {
	p := a.place()
	branch, err := p.branch(args, "BRANCH")
	if err != nil {
		return target{}, err
	}
	project, err := a.anyProject(p)
	if err != nil {
		return target{}, err
	}
	environment, err := perch.NewEnvironment(project, branch)
	if err != nil {
		return target{}, &exitError{code: exitUsage, err: err}
	}
	return target{environment: environment, repository: p.repository(), job: p.job}, nil
}

func (a *app) givenProject() string { return cmp.Or(a.project, a.env("PERCH_PROJECT")) }

// anyProject returns the project's name: the given one, or else the one in the folder's perch.yaml,
// committed or not.
func (a *app) anyProject(p place) (string, error) {
	if given := a.givenProject(); given != "" {
		if err := perch.ValidateProject(given); err != nil {
			return "", &exitError{code: exitUsage, err: err}
		}
		return given, nil
	}
	if p.gone != nil {
		return "", usageError("which project? %w", p.gone)
	}
	file, err := readConfig(filepath.Join(a.folder(p), config.FileName))
	if err != nil {
		return "", fmt.Errorf(
			"which project? %w.\nGive --project or PERCH_PROJECT, or go to a checkout (--repo, PERCH_REPO)", err,
		)
	}
	return file.Project, nil
}

// folder returns the folder of perch.yaml: the checkout's root, or else the current folder.
func (a *app) folder(p place) string {
	if p.checkout != nil {
		return p.checkout.Dir
	}
	return a.repoDir()
}

// skipped says why t's branch gets no environment. ok is false if the branch gets one. It is also
// false if only the worker can tell, because perch.yaml at the commit is not available here.
func (t target) skipped() (sentence string, ok bool) {
	var rule config.SkipRule
	switch {
	case t.nothing != "":
		return t.nothing, true
	case t.file != nil:
		rule, ok = t.file.Skip(t.environment.Branch)
	case t.commit == "":
		rule, ok = config.SkipByDefault(t.environment.Branch)
	}
	return rule.Sentence(t.environment.Branch), ok
}

// noCommit returns the error of a command that needs a commit and does not know one.
func (a *app) noCommit(t target) error {
	branch := t.environment.Branch
	if t.job.Branch == branch {
		return usageError(
			"which commit of %s? The event of this CI job names none; give %s --commit SHA", branch, branch,
		)
	}
	return usageError("which commit of %s? No checkout here knows the branch%s; give --commit with the full commit",
		branch, didYouMean(branch, a.place().branches()))
}

// title describes t for people.
func (t target) title(goal perch.Goal) string {
	if goal == perch.GoalGone {
		return "down " + t.environment.Branch
	}
	return fmt.Sprintf("up %s at %s", t.environment.Branch, perch.ShortCommit(t.commit))
}
