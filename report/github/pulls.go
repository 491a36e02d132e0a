package github

import (
	"context"
	"slices"
	"strings"

	api "github.com/google/go-github/v60/github"

	"perch"
)

// findPullRequests enters the branch's open pull requests into the card, unless it has those of
// this commit. A fork's branch of the same name is another one.
func (d *delivery) findPullRequests(ctx context.Context) error {
	branch, commit := d.card.Environment.Branch, d.card.State.Commit
	if len(d.card.PullRequests) > 0 && commit != "" && d.memory.PullRequestsOf == commit {
		return nil
	}
	listed, _, err := d.client.PullRequests.List(ctx, d.owner, d.name, &api.PullRequestListOptions{
		State: "open", Head: d.owner + ":" + branch, ListOptions: api.ListOptions{PerPage: pageSize},
	})
	if err != nil {
		return err
	}
	d.card.PullRequests = nil
	for _, pull := range listed {
		head := pull.GetHead()
		if head.GetRef() == branch && strings.EqualFold(head.GetRepo().GetFullName(), d.owner+"/"+d.name) {
			d.card.PullRequests = append(d.card.PullRequests, perch.PullRequest{
				Number: pull.GetNumber(), Title: pull.GetTitle(), Author: pull.GetUser().GetLogin(),
				URL: pull.GetHTMLURL(),
			})
		}
	}
	d.memory.PullRequestsOf = commit
	slices.SortFunc(d.card.PullRequests, func(a, b perch.PullRequest) int { return a.Number - b.Number })
	return nil
}

// showPullRequests finds the pull requests for `ls` and `status` only. If GitHub denies them, it
// reports nothing, and does not try again for the same commit.
func (d *delivery) showPullRequests(ctx context.Context) {
	key := denial{d.card.Environment.Slug, kindPullRequests}
	d.mu.Lock()
	denied, known := d.denied[key]
	d.mu.Unlock()
	if known && denied.commit == d.card.State.Commit || d.card.State.Phase == perch.PhaseGone {
		return
	}
	problem := d.explain(d.findPullRequests(ctx), kindPullRequests)
	if problem.words != "" && !problem.passes {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.denied[key] = rejectedReport{commit: d.card.State.Commit}
	}
}
