package report

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"perch"
)

var update = flag.Bool("update", false, "write the golden files")

const (
	first  = "1111111111111111111111111111111111111111"
	second = "2222222222222222222222222222222222222222"
)

var noon = time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)

// up is what a run for the first commit says in phase.
func up(phase perch.Phase, change ...func(*perch.CardState)) perch.CardState {
	state := perch.CardState{
		Goal: perch.GoalUp, Commit: first, By: "ana@ci", Phase: phase, RunID: "run", Begun: noon,
		At:              noon.Add(5 * time.Minute),
		ExpectedSeconds: 540, USDPerDay: 1.2,
	}
	if phase == perch.PhaseReady {
		state.URL = "https://feature-login.shop.example.com"
	}
	for _, do := range change {
		do(&state)
	}
	return state
}

func down(phase perch.Phase) perch.CardState {
	return perch.CardState{
		Goal: perch.GoalGone, By: "cleanup", Reason: "branch feature/login is deleted", Phase: phase, RunID: "run",
		Begun: noon, At: noon.Add(6 * 24 * time.Hour),
	}
}

// outcome ends the request at its admission, which estimates neither time nor cost then.
func outcome(of perch.Outcome, sentence string) func(*perch.CardState) {
	return func(s *perch.CardState) { s.Outcome, s.Sentence, s.ExpectedSeconds, s.USDPerDay = of, sentence, 0, 0 }
}

func failure(words string) func(*perch.CardState) {
	return func(s *perch.CardState) { s.Failure = words }
}

