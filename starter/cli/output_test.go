package cli

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	enumspb "go.temporal.io/api/enums/v1"
	"pgregory.net/rapid"

	"perch"
	"perch/client"
	"perch/readapi"
)

func environment(t *testing.T, branch string) perch.Environment {
	t.Helper()
	e, err := perch.NewEnvironment("shop", branch)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestDocuments(t *testing.T) {
	main := target{environment: environment(t, "main"), commit: commitA}
	at := client.Run{WorkflowID: "shop-main", RunID: "r"}
	status := perch.EnvironmentStatus{
		Branch: "main", Slug: "main", Stack: "shop-main", Kind: perch.KindBranch, Status: "CREATE_COMPLETE",
		URL:    "https://main.example.org?a&b",
		Commit: commitA, Updated: time.Date(2026, 11, 22, 23, 0, 0, 0, time.FixedZone("", 3600)),
		Resources: []perch.ResourceStatus{{Type: "AWS::S3::Bucket", LogicalID: "Assets", Status: "CREATE_COMPLETE"}},
	}
	tests := map[string]struct {
		document any
		want     string
	}{
		"up that is ready": {
			newUpDocument(requestReport{target: main, goal: perch.GoalUp, run: at, result: perch.Result{
				Goal: perch.GoalUp, Outcome: perch.OutcomeReady, Commit: commitA, URL: "https://main.example.org",
				Created: true, Seeded: true,
				Seeds: []perch.SeedDone{
					{Step: "s3 media", Objects: 3}, {Step: "http POST /seed", Status: 201},
					{Step: "run load", ExitCode: new(int), Output: "a\nb"},
				},
				Seconds: perch.Seconds{Total: 9.5, Stack: 7, Seed: 1, Ready: 1.5},
			}}),
			`{"outcome":"ready","branch":"main","slug":"main","stack":"shop-main","commit":"` + commitA +
				`","url":"https://main.example.org","created":true,"seeded":true,` +
				`"seeds":[{"step":"s3 media","objects":3,"status":0,"exit_code":null,"output":""},{"step":"http POST ` +
				`/seed","objects":0,"status":201,"exit_code":null,"output":""},` +
				`{"step":"run load","objects":0,"status":0,"exit_code":0,"output":"a\nb"}],` +
				`"superseded_by":"","error":"","run":{"workflow_id":"shop-main","run_id":"r"},"seconds":{"total":9.5,` +
				`"stack":7,"seed":1,"ready":1.5},"leftovers":[],"warnings":[]}`,
		},
		"up that is superseded": {
			newUpDocument(requestReport{
				target: main, goal: perch.GoalUp, run: at,
				result: perch.Result{Outcome: perch.OutcomeSuperseded, SupersededBy: commitB},
			}),
			`{"outcome":"superseded","branch":"main","slug":"main","stack":"shop-main","commit":"` + commitA +
				`","url":"","created":false,"seeded":false,"seeds":[],` +
				`"superseded_by":"` + commitB + `","error":"","run":{"workflow_id":"shop-main","run_id":"r"},` +
				`"seconds":{"total":0,"stack":0,"seed":0,"ready":0},"leftovers":[],"warnings":[]}`,
		},
		"up that is rejected": {
			newUpDocument(requestReport{
				target: main, goal: perch.GoalUp, run: at,
				result: perch.Result{Outcome: perch.OutcomeRejected, Reason: "not allowed"},
			}),
			`{"outcome":"rejected","branch":"main","slug":"main","stack":"shop-main","commit":"` + commitA +
				`","url":"","created":false,"seeded":false,"seeds":[],` +
				`"superseded_by":"","error":"not ` +
				`allowed","run":{"workflow_id":"shop-main","run_id":"r"},"seconds":{"total":0,"stack":0,"seed":0,` +
				`"ready":0},"leftovers":[],"warnings":[]}`,
		},
		"down that is done": {
			newDownDocument(requestReport{target: main, goal: perch.GoalGone, run: at, result: perch.Result{
				Goal: perch.GoalGone, Outcome: perch.OutcomeGone, Removed: perch.Removed{Buckets: 2, Objects: 5},
			}}),
			`{"outcome":"gone","branch":"main","stack":"shop-main","removed":{"buckets":2,"objects":5},` +
				`"leftovers":[],"unconfirmed":[],"error":"","run":{"workflow_id":"shop-main","run_id":"r"}}`,
		},
		"an empty list": {
			readapi.NewList(perch.ListResult{}),
			`{"at":"","environments":[],"leftovers":[],"warnings":[],"other_repositories":[]}`,
		},
		"a list in order of branches": {
			readapi.NewList(perch.ListResult{Environments: []perch.EnvironmentStatus{{Branch: "z"}, status}}),
			`{"at":"","environments":[` +
				`{"branch":"main","slug":"main","stack":"shop-main","kind":"branch","status":"CREATE_COMPLETE",` +
				`"state":"deployed","progress":"","failure":"","url":"https://main.example.org?a&b","commit":"` +
				commitA +
				`","updated":"2026-11-22T22:00:00Z","pull_requests":[],"last_report":null,"commit_message":null,` +
				`"expires":"","warned":"","removal_rejected":"","keep_rejected":"","pin":null,` +
				`"usd_per_day":0,"usd_so_far":0},` +
				`{"branch":"z","slug":"","stack":"","kind":"","status":"","state":"","progress":"","failure":"",` +
				`"url":"","commit":"","updated":"","pull_requests":[],"last_report":null,"commit_message":null,` +
				`"expires":"","warned":"","removal_rejected":"","keep_rejected":"","pin":null,` +
				`"usd_per_day":0,"usd_so_far":0}],"leftovers":[],"warnings":[],` +
				`"other_repositories":[]}`,
		},
		"a status": {
			readapi.NewStatus(
				main.environment, perch.StatusResult{Environment: &status},
				client.Progress{Phase: perch.PhaseReady, Retries: []client.Retry{throttled}}, at,
			),
			`{"branch":"main","slug":"main","stack":"shop-main","kind":"branch","status":"CREATE_COMPLETE",` +
				`"state":"ready","progress":"","failure":"","url":"https://main.example.org?a&b","commit":"` + commitA +
				`","updated":"2026-11-22T22:00:00Z","pull_requests":[],"last_report":null,"commit_message":null,` +
				`"expires":"","warned":"","removal_rejected":"","keep_rejected":"","pin":null,` +
				`"usd_per_day":0,"usd_so_far":0,"at":"",` +
				`"phase":"ready","run":{"workflow_id":"shop-main","run_id":"r"},"retries":[{"activity":"CreateStack",` +
				`"attempt":3,"failure":"Rate ` +
				`exceeded","next":"2026-11-22T09:30:00Z"}],"resources":[{"type":"AWS::S3::Bucket",` +
				`"logical_id":"Assets","status":"CREATE_COMPLETE"}],"leftovers":[],"warnings":[],` +
				`"other_repositories":[]}`,
		},
		"a status of nothing": {
			readapi.NewStatus(main.environment, perch.StatusResult{}, client.Progress{}, client.Run{}),
			`{"branch":"main","slug":"main","stack":"shop-main","kind":"","status":"","state":"","progress":"",` +
				`"failure":"","url":"","commit":"","updated":"","pull_requests":[],"last_report":null,` +
				`"commit_message":null,` +
				`"expires":"","warned":"","removal_rejected":"","keep_rejected":"","pin":null,` +
				`"usd_per_day":0,"usd_so_far":0,"at":"","phase":"",` +
				`"run":{"workflow_id":"","run_id":""},"retries":[],"resources":[],"leftovers":[],"warnings":[],` +
				`"other_repositories":[]}`,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			if err := (&app{stdout: &out}).printJSON(test.document); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want+"\n", out.String()); diff != "" {
				t.Errorf("document (-want +got):\n%s", diff)
			}
			if !json.Valid([]byte(out.String())) {
				t.Error("the document is not JSON")
			}
		})
	}
}

