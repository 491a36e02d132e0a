package run

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"perch/sandbox/aws"
)

// upKeys are the keys that `up -o json` always has.
var upKeys = keys(
	"leftovers",
	"warnings",
	"outcome",
	"branch",
	"slug",
	"stack",
	"commit",
	"url",
	"created",
	"seeded",
	"seeds",
	"superseded_by",
	"error",
	"run",
	"run.workflow_id",
	"run.run_id",
	"seconds",
	"seconds.total",
	"seconds.stack",
	"seconds.seed",
	"seconds.ready",
)

func keys(names ...string) map[string]bool {
	all := map[string]bool{}
	for _, name := range names {
		all[name] = true
	}
	return all
}

// equal compares some values of a document.
func equal(t *testing.T, d document, want document) {
	t.Helper()
	got := document{}
	for name := range want {
		got[name] = d[name]
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("document (-want +got):\n%s", diff)
	}
}

func TestUpGivesABranchItsEnvironment(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t)
	commit := b.repo.head(t, "feature/login")
	up := b.must(t, "up", "feature/login")
	if diff := cmp.Diff(upKeys, up.keys()); diff != "" {
		t.Errorf("keys of up (-want +got):\n%s", diff)
	}
	slug := up.text("slug")
	equal(t, up, document{
		"outcome": "ready", "branch": "feature/login", "stack": "shop-" + slug, "commit": commit,
		"url":     "http://" + slug + ".localhost:" + b.pagesPort,
		"created": true, "seeded": true, "superseded_by": "", "error": "",
	})
	if up.text("run", "workflow_id") != "shop-"+slug || up.text("run", "run_id") == "" {
		t.Errorf("run is %v", up["run"])
	}
	status, page := b.page(t, slug)
	if status != 200 {
		t.Errorf("the page answers %d", status)
	}
	contains(t, page, "feature/login", commit, "shop-"+slug, "users.csv", "catalogue.csv", "photos/nest-box.svg")
}

func TestS10AnUnchangedPushChangesNothing(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t)
	b.repo.commit(t, "same", map[string]string{"a.txt": "a"})
	b.must(t, "up", "same")
	equal(
		t, b.must(t, "up", "same"),
		document{"outcome": "ready", "created": false, "seeded": false, "url": "http://same.localhost:" + b.pagesPort},
	)
	if diff := cmp.Diff([]string{"CreateStack"}, b.changes("shop-same")); diff != "" {
		t.Errorf("calls that change (-want +got):\n%s", diff)
	}
}

func TestANewCommitUpdatesTheEnvironmentAndKeepsItsData(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t)
	b.repo.commit(t, "grows", map[string]string{"fixtures/media/first.csv": "1"})
	b.must(t, "up", "grows")
	commit := b.repo.commit(t, "grows", map[string]string{"fixtures/media/second.csv": "2"})
	equal(
		t, b.must(t, "up", "grows"), document{"outcome": "ready", "created": false, "seeded": false, "commit": commit},
	)
	_, page := b.page(t, "grows")
	contains(t, page, commit, "first.csv")
	if strings.Contains(page, "second.csv") {
		t.Error("the environment was seeded a second time")
	}
	if diff := cmp.Diff([]string{"CreateStack", "UpdateStack"}, b.changes("shop-grows")); diff != "" {
		t.Errorf("calls that change (-want +got):\n%s", diff)
	}
}

