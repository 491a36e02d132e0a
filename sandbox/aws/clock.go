package aws

import (
	"encoding/json"
	"net/http"
	"sync/atomic"
	"time"
)

// clockPath is where the clock is read and put forward.
const clockPath = "/_perch/clock"

// longestForward is the most that the clock is put forward at once: ten years.
const longestForward = 10 * 365 * 24 * time.Hour

// clock is the time of the endpoint: the machine's, and what it was put forward.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }

// ClockReading is what the endpoint answers about its clock.
type ClockReading struct {
	Now time.Time `json:"now"`
	// Ahead is how far it is ahead of the machine's clock.
	Ahead string `json:"ahead"`
}

// Now is the endpoint's time: that of its stacks and resources. It is the machine's until it is put
// forward.
func (s *Server) Now() time.Time { return s.clock.now() }

// Forward puts the endpoint's clock forward.
func (s *Server) Forward(by time.Duration) { s.clock.ahead.Add(int64(by)) }

// serveClock answers /_perch/clock: GET reads the clock, POST puts it forward by the query's `by`,
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
	_ = json.NewEncoder(w).Encode(reading) // The client has gone.
}
