package server

import (
	"sync"
	"time"
)

// mostPeople is the maximum number of people that a Dashboard remembers.
const mostPeople = 1000

// people stores the last known roles of at most mostPeople people. The roles are used while GitHub
// does not answer.
type people struct {
	mu    sync.Mutex
	known map[string]knownPerson
}

// knownPerson is a person's login, last known role, and the time since which the person is known.
type knownPerson struct {
	role  string
	since time.Time
}

func newPeople() *people { return &people{known: map[string]knownPerson{}} }

// role returns the person's last known role; empty if it is unknown.
func (p *people) role(login string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.known[login].role
}

// enter records the person's role. It returns true if the person is new, or has been known for
// longer than a session lasts.
func (p *people) enter(login, role string, now time.Time) (isNew bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	known, found := p.known[login]
	isNew = !found || now.Sub(known.since) >= sessionLife
	if !found && len(p.known) >= mostPeople {
		clear(p.known)
	}
	if isNew {
		known.since = now
	}
	known.role = role
	p.known[login] = known
	return isNew
}
