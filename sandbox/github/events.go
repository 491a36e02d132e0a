package github

import (
	"maps"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

// zeroCommit is the commit before a push that creates a branch, and after a push that deletes one.
const zeroCommit = "0000000000000000000000000000000000000000"

// Observe sends the events for the branches that were created, pushed to or deleted since its last
// call. Call it after another program has changed the repository.
func (s *Server) Observe() {
	s.serving.Lock()
	defer s.serving.Unlock()
	s.observe()
}

func (s *Server) observe() {
	if s.refs == nil || s.reopen() != nil {
		return
	}
	before, after := s.refs, s.branchCommits()
	s.refs = after
	for _, branch := range slices.Sorted(maps.Keys(union(before, after))) {
		if before[branch] != after[branch] {
			s.emitPush(branch, before[branch], after[branch])
		}
	}
	s.followBranches()
}

func union(a, b map[string]string) map[string]string {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}

// branchCommits maps each branch to its commit.
func (s *Server) branchCommits() map[string]string {
	found := map[string]string{}
	heads, err := s.sortedBranches()
	if err != nil {
		return found
	}
	for _, head := range heads {
		found[head.Name().Short()] = head.Hash().String()
	}
	return found
}

// emitPush sends the events for a push to one branch. before is empty if the push created the
// branch, and after is empty if it deleted the branch (GitHub docs: Webhook events and payloads:
// push, create, delete).
func (s *Server) emitPush(branch, before, after string) {
	named := func() map[string]any {
		return map[string]any{"ref": branch, "ref_type": "branch", "pusher_type": "user"}
	}
	if before == "" {
		body := named()
		body["master_branch"] = s.defaultBranch()
		s.emit("create", body)
	}
	push := map[string]any{
		"ref": plumbing.NewBranchReferenceName(branch).String(), "before": before, "after": after,
		"created": before == "", "deleted": after == "",
		"forced":  before != "" && after != "" && !s.isAncestor(after, before),
		"commits": []any{}, "pusher": map[string]any{"name": s.sender},
	}
	if before == "" {
		push["before"] = zeroCommit
	}
	if after == "" {
		push["after"] = zeroCommit
	}
	s.emit("push", push)
	if after == "" {
		s.emit("delete", named())
	}
}

// isAncestor reports whether ancestor is an ancestor of commit.
func (s *Server) isAncestor(commit, ancestor string) bool {
	newer, err := s.repository.CommitObject(plumbing.NewHash(commit))
	if err != nil {
		return false
	}
	older, err := s.repository.CommitObject(plumbing.NewHash(ancestor))
	if err != nil {
		return false
	}
	found, err := older.IsAncestor(newer)
	return err == nil && found
}

// emitPullRequestChanges sends the events for the differences between two states of a pull request.
// before is nil for a new pull request.
func (s *Server) emitPullRequestChanges(before, after *PullRequest) {
	send := func(action string, more map[string]any) {
		body := map[string]any{
			"action": action, "number": after.Number, "pull_request": s.pullRequestBody(s.URL, after),
		}
		maps.Copy(body, more)
		s.emit("pull_request", body)
	}
	if before == nil {
		send("opened", nil)
		return
	}
	if before.Title != after.Title {
		send("edited", map[string]any{"changes": map[string]any{"title": map[string]any{"from": before.Title}}})
	}
	for _, label := range after.Labels {
		if !slices.Contains(before.Labels, label) {
			send("labeled", map[string]any{"label": map[string]any{"name": label}})
		}
	}
	for _, label := range before.Labels {
		if !slices.Contains(after.Labels, label) {
			send("unlabeled", map[string]any{"label": map[string]any{"name": label}})
		}
	}
	switch {
	case before.Closed != after.Closed && after.Closed:
		send("closed", nil)
	case before.Closed != after.Closed:
		send("reopened", nil)
	case before.Commit != after.Commit && before.Commit != "":
		send("synchronize", map[string]any{"before": before.Commit, "after": after.Commit})
	}
}

// cutName splits owner/name.
func cutName(full string) (owner, name string) {
	owner, name, _ = strings.Cut(full, "/")
	return owner, name
}
