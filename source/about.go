package source

import "context"

// About is what a source says about the repository itself.
type About struct {
	// ID is the repository's id, which stays the same after a rename; empty if the source has no
	// ids.
	ID string
	// Archived means that the repository is archived, and so read-only.
	Archived bool
}

// AboutOf returns what the source says about the repository, with one call.
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
