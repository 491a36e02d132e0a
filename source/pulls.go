package source

import "context"

// PullRequest is a pull request of a branch of the repository itself.
type PullRequest struct {
	Number int
	// Open says that it is neither closed nor merged.
	Open bool
	// Head is the last commit of the branch that the pull request has; it stays when the pull
	// request is closed.
	Head   string
	Labels []string
}

// PullRequestsOf are the pull requests of the branch, open and closed, if the source has such a
// thing; known is false otherwise.
func PullRequestsOf(ctx context.Context, source any, branch string) (pulls []PullRequest, known bool, err error) {
	reader, known := source.(interface {
		PullRequests(ctx context.Context, branch string) ([]PullRequest, error)
	})
	if !known {
		return nil, false, nil
	}
	pulls, err = reader.PullRequests(ctx, branch)
	return pulls, true, err
}

// OpenPullRequestsOf are all open pull requests of the repository by their branch; none if the
// source has no such thing.
func OpenPullRequestsOf(ctx context.Context, source any) (map[string][]PullRequest, error) {
	reader, known := source.(interface {
		OpenPullRequests(ctx context.Context) (map[string][]PullRequest, error)
	})
	if !known {
		return nil, nil
	}
	return reader.OpenPullRequests(ctx)
}
