package github

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	api "github.com/google/go-github/v60/github"

	"perch"
	"perch/source"
)

// PullRequests lists the pull requests of the branch, open and closed, newest first (GitHub docs:
// List pull requests). It leaves out those of forks that have a branch of the same name.
func (r *Repository) PullRequests(ctx context.Context, branch string) ([]source.PullRequest, error) {
	if err := perch.ValidateBranch(branch); err != nil {
		return nil, err
	}
	options := &api.PullRequestListOptions{
		State: "all", Head: r.owner + ":" + branch, Sort: "created", Direction: "desc",
		ListOptions: api.ListOptions{PerPage: pageSize},
	}
	byBranch, err := r.listPullRequests(ctx, options)
	if err != nil {
		return nil, r.failure(r.pullsDenied(err), "list pull requests of branch %s of %s", branch, r)
	}
	return append([]source.PullRequest{}, byBranch[branch]...), nil
}

// OpenPullRequests lists all open pull requests by branch, newest first. It leaves out those of
// forks.
func (r *Repository) OpenPullRequests(ctx context.Context) (map[string][]source.PullRequest, error) {
	options := &api.PullRequestListOptions{
		State: "open", Sort: "created", Direction: "desc", ListOptions: api.ListOptions{PerPage: pageSize},
	}
	byBranch, err := r.listPullRequests(ctx, options)
	if err != nil {
		return nil, r.failure(r.pullsDenied(err), "list open pull requests of %s", r)
	}
	return byBranch, nil
}

// listPullRequests lists the pull requests of the repository's branches, without those of forks.
func (r *Repository) listPullRequests(
	ctx context.Context, options *api.PullRequestListOptions,
) (map[string][]source.PullRequest, error) {
	byBranch := map[string][]source.PullRequest{}
	for {
		listed, response, err := r.client.PullRequests.List(ctx, r.owner, r.name, options)
		if err == nil && listed == nil {
			err = errNoContent
		}
		if err != nil {
			return nil, err
		}
		for _, pull := range listed {
			if head := pull.GetHead(); strings.EqualFold(head.GetRepo().GetFullName(), r.String()) {
				byBranch[head.GetRef()] = append(byBranch[head.GetRef()], pullRequest(pull))
			}
		}
		if response.NextPage == 0 {
			return byBranch, nil
		}
		options.Page = response.NextPage
	}
}

func pullRequest(pull *api.PullRequest) source.PullRequest {
	read := source.PullRequest{Number: pull.GetNumber(), Open: pull.GetState() == "open", Head: pull.GetHead().GetSHA()}
	for _, label := range pull.Labels {
		read.Labels = append(read.Labels, label.GetName())
	}
	return read
}

// pullsDenied names the missing permission, which is not the one for branches and files.
func (r *Repository) pullsDenied(err error) error {
	answer, message := answerOf(err)
	if answer == nil || answer.StatusCode != http.StatusForbidden || r.limit(err) != nil {
		return err
	}
	return &source.Rejected{Reason: fmt.Sprintf(
		"GitHub answered 403 (%s): give the token or the App the permission \"Pull requests: read\" in %s",
		r.clean(message), r)}
}
