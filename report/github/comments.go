package github

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	api "github.com/google/go-github/v60/github"

	"perch"
	"perch/report"
)

// pageSize is GitHub's longest page.
const pageSize = 100

// overwritten says that another user had edited a comment.
type overwritten struct{ pullRequest int }

func (o overwritten) Error() string {
	return fmt.Sprintf(
		"the comment on pull request #%d was edited by another user, and Perch has overwritten it", o.pullRequest,
	)
}

// comments writes the comment on each of the branch's open pull requests, and on those that have
// one.
func (d *delivery) comments(ctx context.Context) error {
	if err := d.findPullRequests(ctx); err != nil {
		return err
	}
	var failures []error
	for _, number := range d.commented() {
		failures = append(failures, d.comment(ctx, number, report.Comment(*d.card, number, d.now())))
	}
	return errors.Join(failures...)
}

// commented are the pull requests that have or get a comment, by number.
func (d *delivery) commented() (numbers []int) {
	for _, pull := range d.card.PullRequests {
		numbers = append(numbers, pull.Number)
	}
	for _, comment := range d.memory.Comments {
		numbers = append(numbers, comment.PullRequest)
	}
	slices.Sort(numbers)
	return slices.Compact(numbers)
}

// comment writes the comment on one pull request, if its text has changed. A warning that has not
// been delivered is a new comment: GitHub sends no notification for an edited one.
func (d *delivery) comment(ctx context.Context, number int, text string) error {
	known, warns := d.remembered(number), d.warns()
	if known.ID != 0 && known.Hash == hash(text) && !warns {
		return nil
	}
	current, others, err := d.current(ctx, &known, warns)
	if err != nil {
		return err
	}
	if known.ID == 0 && (d.card.State.Phase == perch.PhaseGone || d.card.State.Outcome == perch.OutcomeSkipped) {
		return nil // There was nothing to talk about.
	}
	edited := known.Hash != "" && hash(current) != known.Hash
	if warns && known.ID != 0 && !strings.Contains(current, report.WarningMarker(*d.card.ExpiryWarning)) {
		others = append(others, known.ID)
		known.ID = 0
	}
	if known.ID == 0 || hash(current) != hash(text) {
		if err := d.put(ctx, &known, text); err != nil {
			return err
		}
	}
	if err := d.deleteComments(ctx, others); err != nil {
		d.remember(perch.GitHubComment{PullRequest: number}) // The next delivery looks for them.
		return err
	}
	known.Hash = hash(text)
	d.remember(known)
	if edited {
		return overwritten{number}
	}
	return nil
}

// warns reports whether a warning has not been delivered.
func (d *delivery) warns() bool {
	warning := report.ShownWarning(*d.card, d.now())
	return warning != nil && warning.At.IsZero()
}

// put writes the text, and creates the comment if there is none.
func (d *delivery) put(ctx context.Context, known *perch.GitHubComment, text string) error {
	var written *api.IssueComment
	err := d.write(func() (response *api.Response, err error) {
		if known.ID == 0 {
			written, response, err = d.client.Issues.CreateComment(
				ctx, d.owner, d.name, known.PullRequest, &api.IssueComment{Body: &text},
			)
		} else {
			written, response, err = d.client.Issues.EditComment(
				ctx, d.owner, d.name, known.ID, &api.IssueComment{Body: &text},
			)
		}
		return response, err
	})
	if err != nil {
		return err
	}
	if known.ID = written.GetID(); known.ID == 0 {
		return errors.New("GitHub wrote no comment")
	}
	return nil
}

// deleteComments deletes comments that a newer one replaces.
func (d *delivery) deleteComments(ctx context.Context, ids []int64) error {
	for _, id := range ids {
		err := d.write(func() (*api.Response, error) { return d.client.Issues.DeleteComment(ctx, d.owner, d.name, id) })
		if err != nil && !isMissing(err) {
			return err
		}
	}
	return nil
}

// current is the comment's text on GitHub, empty if there is none. A comment that was deleted, or
// is not remembered, is searched for, as every one is if search is set; others are older ones,
// which a delivery that was cut off has left.
func (d *delivery) current(
	ctx context.Context, known *perch.GitHubComment, search bool,
) (text string, others []int64, err error) {
	if known.ID != 0 && !search {
		comment, _, err := d.client.Issues.GetComment(ctx, d.owner, d.name, known.ID)
		if err == nil || !isMissing(err) {
			return comment.GetBody(), nil, err
		}
	}
	found, err := d.findComments(ctx, known.PullRequest)
	if err != nil {
		return "", nil, err
	}
	newest := &api.IssueComment{}
	for i, comment := range found {
		if newest = comment; i < len(found)-1 {
			others = append(others, comment.GetID())
		}
	}
	if newest.GetID() != known.ID {
		*known = perch.GitHubComment{PullRequest: known.PullRequest, ID: newest.GetID()}
	}
	return newest.GetBody(), others, nil
}

// findComments are the environment's comments on a pull request, by their marker and their author,
// the oldest first.
func (d *delivery) findComments(ctx context.Context, number int) (found []*api.IssueComment, err error) {
	login, err := d.self(ctx)
	if err != nil {
		return nil, err
	}
	marker := report.Marker(d.card.Environment)
	for options := (&api.IssueListCommentsOptions{ListOptions: api.ListOptions{PerPage: pageSize}}); ; {
		listed, response, err := d.client.Issues.ListComments(ctx, d.owner, d.name, number, options)
		if err != nil {
			return nil, err
		}
		for _, comment := range listed {
			if strings.EqualFold(comment.GetUser().GetLogin(), login) && strings.HasPrefix(comment.GetBody(), marker) {
				found = append(found, comment)
			}
		}
		if response.NextPage == 0 {
			return found, nil
		}
		options.Page = response.NextPage
	}
}

// self is who the channel writes as.
func (d *delivery) self(ctx context.Context) (string, error) {
	d.mu.Lock()
	login := d.login
	d.mu.Unlock()
	if login != "" {
		return login, nil
	}
	login, err := d.access.Login(ctx)
	if err != nil {
		return "", err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.login = login
	return login, nil
}

func (d *delivery) remembered(number int) perch.GitHubComment {
	for _, comment := range d.memory.Comments {
		if comment.PullRequest == number {
			return comment
		}
	}
	return perch.GitHubComment{PullRequest: number}
}

func (d *delivery) remember(written perch.GitHubComment) {
	d.memory.Comments = slices.DeleteFunc(slices.Clone(d.memory.Comments), func(c perch.GitHubComment) bool {
		return c.PullRequest == written.PullRequest
	})
	d.memory.Comments = append(d.memory.Comments, written)
}

// hash is of a text as GitHub keeps it: with one kind of line end.
func hash(text string) string {
	sum := sha256.Sum256([]byte(strings.TrimSpace(strings.ReplaceAll(text, "\r\n", "\n"))))
	return hex.EncodeToString(sum[:8])
}
