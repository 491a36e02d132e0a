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

// PullRequests are the pull requests of the branch, open and closed, the newest first (GitHub docs:
// List pull requests). Those of forks with a branch of that name are not among them.
func (r *Repository) PullRequests(ctx context.Context, branch string) ([]source.PullRequest, error) {
	if err := perch.ValidateBranch(branch); err != nil {
		return nil, err
	}
	options := &api.PullRequestListOptions{
		State: "all", Head: r.owner + ":" + branch, Sort: "created", Direction: "desc",
		ListOptions: api.ListOptions{PerPage: pageSize},
	}
	pulls := []source.PullRequest{}
	for {
		listed, response, err := r.client.PullRequests.List(ctx, r.owner, r.name, options)
		if err == nil && listed == nil {
			err = errNoContent
		}
		if err != nil {
			return nil, r.failure(r.pullsDenied(err), "list pull requests of branch %s of %s", branch, r)
		}
		for _, pull := range listed {
			if head := pull.GetHead(); head.GetRef() == branch &&
				strings.EqualFold(head.GetRepo().GetFullName(), r.String()) {
				pulls = append(pulls, pullRequest(pull))
			}
		}
		if response.NextPage == 0 {
			return pulls, nil
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

// pullsDenied names the permission that is missing: another one than for branches and files.
func (r *Repository) pullsDenied(err error) error {
	answer, message := answerOf(err)
	if answer == nil || answer.StatusCode != http.StatusForbidden || r.limit(err) != nil {
		return err
	}
	return &source.Rejected{Reason: fmt.Sprintf(
		"GitHub answered 403 (%s): give the token or the App the permission \"Pull requests: read\" in %s",
		r.clean(message), r)}
}
