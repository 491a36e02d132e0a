package run

import (
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"perch/activities/contract"
	"perch/sandbox/aws"
)

// boundary is a place in a run where the worker is killed.
type boundary struct {
	// branch is the branch whose run is held there, seed an extra step in its perch.yaml, and image
	// its image if it is not the demo's.
	branch, seed, image string
	// drops is text that the branch removes from its perch.yaml.
	drops string
	// activity is the activity that has started and not ended. at distinguishes several boundaries
	// of one activity.
	activity, at string
	// hold holds a call, so that the run stops there; nil if fault does that.
	hold func(stack string) *hold
	// pages means that the call is one to the environment's page and not to AWS.
	pages bool
	// fault is an injected fault that holds the run instead, or brings it to where it is held.
	fault *aws.Fault
	// deletions is how often a removal deletes the stack; 0 means once.
	deletions int
	// rollbacks is the number of rollbacks of an update that failed before the run, until one
	// succeeds. Perch did not request that update. CloudFormation makes the first rollback or, with
	// left, the run makes all of them.
	rollbacks int
	left      bool
	// cleanup means that the branch is deleted and cleanup requests the removal.
	cleanup bool
	// beside is an activity that may run at the same time and is then also lost.
	beside string
	// closed means that an older version of Perch has closed the stack's buckets before.
	closed bool
}

// provisionBoundaries has every activity of a creation that needs no PostgreSQL. Admit's first call
// does not name a branch, so it comes last.
var provisionBoundaries = []boundary{
	{branch: "render", activity: "Admit", at: " before it stores what it admitted", hold: func(stack string) *hold {
		return &hold{matches: addressing(http.MethodPut, "/admissions/"+stack+".json")}
	}},
	{branch: "look", activity: "Admit", at: " when it has stored that", hold: func(stack string) *hold {
		return &hold{after: true, matches: addressing(http.MethodPut, "/admissions/"+stack+".json")}
	}},
	{branch: "image", activity: "AwaitImage", image: "registry.example.com/unbuilt:1", fault: &aws.Fault{
		Service: "registry", Contains: "registry.example.com/unbuilt", Status: http.StatusNotFound,
		Code: "MANIFEST_UNKNOWN",
	}},
	{branch: "create-asked", activity: "CreateStack", at: " before its effect", hold: byName("CreateStack", false)},
	{branch: "create-done", activity: "CreateStack", at: " after its effect", hold: byName("CreateStack", true)},
	{branch: "await", activity: "AwaitStack", fault: &aws.Fault{Phase: "create", LogicalID: "Database", Hang: true}},
	{
		branch: "seed", activity: "SeedData",
		hold: func(stack string) *hold { return &hold{matches: addressing(http.MethodPut, stack), pass: 1} },
	},
	{
		branch: "ready", activity: "AwaitReady", pages: true,
		hold: func(stack string) *hold { return &hold{matches: addressing(http.MethodGet, "ready.localhost")} },
	},
	{
		branch: "request", activity: "SeedData", at: " when the app has taken the request", pages: true,
		hold: func(string) *hold {
			return &hold{after: true, matches: addressing(http.MethodPost, "request.localhost")}
		},
	},
	{branch: "command", activity: "SeedData", at: " when the command has been sent", seed: "  - run: {command: " +
		"[echo, seeded by a command]}\n", hold: func(string) *hold {
		return &hold{
			after:   true,
			matches: func(_ *http.Request, body string) bool { return strings.Contains(body, "'seeded by a command'") },
		}
	}},
	// This is the last report of the run, which has little time.
	{branch: "reported", activity: "Report", hold: func(string) *hold {
		return &hold{matches: func(r *http.Request, body string) bool {
			return addressing(http.MethodPut, "/cards/reported.json")(r, body) &&
				strings.Contains(body, `"phase":"ready"`)
		}}
	}},
	{branch: "admit", activity: "Admit", hold: func(string) *hold {
		return &hold{matches: func(_ *http.Request, body string) bool {
			return hasParameter(body, "Action=DescribeStacks") && !strings.Contains(body, "StackName=")
		}}
	}},
}

// updateBoundaries are the additional boundaries of an update, and of a stack that an update
// outside of Perch has left failed.
var updateBoundaries = []boundary{
	{branch: "render", activity: "UpdateStack", at: " before its effect", hold: byID("UpdateStack", false)},
	{branch: "look", activity: "UpdateStack", at: " after its effect", hold: byID("UpdateStack", true)},
	{branch: "await", activity: "AwaitStack", fault: &aws.Fault{Phase: "update", LogicalID: "Environment", Hang: true}},
	{
		branch: "create-asked", activity: "RollbackStack", at: " before its effect", hold: byID("RollbackStack", false),
		rollbacks: 1, left: true,
	},
	{
		branch: "create-done", activity: "RollbackStack", at: " after its effect", hold: byID("RollbackStack", true),
		rollbacks: 1, left: true,
	},
	{
		branch: "seed", activity: "ContinueRollback", at: " before its effect",
		hold: byID("ContinueUpdateRollback", false), rollbacks: 2,
	},
	{
		branch: "ready", activity: "ContinueRollback", at: " after its effect",
		hold: byID("ContinueUpdateRollback", true), rollbacks: 2,
	},
	{branch: "request", activity: "ContinueRollback", at: " by force", rollbacks: 3, hold: func(stack string) *hold {
		return &hold{after: true, matches: calling("ContinueUpdateRollback", "/"+stack+"/", "ForceRollback=true")}
	}},
	{branch: "admit", activity: "AwaitBeanstalk", rollbacks: 2, hold: func(stack string) *hold {
		return &hold{matches: calling("DescribeEnvironments", stack, "IncludeDeleted=false")}
	}},
	{
		branch:   "image",
		activity: "WithdrawOptions",
		image:    "registry.example.com/unbuilt:1",
		drops:    "{DJANGO_SETTINGS_MODULE: shop.settings}",
		hold:     func(stack string) *hold { return &hold{matches: calling("UpdateEnvironment", stack)} },
	},
	{branch: "command", activity: "ReopenBuckets", closed: true, hold: func(stack string) *hold {
		return &hold{matches: addressing(http.MethodDelete, stack+"-bucketassets-")}
	}},
}

