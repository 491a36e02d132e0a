package github

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	api "github.com/google/go-github/v60/github"
)

// kinds are the kinds of reports with the name that GitHub's API has for their permission, and a
// read that needs it.
func (c *Channel) kinds() []kindCheck {
	one := api.ListOptions{PerPage: 1}
	return []kindCheck{
		{kindDeployment, "deployments", c.wants.Deployments, func(ctx context.Context) error {
			options := &api.DeploymentsListOptions{ListOptions: one}
			_, _, err := c.client.Repositories.ListDeployments(ctx, c.owner, c.name, options)
			return err
		}},
		{kindStatus, "statuses", c.wants.Status, func(ctx context.Context) error {
			_, _, err := c.client.Repositories.ListStatuses(ctx, c.owner, c.name, c.branch, &one)
			return err
		}},
		{kindComment, "pull_requests", c.wants.Comment, func(ctx context.Context) error {
			options := &api.PullRequestListOptions{ListOptions: one}
			_, _, err := c.client.PullRequests.List(ctx, c.owner, c.name, options)
			return err
		}},
	}
}

type kindCheck struct {
	kind, permission string
	wanted           bool
	read             func(context.Context) error
}

// Check says what GitHub is told, or which permission is missing. It writes nothing: an App's
// permissions can be read; that a token may not write is known only after a report was denied.
func (c *Channel) Check(ctx context.Context) (string, error) {
	granted, err := c.access.Permissions(ctx)
	if err != nil {
		return "", errors.New(c.explain(err, "question about the App's permissions").words)
	}
	var told, problems []string
	for _, kind := range c.kinds() {
		if !kind.wanted {
			continue
		}
		told = append(told, kind.kind)
		problem := c.explain(kind.read(ctx), kind.kind).words
		if problem == "" && granted != nil && granted[kind.permission] != "write" {
			problem = fmt.Sprintf("no %s can be written: give the App the permission %s in %s",
				kind.kind, permissions[kind.kind], c.repository())
		}
		if problem != "" {
			problems = append(problems, problem)
		}
	}
	if problems = append(problems, c.deniedLast()...); len(problems) > 0 {
		return "", errors.New(strings.Join(slices.Compact(problems), "; "))
	}
	if len(told) == 0 {
		return "the policy turns all reports off", nil
	}
	return fmt.Sprintf("%s shows environments: %s", c.repository(), strings.Join(told, ", ")), nil
}

// deniedLast are the sentences about reports that GitHub has denied, and that have not been tried
// again.
func (c *Channel) deniedLast() (problems []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, denied := range c.denied {
		if denied.problem != "" {
			problems = append(problems, "a report was denied: "+denied.problem)
		}
	}
	slices.Sort(problems)
	return slices.Compact(problems)
}
