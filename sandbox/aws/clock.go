package aws

import (
	"encoding/json"
	"net/http"
	"sync/atomic"
	"time"
)

// clockPath is the path at which the clock is read and put forward.
const clockPath = "/_perch/clock"

// longestForward is the most by which one call can put the clock forward: ten years.
const longestForward = 10 * 365 * 24 * time.Hour

// clock is the endpoint's time: the machine's, plus the time by which it was put forward.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }

// ClockReading is the endpoint's answer about its clock.
type ClockReading struct {
	Now time.Time `json:"now"`
	// Ahead is how far it is ahead of the machine's clock.
	Ahead string `json:"ahead"`
}

// Now returns the endpoint's time, which stacks and resources use. It is the machine's time until
// it is put forward.
func (s *Server) Now() time.Time { return s.clock.now() }

// Forward puts the endpoint's clock forward.
func (s *Server) Forward(by time.Duration) { s.clock.ahead.Add(int64(by)) }

// serveClock answers /_perch/clock. GET reads the clock. POST puts it forward by the query's `by`,
// such as 168h.
func (s *Server) serveClock(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost {
		by, err := time.ParseDuration(r.URL.Query().Get("by"))
		if err != nil || by <= 0 || by > longestForward {
			http.Error(w, "the clock goes forward only, by ten years at most, such as 168h", http.StatusBadRequest)
			return
		}
		s.Forward(by)
	}
	w.Header().Set("Content-Type", "application/json")
	reading := ClockReading{Now: s.Now().UTC(), Ahead: time.Duration(s.clock.ahead.Load()).String()}
	_ = json.NewEncoder(w).Encode(reading) // If the client has disconnected, there is nothing to do.
}
