package source

import "context"

// About is what a source says of the repository itself.
type About struct {
	// ID is the repository's id, which a rename does not change; empty if the source has no ids.
	ID string
	// Archived says that the repository is archived, which makes it read-only.
	Archived bool
}

// AboutOf is what the source says of the repository, by one question.
func AboutOf(ctx context.Context, source interface {
	RepositoryID(ctx context.Context) (string, error)
}) (about About, err error) {
	if reader, known := source.(interface {
		About(ctx context.Context) (About, error)
	}); known {
		return reader.About(ctx)
	}
	about.ID, err = source.RepositoryID(ctx)
	return about, err
}
