package github

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	api "github.com/google/go-github/v60/github"

	"perch"
	hub "perch/sandbox/github"
)

// others creates deployments in the environment that are not the branch's: one of another program,
// one of another branch, and one that has the branch's task but does not say the branch.
func (w *world) others() {
	w.t.Helper()
	repositories := access{w.hub.URL, hub.Token, nil}.Client().Repositories
	for _, other := range []api.DeploymentRequest{
		{Task: api.String("deploy"), Payload: map[string]string{"branch": w.card.Environment.Branch}},
		{Task: api.String("perch:shop-other"), Payload: map[string]string{"branch": "other"}},
		{Task: api.String("perch:" + w.card.Environment.StackName()), Payload: "by hand"},
	} {
		other.Ref, other.Environment, other.RequiredContexts = &w.commit, api.String("preview"), &[]string{}
		other.AutoMerge, other.ProductionEnvironment = api.Bool(false), api.Bool(false)
		made, _, err := repositories.CreateDeployment(w.t.Context(), "acme", "shop", &other)
		if err == nil {
			_, _, err = repositories.CreateDeploymentStatus(w.t.Context(), "acme", "shop", made.GetID(),
				&api.DeploymentStatusRequest{State: api.String("success"), AutoInactive: api.Bool(false)})
		}
		if err != nil {
			w.t.Fatal(err)
		}
	}
}

// TestALostCardLeavesNoDeploymentUp loses the card after the first commit, or before the removal,
// among deployments that are not Perch's or not the branch's.
func TestALostCardLeavesNoDeploymentUp(t *testing.T) {
	w := newWorld(t)
	w.others()
	w.say(perch.PhaseReady)
	w.card.GitHub = perch.GitHubMemory{}
	w.commit = w.push("feature/login", "three")
	w.say(perch.PhaseStack)
	w.say(perch.PhaseReady)
	others := []string{"success", "success", "success"}
	w.wantStates("after the next commit", append(slices.Clone(others), "inactive", "success")...)
	w.card.GitHub = perch.GitHubMemory{}
	w.say(perch.PhaseGone, gone)
	w.wantStates("after the removal", append(slices.Clone(others), "inactive", "inactive")...)
	writes := len(w.hub.Writes())
	w.card.GitHub = perch.GitHubMemory{}
	w.deliver()
	if again := w.hub.Writes()[writes:]; len(again) > 0 {
		t.Errorf("the removal was told again: %q", again)
	}
}

// wantStates checks the last states of all deployments, the oldest first.
func (w *world) wantStates(when string, want ...string) {
	w.t.Helper()
	var states []string
	for _, d := range w.hub.Deployments() {
		states = append(states, d.State())
	}
	if diff := cmp.Diff(want, states); diff != "" {
		w.t.Errorf("%s (-want +got):\n%s", when, diff)
	}
}

// TestADeploymentWithoutAnAnswerIsRetired loses GitHub's answer to the creation of the second of
// three deployments.
func TestADeploymentWithoutAnAnswerIsRetired(t *testing.T) {
	w := newWorld(t)
	w.say(perch.PhaseReady)
	withdraw := w.hub.Inject(hub.Fault{Route: "POST /deployments", Lost: true, Times: 1})
	w.commit = w.push("feature/login", "three")
	w.say(perch.PhaseStack)
	withdraw()
	w.wantStates("after the lost answer", "success", "pending")
	calls := len(w.hub.Calls())
	w.commit = w.push("feature/login", "four")
	w.say(perch.PhaseStack)
	w.wantStates("at the next commit", "success", "inactive", "in_progress")
	if lists := countCalls(w.hub.Calls()[calls:], "GET ", "/deployments"); lists != 2 {
		t.Errorf("%d lists of deployments", lists)
	}
	w.say(perch.PhaseReady)
	w.wantStates("when the third is ready", "inactive", "inactive", "success")
	calls = len(w.hub.Calls())
	w.commit = w.push("feature/login", "five")
	w.say(perch.PhaseStack)
	w.say(perch.PhaseReady)
	if reads := countCalls(w.hub.Calls()[calls:], "GET ", "deployments"); reads != 1 {
		t.Errorf("a usual deployment reads deployments %d times: %q", reads, w.hub.Calls()[calls:])
	}
}

// countCalls counts the calls with a method whose address contains a text.
func countCalls(calls []string, method, text string) (count int) {
	for _, call := range calls {
		if strings.HasPrefix(call, method) && strings.Contains(call, text) {
			count++
		}
	}
	return count
}

// TestADeploymentThatWasDeletedIsCreatedAgain answers as GitHub does after a person deleted the
// deployment: that it has none, to every call about it.
func TestADeploymentThatWasDeletedIsCreatedAgain(t *testing.T) {
	w := newWorld(t)
	w.say(perch.PhaseStack)
	w.hub.DeleteDeployment(w.card.GitHub.Deployment.ID)
	w.say(perch.PhaseReady)
	w.wantStates("afterwards", "success")
	if w.card.GitHub.Problem != "" || w.card.GitHub.Undelivered {
		t.Errorf("card %+v", w.card.GitHub)
	}
	w.hub.DeleteDeployment(w.card.GitHub.Deployment.ID)
	w.say(perch.PhaseGone, gone)
	if w.card.GitHub.Problem != "" || w.card.GitHub.Undelivered || len(w.card.GitHub.Earlier) > 0 {
		t.Errorf("card after the removal %+v", w.card.GitHub)
	}
}

// TestARemovalThatGitHubDeniesIsToldLater has a token that sees nothing, or nothing of deployments,
// while the environment is removed. GitHub answers 404 to the one, as if the deployment were
// deleted.
func TestARemovalThatGitHubDeniesIsToldLater(t *testing.T) {
	for name, c := range map[string]struct {
		routes []string
		status int
		says   string
		words  string
	}{
		"the repository is hidden": {[]string{""}, http.StatusNotFound, "Not Found", "Deployments: write"},
		"deployments are hidden": {
			[]string{"* /deployments", "* /deployments/*", "* /deployments/*/statuses"},
			http.StatusNotFound, "Not Found", "Deployments: write",
		},
		"no deployment can be written": {
			[]string{"POST /deployments/*/statuses"}, http.StatusNotFound, "Not Found", "Deployments: write",
		},
		"the repository is archived": {
			[]string{""}, http.StatusForbidden, "Repository was archived so is read-only.", "is archived",
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.say(perch.PhaseReady)
			w.commit = w.push("feature/login", "three")
			w.say(perch.PhaseStack)
			var withdrawals []func()
			for _, route := range c.routes {
				withdrawals = append(
					withdrawals, w.hub.Inject(hub.Fault{Route: route, Answer: hub.Answer(c.status, c.says)}),
				)
			}
			w.say(perch.PhaseGone, gone)
			if !strings.Contains(w.card.GitHub.Problem, c.words) || !w.card.GitHub.Undelivered ||
				len(w.card.GitHub.Earlier) != 2 {
				t.Errorf("card %+v", w.card.GitHub)
			}
			for _, withdraw := range withdrawals {
				withdraw()
			}
			w.channel.Deliver(t.Context(), &w.card, true)
			w.wantStates("after it is corrected", "inactive", "inactive")
			if w.card.GitHub.Undelivered || w.card.GitHub.Problem != "" {
				t.Errorf("card %+v", w.card.GitHub)
			}
		})
	}
}
