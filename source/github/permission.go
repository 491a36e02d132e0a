package github

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// roles are GitHub's own roles in a repository.
var roles = []string{"none", "read", "triage", "write", "maintain", "admin"}

// Role is what a person may do in the repository: none, read, triage, write, maintain or admin
// (GitHub docs: Get repository permissions for a user). An organization's own role counts as the
// permission that it is based on. A person whom GitHub does not know has none.
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
		// GitHub answers 404 with this sentence, and with another one if it hides the repository.
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