// teardownBoundaries has every activity of Teardown that needs no PostgreSQL, except Admit, which
// makes no call for a removal. Cleanup reports every failed deletion that it finds, so its removal
// comes first.
var teardownBoundaries = []boundary{
	{branch: "command", activity: "LastLook", cleanup: true, hold: byName("DescribeStacks", false)},
	{branch: "render", activity: "DescribeStack", hold: byName("DescribeStacks", false)},
	{branch: "look", activity: "PrepareDeletion", hold: byID("ListStackResources", false)},
	{branch: "create-asked", activity: "EmptyBucket", hold: func(stack string) *hold {
		return &hold{matches: addressing(http.MethodPost, stack+"-bucketprivateassets-")}
	}, beside: "AwaitStack"},
	{branch: "create-done", activity: "DeleteStack", at: " before its effect", hold: byID("DeleteStack", false)},
	{branch: "await", activity: "DeleteStack", at: " after its effect", hold: byID("DeleteStack", true)},
	{
		branch: "seed", activity: "AwaitStack", beside: "EmptyBucket",
		fault: &aws.Fault{Phase: "delete", LogicalID: "Database", Hang: true},
	},
	{
		branch: "ready", activity: "VerifyGone",
		hold: func(stack string) *hold { return &hold{matches: calling("DescribeDBSnapshots", stack)} },
	},
	{
		branch: "admit", activity: "DiagnoseDeletion",
		fault: &aws.Fault{LogicalID: "BucketAssets", Refill: true, Count: 1}, deletions: 2,
		hold: func(stack string) *hold { return &hold{matches: calling("ListStackResources", "/"+stack+"/"), pass: 6} },
	},
	{branch: "request", activity: "SweepResources", fault: &aws.Fault{
		LogicalID: "BucketAssets", Phase: "delete", Reason: "The bucket you tried to delete is not empty", Count: 4,
	}, deletions: 5,
		hold: func(stack string) *hold {
			return &hold{after: true, matches: addressing(http.MethodDelete, stack+"-bucketassets-")}
		}},
	{branch: turnedBack, activity: "CancelUpdate", at: " after its effect", hold: byID("CancelUpdateStack", true)},
}

// turnedBack is the branch whose removal arrives during an update.
const turnedBack = "turned-back"

func byID(action string, after bool) func(string) *hold {
	return func(stack string) *hold { return &hold{after: after, matches: calling(action, "/"+stack+"/")} }
}

func byName(action string, after bool) func(string) *hold {
	return func(stack string) *hold {
		return &hold{after: after, matches: func(_ *http.Request, body string) bool {
			return hasParameter(body, "Action="+action) && hasParameter(body, "StackName="+stack)
		}}
	}
}

// databaseBoundaries need a PostgreSQL. Both activities read a password before they change anything
// there.
var databaseBoundaries = []boundary{
	{branch: "dropped", activity: "DropDatabase", hold: func(string) *hold {
		return &hold{matches: func(r *http.Request, _ string) bool {
			return r.Header.Get("X-Amz-Target") == "secretsmanager.GetSecretValue"
		}}
	}},
	{branch: "made", activity: "EnsureDatabase"}, // The same hold also holds its call.
}

// TestEveryActivityOfARunHasABoundary compares the boundaries with the activities in the workflows'
// sources. A new activity of Provision or Teardown needs a boundary.
func TestEveryActivityOfARunHasABoundary(t *testing.T) {
	listed := map[string]bool{}
	for _, b := range slices.Concat(provisionBoundaries, updateBoundaries, teardownBoundaries, databaseBoundaries) {
		listed[b.activity] = true
	}
	named := runActivities(t)
	if len(named) < 15 {
		t.Fatalf("only %d activities were found in the sources: %v", len(named), named)
	}
	for name := range named {
		if !listed[name] {
			t.Errorf("no worker is killed in %s: add a boundary of it", name)
		}
	}
	for name := range listed {
		if !named[name] {
			t.Errorf("a worker is killed in %s, which neither Provision nor Teardown names", name)
		}
	}
}

// runActivities returns the rows of the contract that the sources of Provision and Teardown name:
// all of package workflows except what only reads, what cleans up and what looks at branches.
func runActivities(t *testing.T) map[string]bool {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("..", "..", "workflows", "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]bool{}
	for _, row := range contract.Table() {
		rows[row.Name] = true
	}
	named := map[string]bool{}
	for _, path := range paths {
		if name := filepath.Base(path); strings.HasSuffix(name, "_test.go") || name == "reading.go" ||
			name == "cleanup.go" || name == "look.go" {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if row, ok := n.(*ast.SelectorExpr); ok && rows[row.Sel.Name] {
				if on, ok := row.X.(*ast.Ident); ok && on.Name == "contract" {
					named[row.Sel.Name] = true
				}
			}
			return true
		})
	}
	return named
}
