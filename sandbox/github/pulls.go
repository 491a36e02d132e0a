package github

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
)

// PullRequest is a pull request.
type PullRequest struct {
	Number int    `json:"number"`
	Title  string `json:"title"`
	Body   string `json:"body,omitempty"`
	Author string `json:"author"`
	// Head and Base are branches. Owner is the owner of Head's repository; empty if it is the same
	// repository.
	Head  string `json:"head"`
	Base  string `json:"base"`
	Owner string `json:"owner,omitempty"`
	// Commit is the last commit of Head. It stays when Head is deleted.
	Commit string `json:"commit"`
	// Earlier has the previous values of Commit. After a forced push, these commits may no longer
	// be in the repository.
	Earlier []string  `json:"earlier,omitempty"`
	Closed  bool      `json:"closed,omitempty"`
	Merged  bool      `json:"merged,omitempty"`
	Locked  bool      `json:"locked,omitempty"`
	Labels  []string  `json:"labels,omitempty"`
	At      time.Time `json:"at"`
}

// State returns open or closed.
func (p PullRequest) State() string {
	if p.Closed {
		return "closed"
	}
	return "open"
}

// OpenPullRequest opens a pull request and returns its number. If wanted.Base is empty, it is main.
func (s *Server) OpenPullRequest(wanted PullRequest) (number int) {
	s.changeState(func() {
		wanted.Number = 1
		for _, other := range s.state.PullRequests {
			wanted.Number = max(wanted.Number, other.Number+1)
		}
		wanted.Base, wanted.At = cmp.Or(wanted.Base, "main"), s.config.Now()
		number = wanted.Number
		s.state.PullRequests = append(s.state.PullRequests, &wanted)
		if head, found := s.resolveCommit(wanted.Head); found && wanted.Owner == "" {
			wanted.Commit = head
		}
		s.emitPullRequestChanges(nil, &wanted)
	})
	return number
}

// EditPullRequest changes a pull request: its title, its labels, and whether it is locked or
// closed.
func (s *Server) EditPullRequest(number int, change func(*PullRequest)) {
	s.changeState(func() {
		found := s.pullRequest(number)
		if found == nil {
			return
		}
		before := *found
		before.Labels = slices.Clone(found.Labels)
		change(found)
		s.emitPullRequestChanges(&before, found)
	})
}

// PullRequests returns all pull requests, oldest first.
func (s *Server) PullRequests() []PullRequest {
	s.serving.Lock()
	defer s.serving.Unlock()
	s.followBranches()
	return copyAll(s.state.PullRequests)
}

// changeState calls change, and saves the state.
func (s *Server) changeState(change func()) {
	s.serving.Lock()
	defer s.serving.Unlock()
	if err := s.reopen(); err != nil {
		panic(err)
	}
	change()
	if err := s.save(); err != nil {
		panic(err)
	}
}

func copyAll[T any](all []*T) []T {
	var list []T
	for _, one := range all {
		list = append(list, *one)
	}
	return list
}

func (s *Server) pullRequest(number int) *PullRequest {
	for _, p := range s.state.PullRequests {
		if p.Number == number {
			return p
		}
	}
	return nil
}

// followBranches updates the open pull requests after their branches have changed. Like GitHub, it
// closes a pull request whose branch was deleted, and keeps the pull request's commit.
func (s *Server) followBranches() {
	if s.reopen() != nil {
		return
	}
	for _, p := range s.state.PullRequests {
		if p.Closed || p.Owner != "" {
			continue
		}
		before := *p
		head, err := s.repository.Reference(plumbing.NewBranchReferenceName(p.Head), true)
		switch {
		case err == nil:
			p.Commit = head.Hash().String()
			if before.Commit != "" && before.Commit != p.Commit {
				p.Earlier = append(p.Earlier, before.Commit)
			}
		case p.Commit != "":
			p.Closed = true
		}
		s.emitPullRequestChanges(&before, p)
	}
}

// listPullRequests lists the pull requests that the request selects, newest first; by default the
// open ones.
func (s *Server) listPullRequests(w http.ResponseWriter, r *http.Request) {
	s.followBranches()
	query := r.URL.Query()
	state, head, base := cmp.Or(query.Get("state"), "open"), query.Get("head"), query.Get("base")
	var found []*PullRequest
	for _, p := range slices.Backward(s.state.PullRequests) {
		if (state == "all" || p.State() == state) && (base == "" || p.Base == base) && s.hasHead(p, head) {
			found = append(found, p)
		}
	}
	s.writeList(w, r, len(found), func(i int) any { return s.pullRequestBody(baseURL(r), found[i]) })
}

// hasHead reports whether a pull request's branch is head, in the form owner:branch. GitHub ignores
// a head without an owner.
func (s *Server) hasHead(p *PullRequest, head string) bool {
	owner, branch, qualified := strings.Cut(head, ":")
	return !qualified || strings.EqualFold(owner, s.ownerOf(p)) && branch == p.Head
}

func (s *Server) ownerOf(p *PullRequest) string {
	name, _ := s.identity()
	owner, _ := cutName(name)
	return cmp.Or(p.Owner, owner)
}

func (s *Server) getPullRequest(w http.ResponseWriter, r *http.Request) {
	s.followBranches()
	if p := s.pullRequestOf(w, r); p != nil {
		reply(w, http.StatusOK, s.pullRequestBody(baseURL(r), p))
	}
}

func (s *Server) listLabels(w http.ResponseWriter, r *http.Request) {
	if p := s.pullRequestOf(w, r); p != nil {
		s.writeList(w, r, len(p.Labels), func(i int) any { return map[string]any{"name": p.Labels[i]} })
	}
}

// pullRequestOf returns the pull request that the request names. If the pull request does not
// exist, pullRequestOf responds with 404 and returns nil.
func (s *Server) pullRequestOf(w http.ResponseWriter, r *http.Request) *PullRequest {
	number, _ := strconv.Atoi(r.PathValue("number"))
	found := s.pullRequest(number)
	if found == nil {
		Answer(http.StatusNotFound, "Not Found").ServeHTTP(w, r)
	}
	return found
}

// baseURL returns the URL of the server to which the client sent the request.
func baseURL(r *http.Request) string { return "http://" + r.Host }

func (s *Server) pullRequestBody(base string, p *PullRequest) map[string]any {
	name, id := s.identity()
	_, repository := cutName(name)
	labels := []any{}
	for _, label := range p.Labels {
		labels = append(labels, map[string]any{"name": label})
	}
	owner := s.ownerOf(p)
	head := map[string]any{"id": id, "full_name": name}
	if p.Owner != "" {
		head = map[string]any{"id": id + 1, "full_name": owner + "/" + repository, "fork": true}
	}
	return map[string]any{
		"id": 1000 + p.Number, "number": p.Number, "title": p.Title, "body": p.Body, "state": p.State(),
		"locked": p.Locked,
		"merged": p.Merged, "user": accountBody(p.Author), "labels": labels, "created_at": timestamp(p.At),
		"html_url": fmt.Sprintf("%s/%s/pull/%d", base, name, p.Number),
		"head": map[string]any{
			"ref": p.Head, "sha": p.Commit, "label": owner + ":" + p.Head, "user": accountBody(owner), "repo": head,
		},
		"base": map[string]any{"ref": p.Base, "repo": map[string]any{"id": id, "full_name": name}},
	}
}
