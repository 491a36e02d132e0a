package run

import (
	"net/http"
	"testing"

	"perch"
	"perch/sandbox/aws"
)

// TestHistoryTellsOfEnvironmentsThatAreGone removes an environment twice. The second time, its
// record cannot be written, and the removal still succeeds.
func TestHistoryTellsOfEnvironmentsThatAreGone(t *testing.T) {
	t.Parallel()
	const name, branch = "chronicle", "feature/chronicle"
	b := sharedSandbox(t).newProject(t, name, map[string]string{"perch.yaml": bare(name)}, func(*perch.Policy) {})
	equal(t, b.must(t, "history"), document{"lives": []any{}, "warnings": []any{}})
	commit := b.repo.commit(t, branch, map[string]string{"CHANGES.md": "one"})
	b.must(t, "up", branch)
	status := b.must(t, "status", branch)
	if message, _ := status["commit_message"].(map[string]any); message["subject"] == nil || message["author"] == nil {
		t.Errorf("status has the message %v", status["commit_message"])
	}
	b.must(t, "down", branch)

	lives, _ := b.must(t, "history", branch)["lives"].([]any)
	if len(lives) != 1 {
		t.Fatalf("lives %v", lives)
	}
	life := document(lives[0].(map[string]any))
	equal(
		t, life, document{"branch": branch, "commit": commit, "reason": "perch down", "leftovers": []any{}, "log": nil},
	)
	var requests []any
	for _, entry := range life["timeline"].([]any) {
		entry := entry.(map[string]any)
		requests = append(requests, entry["request"], entry["outcome"])
	}
	equal(t, document{"timeline": requests}, document{"timeline": []any{"gone", "gone", "up", "ready"}})

	b.must(t, "up", branch)
	b.order(t, aws.Fault{
		Service: "s3", Action: "PutObject", Contains: "history/feature-chronicle", Status: http.StatusForbidden,
		Code: "AccessDenied",
	})
	equal(t, b.must(t, "down", branch), document{"outcome": "gone"})
	if lives, _ := b.must(t, "history")["lives"].([]any); len(lives) != 1 {
		t.Errorf("lives %v", lives)
	}
	out := b.starter(t.Context(), "history")
	contains(t, out.stdout, "BRANCH", "feature/chronicle", "perch down")
	if out := b.starter(t.Context(), "history", "a..b"); out.exit != 2 {
		t.Errorf("an impossible branch: exit code %d: %s", out.exit, out.stderr)
	}
}
