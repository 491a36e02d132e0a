package github

import (
	"net/http"
	"path"
	"slices"
	"strings"
)

// Fault is something that goes wrong with requests.
type Fault struct {
	// Route is which requests: a method and a path below the repository, as "POST
	// /deployments/*/statuses". A star is one part of the path, and an empty route is every
	// request.
	Route string
	// Times is how many requests it meets; 0 for all of them until it is withdrawn.
	Times int
	// Answer is given in place of the server's answer, and nothing is done.
	Answer http.Handler
	// Lost says that the request is carried out, and the connection ends before its answer.
	Lost bool
	// Hold delays the request until something is received from the channel, or the client has gone.
	Hold <-chan struct{}

	met int
}

// Inject lets something go wrong from now on, until it is withdrawn. The oldest fault that meets a
// request counts.
func (s *Server) Inject(fault Fault) (withdraw func()) {
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

// faulty is next with the fault that meets the request, if there is one.
func (s *Server) faulty(r *http.Request, next http.Handler) http.Handler {
	s.mu.Lock()
	defer s.mu.Unlock()
	route := r.Method + " " + s.below(r.URL.Path)
	for _, fault := range s.faults {
		if fault.meets(route) {
			fault.met++
			return fault.before(next)
		}
	}
	return next
}

// below is a path below the repository, or below the API if it does not belong to the repository.
func (s *Server) below(address string) string {
	rest := strings.TrimPrefix(address, prefix)
	if parts := strings.SplitN(rest, "/", 5); len(parts) > 3 && parts[1] == "repos" {
		return "/" + strings.Join(parts[4:], "")
	}
	return rest
}

func (f *Fault) meets(route string) bool {
	if f.Times > 0 && f.met >= f.Times {
		return false
	}
	matched, err := path.Match(f.Route, route)
	if err != nil {
		panic(err)
	}
	return matched || f.Route == ""
}

func (f *Fault) before(next http.Handler) http.Handler {
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