func TestWhatPeopleRead(t *testing.T) {
	main := target{environment: environment(t, "main"), commit: commitA}
	at := client.Run{WorkflowID: "shop-main", RunID: "r"}
	up := func(result perch.Result, failure string) requestReport {
		return requestReport{target: main, goal: perch.GoalUp, run: at, result: result, failure: failure}
	}
	down := func(result perch.Result) requestReport {
		return requestReport{target: main, goal: perch.GoalGone, run: at, result: result}
	}
	tests := map[string]struct {
		report         requestReport
		stdout, stderr string
		code           int
	}{
		"ready": {
			report: up(perch.Result{
				Outcome: perch.OutcomeReady, URL: "https://main.example.org", Created: true,
				Seconds: perch.Seconds{Total: 432.4},
			}, ""),
			stdout: "main is ready at https://main.example.org (commit aaaaaaa, created, in 7m12s)\n",
		},
		"ready with its seeds": {
			report: up(perch.Result{
				Outcome: perch.OutcomeReady, URL: "https://main.example.org", Seeded: true,
				Seeds: []perch.SeedDone{
					{Step: "s3 media", Objects: 1}, {Step: "http POST /seed", Status: 201},
					{Step: "run load demo", ExitCode: new(int), Output: "one\ntwo"},
				},
			}, ""),
			stdout: "main is ready at https://main.example.org (commit aaaaaaa, seeded)\n",
			stderr: "Seeded: s3 media (1 object)\nSeeded: http POST /seed (answered 201)\nSeeded: run load demo " +
				"(exit code 0)\n  one\n  two\n",
		},
		"superseded": {
			report: up(perch.Result{Outcome: perch.OutcomeSuperseded, SupersededBy: commitB}, ""),
			stderr: "main at aaaaaaa is superseded by bbbbbbb.\n",
		},
		"rejected": {
			report: up(perch.Result{Outcome: perch.OutcomeRejected, Reason: "m7i.large is not allowed"}, ""),
			stderr: "up main at aaaaaaa is rejected: m7i.large is not allowed\n", code: exitRejected,
		},
		"failed": {
			report: up(perch.Result{Outcome: perch.OutcomeFailed}, "no capacity"), code: exitFailed,
			stderr: "up main at aaaaaaa failed: no capacity\n" +
				"`perch logs main` shows what the environment has logged.\n" +
				"The run: workflow shop-main, run r\nAfter you fix the " +
				"cause, `perch up main` goes on from what is there.\n",
		},
		"gave up waiting": {
			report: up(perch.Result{Outcome: perch.OutcomeTimeout}, "not done after 1m0s"), code: exitTimeout,
			stderr: "up main at aaaaaaa: not done after 1m0s; the run goes on.\nThe run: workflow shop-main, run r\n" +
				"`perch up main` waits for it again.\n",
		},
		"gone": {
			report: down(perch.Result{Outcome: perch.OutcomeGone, Removed: perch.Removed{Buckets: 2, Objects: 1}}),
			stdout: "main is gone (stack shop-main, 2 buckets emptied of 1 object)\n",
		},
		"absent": {
			report: down(perch.Result{Outcome: perch.OutcomeAbsent}),
			stdout: "main has no environment: there is no stack shop-main.\n",
		},
		"what the template keeps is named": {
			report: down(perch.Result{Outcome: perch.OutcomeGone, Leftovers: []string{"AWS::S3::Bucket logs"}}),
			stdout: "main is gone (stack shop-main)\n",
			stderr: "Still there, because the template keeps it: AWS::S3::Bucket logs\n",
		},
		"leftovers are named": {
			report: down(perch.Result{
				Outcome: perch.OutcomeRejected, Reason: "main is protected", Leftovers: []string{"bucket-1"},
			}),
			stderr: "down main is rejected: main is protected\nStill there: bucket-1\n", code: exitRejected,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var stdout, stderr strings.Builder
			a := &app{stdout: &stdout, stderr: &stderr}
			if test.report.goal == perch.GoalUp {
				a.tellUp(test.report)
			} else {
				a.tellDown(test.report)
			}
			if diff := cmp.Diff(
				[]string{test.stdout, test.stderr}, []string{stdout.String(), stderr.String()},
			); diff != "" {
				t.Errorf("stdout and stderr (-want +got):\n%s", diff)
			}
			if got := test.report.code(); got != test.code {
				t.Errorf("exit code %d, want %d", got, test.code)
			}
		})
	}
}

