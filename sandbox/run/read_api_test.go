package run

import (
	"fmt"
	"net/http"
	"testing"

	"go.temporal.io/api/workflowservice/v1"

	"perch"
	"perch/readapi"
)

// readers is the client of the worker's read API.
func (b *bench) readers() *readapi.Client {
	return &readapi.Client{
		Address: "http://" + b.read.Address, Token: b.read.Token, Project: b.project, HTTP: http.DefaultClient,
	}
}

func TestReadersAreAnsweredWithoutAWorkflow(t *testing.T) {
	t.Parallel()
	p := sharedSandbox(t).newProjectWithReaders(
		t, "readers", map[string]string{"perch.yaml": "project: readers\nimage: registry.example.com/app:{commit}\n"},
		func(*perch.Policy) {}, newReadConfig(),
	)
	up := p.must(t, "up", "main")
	runs := func() int64 {
		t.Helper()
		counted, err := p.connect(t).CountWorkflow(t.Context(), &workflowservice.CountWorkflowExecutionsRequest{
			Query: fmt.Sprintf("TaskQueue = '%s'", perch.TaskQueue(p.project)),
		})
		if err != nil {
			t.Fatal(err)
		}
		return counted.GetCount()
	}
	// Temporal's index is complete once it has the run that has ended.
	eventually(t, "the run is counted", func() (any, bool) { n := runs(); return n, n >= 2 })
	before := runs()
	client := p.readers()
	for range 200 {
		all, err := client.Overview(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(all.Environments) != 1 || all.Environments[0].URL != up.text("url") || all.RunURL == "" {
			t.Fatalf("%+v", all)
		}
	}
	page, err := client.Page(t.Context(), "main")
	if err != nil || page.Phase != perch.PhaseReady || page.Run.RunID != up.text("run", "run_id") || len(page.Resources) == 0 {
		t.Errorf("%+v, %v", page, err)
	}
	if after := runs(); after != before {
		t.Errorf("%d runs before, %d after", before, after)
	}
}

func TestACleanupThatIsHeldIsShownUntilItIsCarriedOut(t *testing.T) {
	t.Parallel()
	p := sharedSandbox(t).newProjectWithReaders(
		t, "heldplan", map[string]string{"perch.yaml": "project: heldplan\nimage: registry.example.com/app:{commit}\n"},
		func(policy *perch.Policy) { policy.Cleanup.MaxRemovals = 1 }, newReadConfig(),
	)
	client := p.readers()
	held := func() *readapi.HeldCleanup {
		t.Helper()
		all, err := client.Overview(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return all.Held
	}
	for _, branch := range []string{"one", "two"} {
		p.repo.commit(t, branch, map[string]string{"a.txt": branch})
		p.must(t, "up", branch)
	}
	p.repo.remove(t, "one")
	p.repo.remove(t, "two")
	p.ask(t, "cleanup", "--dry-run")
	if got := held(); got != nil {
		t.Errorf("a dry run is held: %+v", got)
	}
	p.ask(t, "cleanup")
	var hash string
	eventually(t, "the plan is shown", func() (any, bool) {
		got := held()
		if got == nil || len(got.Removals) != 2 || got.Reason == "" {
			return got, false
		}
		hash = got.Hash
		return got, true
	})
	p.ask(t, "cleanup", "approve", hash)
	eventually(t, "the plan is no longer shown", func() (any, bool) { got := held(); return got, got == nil })
}
