package cli

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"perch"
)

func from(text string) *string { return &text }

// update is the plan of an update in which much happens.
func updatePlan() perch.PlanResult {
	return perch.PlanResult{
		Outcome: perch.OutcomePlanned, Kind: perch.KindBranch, Host: "main.example.org",
		URL: "https://main.example.org", Status: "CREATE_COMPLETE",
		Deployed: commitB, Step: "update", Outputs: []string{"PerchCommit"},
		Changes: []perch.ResourceChange{
			{LogicalID: "BucketNew", Type: "AWS::S3::Bucket", Action: perch.ActionCreate},
			{LogicalID: "BucketOld", Type: "AWS::S3::Bucket", Action: perch.ActionRemove, Data: "left behind"},
			{
				LogicalID: "Database", Type: "AWS::RDS::DBInstance", Action: perch.ActionReplace, Replacement: "yes",
				Data: "lost",
				Properties: []perch.PropertyChange{
					{Name: "DBSubnetGroupName", Replacement: "yes", Because: "Subnets"},
				},
			},
			{
				LogicalID: "Environment", Type: "AWS::ElasticBeanstalk::Environment", Action: perch.ActionChange,
				Replacement: "no",
				Properties: []perch.PropertyChange{
					{
						Name: "OptionSettings", Replacement: "no",
						Paths: []string{"[a]", "[b]", "[c]", "[d]", "[e]", "[f]"},
					},
				},
			},
		},
		Settings: []perch.SettingDifference{
			{
				Path: "instance_type", A: "t3.medium", B: "t3.small", AFrom: from("defaults, line 3"),
				BFrom: from("kinds.branch, line 9"),
			},
			{Path: "database.class", A: "db.t4g.small"},
		},
		Time: perch.TimeEstimate{Seconds: 1286, Assumed: []string{
			"AWS::SecretsManager::Secret",
		}, Path: []perch.TimeStep{
			{LogicalID: "Database", Action: "create", Seconds: 595}, {
				LogicalID: "Environment", Action: "update", Seconds: 391,
			}, {LogicalID: "Database", Action: "remove", Seconds: 300},
		}},
		Cost: perch.CostEstimate{
			USDPerDay: 0.696, Region: "eu-central-1", Date: "2026-11-25",
			Items: []perch.CostItem{
				{LogicalID: "Environment", What: "t3.small", USDPerDay: 0.576},
				{LogicalID: "Environment", What: "public IPv4 address", USDPerDay: 0.12},
			},
			Missing: []string{"no price for db.m7g.large in eu-central-1"}, LeftOut: []string{"logs", "traffic"},
		},
	}
}

func TestTextOfAPlan(t *testing.T) {
	main := target{environment: environment(t, "main"), commit: commitA}
	d := newPlanDocument(main, updatePlan())
	want := `main at aaaaaaa would be updated from bbbbbbb.

  stack   shop-main
  kind    branch
  url     https://main.example.org
  status  CREATE_COMPLETE

Settings that differ from staging's:
  instance_type   t3.small  staging: t3.medium
  database.class  none      staging: db.t4g.small

Resources:
  ! replace  Database     AWS::RDS::DBInstance
      DBSubnetGroupName, because of Subnets (replaces it)
  - remove   BucketOld    AWS::S3::Bucket
  ~ change   Environment  AWS::ElasticBeanstalk::Environment
      OptionSettings: [a], [b], [c], [d], and 2 more
  + create   BucketNew    AWS::S3::Bucket

Warning: BucketOld is removed; unless it is empty, the old bucket is left behind, outside of the stack, with what is in it.
Warning: Database is replaced, and its data is lost with the old one.

Time: about 21m26s until the stack is complete (estimate, by typical durations).
  create Database 9m55s, then update Environment 6m31s, then remove Database 5m0s
  no typical duration, so 5 s each: AWS::SecretsManager::Secret
Cost: more than 0.70 USD a day (estimate, by list prices for eu-central-1, looked up on 2026-11-25).
  0.58  t3.small             Environment
  0.12  public IPv4 address  Environment
  no price for db.m7g.large in eu-central-1: not in the sum
  not in the sum, by use: logs, traffic
Nothing was changed.
`
	if diff := cmp.Diff(want, planText(d, paper{})); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for _, width := range []int{20, 40, 60} {
		for line := range strings.Lines(planText(d, paper{width: width})) {
			// A single word may be longer than the terminal is wide.
			if line = strings.TrimSpace(line); len([]rune(line)) > width && strings.Contains(line, " ") {
				t.Errorf("width %d: %q has %d columns", width, line, len([]rune(line)))
			}
		}
	}
	if narrow := planText(
		d, paper{width: 40},
	); !strings.Contains(narrow, "  instance_type\n    t3.small\n    staging: t3.medium\n") {
		t.Errorf("40 columns:\n%s", narrow)
	}
	if plain, colored := planText(d, paper{width: 80}), planText(
		d, paper{width: 80, color: true},
	); strings.Contains(plain, "\x1b") || !strings.Contains(colored, "\x1b[31mWarning:") {
		t.Errorf("without color %q\nwith color %q", plain, colored)
	}
}

