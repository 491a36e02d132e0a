package run

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"perch"
	"perch/sandbox/aws"
)

// slackPosts is a Slack on this machine that stores what is posted. If lost is not empty, it
// rejects messages that contain that text.
type slackPosts struct {
	mu    sync.Mutex
	lost  string
	texts []string
}

// ServeHTTP accepts a message.
func (s *slackPosts) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var message struct{ Text string }
	err := json.NewDecoder(r.Body).Decode(&message)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil || s.lost != "" && strings.Contains(message.Text, s.lost) {
		http.Error(w, "no_service", http.StatusNotFound)
		return
	}
	s.texts = append(s.texts, message.Text)
	_, _ = w.Write([]byte("ok"))
}

// lose makes messages that contain the text be rejected from now on.
func (s *slackPosts) lose(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lost = text
}

// all returns the messages that were posted.
func (s *slackPosts) all() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.texts)
}

// withSlack returns b with a Slack that posts records. A project that is added to it may have
// `reports.slack: true`.
func (b *bench) withSlack(t *testing.T) (told *bench, posts *slackPosts) {
	t.Helper()
	posts = &slackPosts{}
	slack := httptest.NewServer(posts)
	t.Cleanup(slack.Close)
	with := *b
	with.env = map[string]string{"PERCH_SLACK_WEBHOOK": slack.URL}
	return &with, posts
}

// TestSlackIsToldHowDeploymentsAndRemovalsEnd has a branch for each message, because Perch posts
// about an environment at most once a minute. A message that Slack rejects changes nothing.
func TestSlackIsToldHowDeploymentsAndRemovalsEnd(t *testing.T) {
	t.Parallel()
	b, posts := sharedSandbox(t).withSlack(t)
	posts.lose("*slack-removed* of chat is ready")
	p := b.newProject(t, "chat", map[string]string{"perch.yaml": bare("chat")}, func(policy *perch.Policy) {
		policy.Reports.Slack = true
	})
	for _, branch := range []string{"slack-ready", "slack-failed", "slack-removed"} {
		p.repo.commit(t, branch, map[string]string{"a.txt": branch})
	}
	ready := p.must(t, "up", "slack-ready")
	b.order(t, aws.Fault{
		Stack: "chat-slack-failed", Type: "AWS::ElasticBeanstalk::Environment", Phase: "create",
		Reason: "There are no t3.small machines left", Count: 1,
	})
	p.failed(t, "up", "slack-failed")
	p.must(t, "up", "slack-removed")
	p.must(t, "down", "slack-removed")
	for _, want := range [][]string{
		{"*slack-ready* of chat is ready (", ready.text("url"), ", requested by ", "/workflows/chat-slack-ready/"},
		{"The deployment of *slack-failed* of chat failed: ", "There are no t3.small machines left"},
		{"*slack-removed* of chat is removed", ", requested by "},
	} {
		eventually(t, "Slack is told "+want[0], func() (any, bool) {
			all := posts.all()
			return all, slices.ContainsFunc(all, func(text string) bool {
				return !slices.ContainsFunc(want, func(part string) bool { return !strings.Contains(text, part) })
			})
		})
	}
	if all := posts.all(); len(all) != 3 {
		t.Errorf("Slack is told %q", all)
	}
}

// TestSlackIsToldOfARemovalAMinuteLater removes an environment less than a minute after Slack was
// told that it is ready. It takes that minute.
func TestSlackIsToldOfARemovalAMinuteLater(t *testing.T) {
	t.Parallel()
	skipUnlessProof(t)
	b, posts := sharedSandbox(t).withSlack(t)
	p := b.newProject(t, "hasty", map[string]string{"perch.yaml": bare("hasty")}, func(policy *perch.Policy) {
		policy.Reports.Slack = true
	})
	p.repo.commit(t, "late", map[string]string{"a.txt": "late"})
	p.must(t, "up", "late")
	p.must(t, "down", "late")
	if card := p.card(t, "late"); !card.Slack.Undelivered || card.State.Phase != perch.PhaseGone {
		t.Errorf("the card of a removal that was not posted yet: %+v, %+v", card.State, card.Slack)
	}
	var ids []string
	eventually(t, "a run takes the note and posts", func() (any, bool) {
		ids, _ = p.entered(t, p.stackOf(t, "late"))
		return ids, len(ids) > 0
	})
	if all := posts.all(); len(ids) != 1 || len(all) != 2 || !strings.Contains(all[1], "*late* of hasty is removed") {
		t.Errorf("notes %q, Slack is told %q", ids, all)
	}
}
