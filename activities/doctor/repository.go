package doctor

import (
	"context"
	"errors"
	"fmt"

	"perch/lifecycle"
	"perch/source"
)

// checkRepository checks that branches and files can be read.
func (d *Doctor) checkRepository(ctx context.Context) (string, error) {
	branch := d.policy.DefaultBranch
	heads, err := d.Source.Heads(ctx, branch)
	if err != nil {
		return "", fmt.Errorf("%s: %w", d.policy.Repository, err)
	}
	commit, found := heads[branch]
	if !found {
		if other := d.sourceDefault(ctx); other != "" && other != branch {
			return "", fmt.Errorf(
				"%s does not show its default branch %s",
				d.policy.Repository,
				lifecycle.NoDefaultBranch(branch, other),
			)
		}
		return "", fmt.Errorf(
			"%s does not show its default branch %s: correct `default_branch` or `source` in the policy, or give the "+
				"worker's credentials access to the repository",
			d.policy.Repository,
			branch,
		)
	}
	has, err := d.Source.HasCommit(ctx, commit)
	if err == nil && !has {
		err = fmt.Errorf("it has branch %s and not its commit %s", branch, commit)
	}
	if err != nil {
		return "", fmt.Errorf("%s: %w", d.policy.Repository, err)
	}
	about, err := source.AboutOf(ctx, d.Source)
	if err == nil && about.Archived {
		err = errors.New(lifecycle.Archived)
	}
	if err != nil {
		return "", fmt.Errorf("%s: %w", d.policy.Repository, err)
	}
	return fmt.Sprintf("%s is readable; its default branch %s is at %.7s", d.policy.Repository, branch, commit), nil
}

// sourceDefault returns the name that the source has for its default branch; empty if it does not
// say.
func (d *Doctor) sourceDefault(ctx context.Context) string {
	branch, err := d.Source.DefaultBranch(ctx)
	if err != nil {
		return ""
	}
	return branch
}
