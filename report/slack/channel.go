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
	// longestAsk is how long Redeliver may take.
	longestAsk = 10 * time.Second
)

// Channel posts to one webhook. It is safe for concurrent use.
type Channel struct {
	// RunURL is the address of a run in Temporal's web UI; nil if that is not known. It is set
	// before the first delivery.
	RunURL func(environment perch.Environment, runID string) string
	// Redeliver asks a run of the environment to deliver its card again. It is set before the first
	// delivery; if it is nil, a message that comes too early waits for the next delivery.
	Redeliver func(ctx context.Context, environment perch.Environment) error

	webhook string
	client  *http.Client
	now     func() time.Time
	// after calls a function later.
	after func(time.Duration, func())

	mu sync.Mutex
	// paused is until when Slack wants no messages.
	paused time.Time
	// waiting are the slugs of the environments whose message comes too early.
	waiting map[string]bool
	// held is the hash of the held cleanup that was told last.
	held string
	// problem is why the last message was not delivered; empty if it was.
	problem string
}

// New makes a Channel to the webhook at an address. now is the clock of its pace.
func New(webhook string, now func() time.Time) *Channel {
	return &Channel{
		webhook: webhook, client: &http.Client{}, now: now,
		after:   func(d time.Duration, do func()) { time.AfterFunc(d, do) },
		waiting: map[string]bool{},
	}
}

// Deliver posts what the card says, unless that was posted before, and enters what it has posted.
// What cannot be posted is a sentence in the card, and the card is marked.
func (c *Channel) Deliver(ctx context.Context, card *perch.Card) {
	memory := &card.Slack
	memory.Undelivered, memory.Problem = false, ""
	due, ok := c.due(*card)
	if !ok {
		return
	}
	if wait := memory.At.Add(between).Sub(c.now()); wait > 0 {
		memory.Undelivered = true
		c.redeliverLater(card.Environment, wait)
		return
	}
	if err := c.post(ctx, due.text); err != nil {
		memory.Undelivered, memory.Problem = true, "Slack was not told: "+err.Error()
		return
	}
	due.enter(memory)
	memory.At = c.now().UTC()
}

// redeliverLater calls Redeliver when the pace has room for a message about the environment, once
// for all messages that come too early. If the call fails, the card still says that Slack has not
// been told, and the sweep repairs it.
func (c *Channel) redeliverLater(environment perch.Environment, wait time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.Redeliver == nil || c.waiting[environment.Slug] {
		return
	}
	c.waiting[environment.Slug] = true
	c.after(wait, func() {
		c.mu.Lock()
		delete(c.waiting, environment.Slug)
		c.mu.Unlock()
		ctx, stop := context.WithTimeout(context.Background(), longestAsk)
		defer stop()
		_ = c.Redeliver(ctx, environment)
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
