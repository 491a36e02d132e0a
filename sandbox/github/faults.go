package github

import (
	"net/http"
	"path"
	"slices"
	"strings"
)

// Fault makes the requests that it selects fail.
type Fault struct {
	// Route selects the requests: a method and a path below the repository, such as "POST
	// /deployments/*/statuses". A star matches one segment of the path. An empty route selects
	// every request.
	Route string
	// Times is how many requests fail. 0 means all requests until the fault is removed.
	Times int
	// Answer responds instead of the server. The request has no effect.
	Answer http.Handler
	// Lost makes the server carry out the request and then close the connection without a response.
	Lost bool
	// Hold delays the request until the server receives a value from the channel, or the client
	// disconnects.
	Hold <-chan struct{}

	// matched is how many requests the fault has matched.
	matched int
}

// Inject adds a fault. The function that it returns removes the fault. If several faults match a
// request, the server uses the oldest.
func (s *Server) Inject(fault Fault) (remove func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	injected := &fault
	s.faults = append(s.faults, injected)
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.faults = slices.DeleteFunc(s.faults, func(f *Fault) bool { return f == injected })
	}
}

// withFault wraps next in the first fault that matches the request. If no fault matches, it returns
// next.
func (s *Server) withFault(r *http.Request, next http.Handler) http.Handler {
	s.mu.Lock()
	defer s.mu.Unlock()
	route := r.Method + " " + s.repositoryPath(r.URL.Path)
	for _, fault := range s.faults {
		if fault.matches(route) {
			fault.matched++
			return fault.wrap(next)
		}
	}
	return next
}

// repositoryPath returns a path relative to the repository's, or relative to the API's if the path
// is not below the repository's.
func (s *Server) repositoryPath(address string) string {
	rest := strings.TrimPrefix(address, prefix)
	if parts := strings.SplitN(rest, "/", 5); len(parts) > 3 && parts[1] == "repos" {
		return "/" + strings.Join(parts[4:], "")
	}
	return rest
}

func (f *Fault) matches(route string) bool {
	if f.Times > 0 && f.matched >= f.Times {
		return false
	}
	matched, err := path.Match(f.Route, route)
	if err != nil {
		panic(err)
	}
	return matched || f.Route == ""
}

func (f *Fault) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if f.Hold != nil {
			select {
			case <-f.Hold:
			case <-r.Context().Done():
				return
			}
		}
		switch {
		case f.Answer != nil:
			f.Answer.ServeHTTP(w, r)
		case f.Lost:
			next.ServeHTTP(&recorder{header: http.Header{}}, r)
			panic(http.ErrAbortHandler)
		default:
			next.ServeHTTP(w, r)
		}
	})
}
