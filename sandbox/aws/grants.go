package aws

import (
	"cmp"
	"maps"
	"slices"
	"sync"

	"perch/sandbox/aws/access"
)

// grants are the statements that allowed what roles did.
type grants struct {
	mu   sync.Mutex
	used map[access.Grant]bool
}

func (g *grants) add(list []access.Grant) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.used == nil {
		g.used = map[access.Grant]bool{}
	}
	for _, grant := range list {
		g.used[grant] = true
	}
}

// Grants are the statements that have allowed something so far, with the actions, in a stable
// order.
func (s *Server) Grants() []access.Grant {
	s.grants.mu.Lock()
	defer s.grants.mu.Unlock()
	return slices.SortedFunc(maps.Keys(s.grants.used), func(a, b access.Grant) int {
		return cmp.Or(cmp.Compare(a.Policy, b.Policy), cmp.Compare(a.Sid, b.Sid), cmp.Compare(a.Action, b.Action))
	})
}
