package cli

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"perch/config"
)

func TestTextOfSettings(t *testing.T) {
	settings := []config.Setting{
		{Path: "instances.min", Value: 1, From: "kinds.branch, line 23"},
		{Path: "database.multi_az", Value: false, From: "built-in"},
		{Path: "environment.A", Value: "", From: `overrides["feature/*"], line 30`},
	}
	for width, want := range map[int]string{
		0: `
SETTING            VALUE  FROM
instances.min      1      kinds.branch, line 23
database.multi_az  false  built-in
environment.A      ""     overrides["feature/*"], line 30
`,
		40: `
instances.min
  1
  kinds.branch, line 23
database.multi_az
  false
  built-in
environment.A
  ""
  overrides["feature/*"], line 30
`,
	} {
		if diff := cmp.Diff(want, "\n"+settingsText(settings, paper{width: width, color: true})); diff != "" {
			t.Errorf("width %d (-want +got):\n%s", width, diff)
		}
	}
}

func TestTextOfDifferences(t *testing.T) {
	differences := []config.Difference{
		{
			Path: "database.class", A: "db.t4g.medium", AFrom: from("defaults, line 14"), B: "db.t4g.micro",
			BFrom: from("kinds.branch, line 24"),
		},
		{Path: "expiry.idle", B: "168h", BFrom: from("kinds.branch, line 25")},
	}
	for width, want := range map[int]string{
		0: `
SETTING         staging        FROM               feature/x     FROM
database.class  db.t4g.medium  defaults, line 14  db.t4g.micro  kinds.branch, line 24
expiry.idle     -              -                  168h          kinds.branch, line 25
`,
		50: `
database.class
  staging: db.t4g.medium (defaults, line 14)
  feature/x: db.t4g.micro (kinds.branch, line 24)
expiry.idle
  staging: -
  feature/x: 168h (kinds.branch, line 25)
`,
		30: `
database.class
  staging: db.t4g.medium
  (defaults, line 14)
  feature/x: db.t4g.micro
  (kinds.branch, line 24)
expiry.idle
  staging: -
  feature/x: 168h
  (kinds.branch, line 25)
`,
	} {
		if diff := cmp.Diff(
			want, "\n"+differencesText("staging", "feature/x", differences, paper{width: width, color: true}),
		); diff != "" {
			t.Errorf("width %d (-want +got):\n%s", width, diff)
		}
	}
}