func TestS07PushesWhileTheStackIsCreatedEndInOneUpdate(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t)
	lift := b.order(t, aws.Fault{Stack: "shop-busy", Phase: "create", Type: "AWS::RDS::DBInstance", Hang: true})
	b.repo.commit(t, "busy", map[string]string{"a.txt": "1"})
	first := b.begin(t, "up", "busy")
	b.awaitStack(t, "shop-busy", "CREATE_IN_PROGRESS")
	b.repo.commit(t, "busy", map[string]string{"a.txt": "2"})
	second := b.begin(t, "up", "busy")
	b.awaitRequests(t, "shop-busy", 2)
	newest := b.repo.commit(t, "busy", map[string]string{"a.txt": "3"})
	third := b.begin(t, "up", "busy")
	b.awaitRequests(t, "shop-busy", 3)
	lift()
	for name, wait := range map[string]func() (int, document){"first": first, "second": second} {
		exit, up := wait()
		if exit != 0 {
			t.Errorf("the %s up ended with exit code %d", name, exit)
		}
		equal(t, up, document{"outcome": "superseded", "superseded_by": newest, "error": ""})
	}
	exit, up := third()
	if exit != 0 {
		t.Errorf("the third up ended with exit code %d", exit)
	}
	equal(t, up, document{"outcome": "ready", "commit": newest, "error": ""})
	if diff := cmp.Diff([]string{"CreateStack", "UpdateStack"}, b.changes("shop-busy")); diff != "" {
		t.Errorf("calls that change (-want +got):\n%s", diff)
	}
}

func TestS63TwoJobsThatAskForOneCommitBothReportIt(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t)
	lift := b.order(t, aws.Fault{Stack: "shop-twice", Phase: "create", Type: "AWS::RDS::DBInstance", Hang: true})
	commit := b.repo.commit(t, "twice", map[string]string{"a.txt": "1"})
	first := b.begin(t, "up", "twice")
	b.awaitStack(t, "shop-twice", "CREATE_IN_PROGRESS")
	second := b.begin(t, "up", "twice")
	b.awaitRequests(t, "shop-twice", 2)
	lift()
	for name, wait := range map[string]func() (int, document){"first": first, "second": second} {
		exit, up := wait()
		if exit != 0 {
			t.Errorf("the %s up ended with exit code %d", name, exit)
		}
		equal(t, up, document{"outcome": "ready", "commit": commit, "created": true})
	}
	if diff := cmp.Diff([]string{"CreateStack"}, b.changes("shop-twice")); diff != "" {
		t.Errorf("calls that change (-want +got):\n%s", diff)
	}
}

func TestS53ASkippedBranchStartsNothing(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t)
	up := b.must(t, "up", "docs-no-infra")
	if diff := cmp.Diff(upKeys, up.keys()); diff != "" {
		t.Errorf("keys of up (-want +got):\n%s", diff)
	}
	equal(t, up, document{"outcome": "skipped", "branch": "docs-no-infra", "url": "", "error": ""})
	if out := b.starter(t.Context(), "up", "docs-no-infra"); out.exit != 0 || out.stdout != "" {
		t.Errorf("exit code %d, stdout %q", out.exit, out.stdout)
	} else {
		contains(t, out.stderr, "Skipped: branch docs-no-infra matches the skip rule")
	}
	if _, err := b.connect(t).DescribeWorkflowExecution(t.Context(), "shop-docs-no-infra", ""); err == nil {
		t.Error("a workflow was started")
	}
}

func TestThePageAnswersOnlyWhileTheEnvironmentIsReady(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t)
	b.repo.commit(t, "slow", map[string]string{"a.txt": "1"})
	if status, _ := b.page(t, "slow"); status != 404 {
		t.Errorf("before it exists the page answers %d", status)
	}
	// The environment is only launched once there is a database, so it cannot become ready
	// meanwhile.
	lift := b.order(t, aws.Fault{Stack: "shop-slow", Phase: "create", Type: "AWS::RDS::DBInstance", Hang: true})
	up := b.begin(t, "up", "slow")
	eventually(t, "the page says what is waited for, and loads itself again", func() (any, bool) {
		status, body := b.page(t, "slow")
		return body, status == 503 && strings.Contains(body, "Creating: database") &&
			strings.Contains(body, `http-equiv="refresh"`)
	})
	lift()
	if exit, d := up(); exit != 0 {
		t.Fatalf("exit code %d: %v", exit, d)
	}
	if status, _ := b.page(t, "slow"); status != 200 {
		t.Errorf("when it is ready the page answers %d", status)
	}
	b.must(t, "down", "slow")
	if status, _ := b.page(t, "slow"); status != 404 {
		t.Errorf("when it is gone the page answers %d", status)
	}
}
