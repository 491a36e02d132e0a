package branch

import (
	"context"
	"errors"
	"fmt"

	"perch"
	"perch/activities/sourceerr"
	"perch/lifecycle"
	"perch/source"
)

// HeadBesideDefault is the head of the branch; empty if it does not exist. It reads the default
// branch in the same answer: were that looked for first, the repository could be emptied or hidden
// before the other is.
func (r *Reader) HeadBesideDefault(ctx context.Context, branch string) (string, error) {
	heads, err := r.Heads(ctx, r.policy.DefaultBranch, branch)
	if _, hasDefault := heads[r.policy.DefaultBranch]; err == nil && !hasDefault {
		words := lifecycle.NoDefaultBranch(r.policy.DefaultBranch, r.OtherDefault(ctx))
		err = fmt.Errorf("the repository %s does not show its default branch %s", r.policy.Repository, words)
	}
	if err != nil {
		return "", sourceerr.Wrap(err, "look for branch %s", branch)
	}
	return heads[branch], nil
}

// OtherDefault is what the source calls its default branch; empty if it does not tell. It is only
// for the words of a message.
func (r *Reader) OtherDefault(ctx context.Context) string {
	branch, err := r.DefaultBranch(ctx)
	if err != nil {
		return ""
	}
	return branch
}

// PullRequests are the branch's, as the rules take them; none if the source has no pull requests. A
// worker that may not read them deploys nevertheless, unless the policy needs them: unread says why
// then.
func (r *Reader) PullRequests(
	ctx context.Context, branch string,
) (pulls []lifecycle.PullRequest, unread string, err error) {
	listed, _, err := source.PullRequestsOf(ctx, r.Source, branch)
	var rejected *source.Rejected
	if errors.As(err, &rejected) && r.policy.OnPRClose != perch.OnPRCloseRemove {
		return nil, err.Error(), nil
	}
	if err != nil {
		return nil, "", sourceerr.Wrap(err, "look for pull requests of branch %s", branch)
	}
	for _, pull := range listed {
		pulls = append(pulls, lifecycle.PullRequest(pull))
	}
	return pulls, "", nil
}

// OpenPullRequests are all open pull requests by their branch, as the rules take them; none if the
// source has no pull requests, or the worker may not read them.
func (r *Reader) OpenPullRequests(ctx context.Context) (map[string][]lifecycle.PullRequest, error) {
	listed, err := source.OpenPullRequestsOf(ctx, r.Source)
	var rejected *source.Rejected
	if errors.As(err, &rejected) {
		return nil, nil
	}
	if err != nil {
		return nil, sourceerr.Wrap(err, "list open pull requests of %s", r.policy.Repository)
	}
	open := map[string][]lifecycle.PullRequest{}
	for branch, pulls := range listed {
		for _, pull := range pulls {
			open[branch] = append(open[branch], lifecycle.PullRequest(pull))
		}
	}
	return open, nil
}
