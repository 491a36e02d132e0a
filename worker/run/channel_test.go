package run

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/protobuf/types/known/timestamppb"

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

// queue is a task queue with pollers. Temporal answers only the first question about it.
type queue struct {
	pollers []string
	asked   int
	// stop is called at the third question.
	stop func()
}

func (q *queue) DescribeTaskQueue(
	_ context.Context, name string, kind enums.TaskQueueType,
) (*workflowservice.DescribeTaskQueueResponse, error) {
	if q.asked++; q.asked == 3 {
		q.stop()
	}
	if q.asked > 1 || name != "perch-shop" || kind != enums.TASK_QUEUE_TYPE_ACTIVITY {
		return nil, errors.New("Temporal does not answer")
	}
	out := &workflowservice.DescribeTaskQueueResponse{}
	for _, identity := range q.pollers {
		out.Pollers = append(out.Pollers, &taskqueue.PollerInfo{Identity: identity, LastAccessTime: timestamppb.Now()})
	}
	return out, nil
}

// TestWorkersDivideGitHubsLimits counts workers, each once and this one always, and has Temporal
// not answer afterwards.
func TestWorkersDivideGitHubsLimits(t *testing.T) {
	for want, pollers := range map[int][]string{1: nil, 2: {"1@one", "1@two", "1@two"}, 3: {"1@two", "1@three"}} {
		ctx, stop := context.WithCancel(t.Context())
		q := &queue{pollers: pollers, stop: stop}
		cfg := Config{
			Policy: &perch.Policy{Project: "shop"}, Interval: time.Millisecond, Logger: slog.New(slog.DiscardHandler),
			Temporal: client.Options{Identity: "1@one"},
		}
		var shares []int
		watchShare(ctx, cfg, q, func(workers int) { shares = append(shares, workers) })
		if !slices.Equal(shares, []int{want}) {
			t.Errorf("%q: divided among %v after %d questions", pollers, shares, q.asked)
		}
	}
}
