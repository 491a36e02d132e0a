package run

import (
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"

	"go.temporal.io/api/workflowservice/v1"

	"perch"
	"perch/readapi"
)

// readers returns a client of the worker's read API.
func (b *bench) readers() *readapi.Client {
	return &readapi.Client{
		Address: "http://" + b.read.Address, Token: b.read.Token, Project: b.project, HTTP: http.DefaultClient,
	}
}

// shownBranch is a branch that no other test uses, because the sandbox's projects share a domain.
const shownBranch = "readers-shown"

func TestReadersAreAnsweredWithoutAWorkflow(t *testing.T) {
	t.Parallel()
	p := sharedSandbox(t).newProjectWithReaders(
		t, "readers", map[string]string{"perch.yaml": "project: readers\nimage: registry.example.com/app:{commit}\n"},
		func(p *perch.Policy) { p.Protected = []string{shownBranch} }, newReadConfig(),
	)
	p.repo.commit(t, shownBranch, map[string]string{"a.txt": "1"})
	up := p.must(t, "up", shownBranch)
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
	// Once Temporal's index has the run that has ended, it is complete.
	eventually(t, "the run is counted", func() (any, bool) { n := runs(); return n, n >= 2 })
	before := runs()
	client := p.readers()
	for i := range 200 {
		if i%10 == 0 {
			if page, err := client.Page(t.Context(), shownBranch); err != nil || page.URL != up.text("url") {
				t.Fatalf("%+v, %v", page, err)
			}
		}
		all, err := client.Overview(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(all.Environments) != 1 || all.Environments[0].URL != up.text("url") || all.RunsURL == "" {
			t.Fatalf("%+v", all)
		}
	}
	page, err := client.Page(t.Context(), shownBranch)
	if err != nil || page.Phase != perch.PhaseReady || page.Run.RunID != up.text("run", "run_id") ||
		len(page.Resources) == 0 {
		t.Errorf("%+v, %v", page, err)
	}
	expectReadsByAPI(t, p, up)
	if after := runs(); after != before {
		t.Errorf("%d runs before, %d after", before, after)
	}
	expectRejectionOnPage(t, p)
}

// expectRejectionOnPage requests a removal that is rejected, and finds it in the timeline.
func expectRejectionOnPage(t *testing.T, p *bench) {
	t.Helper()
	if exit, down := p.ask(t, "down", shownBranch); exit != 4 {
		t.Fatalf("the removal of a protected branch: exit code %d, %v", exit, down)
	}
	eventually(t, "the page has the rejection", func() (any, bool) {
		page, err := p.readers().Page(t.Context(), shownBranch)
		if err != nil || len(page.Timeline) != 2 {
			return fmt.Sprint(page.Timeline, err), false
		}
		newest := page.Timeline[0]
		return newest, newest.Request == string(perch.GoalGone) && newest.Outcome == string(perch.OutcomeRejected) &&
			strings.Contains(newest.Sentence, "protected by the pattern")
	})
}

// expectReadsByAPI lets the starter read from the read API, which answers as runs do.
func expectReadsByAPI(t *testing.T, p *bench, up document) {
	t.Helper()
	if listed := p.must(t, "ls"); len(listed["environments"].([]any)) != 1 || listed["problem"] != nil {
		t.Errorf("ls: %v", listed)
	}
	equal(t, p.must(t, "status", shownBranch), document{"phase": "ready", "run": up["run"], "url": up["url"]})
	contains(t, p.starter(t.Context(), "status", shownBranch).stdout, "/workflows/readers-readers-shown/"+
		up.text("run", "run_id"))
	if lives := p.must(t, "history"); len(lives["lives"].([]any)) != 0 {
		t.Errorf("history: %v", lives)
	}
	logs := p.starter(t.Context(), "logs", shownBranch, "--since", "24h", "-n", "5")
	contains(t, logs.stdout, "stdouterr.log: app-1  | listening on")
	if logs.exit != 0 || strings.Count(logs.stdout, "\n") != 5 {
		t.Errorf("logs: exit code %d, %q, %q", logs.exit, logs.stdout, logs.stderr)
	}
	for name, c := range map[string]struct {
		env  map[string]string
		args []string
		exit int
		want string
	}{
		"wrong token": {
			map[string]string{"PERCH_READ_TOKEN": "another-token-of-readers"}, []string{"ls"}, 2,
			"the token is not the one",
		},
		"no token": {
			map[string]string{"PERCH_READ_TOKEN": ""}, []string{"ls"}, 2,
			"PERCH_READ_API is set and PERCH_READ_TOKEN is not",
		},
		"no address": {
			map[string]string{"PERCH_READ_API": "localhost"}, []string{"status", shownBranch}, 2,
			"give the address of its --read",
		},
		"unreachable": {
			map[string]string{"PERCH_READ_API": "http://127.0.0.1:1"}, []string{"ls"}, 3,
			"start a worker with --read there",
		},
		"no read API": {
			map[string]string{"PERCH_READ_API": p.uiURL}, []string{"logs", shownBranch}, 3,
			"read the answer of the worker",
		},
		"logs by runs": {
			map[string]string{"PERCH_READ_API": ""}, []string{"logs", shownBranch}, 2, "set PERCH_READ_API",
		},
		"no such logs": {nil, []string{"logs", "nowhere"}, 1, "branch nowhere has no environment"},
		"other project": {
			map[string]string{"PERCH_PROJECT": "blog"}, []string{"ls"}, 2,
			"this worker is of project readers, and not of blog",
		},
	} {
		other := *p
		other.env = maps.Clone(p.env)
		maps.Copy(other.env, c.env)
		out := other.starter(t.Context(), c.args...)
		if out.exit != c.exit || !strings.Contains(out.stderr, c.want) {
			t.Errorf("%s: exit code %d, %q", name, out.exit, out.stderr)
		}
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
	for _, branch := range []string{"held/one", "held/two"} {
		p.repo.commit(t, branch, map[string]string{"a.txt": branch})
		p.must(t, "up", branch)
	}
	p.repo.remove(t, "held/one")
	p.repo.remove(t, "held/two")
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
	for range 11 {
		p.ask(t, "cleanup", "--dry-run")
	}
	if got := held(); got == nil || got.Hash != hash {
		t.Errorf("after dry runs the plan is %+v", got)
	}
	p.ask(t, "cleanup", "approve", hash)
	eventually(t, "the plan is no longer shown", func() (any, bool) { got := held(); return got, got == nil })
}
