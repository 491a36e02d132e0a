package aws

import (
	"cmp"
	"maps"
	"slices"
	"sync"

	"perch/sandbox/aws/access"
)

// grants are the statements that allowed what roles did, and what was denied to them.
type grants struct {
	mu     sync.Mutex
	used   map[access.Grant]bool
	denied []*access.Denial
}

// add remembers the one statement that allowed something. Where two did, neither is needed.
func (g *grants) add(list []access.Grant) {
	if len(list) != 1 {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.used == nil {
		g.used = map[access.Grant]bool{}
	}
	g.used[list[0]] = true
}

func (g *grants) deny(denial *access.Denial) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.denied = append(g.denied, denial)
}

// Grants are the statements without which something would have been denied so far, with the
// actions, in a stable order.
func (s *Server) Grants() []access.Grant {
	s.grants.mu.Lock()
	defer s.grants.mu.Unlock()
	return slices.SortedFunc(maps.Keys(s.grants.used), func(a, b access.Grant) int {
		return cmp.Or(cmp.Compare(a.Policy, b.Policy), cmp.Compare(a.Sid, b.Sid), cmp.Compare(a.Action, b.Action))
	})
}

// Denials are what has been denied to roles so far, oldest first.
func (s *Server) Denials() []*access.Denial {
	s.grants.mu.Lock()
	defer s.grants.mu.Unlock()
	return slices.Clone(s.grants.denied)
}
