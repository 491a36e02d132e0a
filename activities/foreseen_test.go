package activities

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"perch"
	"perch/activities/contract"
)

// foreseen is what an admitted request for a commit foresees.
func (w *world) foreseen(branch, commit string) contract.Foreseen {
	w.t.Helper()
	admitted := w.admit(w.request(branch, commit))
	if admitted.Foreseen == nil {
		w.t.Fatalf("nothing is foreseen: %+v", admitted)
	}
	return *admitted.Foreseen
}

func TestAnAdmittedRequestForeseesWhatAPlanSays(t *testing.T) {
	w := newWorld(t)
	w.apply()
	const quiet = "reports: {github: {comment: false}}\n"
	first := w.repo.commit("login", map[string]string{"perch.yaml": planConfig + quiet})
	check := func(commit string, muted perch.MutedReports) {
		t.Helper()
		plan := w.planUp("login", commit)
		want := contract.Foreseen{
			Settings: plan.Settings, ExpectedSeconds: plan.Time.Seconds, USDPerDay: plan.Cost.USDPerDay, Muted: muted,
		}
		of := cmpopts.IgnoreFields(contract.Foreseen{}, "Message") // A plan does not say it.
		if diff := cmp.Diff(want, w.foreseen("login", commit), cmpopts.EquateEmpty(), of); diff != "" {
			t.Errorf("foreseen (-the plan's +):\n%s", diff)
		}
	}
	check(first, perch.MutedReports{Comment: true})
	w.up("login", first)
	check(first, perch.MutedReports{Comment: true})
	larger := strings.Replace(planConfig, "class: db.t4g.micro", "class: db.t4g.small", 1)
	second := w.repo.commit("login", map[string]string{"perch.yaml": larger})
	check(second, perch.MutedReports{})
	if seconds := w.foreseen("login", second).ExpectedSeconds; seconds == 0 {
		t.Error("an update of the database takes no time")
	}
}

func TestSettingsThatAreForeseenAreBounded(t *testing.T) {
	w := newWorld(t)
	w.apply()
	long := strings.Replace(planConfig, "  load_balancer: shared\n",
		"  load_balancer: shared\n  environment: {GREETING: "+strings.Repeat("ä", 1000)+"}\n", 1)
	commit := w.repo.commit(
		"login", map[string]string{"perch.yaml": long + "overrides: {login: {environment: {GREETING: hi}}}\n"},
	)
	for _, setting := range w.foreseen("login", commit).Settings {
		if text, ok := setting.A.(string); ok && len(text) > 400 {
			t.Errorf("%s has %d bytes", setting.Path, len(text))
		}
	}
}
