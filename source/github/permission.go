package github

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// roles are GitHub's built-in roles in a repository.
var roles = []string{"none", "read", "triage", "write", "maintain", "admin"}

// Role returns the role of a person in the repository: none, read, triage, write, maintain or admin
// (GitHub docs: Get repository permissions for a user). For a custom role of an organization, it is
// the role on which that is based. A person whom GitHub does not know has the role none.
func (r *Repository) Role(ctx context.Context, login string) (string, error) {
	path := fmt.Sprintf("repos/%s/%s/collaborators/%s/permission", r.owner, r.name, url.PathEscape(login))
	request, err := r.client.NewRequest(http.MethodGet, path, nil)
	if err != nil {
		return "", fmt.Errorf("read the role of %s in %s: %w", login, r, err)
	}
	var level struct {
		Permission string `json:"permission"`
		RoleName   string `json:"role_name"`
	}
	if _, err = r.client.Do(ctx, request, &level); err != nil {
		// GitHub also answers 404 if it hides the repository, but with another sentence.
		if answer, message := answerOf(err); answer != nil && answer.StatusCode == http.StatusNotFound &&
			strings.Contains(message, "is not a user") {
			return "none", nil
		}
		return "", r.failure(err, "read the role of %s in %s", login, r)
	}
	for _, name := range []string{level.RoleName, level.Permission} {
		if slices.Contains(roles, name) {
			return name, nil
		}
	}
	return "", fmt.Errorf("read the role of %s in %s: GitHub's answer has no role that is known", login, r)
}
