package source

import "context"

// PullRequest is a pull request of a branch in the repository, not in a fork.
type PullRequest struct {
	Number int
	// Open means that it is neither closed nor merged.
	Open bool
	// Head is the last commit of the pull request. It stays the same after the pull request is
	// closed.
	Head   string
	Labels []string
}

// PullRequestsOf lists the pull requests of the branch, open and closed. known is false if the
// source has no pull requests.
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

// OpenPullRequestsOf lists all open pull requests of the repository by branch; none if the source
// has no pull requests.
func OpenPullRequestsOf(ctx context.Context, source any) (map[string][]PullRequest, error) {
	reader, known := source.(interface {
		OpenPullRequests(ctx context.Context) (map[string][]PullRequest, error)
	})
	if !known {
		return nil, nil
	}
	return reader.OpenPullRequests(ctx)
}
