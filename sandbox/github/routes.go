package github

import (
	"fmt"
	"net/http"
	"strings"
)

// route is a kind of request. Its path is below the repository's, with names in braces.
type route struct {
	method, path string
	answer       http.HandlerFunc
}

func (s *Server) repositoryRoutes() []route {
	return []route{
		{"GET", "", s.allowed(s.describe, "metadata=read")},
		{"GET", "/branches", s.allowed(s.branches, "contents=read")},
		{"GET", "/compare/{x}", s.allowed(s.compare, "contents=read")},
		{"GET", "/git/commits/{x}", s.allowed(s.commit, "contents=read")},
		{"GET", "/git/trees/{x}", s.allowed(s.tree, "contents=read")},
		{"GET", "/git/blobs/{x}", s.allowed(s.blob, "contents=read")},
		{"GET", "/pulls", s.allowed(s.listPullRequests, "pull_requests=read")},
		{"GET", "/pulls/{number}", s.allowed(s.getPullRequest, "pull_requests=read")},
		{"GET", "/issues/{number}/labels", s.allowed(s.listLabels, "issues=read", "pull_requests=read")},
		{"GET", "/issues/{number}/comments", s.allowed(s.listComments, "issues=read", "pull_requests=read")},
		{"POST", "/issues/{number}/comments", s.allowed(s.createComment, "issues=write", "pull_requests=write")},
		{"GET", "/issues/comments/{id}", s.allowed(s.getComment, "issues=read", "pull_requests=read")},
		{"PATCH", "/issues/comments/{id}", s.allowed(s.editComment, "issues=write", "pull_requests=write")},
		{"DELETE", "/issues/comments/{id}", s.allowed(s.deleteComment, "issues=write", "pull_requests=write")},
		{"GET", "/collaborators/{login}/permission", s.allowed(s.getRole, "metadata=read")},
		{"GET", "/deployments", s.allowed(s.listDeployments, "deployments=read")},
		{"POST", "/deployments", s.allowed(s.createDeployment, "deployments=write")},
		{"GET", "/deployments/{id}", s.allowed(s.getDeployment, "deployments=read")},
		{"GET", "/deployments/{id}/statuses", s.allowed(s.listDeploymentStatuses, "deployments=read")},
		{"POST", "/deployments/{id}/statuses", s.allowed(s.createDeploymentStatus, "deployments=write")},
		{"GET", "/commits/{sha}/statuses", s.allowed(s.listStatuses, "statuses=read")},
		{"POST", "/statuses/{sha}", s.allowed(s.createStatus, "statuses=write")},
	}
}

func (s *Server) mux() http.Handler {
	mux := http.NewServeMux()
	routes := s.repositoryRoutes()
	repository := s.named(func(w http.ResponseWriter, r *http.Request) {
		for _, route := range routes {
			if route.meets(r) {
				route.answer(w, r)
				return
			}
		}
		Answer(http.StatusNotFound, "Not Found").ServeHTTP(w, r)
	})
	mux.HandleFunc(prefix+"/repos/{owner}/{name}", repository)
	mux.HandleFunc(prefix+"/repos/{owner}/{name}/{below...}", repository)
	mux.HandleFunc("GET "+prefix+"/user", s.user)
	mux.HandleFunc("GET "+prefix+"/app", s.about)
	mux.HandleFunc("GET "+prefix+"/app/installations/{installation}", s.installation)
	mux.HandleFunc("POST "+prefix+"/app/installations/{installation}/access_tokens", s.newToken)
	mux.HandleFunc("POST "+graphql, s.graph)
	mux.Handle("/", Answer(http.StatusNotFound, "Not Found"))
	return mux
}

// meets reports whether the request is of this kind. If so, it sets the values of the names in the
// path.
func (route route) meets(r *http.Request) bool {
	names, parts := strings.Split(route.path, "/"), strings.Split("/"+r.PathValue("below"), "/")
	if route.path == "" {
		return r.Method == route.method && r.PathValue("below") == ""
	}
	if r.Method != route.method || len(names) != len(parts) {
		return false
	}
	for i, name := range names {
		variable := strings.HasPrefix(name, "{")
		if !variable && name != parts[i] {
			return false
		}
		if variable {
			r.SetPathValue(strings.Trim(name, "{}"), parts[i])
		}
	}
	return true
}

// named answers requests that have the repository's name in the path. A former name redirects to
// the number, as on GitHub, until another repository takes the name (GitHub docs: Renaming a
// repository).
func (s *Server) named(answer http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		asked := r.PathValue("owner") + "/" + r.PathValue("name")
		name, id := s.identity()
		switch {
		case strings.EqualFold(asked, name):
			answer(w, r)
		case strings.EqualFold(asked, s.former):
			rest := strings.TrimPrefix(r.URL.Path, prefix+"/repos/"+asked)
			there := fmt.Sprintf("http://%s%s/repositories/%d%s", r.Host, prefix, id, rest)
			Answer(http.StatusMovedPermanently, "Moved Permanently", "Location", there).ServeHTTP(w, r)
		default:
			Answer(http.StatusNotFound, "Not Found").ServeHTTP(w, r)
		}
	}
}
