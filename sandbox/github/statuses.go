package github

import (
	"cmp"
	"net/http"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/go-git/go-git/v5/plumbing"
)

// mostStatuses is the maximum number of statuses for one context of a commit (GitHub docs: Create a
// commit status).
const mostStatuses = 1000

// CommitStatus is a status of a commit.
type CommitStatus struct {
	ID          int64     `json:"id"`
	SHA         string    `json:"sha"`
	Context     string    `json:"context"`
	State       string    `json:"state"`
	Description string    `json:"description,omitempty"`
	URL         string    `json:"url,omitempty"`
	Creator     string    `json:"creator"`
	At          time.Time `json:"at"`
}

// Statuses returns the statuses of a commit, oldest first.
func (s *Server) Statuses(sha string) []CommitStatus {
	s.serving.Lock()
	defer s.serving.Unlock()
	return copyAll(s.statusesOf(sha))
}

func (s *Server) statusesOf(sha string) []*CommitStatus {
	var found []*CommitStatus
	for _, status := range s.state.Statuses {
		if status.SHA == sha {
			found = append(found, status)
		}
	}
	return found
}

func (s *Server) listStatuses(w http.ResponseWriter, r *http.Request) {
	sha, found := s.resolveCommit(r.PathValue("sha"))
	if !found {
		commitNotFound(r.PathValue("sha")).ServeHTTP(w, r)
		return
	}
	newest := s.statusesOf(sha)
	slices.Reverse(newest)
	s.writeList(w, r, len(newest), func(i int) any { return statusBody(newest[i]) })
}

func commitNotFound(sha string) http.Handler {
	return Answer(http.StatusUnprocessableEntity, "No commit found for SHA: "+sha)
}

func (s *Server) createStatus(w http.ResponseWriter, r *http.Request) {
	var in struct {
		State       string `json:"state"`
		Description string `json:"description"`
		Context     string `json:"context"`
		URL         string `json:"target_url"`
	}
	if !decodeJSON(w, r, &in) {
		return
	}
	sha := r.PathValue("sha")
	in.Context = cmp.Or(in.Context, "default")
	same := func(status *CommitStatus) bool { return status.SHA != sha || status.Context != in.Context }
	switch _, found := s.resolveCommit(sha); {
	case !found || !plumbing.IsHash(sha):
		commitNotFound(sha).ServeHTTP(w, r)
	case !slices.Contains([]string{"error", "failure", "pending", "success"}, in.State):
		validationError("Status", "state", "custom", "state is not included in the list").ServeHTTP(w, r)
	case utf8.RuneCountInString(in.Description) > longestDescription:
		validationError("Status", "description", "custom", tooLong).ServeHTTP(w, r)
	case len(slices.DeleteFunc(slices.Clone(s.state.Statuses), same)) >= mostStatuses: // palantir/policy-bot#470
		const message = "This SHA and context has reached the maximum number of statuses."
		validationError("Status", "", "custom", message).ServeHTTP(w, r)
	default:
		status := &CommitStatus{
			ID: s.state.nextID(), SHA: sha, Context: in.Context, State: in.State, Description: in.Description,
			URL:     in.URL,
			Creator: accessOf(r).Login, At: s.config.Now(),
		}
		s.state.Statuses = append(s.state.Statuses, status)
		reply(w, http.StatusCreated, statusBody(status))
	}
}

func statusBody(status *CommitStatus) map[string]any {
	return map[string]any{
		"id": status.ID, "state": status.State, "description": status.Description, "context": status.Context,
		"target_url": status.URL, "creator": accountBody(status.Creator),
		"created_at": timestamp(status.At), "updated_at": timestamp(status.At),
	}
}
