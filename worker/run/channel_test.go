package run

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"perch"
)

func TestSlackIsToldWithoutGitHub(t *testing.T) {
	var posted string
	slack := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		posted = string(body)
		_, _ = w.Write([]byte("ok"))
	}))
	defer slack.Close()
	variables := map[string]string{
		"PERCH_SLACK_WEBHOOK": slack.URL, "PERCH_TEMPORAL_UI": "https://temporal.example.org/",
	}
	policy := &perch.Policy{Reports: perch.PolicyReports{Slack: true}}
	channel := openChannel(policy, nil, func(name string) string { return variables[name] }, "default", time.Now)
	environment, err := perch.NewEnvironment("shop", "login")
	if err != nil {
		t.Fatal(err)
	}
	card := &perch.Card{
		Environment: environment, State: perch.CardState{Goal: perch.GoalUp, Phase: perch.PhaseReady, RunID: "run-1"},
		GitHub: perch.GitHubMemory{Undelivered: true, CommentUndelivered: true, Intended: []string{"c1"}},
		Ended:  []perch.CardState{{}},
	}
	channel.Deliver(t.Context(), card, false)
	if !strings.Contains(posted, "*login* of shop is ready") ||
		!strings.Contains(posted, "https://temporal.example.org/namespaces/default/workflows/shop-login/run-1") {
		t.Errorf("posted %s", posted)
	}
	if card.Undelivered() || card.Slack.Told == "" || len(card.Ended)+len(card.GitHub.Intended) > 0 {
		t.Errorf("the card says %+v", card)
	}
	if said, err := channel.(*channels).Check(t.Context()); err != nil || said != "Slack is told how environments end" {
		t.Errorf("doctor says %q, %v", said, err)
	}
}

func TestAPolicyThatWantsSlackNeedsItsAddress(t *testing.T) {
	policy := &perch.Policy{Reports: perch.PolicyReports{Slack: true}}
	channel := openChannel(policy, nil, nil, "default", time.Now)
	if _, err := channel.(*channels).Check(t.Context()); err == nil ||
		!strings.Contains(err.Error(), "PERCH_SLACK_WEBHOOK") {
		t.Errorf("doctor says %v", err)
	}
	if channel := openChannel(&perch.Policy{}, nil, nil, "default", time.Now); channel != nil {
		t.Errorf("without any channel there is %+v", channel)
	}
}
