package cli

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"perch"
	"perch/client"
	"perch/readapi"
)

// sweptExpiry is a sweep of expiry with a verdict of each kind; requested says that it requested
// the removal.
func sweptExpiry(requested bool) perch.ExpiryResult {
	removal := perch.ExpiryVerdict{
		Stack: "shop-old", Branch: "old", Action: perch.ExpiryRemove, Reason: "not used for 168h", USDPerDay: 1.224,
		Deadline: time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC),
	}
	result := perch.ExpiryResult{At: keepNow}
	if requested {
		removal.RunID, result.SavedUSDPerDay = "run", removal.USDPerDay
	}
	result.Verdicts = []perch.ExpiryVerdict{
		removal,
		{
			Stack: "shop-cart", Branch: "cart", Action: perch.ExpiryWarn, Reason: "not used for 168h", USDPerDay: 0.7,
			Deadline: time.Date(2026, 12, 2, 12, 0, 0, 0, time.UTC),
		},
		{
			Stack: "shop-demo", Branch: "demo", Action: perch.ExpiryKeep, Reason: "pinned by jane until Friday: demo",
			Pinned: true,
		},
	}
	return result
}

func TestWhatPeopleReadOfExpiry(t *testing.T) {
	const table = `
BRANCH  VERDICT  EXPIRES               REASON                             USD A DAY (ESTIMATE)
old     remove   2026-12-01T12:00:00Z  not used for 168h                  1.22
cart    warn     2026-12-02T12:00:00Z  not used for 168h                  0.70
demo    keep                           pinned by jane until Friday: demo
`
	problem := sweptExpiry(false)
	problem.Problem, problem.Unlisted = "the note was not taken", 3
	for name, c := range map[string]struct {
		result         perch.ExpiryResult
		dryRun         bool
		stdout, stderr string
	}{
		"a dry run": {sweptExpiry(false), true, table +
			"Expiry: the removal of 1 environment would be requested, which would save 1.22 USD a day (estimate); " +
			"people would be warned of 1 environment.\n", ""},
		"a run": {sweptExpiry(true), false, table +
			"Expiry: the removal of 1 environment is requested, which saves 1.22 USD a day (estimate); " +
			"people are warned of 1 environment.\n", ""},
		"a run with a problem": {
			problem, false, table + "Expiry: nothing is removed; people are warned of 1 environment.\n",
			"3 more are kept, and not listed.\nExpiry: not everything could be judged or done: the note was not " +
				"taken. The next run tries again.\n",
		},
		"nothing is there": {perch.ExpiryResult{}, false, "", "Project shop has no environments.\n"},
	} {
		t.Run(name, func(t *testing.T) {
			var stdout, stderr strings.Builder
			(&app{stdout: &stdout, stderr: &stderr}).tellExpiry("shop", c.result, c.dryRun)
			want := []string{strings.TrimPrefix(c.stdout, "\n"), c.stderr}
			if diff := cmp.Diff(want, []string{stdout.String(), stderr.String()}); diff != "" {
				t.Errorf("stdout and stderr (-want +got):\n%s", diff)
			}
		})
	}
}

func TestACleanupSaysWhatItDidAboutExpiry(t *testing.T) {
	said := func(result perch.ExpiryResult) string {
		var stderr strings.Builder
		a := &app{stdout: &strings.Builder{}, stderr: &stderr}
		a.tellSweep(&sweep{result: perch.CleanupResult{Expiry: &result}})
		return stderr.String()
	}
	want := "demo is held: pinned by jane until Friday: demo.\n" +
		"Expiry: the removal of 1 environment is requested, which saves 1.22 USD a day (estimate); people are warned " +
		"of 1 environment.\n"
	if diff := cmp.Diff(want, said(sweptExpiry(true))); diff != "" {
		t.Error(diff)
	}
	if got := said(perch.ExpiryResult{
		Verdicts: []perch.ExpiryVerdict{{Branch: "main", Action: perch.ExpiryKeep}},
	}); got != "" {
		t.Errorf("a cleanup that does nothing about expiry says %q", got)
	}
	if got := said(perch.ExpiryResult{Problem: "no cards"}); !strings.Contains(
		got, "could be judged or done: no cards.",
	) {
		t.Errorf("a problem is said as %q", got)
	}
}

func TestListShowsExpiryAndCostIfAnEnvironmentHasThem(t *testing.T) {
	pin := &perch.Pin{By: "jane", Reason: "demo", Until: keepNow.Add(72 * time.Hour)}
	result := perch.ListResult{At: keepNow, Environments: []perch.EnvironmentStatus{
		{Branch: "cart", Expires: keepNow.Add(60 * time.Hour), USDSoFar: 4.2},
		{Branch: "demo", Expires: keepNow.Add(240 * time.Hour), Pin: pin, USDSoFar: 0.126},
		{Branch: "main"},
	}}
	want := `
BRANCH  STATE  UPDATED  EXPIRES    COST (ESTIMATE)  PIN                                       URL
cart                    in 2 days  4.20 USD
demo                    pinned     0.13 USD         by jane until 2026-12-04 12:00 UTC: demo
main
`
	if diff := cmp.Diff(strings.TrimPrefix(want, "\n"), listText(readapi.NewList(result), paper{})); diff != "" {
		t.Errorf("list (-want +got):\n%s", diff)
	}
	without := perch.ListResult{Environments: result.Environments[2:]}
	if text := listText(
		readapi.NewList(without), paper{},
	); strings.Contains(text, "EXPIRES") || strings.Contains(text, "COST") {
		t.Errorf("the list of environments that do not expire is\n%s", text)
	}
}

func TestStatusShowsExpiryAndCost(t *testing.T) {
	shown := perch.EnvironmentStatus{
		Branch: "cart", Expires: keepNow.Add(5 * time.Hour), USDSoFar: 4.2,
		Pin: &perch.Pin{By: "jane", Reason: "demo", Until: keepNow.Add(4 * time.Hour)},
	}
	document := readapi.NewStatus(
		environment(t, "cart"), perch.StatusResult{At: keepNow, Environment: &shown}, client.Progress{}, client.Run{},
	)
	text := statusText(document, "", paper{})
	for _, want := range []string{
		"expires                 2026-12-01T17:00:00Z, in 5 hours\n", "cost so far (estimate)  4.20 USD\n",
		"pin                     pinned by jane until 2026-12-01 16:00 UTC: demo\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the status does not say %q:\n%s", want, text)
		}
	}
}

func TestRemainingTime(t *testing.T) {
	for left, want := range map[time.Duration]string{
		-time.Second: "due now", 0: "due now", time.Second: "in 1 minute", 90 * time.Minute: "in 90 minutes",
		2 * time.Hour: "in 2 hours", 47*time.Hour + 59*time.Minute: "in 47 hours", 48 * time.Hour: "in 2 days",
		240 * time.Hour: "in 10 days",
	} {
		if got := remaining(keepNow.Add(left), keepNow); got != want {
			t.Errorf("%s left is %q, want %q", left, got, want)
		}
	}
	if got := remaining(time.Time{}, keepNow); got != "" {
		t.Errorf("what does not expire has %q left", got)
	}
}