func TestStatesOfDeploymentsAndCommits(t *testing.T) {
	superseded := func(s *perch.CardState) { s.SupersededBy = second }
	for name, c := range map[string]struct {
		state  perch.CardState
		deploy string
		status string
	}{
		"image": {up(perch.PhaseImage), "queued waiting for the image", "pending waiting for the image"},
		"stack": {up(perch.PhaseStack), "in_progress deploying, about 9 min", "pending deploying, about 9 min"},
		"ready": {up(perch.PhaseReady), "success ready", "success ready"},
		"failed": {
			up(perch.PhaseFailed, failure("Database: no such class")), "failure failed: Database: no such class",
			"failure failed: Database: no such class",
		},
		"rejected": {
			up(perch.PhaseRejected, outcome(perch.OutcomeRejected, "too many environments")),
			"error rejected: too many environments", "error rejected: too many environments",
		},
		"skipped": {
			up(perch.PhaseRejected, outcome(perch.OutcomeSkipped, "matches *-no-infra")), "",
			"success no environment: matches *-no-infra",
		},
		"superseded": {
			up(perch.PhaseSuperseded, superseded), "inactive superseded by 2222222", "success superseded by 2222222",
		},
		"grace":   {down(perch.PhaseGrace), "", ""},
		"removed": {down(perch.PhaseGone), "", ""},
	} {
		deploy, _ := Deployment(c.state)
		status, _ := Status(c.state)
		got := []string{
			strings.TrimSpace(deploy.State + " " + deploy.Description),
			strings.TrimSpace(status.State + " " + status.Description),
		}
		if diff := cmp.Diff([]string{c.deploy, c.status}, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if ready := c.state.Phase == perch.PhaseReady; ready != (deploy.URL != "") || ready != (status.URL != "") {
			t.Errorf("%s: links %q and %q", name, deploy.URL, status.URL)
		}
	}
}

func TestADescriptionFitsGitHub(t *testing.T) {
	long, _ := Status(up(perch.PhaseFailed, failure(strings.Repeat("é\n", 300))))
	if n := utf8.RuneCountInString(long.Description); n != 140 || strings.Contains(long.Description, "\n") ||
		!strings.HasSuffix(long.Description, "...") {
		t.Errorf("%d characters: %q", n, long.Description)
	}
	const stack, reason = "the update of stack shop-a ended in UPDATE_ROLLBACK_COMPLETE: ", "Environment (AWS::X): No."
	short, _ := Deployment(up(perch.PhaseFailed, failure(stack+reason)))
	if want := "failed: " + stack + reason; short.Description != want {
		t.Errorf("a failure that fits is %q, want %q", short.Description, want)
	}
	long, _ = Deployment(up(perch.PhaseFailed, failure(stack+reason+strings.Repeat(" More.", 30))))
	if want := "failed: " + reason; !strings.HasPrefix(long.Description, want) {
		t.Errorf("a long failure is %q, want it to begin with %q", long.Description, want)
	}
}

func TestCommentOfEachState(t *testing.T) {
	ready := []perch.ReadyCommit{{Commit: first, At: noon, URL: "https://feature-login.shop.example.com"}}
	settings := func(s *perch.CardState) {
		s.Settings = []perch.SettingDifference{
			{Path: "instances.max", A: 4, B: 1}, {Path: "environment.GREETING", A: nil, B: "a | b"},
		}
	}
	later := func(s *perch.CardState) { s.Commit = second }
	week := noon.Add(7 * 24 * time.Hour)
	warning := &perch.ExpiryWarning{Deadline: week, End: week, Reason: "not used for 168h"}
	longest := &perch.ExpiryWarning{Deadline: week, End: week, Reason: "created 168h ago", Longest: true}
	pin := &perch.Pin{By: "jane@laptop", Reason: "demo for <b>ACME</b> | @ana #7 `x`", At: noon, Until: week}
	expired := func(phase perch.Phase) perch.CardState {
		s := down(phase)
		s.By, s.Reason, s.Expired, s.At = "expiry", "expired: not used for 168h", true, week
		return s
	}
	for name, card := range map[string]perch.Card{
		"image":  {State: up(perch.PhaseImage)},
		"stack":  {State: up(perch.PhaseStack, settings)},
		"ready":  {State: up(perch.PhaseReady, settings), Ready: ready},
		"update": {State: up(perch.PhaseStack, later), Ready: ready},
		"failed": {
			State: up(perch.PhaseFailed, failure("AWS::RDS::DBInstance Database: ```no``` such class @ana")),
			Log: &perch.LogLines{
				Source: "/aws/elasticbeanstalk/x/app.log",
				Lines:  []perch.LogLine{{At: noon, Text: "starting"}, {At: noon, Text: "panic: </details> ```` *"}},
			},
		},
		"failed-no-log": {
			State: up(perch.PhaseFailed, failure("stopped:\n- <b>twice</b>")),
			Log:   &perch.LogLines{Problem: "there is no log group yet"},
		},
		"failed-update": {State: up(perch.PhaseFailed, later, failure("stopped")), Ready: ready},
		"rejected": {
			State: up(perch.PhaseRejected, outcome(perch.OutcomeRejected, "project shop has 20 of 20 environments")),
		},
		"skipped":  {State: up(perch.PhaseRejected, outcome(perch.OutcomeSkipped, "branch matches *-no-infra"))},
		"grace":    {State: down(perch.PhaseGrace), Ready: ready},
		"removing": {State: down(perch.PhaseRemoving), Ready: ready},
		"removal-failed": {State: func() perch.CardState {
			s := down(perch.PhaseFailed)
			s.Failure = "bucket is not empty"
			return s
		}(), Ready: ready},
		"gone": {State: down(perch.PhaseGone), Since: noon, USDPerDay: 1.2},
		"gone-same-day": {
			State: func() perch.CardState { s := down(perch.PhaseGone); s.At = noon.Add(5 * time.Hour); return s }(),
			Since: noon, USDPerDay: 1.2,
		},
		"warned":         {State: up(perch.PhaseReady), Ready: ready, ExpiryWarning: warning},
		"warned-longest": {State: up(perch.PhaseReady), Ready: ready, ExpiryWarning: longest},
		"pinned":         {State: up(perch.PhaseReady), Ready: ready, ExpiryWarning: longest, Pin: pin},
		"pin-ended": {
			State: up(perch.PhaseReady), Ready: ready, Pin: &perch.Pin{By: "ana", Reason: "demo", Until: noon},
		},
		"expired-grace":   {State: expired(perch.PhaseGrace), Ready: ready, ExpiryWarning: warning},
		"expired-longest": {State: expired(perch.PhaseGrace), Ready: ready, ExpiryWarning: longest},
		"expired":         {State: expired(perch.PhaseRemoving), ExpiryWarning: warning},
		"expired-gone":    {State: expired(perch.PhaseGone), Since: noon, USDPerDay: 1.2, ExpiryWarning: warning},
		"expired-kept": {
			State: func() perch.CardState { s := expired(perch.PhaseKept); s.Sentence = "pinned by ana"; return s }(),
			Ready: ready,
		},
		"hostile-address": {
			State: up(perch.PhaseReady), Ready: []perch.ReadyCommit{{Commit: first, URL: "javascript:alert(1)"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var err error
			if card.Environment, err = perch.NewEnvironment("shop", "feature/login"); err != nil {
				t.Fatal(err)
			}
			card.PullRequests = []perch.PullRequest{{Number: 6, Author: "eve"}, {Number: 7, Author: "ana"}}
			got, file := Comment(card, 7, noon), filepath.Join("testdata", name+".md")
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("comment (-want +got):\n%s", diff)
			}
		})
	}
}

func TestOnlyUsersAreMentioned(t *testing.T) {
	card := perch.Card{State: up(perch.PhaseReady), ExpiryWarning: &perch.ExpiryWarning{End: noon}}
	for author, want := range map[string]bool{
		"ana-1": true, "ana_acme": true, "renovate[bot]": false, "a b": false, "": false,
	} {
		card.PullRequests = []perch.PullRequest{{Number: 7, Author: author}}
		if got := Comment(card, 7, noon); strings.Contains(got, "keeps it, @"+author+":\n") != want ||
			!want && strings.Contains(got, "@") && !strings.Contains(got, "@\u200b") {
			t.Errorf("author %q:\n%s", author, got)
		}
	}
}

func TestCommandsOfAnyBranchCanBePasted(t *testing.T) {
	for branch, want := range map[string]string{
		"feature/login":  "`perch up feature/login`",
		"a`b":            "``perch up 'a`b'``",
		"it's$(x)&`":     "``perch up 'it'\\''s$(x)&`'``",
		"straße":         "`perch up 'straße'`",
		"login;rm|@ana>": "`perch up 'login;rm|@ana>'`",
	} {
		if got := code("perch up " + Quoted(branch)); got != want {
			t.Errorf("%s: %s, want %s", branch, got, want)
		}
	}
}

func TestADeploymentThatExpiredSaysSo(t *testing.T) {
	state := down(perch.PhaseGone)
	state.Expired = true
	if said := Removed(state); said.State != DeploymentInactive ||
		said.Description != "the environment has expired and is removed" {
		t.Errorf("%+v", said)
	}
}
