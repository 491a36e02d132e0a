package github

import (
	"context"
	"errors"
	"strconv"

	api "github.com/google/go-github/v60/github"

	"perch"
	"perch/source"
)

// RepositoryID returns the number that GitHub gave the repository when it was created (GitHub docs:
// Get a repository). It stays the same after a rename or a transfer. A repository that takes the
// former name has another id. RepositoryID does not follow the redirect of a former name, because
// people decide what a rename means for the policy.
func (r *Repository) RepositoryID(ctx context.Context) (string, error) {
	about, err := r.About(ctx)
	return about.ID, err
}

// About returns the repository's id, and whether it is archived.
func (r *Repository) About(ctx context.Context) (source.About, error) {
	about, err := r.about(ctx)
	if err == nil && about.GetID() <= 0 {
		err = errNoID
	}
	if err != nil {
		return source.About{}, r.failure(err, "read the id of %s", r)
	}
	return source.About{ID: strconv.FormatInt(about.GetID(), 10), Archived: about.GetArchived()}, nil
}

// DefaultBranch returns the repository's default branch; empty if GitHub names none.
func (r *Repository) DefaultBranch(ctx context.Context) (string, error) {
	about, err := r.about(ctx)
	if err != nil {
		return "", r.failure(err, "read the default branch of %s", r)
	}
	if perch.ValidateBranch(about.GetDefaultBranch()) != nil {
		return "", nil
	}
	return about.GetDefaultBranch(), nil
}

var errNoID = errors.New("GitHub's answer has no id")

func (r *Repository) about(ctx context.Context) (*api.Repository, error) {
	about, _, err := r.client.Repositories.Get(ctx, r.owner, r.name)
	return about, err
}
