package github

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"

	api "github.com/google/go-github/v60/github"

	"perch/source"
)

var fullCommit = regexp.MustCompile(`^[0-9a-f]{40}$`)

// Branches lists every branch with its commit. The list is complete, or err says why it is not. A
// repository without branches is an error, too. The list may lack a branch that is pushed or
// deleted while it is read, so callers that act on a missing branch must ask Heads once more.
func (r *Repository) Branches(ctx context.Context) (branches map[string]string, complete bool, err error) {
	branches = map[string]string{}
	var first page
	for number := 1; ; number++ {
		current, err := r.page(ctx, number)
		if err != nil {
			return nil, false, r.failure(err, "list branches of %s: page %d", r, number)
		}
		if number == 1 {
			first = current
		}
		if err := current.joins(branches, number, first.last); err != nil {
			r.forget(0) // So the next call reads the whole list again.
			return nil, false, r.failure(err, "list branches of %s: page %d", r, number)
		}
		if current.next == 0 {
			r.forget(number)
			break
		}
	}
	if err := r.alone(ctx, first); err != nil {
		return nil, false, r.failure(err, "list branches of %s: page 2", r)
	}
	return branches, true, nil
}

func (p page) joins(branches map[string]string, number, last int) error {
	if err := p.fits(number, last); err != nil {
		return err
	}
	for _, branch := range p.branches {
		if _, twice := branches[branch.name]; twice {
			return fmt.Errorf("branch %s is there twice: the list changed while it was read", branch.name)
		}
		branches[branch.name] = branch.commit
	}
	return nil
}

// fits returns an error if the page shows that the list is incomplete or has changed while it was
// read. last is the number of the last page according to the first one; 0 if that did not say.
func (p page) fits(number, last int) error {
	switch {
	case len(p.branches) == 0 && number == 1:
		return &source.Rejected{Reason: "GitHub lists no branch at all; a repository that is empty, or is being " +
			"restored, says nothing about its branches: push one"}
	case len(p.branches) == 0:
		return errors.New("it is empty, and the page before it says that there is more")
	case p.next != 0 && p.next != number+1:
		return fmt.Errorf("GitHub says that page %d is the next", p.next)
	case p.next != 0 && len(p.branches) != pageSize:
		return fmt.Errorf("it has %d branches instead of %d, and is not the last", len(p.branches), pageSize)
	case p.next != 0 && p.last != 0 && last != 0 && p.last != last:
		return fmt.Errorf("%d pages became %d while the list was read", last, p.last)
	case p.next == 0 && last != 0 && number != last:
		return fmt.Errorf("it is the last, and there were %d when the first was read", last)
	}
	return nil
}

// alone checks a full first page that names no next page, by reading the second one. A proxy may
// have removed the Link header.
func (r *Repository) alone(ctx context.Context, first page) error {
	if first.next != 0 || len(first.branches) < pageSize {
		return nil
	}
	second, err := r.ask(ctx, 2, page{})
	if err == nil && len(second.branches) > 0 {
		err = errors.New("it is there, and page 1 does not say so: its Link header is missing")
	}
	return err
}

var errNoContent = errors.New("GitHub's answer has no content")

// HasCommit reports whether GitHub has this full commit in the repository. GitHub also finds the
// commits of the repository's forks.
func (r *Repository) HasCommit(ctx context.Context, commit string) (bool, error) {
	_, found, err := r.commit(ctx, commit)
	return found, err
}

// Contains reports whether commit is reachable from head: it is head itself, or older. GitHub
// answers 404 if it does not have the commit, and if the commit shares no history with head (GitHub
// docs: Compare two commits).
func (r *Repository) Contains(ctx context.Context, head, commit string) (bool, error) {
	if err := checkCommit(commit); err != nil {
		return false, err
	}
	// Only the first page lists the changed files, which are not needed here.
	answer, _, err := r.client.Repositories.CompareCommits(
		ctx, r.owner, r.name, commit, head, &api.ListOptions{Page: 2, PerPage: 1},
	)
	if missing, _ := answerOf(err); missing != nil && missing.StatusCode == http.StatusNotFound {
		return false, nil
	}
	if err == nil && answer.GetStatus() == "" {
		err = errNoContent
	}
	if err != nil {
		return false, r.failure(err, "compare commit %s with %s in %s", commit, head, r)
	}
	return answer.GetStatus() == "ahead" || answer.GetStatus() == "identical", nil
}