func TestProjectNamesFromFolders(t *testing.T) {
	for folder, want := range map[string]string{
		"My-Shop_2": "myshop2", "42 shops": "shops", "7": "app", "": "app",
		"a-very-long-folder-name": "averylongfolder", "übung": "bung",
	} {
		if got := projectName(folder); got != want {
			t.Errorf("projectName(%q) is %q, want %q", folder, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		name := projectName(rapid.String().Draw(t, "folder"))
		if err := perch.ValidateProject(name); err != nil {
			t.Fatal(err)
		}
	})
}

func TestDoctorNamesMissingAttributes(t *testing.T) {
	keyword := enumspb.INDEXED_VALUE_TYPE_KEYWORD
	registered := map[string]enumspb.IndexedValueType{
		perch.AttributeProject: keyword, perch.AttributeBranch: keyword, perch.AttributeCommit: keyword,
		perch.AttributePhase: keyword,
	}
	if c := judgeAttributes(registered); !c.OK {
		t.Errorf("all are registered, and the check says %q", c.Detail)
	}
	registered[perch.AttributeCommit] = enumspb.INDEXED_VALUE_TYPE_TEXT
	delete(registered, perch.AttributePhase)
	if c := judgeAttributes(registered); c.OK ||
		!strings.HasPrefix(c.Detail, "missing, or no keyword: PerchCommit, PerchPhase;") {
		t.Errorf("the check says %v %q", c.OK, c.Detail)
	}
}
