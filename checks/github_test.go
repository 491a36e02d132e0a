package checks

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestTheManifestOfTheGitHubAppHasWhatPerchNeedsAndNoMore reads the manifest in docs/github.md.
// More permissions than these would let a worker change the repository.
func TestTheManifestOfTheGitHubAppHasWhatPerchNeedsAndNoMore(t *testing.T) {
	blocks := fenced(page(t, "docs/github.md"), "json")
	at := slices.IndexFunc(blocks, func(block string) bool { return strings.Contains(block, "default_permissions") })
	if at < 0 {
		t.Fatal("docs/github.md has no manifest")
	}
	var manifest struct {
		Public      bool              `json:"public"`
		Permissions map[string]string `json:"default_permissions"`
		Events      []string          `json:"default_events"`
	}
	if err := json.Unmarshal([]byte(blocks[at]), &manifest); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"contents": "read", "metadata": "read", "pull_requests": "write", "deployments": "write", "statuses": "write",
	}
	if diff := cmp.Diff(want, manifest.Permissions); diff != "" || manifest.Public {
		t.Errorf("permissions (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(
		[]string{"push", "create", "delete", "pull_request", "repository"}, manifest.Events,
	); diff != "" {
		t.Errorf("events that perch-web reads (-want +got):\n%s", diff)
	}
}
