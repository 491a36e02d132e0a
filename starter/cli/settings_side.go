package cli

import (
	"cmp"
	"context"
	"path/filepath"
	"slices"
	"strings"

	"perch"
	"perch/config"
)

// side is a set of settings to show or compare, and where it comes from.
type side struct {
	// branch is the branch; empty for a kind.
	branch string
	kind   perch.Kind
	// revision is the given revision, and commit the commit that it names. Both are empty for the
	// file in the folder.
	revision, commit string
	file             *config.File
	settings         []config.Setting
}

// title returns the side in the form of an argument.
func (s side) title() string {
	title := cmp.Or(s.branch, string(s.kind))
	if perch.Kind(s.branch).Valid() {
		title = branchPrefix + title
	}
	if s.revision != "" {
		title = s.revision + ":" + title
	}
	return title
}

// skip returns the rule that excludes the side's branch from having an environment. The rule's
// pattern is empty if the branch is not excluded.
func (s side) skip() config.SkipRule {
	rule, _ := s.file.Skip(s.branch)
	return rule
}

// side reads the settings that an argument names. An empty argument means the branch that is
// checked out.
func (a *app) side(ctx context.Context, p place, what string) (side, error) {
	revision, who, colon := strings.Cut(what, ":")
	if !colon {
		revision, who = "", what
	} else if revision == "" {
		return side{}, usageError("%q has no revision before the colon; %s", what, whoMay)
	}
	s := side{revision: revision}
	var err error
	if s.file, s.commit, err = a.fileAt(ctx, p, revision); err != nil {
		return side{}, err
	}
	if kind := perch.Kind(who); kind.Valid() {
		s.kind = kind
		s.settings = config.List(s.file.ResolveKind(kind))
		return s, nil
	}
	if s.branch, err = p.namedBranch(who); err != nil {
		return side{}, err
	}
	s.kind = s.file.Kind(s.branch)
	settings, origins, err := s.file.Resolve(s.branch, "")
	if err != nil {
		return side{}, &exitError{code: exitUsage, err: err}
	}
	s.settings = config.List(settings, origins)
	return s, nil
}

// namedBranch returns the branch that who names. If who is empty, it returns the current branch.
func (p place) namedBranch(who string) (string, error) {
	if who == "" {
		return p.branch(nil, "BRANCH")
	}
	branch, sure := strings.CutPrefix(who, branchPrefix)
	if err := perch.ValidateBranch(branch); err != nil {
		return "", usageError("%w; %s", err, whoMay)
	}
	if sure || p.checkout == nil {
		return branch, nil
	}
	branches, err := p.checkout.Names()
	if err != nil {
		return "", failedError("is %s a branch? %w", branch, err)
	}
	if _, err := p.checkout.Revision(branch); err == nil && !slices.Contains(branches, branch) {
		return "", usageError(
			"%s is a revision here and no branch; write %s: for perch.yaml at it, or %s%s for a branch that is to come",
			branch, branch, branchPrefix, branch,
		)
	}
	return branch, nil
}

// fileAt reads perch.yaml at a revision of the checkout, and returns the revision's commit. Without
// a revision, it reads the file in the folder.
func (a *app) fileAt(ctx context.Context, p place, revision string) (*config.File, string, error) {
	if revision == "" {
		file, err := readConfig(filepath.Join(a.folder(p), config.FileName))
		return file, "", err
	}
	if p.checkout == nil {
		return nil, "", usageError("read perch.yaml at %s: %w", revision, p.noCheckout)
	}
	commit, err := p.checkout.Revision(revision)
	if err != nil {
		return nil, "", usageError("%w.\nOr %s", err, whoMay)
	}
	data, found, err := p.checkout.File(ctx, commit, config.FileName)
	if err != nil {
		return nil, "", failedError("read %s at %s: %w", config.FileName, revision, err)
	}
	if !found {
		return nil, "", usageError("%w at %s (commit %s)", errNoFile, revision, perch.ShortCommit(commit))
	}
	file, err := config.Read(revision+":"+config.FileName, data)
	if err != nil {
		return nil, "", &exitError{code: exitUsage, err: err}
	}
	return file, commit, nil
}
