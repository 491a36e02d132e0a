package aws

import (
	"fmt"
	"maps"
	"slices"
	"sync"

	"perch/sandbox/aws/access"
)

// grants has the statements that allowed what roles did, and what was denied to roles.
type grants struct {
	mu     sync.Mutex
	used   map[string][]access.Grant
	denied []*access.Denial
}

// add records the statements that allowed something.
func (g *grants) add(list []access.Grant) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.used == nil {
		g.used = map[string][]access.Grant{}
	}
	g.used[fmt.Sprint(list)] = slices.Clone(list)
}

func (g *grants) deny(denial *access.Denial) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.denied = append(g.denied, denial)
}

// Grants returns the sets of statements that have allowed something so far, with the actions, in a
// stable order. If a set has only one statement, something would have been denied without it.
func (s *Server) Grants() (sets [][]access.Grant) {
	s.grants.mu.Lock()
	defer s.grants.mu.Unlock()
	for _, key := range slices.Sorted(maps.Keys(s.grants.used)) {
		sets = append(sets, s.grants.used[key])
	}
	return sets
}

// Denials returns what has been denied to roles so far, oldest first.
func (s *Server) Denials() []*access.Denial {
	s.grants.mu.Lock()
	defer s.grants.mu.Unlock()
	return slices.Clone(s.grants.denied)
}
