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

// quota is how much is left of the two primary limits, which are counted separately.
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

// Reset returns when the primary limits are reset, as the server announces it.
func (s *Server) Reset() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reset
}

// spend counts one request against the quota, unless its answer is "not changed". If it returns
// false, it has written the answer.
func (s *Server) spend(w http.ResponseWriter, r *http.Request, unchanged bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := s.config.Now(); !now.Before(s.reset) {
		s.remaining, s.reset = quota{Limit, Limit}, now.Add(time.Hour).Truncate(time.Second)
	}
	asks := r.URL.Path == graphql
	left := &s.remaining.rest
	if asks {
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
	case exceeded && asks:
		QueryError("RATE_LIMITED", "API rate limit exceeded for user ID 1.").ServeHTTP(w, r)
	case exceeded:
		Answer(http.StatusForbidden, "API rate limit exceeded for user ID 1.").ServeHTTP(w, r)
	}
	return !exceeded
}

// create counts a request that creates content. If it returns false, it has answered with the
// secondary limit.
func (s *Server) create(w http.ResponseWriter, r *http.Request) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.config.Now()
	wait := max(s.excess(now, time.Minute, s.perMinute), s.excess(now, time.Hour, s.perHour))
	if wait > 0 {
		SecondaryLimit(wait).ServeHTTP(w, r)
		return false
	}
	s.content = append(s.content, now)
	return true
}

// excess returns how long a client must wait until fewer than limit writes are in the last period.
func (s *Server) excess(now time.Time, period time.Duration, limit int) time.Duration {
	if len(s.content) < limit {
		return 0
	}
	return period - now.Sub(s.content[len(s.content)-limit])
}

// SecondaryLimit returns GitHub's answer to too many requests that create content
// (PyGithub/PyGithub#2127).
func SecondaryLimit(wait time.Duration) http.Handler {
	seconds := strconv.Itoa(int(math.Ceil(wait.Seconds())))
	return failure(http.StatusForbidden, []string{"Retry-After", seconds}, map[string]any{
		"message": "You have exceeded a secondary rate limit and have been temporarily blocked from content " +
			"creation. Please retry your request again later.",
		"documentation_url": "https://docs.github.com/rest/overview/" +
			"rate-limits-for-the-rest-api#about-secondary-rate-limits",
	})
}

// count records a write.
func (s *Server) count(r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writes = append(s.writes, callOf(r))
}
