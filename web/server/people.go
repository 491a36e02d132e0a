package server

import (
	"sync"
	"time"
)

// mostPeople is how many people a Dashboard remembers at a time.
const mostPeople = 1000

// people remembers the last known roles of people, for the time when GitHub does not answer. It
// keeps no more than mostPeople.
type people struct {
	mu    sync.Mutex
	known map[string]knownPerson
}

// knownPerson is a person by login: the last known role, and since when the person is known.
type knownPerson struct {
	role  string
	since time.Time
}

func newPeople() *people { return &people{known: map[string]knownPerson{}} }

// role is the person's last known role; empty if it is not known.
func (p *people) role(login string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.known[login].role
}

// enter records the person's role now. It reports whether the person is new, or was new more than a
// session's life ago.
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