func TestTitlesOfPlans(t *testing.T) {
	for name, c := range map[string]struct {
		result perch.PlanResult
		want   []string
	}{
		"the first one": {perch.PlanResult{Step: "create"}, []string{
			"main at aaaaaaa would get a new environment.", "known once AWS has made", "the same as staging's",
			"Resources: no change.",
		}},
		"nothing to do": {
			perch.PlanResult{Step: "done", Deployed: commitA},
			[]string{"main at aaaaaaa is deployed already: there is nothing to change."},
		},
		"only outputs": {
			perch.PlanResult{Step: "update", Deployed: commitA, Outputs: []string{"PerchTemplate"}},
			[]string{"main at aaaaaaa would be updated.", "no change; only these outputs of the stack: PerchTemplate."},
		},
		"after a failed creation": {
			perch.PlanResult{Step: "delete", Status: "ROLLBACK_COMPLETE"},
			[]string{"its stack is ROLLBACK_COMPLETE, so it is deleted first, with everything in it."},
		},
		"recreated": {
			perch.PlanResult{Step: "delete", Status: "UPDATE_COMPLETE"},
			[]string{"the present one is deleted first, with its database and everything in its buckets."},
		},
		"something in the way": {
			perch.PlanResult{Step: "wait", Status: "UPDATE_IN_PROGRESS"},
			[]string{"would wait: its stack is UPDATE_IN_PROGRESS."},
		},
		"turned back": {
			perch.PlanResult{Step: "continue-rollback", Status: "UPDATE_ROLLBACK_FAILED"},
			[]string{"would be turned back first: its stack is UPDATE_ROLLBACK_FAILED."},
		},
		"a shared database": {
			perch.PlanResult{Step: "create", SharedDatabase: true},
			[]string{"Beside the stack: a dedicated database and user in the instance that environments share."},
		},
		"protected": {
			perch.PlanResult{Step: "update", Protected: true},
			[]string{"protected  yes: neither `down` nor cleanup removes it"},
		},
		"may be replaced": {perch.PlanResult{Step: "update", Changes: []perch.ResourceChange{
			{
				LogicalID: "D", Type: "T", Action: perch.ActionChange, Replacement: "maybe", Data: "snapshot",
				Properties: []perch.PropertyChange{{Name: "Engine", Replacement: "maybe"}},
			},
		}}, []string{
			"Engine (may replace it)",
			"Warning: D may be replaced, depending on the change; its data stays in a snapshot only.",
		}},
		"unknown": {perch.PlanResult{Step: "update", Changes: []perch.ResourceChange{
			{
				LogicalID: "D", Type: "T", Action: perch.ActionChange, Replacement: "unknown",
				Properties: []perch.PropertyChange{{Name: "P", Replacement: "unknown"}},
			},
		}}, []string{
			"P (not known to Perch)",
			"Warning: whether D is replaced is unknown: Perch has no data of this change to T.",
		}},
		"retained": {perch.PlanResult{
			Step:    "update",
			Changes: []perch.ResourceChange{{LogicalID: "D", Action: perch.ActionRemove, Data: "retained"}},
		},
			[]string{"Warning: D is removed; the old one stays in the account, outside of the stack."}},
		"rejected by AWS": {perch.PlanResult{Step: "update", Changes: []perch.ResourceChange{
			{LogicalID: "D", Action: perch.ActionChange, Replacement: "unknown", Rejected: "no"},
		}},
			[]string{"Warning: D will be rejected: no."}},
	} {
		t.Run(name, func(t *testing.T) {
			c.result.Outcome = perch.OutcomePlanned
			text := planText(
				newPlanDocument(target{environment: environment(t, "main"), commit: commitA}, c.result), paper{},
			)
			for _, want := range c.want {
				if !strings.Contains(text, want) {
					t.Errorf("%q is missing in:\n%s", want, text)
				}
			}
		})
	}
}

