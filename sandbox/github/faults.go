package github

import (
	"net/http"
	"path"
	"slices"
	"strings"
)

// Fault is an injected failure of requests.
type Fault struct {
	// Route selects the requests: a method and a path below the repository, such as "POST
	// /deployments/*/statuses". A star is one part of the path. An empty route selects every
	// request.
	Route string
	// Times is how many requests fail; 0 means all until the fault is withdrawn.
	Times int
	// Answer is the answer in place of the server's. The request has no effect.
	Answer http.Handler
	// Lost means that the request is carried out, and the connection ends before the answer.
	Lost bool
	// Hold delays the request until something is received from the channel, or the client
	// disconnects.
	Hold <-chan struct{}

	met int
}

// Inject adds a fault until withdraw is called. If several match a request, the oldest is used.
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

// faulty returns next with the fault that matches the request, if there is one.
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

// below returns a path relative to the repository, or to the API if it does not belong to the
// repository.
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
