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

// mostCommits is the maximum number of commits of a pull request that the pages use.
const mostCommits = 250

//go:embed page.html
var document string

var pages = template.Must(template.New("page").Funcs(template.FuncMap{
	"markdown": render,
	"short":    func(commit string) string { return commit[:min(len(commit), 7)] },
	"time":     func(at time.Time) string { return at.UTC().Format("2 January 2006, 15:04:05 UTC") },
	"label":    stateLabel,
}).Parse(document))

// PullRequestURL returns the address of a pull request's page.
func (s *Server) PullRequestURL(number int) string {
	name, _ := s.identity()
	return s.URL + "/" + name + "/pull/" + strconv.Itoa(number)
}

// ObserveURL returns the URL that a Git hook requests when branches have changed. The hook runs Git
// to request it, so the request looks like one of a clone, and gets 404.
func (s *Server) ObserveURL() string {
	name, _ := s.identity()
	return s.URL + "/" + name + gitSuffix
}

const gitSuffix = ".git"

// isPage reports whether a request is for a page and not for the API.
func isPage(r *http.Request) bool { return !strings.HasPrefix(r.URL.Path, "/api/") }

// servePage responds with an HTML page. It first sends the events for branches that have changed,
// because the request may come from the Git hook.
func (s *Server) servePage(w http.ResponseWriter, r *http.Request) {
	s.serving.Lock()
	defer s.serving.Unlock()
	s.observe()
	s.followBranches()
	name, _ := s.identity()
	below, ours := strings.CutPrefix(r.URL.Path, "/"+name)
	number, isNumber := strings.CutPrefix(below, "/pull/")
	wanted, _ := strconv.Atoi(number)
	found := s.pullRequest(wanted)
	switch {
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		http.Error(w, "a page accepts only GET and HEAD", http.StatusMethodNotAllowed)
	case strings.HasPrefix(below, gitSuffix+"/"):
		http.Error(w, "cloning is not supported here; clone the folder of the repository", http.StatusNotFound)
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

// pullRequestPath returns where the page of a branch or a commit redirects: to its pull request, or
// to the list of pull requests if it has none. Both paths are relative to the repository's. For any
// other page the result is empty.
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
	// Timeline has the comments and deployments, oldest first.
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

// commitsOf returns the commits of a pull request: the last one, those before forced pushes, and
// those that the base branch does not have.
func (s *Server) commitsOf(p *PullRequest) map[string]bool {
	found := map[string]bool{p.Commit: true}
	for _, earlier := range p.Earlier {
		found[earlier] = true
	}
	base, _ := s.resolveCommit(p.Base)
	known := s.history(base, nil)
	for commit := range s.history(p.Commit, known) {
		found[commit.String()] = true
	}
	return found
}

// history returns a commit and its ancestors, except the commits in known. It stops at mostCommits.
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

// stateLabel returns GitHub's label for the state of a deployment. A transient deployment that is
// inactive has the label Destroyed.
func stateLabel(d Deployment) string {
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
