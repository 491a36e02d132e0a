package github

import (
	"net/http"
	"testing"

	hub "perch/sandbox/github"
)

func TestRolesAreThoseOfGitHub(t *testing.T) {
	server := withBranches(t, names(1))
	repository := open(t, server)
	server.SetRole("ana", "maintain", "write")
	server.SetRole("bob", "release manager", "write")
	for login, want := range map[string]string{"ana": "maintain", "bob": "write", "nobody": "none"} {
		if got, err := repository.Role(t.Context(), login); got != want || err != nil {
			t.Errorf("%s: %q, %v; want %q", login, got, err, want)
		}
	}
	server.Accept(hub.Token, false)
	if got, err := repository.Role(t.Context(), "ana"); err == nil || got != "" {
		t.Errorf("without access: %q, %v", got, err)
	}
	server.Accept(hub.Token, true)
	server.Intercept(func(http.Handler) http.Handler { return hub.Answer(http.StatusNotFound, "Not Found") })
	if got, err := repository.Role(t.Context(), "ana"); err == nil || got != "" {
		t.Errorf("of a hidden repository: %q, %v", got, err)
	}
}
