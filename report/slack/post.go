package slack

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	// shortestPause is how long no message is posted after an answer 429 without Retry-After, and
	// longestPause the longest time that Slack is believed.
	shortestPause = 30 * time.Second
	longestPause  = time.Hour
	// longestAnswer is how many bytes of Slack's answer a sentence has.
	longestAnswer = 200
)

// checkWebhook says what is wrong with the address. It never names the address.
func (c *Channel) checkWebhook() error {
	if c.webhook == "" {
		return errNoWebhook
	}
	address, err := url.Parse(c.webhook)
	if err != nil || address.Host == "" || address.Scheme != "https" && !isLoopback(address) {
		return errors.New(Variable +
			" is not the address of a webhook: it begins with https://hooks.slack.com/services/")
	}
	return nil
}

// isLoopback reports whether the address is on this machine: the call does not leave it.
func isLoopback(address *url.URL) bool {
	ip := net.ParseIP(address.Hostname())
	return address.Scheme == "http" && ip != nil && ip.IsLoopback()
}

// send posts a text. Slack answers 200 with the body `ok`, and 429 with Retry-After in seconds
// (Slack docs: Incoming webhooks, Rate limits).
func (c *Channel) send(ctx context.Context, text string) error {
	if err := c.checkWebhook(); err != nil {
		return err
	}
	c.mu.Lock()
	pause := c.paused.Sub(c.now())
	c.mu.Unlock()
	if pause > 0 {
		return fmt.Errorf("the webhook takes no messages for another %s", pause.Round(time.Second))
	}
	body, err := json.Marshal(map[string]string{"text": text})
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.webhook, bytes.NewReader(body))
	if err != nil {
		return errors.New(Variable + " is not the address of a webhook")
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := c.client.Do(request)
	if err != nil {
		return withoutAddress(err)
	}
	defer response.Body.Close()
	said, _ := io.ReadAll(io.LimitReader(response.Body, longestAnswer))
	answer := strings.TrimSpace(string(said))
	switch {
	case response.StatusCode == http.StatusTooManyRequests:
		pause := retryAfter(response.Header.Get("Retry-After"))
		c.mu.Lock()
		c.paused = c.now().Add(pause)
		c.mu.Unlock()
		return fmt.Errorf("the webhook takes no messages for %s", pause)
	case response.StatusCode != http.StatusOK || answer != "ok":
		return fmt.Errorf("the webhook answers %d: %s", response.StatusCode, answer)
	}
	return nil
}

// retryAfter is the pause that Slack requests.
func retryAfter(header string) time.Duration {
	seconds, err := strconv.Atoi(header)
	if err != nil || seconds < 1 {
		return shortestPause
	}
	return min(time.Duration(seconds)*time.Second, longestPause)
}

// withoutAddress is the error of a call without the address, which is a secret.
func withoutAddress(err error) error {
	var failed *url.Error
	if errors.As(err, &failed) {
		err = failed.Err
	}
	return fmt.Errorf("the webhook does not answer: %w", err)
}
