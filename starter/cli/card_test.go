package cli

import (
	"strings"
	"testing"
	"time"

	"perch"
	"perch/client"
	"perch/readapi"
)

// known is an environment of which the card says something.
var known = perch.EnvironmentStatus{
	Branch: "main", Slug: "main", Stack: "shop-main", Kind: perch.KindBranch, Status: "CREATE_COMPLETE",
	PullRequests: []perch.PullRequest{{Number: 12, Title: "Log in by mail"}, {Number: 14, Title: "Cart"}},
	LastReport: &perch.LastReport{
		Phase: perch.PhaseFailed, Outcome: perch.OutcomeFailed, Commit: commitA, By: "ada", Sentence: "no capacity",
		At: time.Date(2026, 11, 22, 22, 0, 0, 0, time.UTC),
	},
}

func TestLsShowsPullRequestsIfThereAreAny(t *testing.T) {
	with := listText(
		readapi.NewList(perch.ListResult{Environments: []perch.EnvironmentStatus{known, {Branch: "z"}}}), paper{},
	)
	if !strings.Contains(with, "PULL REQUEST") || !strings.Contains(with, "#12 Log in by mail, #14 Cart") {
		t.Errorf("the list is\n%s", with)
	}
	if without := listText(
		readapi.NewList(perch.ListResult{Environments: []perch.EnvironmentStatus{{Branch: "z"}}}), paper{},
	); strings.Contains(without, "PULL") {
		t.Errorf("the list is\n%s", without)
	}
}

func TestStatusShowsPullRequestsAndTheLastReport(t *testing.T) {
	document := readapi.NewStatus(
		environment(t, "main"), perch.StatusResult{Environment: &known}, client.Progress{}, client.Run{},
	)
	text := statusText(document, "", paper{})
	for _, want := range []string{
		"#12 Log in by mail, #14 Cart", "state         failed", "failure       no capacity",
		"failed aaaaaaa, by ada, 2026-11-22T22:00:00Z\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the status does not say %q:\n%s", want, text)
		}
	}
}

func TestWarningsOfCardsAreShown(t *testing.T) {
	list := readapi.NewList(perch.ListResult{Warnings: []string{"the card cannot be read"}})
	status := readapi.NewStatus(
		environment(t, "main"), perch.StatusResult{Warnings: list.Warnings}, client.Progress{}, client.Run{},
	)
	if len(list.Warnings) != 1 || len(status.Warnings) != 1 {
		t.Errorf("warnings %q and %q", list.Warnings, status.Warnings)
	}
}

func TestStatusSaysWhyThereIsNoEnvironment(t *testing.T) {
	rejected := &perch.LastReport{
		Goal: perch.GoalUp, Phase: perch.PhaseRejected, Outcome: perch.OutcomeRejected,
		Sentence: "too many environments",
	}
	document := readapi.NewStatus(
		environment(t, "main"), perch.StatusResult{LastReport: rejected}, client.Progress{Phase: perch.PhaseRejected},
		client.Run{},
	)
	if document.State != "rejected" || document.Failure != "too many environments" || document.Status != "" {
		t.Errorf("the status is %+v", document)
	}
}

func TestTheCommitThatIsDeployedIsShown(t *testing.T) {
	t.Parallel()
	deploying := &perch.LastReport{Goal: perch.GoalUp, Phase: perch.PhaseStack, Commit: commitB, At: noon}
	for name, c := range map[string]struct {
		environment     perch.EnvironmentStatus
		status, listing string
	}{
		"a creation": {
			perch.EnvironmentStatus{Status: "CREATE_IN_PROGRESS", LastReport: deploying}, "deploying  " + commitB,
			commitB,
		},
		"an update": {
			perch.EnvironmentStatus{Status: "UPDATE_IN_PROGRESS", Commit: commitA, LastReport: deploying},
			"commit        " + commitA + "\ndeploying     " + commitB, commitA,
		},
		"a failed creation": {
			perch.EnvironmentStatus{Status: "ROLLBACK_COMPLETE", LastReport: &perch.LastReport{
				Goal: perch.GoalUp, Phase: perch.PhaseFailed, Commit: commitB, At: noon,
			}}, "failed " + perch.ShortCommit(commitB), commitB,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.environment.Branch = "fix/typo"
			status := readapi.NewStatus(environment(t, "fix/typo"), perch.StatusResult{Environment: &c.environment},
				client.Progress{}, client.Run{})
			if text := statusText(status, "", paper{}); !strings.Contains(oneSpace(text), oneSpace(c.status)) {
				t.Errorf("status does not say %q:\n%s", c.status, text)
			}
			list := readapi.NewList(perch.ListResult{Environments: []perch.EnvironmentStatus{c.environment}})
			if text := listText(list, paper{}); !strings.Contains(text, perch.ShortCommit(c.listing)) {
				t.Errorf("ls does not say %s:\n%s", c.listing, text)
			}
		})
	}
}

// oneSpace returns text with one space between words.
func oneSpace(text string) string { return strings.Join(strings.Fields(text), " ") }
