package github

import (
	"bytes"
	_ "embed"
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// mostCommits is the maximum number of a pull request's commits that are read.
const mostCommits = 250

//go:embed page.html
var document string

var pages = template.Must(template.New("page").Funcs(template.FuncMap{
	"markdown": render,
	"short":    func(commit string) string { return commit[:min(len(commit), 7)] },
	"time":     func(at time.Time) string { return at.UTC().Format("2 January 2006, 15:04:05 UTC") },
	"word":     word,
}).Parse(document))

// PullRequestURL returns the address of a pull request's page.
func (s *Server) PullRequestURL(number int) string {
	name, _ := s.identity()
	return s.URL + "/" + name + "/pull/" + strconv.Itoa(number)
}

// ObserveURL is the address that Git's hook requests when branches have changed. The hook requests
// it like a clone does, and is told that there is nothing to clone.
func (s *Server) ObserveURL() string {
	name, _ := s.identity()
	return s.URL + "/" + name + gitSuffix
}

const gitSuffix = ".git"

// isPage reports whether a request is for a page and not for the API.
func isPage(r *http.Request) bool { return !strings.HasPrefix(r.URL.Path, "/api/") }

// servePage answers with an HTML page.
func (s *Server) servePage(w http.ResponseWriter, r *http.Request) {
	s.serving.Lock()
	defer s.serving.Unlock()
	s.observe()
	s.follow()
	name, _ := s.identity()
	below, ours := strings.CutPrefix(r.URL.Path, "/"+name)
	number, isNumber := strings.CutPrefix(below, "/pull/")
	wanted, _ := strconv.Atoi(number)
	found := s.pullRequest(wanted)
	switch {
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		http.Error(w, "pages are only read", http.StatusMethodNotAllowed)
	case strings.HasPrefix(below, gitSuffix+"/"):
		http.Error(w, "the repository is read where it is", http.StatusNotFound)
	case r.URL.Path == "/" || ours && below == "":
		http.Redirect(w, r, "/"+name+"/pulls", http.StatusFound)
	case ours && below == "/pulls":
		writePage(w, http.StatusOK, "pulls", s.listView())
	case ours && s.pullRequestPath(below) != "":
		http.Redirect(w, r, "/"+name+s.pullRequestPath(below), http.StatusFound)
	case ours && isNumber && found != nil:
		writePage(w, http.StatusOK, "pull", s.view(found))
	default:
		writePage(w, http.StatusNotFound, "missing", map[string]string{"Repository": name, "Path": r.URL.Path})
	}
}

// pullRequestPath maps the page of a branch or a commit, whose path is below the repository, to the
// page that is shown instead: that of its pull request, or the list if it has none. It is empty for
// any other page.
func (s *Server) pullRequestPath(below string) string {
	branch, isBranch := strings.CutPrefix(below, "/tree/")
	commit, isCommit := strings.CutPrefix(below, "/commit/")
	if !isBranch && !isCommit {
		return ""
	}
	for _, p := range slices.Backward(s.state.PullRequests) {
		if isBranch && p.Head == branch || isCommit && (p.Commit == commit || s.commitsOf(p)[commit]) {
			return "/pull/" + strconv.Itoa(p.Number)
		}
	}
	return "/pulls"
}

func writePage(w http.ResponseWriter, status int, name string, data any) {
	var body bytes.Buffer
	if err := pages.ExecuteTemplate(&body, name, data); err != nil {
		http.Error(w, "the page could not be rendered: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; img-src data:")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(body.Bytes())
}

type listView struct {
	Repository string
	Archived   bool
	Pulls      []pullView
}

func (s *Server) listView() listView {
	name, _ := s.identity()
	view := listView{Repository: name, Archived: s.isArchived()}
	for _, p := range slices.Backward(s.state.PullRequests) {
		view.Pulls = append(view.Pulls, s.view(p))
	}
	return view
}

// pullView is the view of a pull request's page.
type pullView struct {
	PullRequest
	Repository string
	// Timeline has comments and deployments in their order.
	Timeline []entry
	// Deployments has the latest deployment of each task. Checks has the latest status of each
	// context of the last commit.
	Deployments []Deployment
	Checks      []CommitStatus
}

// entry is a comment or a deployment.
type entry struct {
	At         time.Time
	Comment    *Comment
	Deployment *Deployment
}

func (s *Server) view(p *PullRequest) pullView {
	name, _ := s.identity()
	view := pullView{PullRequest: *p, Repository: name}
	for _, c := range s.commentsOn(p.Number) {
		view.Timeline = append(view.Timeline, entry{At: c.Created, Comment: c})
	}
	commits := s.commitsOf(p)
	for _, d := range s.state.Deployments {
		if !commits[d.SHA] {
			continue
		}
		view.Timeline = append(view.Timeline, entry{At: d.At, Deployment: d})
		same := func(other Deployment) bool { return other.Environment == d.Environment && other.Task == d.Task }
		view.Deployments = append(slices.DeleteFunc(view.Deployments, same), *d)
	}
	slices.SortStableFunc(view.Timeline, func(a, b entry) int { return a.At.Compare(b.At) })
	for _, status := range s.statusesOf(p.Commit) {
		same := func(other CommitStatus) bool { return other.Context == status.Context }
		view.Checks = append(slices.DeleteFunc(view.Checks, same), *status)
	}
	slices.SortFunc(view.Checks, func(a, b CommitStatus) int { return strings.Compare(a.Context, b.Context) })
	return view
}

// commitsOf returns the commits of a pull request: those that its base does not have, and always
// the last one.
func (s *Server) commitsOf(p *PullRequest) map[string]bool {
	found := map[string]bool{p.Commit: true}
	for _, earlier := range p.Earlier {
		found[earlier] = true
	}
	base, _ := s.resolve(p.Base)
	known := s.history(base, nil)
	for commit := range s.history(p.Commit, known) {
		found[commit.String()] = true
	}
	return found
}

// history returns a commit and its ancestors, except the known ones.
func (s *Server) history(commit string, known map[plumbing.Hash]bool) map[plumbing.Hash]bool {
	found := map[plumbing.Hash]bool{}
	start, err := s.repository.CommitObject(plumbing.NewHash(commit))
	if err != nil {
		return found
	}
	commits := object.NewCommitPreorderIter(start, known, nil)
	defer commits.Close()
	for len(found) < mostCommits {
		next, err := commits.Next()
		if err != nil {
			break
		}
		found[next.Hash] = true
	}
	return found
}

// word returns GitHub's word for a deployment's state. An inactive deployment that is transient is
// "destroyed".
func word(d Deployment) string {
	switch d.State() {
	case "success":
		return "Active"
	case "inactive":
		if d.Transient {
			return "Destroyed"
		}
		return "Inactive"
	case "in_progress":
		return "In progress"
	case "failure":
		return "Failed"
	case "error":
		return "Error"
	case "queued":
		return "Queued"
	}
	return "Pending"
}
