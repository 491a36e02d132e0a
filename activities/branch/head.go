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

// HeadBesideDefault returns the head of the branch; empty if the branch does not exist. It reads
// the default branch with the same call, and returns an error if that does not exist either. With
// two calls, the repository could be emptied or hidden between them.
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

// OtherDefault returns the name of the source's default branch; empty if the source does not say.
// It is only for messages.
func (r *Reader) OtherDefault(ctx context.Context) string {
	branch, err := r.DefaultBranch(ctx)
	if err != nil {
		return ""
	}
	return branch
}

// PullRequests returns the branch's pull requests in the form that the rules take; none if the
// source has no pull requests. If the worker may not read them, unread says why, because a
// deployment can do without them. If the policy needs them, the error says why instead.
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

// OpenPullRequests returns all open pull requests by branch, in the form that the rules take; none
// if the source has no pull requests, or if the worker may not read them.
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
