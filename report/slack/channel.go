// Package slack tells a Slack channel how environments end, that they expire, and that a cleanup is
// held, by an incoming webhook.
//
// A message cannot be edited by a webhook, so only what ends a request is told. The card remembers
// what has been told; what could not be told is in it, too, for the sweep.
package slack

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"perch"
)

// Variable is the environment variable of the worker with the address of the webhook. Who knows the
// address can post, so it is in no file of Perch.
const Variable = "PERCH_SLACK_WEBHOOK"

const (
	// between is the time between two messages about one environment.
	between = time.Minute
	// longestPost is how long a message may take that no report waits for.
	longestPost = 10 * time.Second
)

// Channel posts to one webhook. It is safe for concurrent use.
type Channel struct {
	// RunURL is the address of a run in Temporal's web UI; nil if that is not known. It is set
	// before the first delivery.
	RunURL func(environment perch.Environment, runID string) string

	webhook string
	client  *http.Client
	now     func() time.Time
	// after calls a function later.
	after func(time.Duration, func())

	mu sync.Mutex
	// paused is until when Slack wants no messages.
	paused time.Time
	// waiting are the messages that come too early, by the slug of their environment: the newest
	// of each.
	waiting map[string]message
	// sent are the messages that were posted later than their report, by slug. The card does not
	// know of them yet.
	sent map[string]posted
	// held is the hash of the held cleanup that was told last.
	held string
	// problem is why the last message was not delivered; empty if it was.
	problem string
}

// posted is a message that was posted, and when.
type posted struct {
	message
	at time.Time
}

// New makes a Channel to the webhook at an address. now is the clock of its pace.
func New(webhook string, now func() time.Time) *Channel {
	return &Channel{
		webhook: webhook, client: &http.Client{}, now: now,
		after:   func(d time.Duration, do func()) { time.AfterFunc(d, do) },
		waiting: map[string]message{}, sent: map[string]posted{},
	}
}

// Deliver posts what the card says, unless that was posted before, and enters what it has posted.
// What cannot be posted is a sentence in the card, and the card is marked.
func (c *Channel) Deliver(ctx context.Context, card *perch.Card) {
	memory, slug := &card.Slack, card.Environment.Slug
	memory.Undelivered, memory.Problem = false, ""
	c.mu.Lock()
	if sent, known := c.sent[slug]; known && sent.at.After(memory.At) {
		sent.enter(memory)
		memory.At = sent.at
	}
	c.mu.Unlock()
	due, ok := c.due(*card)
	if !ok {
		return
	}
	if wait := memory.At.Add(between).Sub(c.now()); wait > 0 {
		memory.Undelivered = true
		c.postLater(slug, due, wait)
		return
	}
	if err := c.post(ctx, due.text); err != nil {
		memory.Undelivered, memory.Problem = true, "Slack was not told: "+err.Error()
		return
	}
	due.enter(memory)
	memory.At = c.now().UTC()
}

// postLater posts the newest message about an environment when the pace has room for it.
func (c *Channel) postLater(slug string, due message, wait time.Duration) {
	c.mu.Lock()
	_, planned := c.waiting[slug]
	c.waiting[slug] = due
	c.mu.Unlock()
	if planned {
		return
	}
	c.after(wait, func() {
		c.mu.Lock()
		newest := c.waiting[slug]
		delete(c.waiting, slug)
		c.mu.Unlock()
		ctx, stop := context.WithTimeout(context.Background(), longestPost)
		defer stop()
		if c.post(ctx, newest.text) != nil {
			return // The card says that it is undelivered.
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.sent[slug] = posted{newest, c.now().UTC()}
	})
}

// TellHeld posts once that cleanup is held, and which command approves the plan.
func (c *Channel) TellHeld(ctx context.Context, project string, brake perch.CleanupBrake) {
	c.mu.Lock()
	told := c.held == brake.Hash
	c.mu.Unlock()
	if told || c.post(ctx, heldText(project, brake)) != nil {
		return // The next cleanup tries again.
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.held = brake.Hash
}

// Check says whether messages are delivered. It posts nothing.
func (c *Channel) Check(context.Context) (string, error) {
	if err := c.checkWebhook(); err != nil {
		return "", err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.problem != "" {
		return "", fmt.Errorf("the last message to Slack was not delivered: %s", c.problem)
	}
	return "Slack is told how environments end", nil
}

// post posts a text, and remembers whether that went well.
func (c *Channel) post(ctx context.Context, text string) error {
	err := c.send(ctx, text)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.problem = ""
	if err != nil {
		c.problem = err.Error()
	}
	return err
}

// errNoWebhook says that the worker has no address.
var errNoWebhook = errors.New("the policy says `reports.slack: true`, and the worker's environment has no " + Variable +
	": create an incoming webhook in Slack, and give its address to the worker")
