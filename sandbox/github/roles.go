package github

import (
	"fmt"
	"net/http"
)

// userRole is the role of a person: its name, and the permission on which it is based.
type userRole struct{ name, permission string }

// SetRole sets a person's role in the repository. name is the name of the role, such as `maintain`,
// or of an organization's custom role. permission is the permission on which the role is based:
// admin, write, read or none. A login without a role does not exist as a user.
func (s *Server) SetRole(login, name, permission string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.people == nil {
		s.people = map[string]userRole{}
	}
	s.people[login] = userRole{name, permission}
}

// getRole responds with a person's role and permission (GitHub docs: Get repository permissions for
// a user).
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
