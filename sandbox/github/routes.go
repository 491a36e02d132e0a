package github

import (
	"fmt"
	"net/http"
	"strings"
)

// route is the method, the path and the handler of an endpoint. The path is below the repository's,
// and has variables in braces.
type route struct {
	method, path string
	answer       http.HandlerFunc
}

func (s *Server) repositoryRoutes() []route {
	return []route{
		{"GET", "", s.permit(s.getRepository, "metadata=read")},
		{"GET", "/branches", s.permit(s.listBranches, "contents=read")},
		{"GET", "/compare/{x}", s.permit(s.compareCommits, "contents=read")},
		{"GET", "/git/commits/{x}", s.permit(s.getCommit, "contents=read")},
		{"GET", "/git/trees/{x}", s.permit(s.getTree, "contents=read")},
		{"GET", "/git/blobs/{x}", s.permit(s.getBlob, "contents=read")},
		{"GET", "/pulls", s.permit(s.listPullRequests, "pull_requests=read")},
		{"GET", "/pulls/{number}", s.permit(s.getPullRequest, "pull_requests=read")},
		{"GET", "/issues/{number}/labels", s.permit(s.listLabels, "issues=read", "pull_requests=read")},
		{"GET", "/issues/{number}/comments", s.permit(s.listComments, "issues=read", "pull_requests=read")},
		{"POST", "/issues/{number}/comments", s.permit(s.createComment, "issues=write", "pull_requests=write")},
		{"GET", "/issues/comments/{id}", s.permit(s.getComment, "issues=read", "pull_requests=read")},
		{"PATCH", "/issues/comments/{id}", s.permit(s.editComment, "issues=write", "pull_requests=write")},
		{"DELETE", "/issues/comments/{id}", s.permit(s.deleteComment, "issues=write", "pull_requests=write")},
		{"GET", "/collaborators/{login}/permission", s.permit(s.getRole, "metadata=read")},
		{"GET", "/deployments", s.permit(s.listDeployments, "deployments=read")},
		{"POST", "/deployments", s.permit(s.createDeployment, "deployments=write")},
		{"GET", "/deployments/{id}", s.permit(s.getDeployment, "deployments=read")},
		{"GET", "/deployments/{id}/statuses", s.permit(s.listDeploymentStatuses, "deployments=read")},
		{"POST", "/deployments/{id}/statuses", s.permit(s.createDeploymentStatus, "deployments=write")},
		{"GET", "/commits/{sha}/statuses", s.permit(s.listStatuses, "statuses=read")},
		{"POST", "/statuses/{sha}", s.permit(s.createStatus, "statuses=write")},
	}
}

func (s *Server) mux() http.Handler {
	mux := http.NewServeMux()
	routes := s.repositoryRoutes()
	repository := s.requireName(func(w http.ResponseWriter, r *http.Request) {
		for _, route := range routes {
			if route.matches(r) {
				route.answer(w, r)
				return
			}
		}
		Answer(http.StatusNotFound, "Not Found").ServeHTTP(w, r)
	})
	mux.HandleFunc(prefix+"/repos/{owner}/{name}", repository)
	mux.HandleFunc(prefix+"/repos/{owner}/{name}/{below...}", repository)
	mux.HandleFunc("GET "+prefix+"/user", s.getUser)
	mux.HandleFunc("GET "+prefix+"/app", s.getApp)
	mux.HandleFunc("GET "+prefix+"/app/installations/{installation}", s.getInstallation)
	mux.HandleFunc("POST "+prefix+"/app/installations/{installation}/access_tokens", s.createToken)
	mux.HandleFunc("POST "+graphql, s.serveGraphQL)
	mux.Handle("/", Answer(http.StatusNotFound, "Not Found"))
	return mux
}

// matches reports whether the request is for this endpoint. If so, it sets the request's path
// values.
func (route route) matches(r *http.Request) bool {
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

// requireName returns a handler that calls next if the path has the repository's name. As on
// GitHub, a former name redirects to a URL with the repository's id until another repository takes
// the name (GitHub docs: Renaming a repository). Any other name gets 404.
func (s *Server) requireName(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		asked := r.PathValue("owner") + "/" + r.PathValue("name")
		name, id := s.identity()
		switch {
		case strings.EqualFold(asked, name):
			next(w, r)
		case strings.EqualFold(asked, s.former):
			rest := strings.TrimPrefix(r.URL.Path, prefix+"/repos/"+asked)
			there := fmt.Sprintf("http://%s%s/repositories/%d%s", r.Host, prefix, id, rest)
			Answer(http.StatusMovedPermanently, "Moved Permanently", "Location", there).ServeHTTP(w, r)
		default:
			Answer(http.StatusNotFound, "Not Found").ServeHTTP(w, r)
		}
	}
}