func TestEndsOfPlans(t *testing.T) {
	main := target{environment: environment(t, "main"), commit: commitA}
	for name, c := range map[string]struct {
		result perch.PlanResult
		stderr string
		error  string
		code   int
	}{
		"rejected": {
			perch.PlanResult{Outcome: perch.OutcomeRejected, Reason: "not allowed"},
			"up main at aaaaaaa would be rejected: not allowed\n", "not allowed", exitRejected,
		},
		"skipped": {
			perch.PlanResult{Outcome: perch.OutcomeSkipped, Reason: "it is skipped"}, "Skipped: it is skipped.\n", "",
			exitDone,
		},
		"superseded": {
			perch.PlanResult{Outcome: perch.OutcomeSuperseded, Reason: "it is older", SupersededBy: commitB},
			"up main at aaaaaaa would be superseded by bbbbbbb: it is older.\n", "", exitDone,
		},
		"stuck": {
			perch.PlanResult{Outcome: perch.OutcomeFailed, Reason: "no step leads on"},
			"up main at aaaaaaa would fail: no step leads on\n", "no step leads on", exitFailed,
		},
	} {
		t.Run(name, func(t *testing.T) {
			var stdout, stderr strings.Builder
			a := &app{stdout: &stdout, stderr: &stderr}
			d := newPlanDocument(main, c.result)
			a.tellPlan(d, c.result.Reason)
			if stdout.String() != "" || stderr.String() != c.stderr || d.Error != c.error ||
				planCode(c.result.Outcome) != c.code {
				t.Errorf(
					"stdout %q, stderr %q, error %q, code %d", stdout.String(), stderr.String(), d.Error,
					planCode(c.result.Outcome),
				)
			}
		})
	}
}

func TestDocumentOfAPlanHasEveryKey(t *testing.T) {
	data, err := json.Marshal(newPlanDocument(target{
		environment: environment(t, "main"), commit: commitA,
	}, perch.PlanResult{
		Outcome: perch.OutcomePlanned,
		Changes: []perch.ResourceChange{{LogicalID: "B", Type: "AWS::S3::Bucket", Action: perch.ActionCreate}},
	}))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"outcome":"planned","branch":"main","slug":"main","stack":"shop-main","kind":"","commit":"` + commitA +
		`","host":"","url":"","status":"","deployed":"",` +
		`"protected":false,"step":"","changes":[{"logical_id":"B","type":"AWS::S3::Bucket","action":"create",` +
		`"replacement":"","data":"","rejected":"","properties":[]}],` +
		`"outputs":[],"shared_database":false,"settings":[],"time":{"seconds":0,"path":[],"assumed":[]},` +
		`"cost":{"usd_per_day":0,"region":"","date":"","items":[],"missing":[],"left_out":[]},` +
		`"warnings":[],"superseded_by":"","error":""}`
	if diff := cmp.Diff(want, string(data)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
