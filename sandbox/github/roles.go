package github

import (
	"fmt"
	"net/http"
)

// userRole is the permission of a person: the name of the role, and the permission that it is based
// on.
type userRole struct{ name, permission string }

// SetRole sets a person's permission in the repository. name is the role's name, such as `maintain`
// or that of an organization's custom role, and permission what the role is based on: admin, write,
// read or none. A person without a role is not a user.
func (s *Server) SetRole(login, name, permission string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.people == nil {
		s.people = map[string]userRole{}
	}
	s.people[login] = userRole{name, permission}
}

// getRole returns a person's permission (GitHub docs: Get repository permissions for a user).
func (s *Server) getRole(w http.ResponseWriter, r *http.Request) {
	login := r.PathValue("login")
	s.mu.Lock()
	role, known := s.people[login]
	s.mu.Unlock()
	if !known {
		Answer(http.StatusNotFound, fmt.Sprintf("%s is not a user", login)).ServeHTTP(w, r)
		return
	}
	reply(w, http.StatusOK, map[string]any{
		"permission": role.permission, "role_name": role.name, "user": map[string]any{"login": login},
	})
}
