package github

import (
	"math"
	"net/http"
	"strconv"
	"time"
)

// Secondary limits on requests that create content (GitHub docs: Rate limits for the REST API).
const (
	contentPerMinute = 80
	contentPerHour   = 500
)

// quota is how many REST requests and how many GraphQL queries the primary rate limits still allow.
type quota struct{ rest, graph int }

// SetRemaining sets how many REST requests are left until Reset.
func (s *Server) SetRemaining(requests int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.remaining.rest = requests
}

// Remaining returns how many REST requests are left until Reset.
func (s *Server) Remaining() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.remaining.rest
}

// SetPoints sets how many GraphQL queries are left until Reset; each costs one point.
func (s *Server) SetPoints(points int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.remaining.graph = points
}

// SetContentLimits sets how many requests may create content in a minute and in an hour.
func (s *Server) SetContentLimits(perMinute, perHour int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.perMinute, s.perHour = perMinute, perHour
}

// Reset returns when the primary rate limits reset, which is the time in X-RateLimit-Reset.
func (s *Server) Reset() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reset
}

// spendQuota counts one request against its primary rate limit, unless the response is 304 Not
// Modified. If the limit is exceeded, spendQuota responds with an error and returns false.
func (s *Server) spendQuota(w http.ResponseWriter, r *http.Request, unchanged bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := s.config.Now(); !now.Before(s.reset) {
		s.remaining, s.reset = quota{Limit, Limit}, now.Add(time.Hour).Truncate(time.Second)
	}
	isQuery := r.URL.Path == graphql
	left := &s.remaining.rest
	if isQuery {
		left = &s.remaining.graph
	}
	exceeded := *left == 0
	if !unchanged && !exceeded {
		*left--
	}
	w.Header().Set("X-RateLimit-Limit", strconv.Itoa(Limit))
	w.Header().Set("X-RateLimit-Remaining", strconv.Itoa(*left))
	w.Header().Set("X-RateLimit-Reset", strconv.FormatInt(s.reset.Unix(), 10))
	switch {
	case exceeded && isQuery:
		QueryError("RATE_LIMITED", "API rate limit exceeded for user ID 1.").ServeHTTP(w, r)
	case exceeded:
		Answer(http.StatusForbidden, "API rate limit exceeded for user ID 1.").ServeHTTP(w, r)
	}
	return !exceeded
}

// spendContent counts a request that creates content against the secondary rate limits. If a limit
// is exceeded, spendContent responds with an error and returns false.
func (s *Server) spendContent(w http.ResponseWriter, r *http.Request) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.config.Now()
	wait := max(s.waitFor(now, time.Minute, s.perMinute), s.waitFor(now, time.Hour, s.perHour))
	if wait > 0 {
		SecondaryLimit(wait).ServeHTTP(w, r)
		return false
	}
	s.content = append(s.content, now)
	return true
}

// waitFor returns how long a client must wait until the last period has fewer than limit writes.
// The result is 0 or less if the client need not wait.
func (s *Server) waitFor(now time.Time, period time.Duration, limit int) time.Duration {
	if len(s.content) < limit {
		return 0
	}
	return period - now.Sub(s.content[len(s.content)-limit])
}

// SecondaryLimit returns a handler that sends GitHub's response to too many requests that create
// content (PyGithub/PyGithub#2127).
func SecondaryLimit(wait time.Duration) http.Handler {
	seconds := strconv.Itoa(int(math.Ceil(wait.Seconds())))
	return failure(http.StatusForbidden, []string{"Retry-After", seconds}, map[string]any{
		"message": "You have exceeded a secondary rate limit and have been temporarily blocked from content " +
			"creation. Please retry your request again later.",
		"documentation_url": "https://docs.github.com/rest/overview/" +
			"rate-limits-for-the-rest-api#about-secondary-rate-limits",
	})
}

// recordWrite adds a request to Writes.
func (s *Server) recordWrite(r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writes = append(s.writes, callOf(r))
}
