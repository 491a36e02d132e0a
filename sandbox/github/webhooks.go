package github

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"
)

// deliveryTimeout is the time limit for a receiver's answer (GitHub docs: Best practices for using
// webhooks).
const deliveryTimeout = 10 * time.Second

// Webhook is the URL that receives events, and the secret that signs them.
type Webhook struct {
	URL, Secret string
	// Manual makes each delivery wait until Deliver sends it, so that tests can send deliveries in
	// any order, several times, late or never.
	Manual bool
}

// Delivery is an event that the server has sent, or will send when Deliver is called.
type Delivery struct {
	// GUID is the X-GitHub-Delivery header. A redelivery has the same GUID.
	GUID  string
	Event string
	Body  []byte
	// Attempts has the status code of each response so far, or 0 for an attempt without a response.
	// Without Deliver, GitHub makes one attempt.
	Attempts []int
}

// Subscribe sends all later events to a webhook, and sends a ping first. It replaces the previous
// webhook.
func (s *Server) Subscribe(webhook Webhook) {
	s.serving.Lock()
	defer s.serving.Unlock()
	_ = s.reopen()
	s.refs = s.branchCommits()
	s.mu.Lock()
	s.webhook = &webhook
	s.mu.Unlock()
	s.emit("ping", map[string]any{"zen": "Keep it logically awesome.", "hook_id": 1})
}

// Deliveries returns the deliveries so far, oldest first.
func (s *Server) Deliveries() []Delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := copyAll(s.deliveries)
	for i := range list {
		list[i].Attempts = slices.Clone(list[i].Attempts)
	}
	return list
}

// Deliver sends a delivery, even if it was sent before, and returns the status code of the
// response.
func (s *Server) Deliver(ctx context.Context, guid string) (status int, err error) {
	webhook, delivery := s.delivery(guid)
	if delivery == nil {
		return 0, fmt.Errorf("find delivery %s: it does not exist", guid)
	}
	return s.send(ctx, webhook, delivery)
}

func (s *Server) delivery(guid string) (Webhook, *Delivery) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, delivery := range s.deliveries {
		if delivery.GUID == guid {
			return *s.webhook, delivery
		}
	}
	return Webhook{}, nil
}

// Settle waits until the server has finished all deliveries that do not wait for Deliver.
func (s *Server) Settle() { s.sending.Wait() }

// emit records an event, and sends it unless the webhook is Manual.
func (s *Server) emit(event string, body map[string]any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.webhook == nil {
		return
	}
	body["repository"], body["sender"] = s.repositoryBody(), accountBody(s.sender)
	if s.app != nil {
		body["installation"] = map[string]any{"id": s.app.Installation}
	}
	data, err := json.Marshal(body)
	if err != nil {
		panic(err)
	}
	delivery := &Delivery{GUID: uuid.NewString(), Event: event, Body: data}
	s.deliveries = append(s.deliveries, delivery)
	if s.webhook.Manual {
		return
	}
	webhook := *s.webhook
	s.sending.Go(func() { _, _ = s.send(context.Background(), webhook, delivery) })
}

// repositoryBody returns the repository's JSON in events. The caller holds mu.
func (s *Server) repositoryBody() map[string]any {
	owner, name := cutName(s.name)
	return map[string]any{
		"id": s.id, "name": name, "full_name": s.name, "owner": accountBody(owner), "private": true,
		"archived": s.archived, "default_branch": s.branch, "html_url": s.URL + "/" + s.name,
	}
}

func (s *Server) send(ctx context.Context, webhook Webhook, delivery *Delivery) (status int, err error) {
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delivery.Attempts = append(delivery.Attempts, status)
	}()
	ctx, cancel := context.WithTimeout(ctx, deliveryTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, webhook.URL, bytes.NewReader(delivery.Body))
	if err != nil {
		return 0, fmt.Errorf("send delivery %s: %w", delivery.GUID, err)
	}
	for name, value := range map[string]string{
		"Content-Type": "application/json", "User-Agent": "GitHub-Hookshot/0000000", "X-GitHub-Event": delivery.Event,
		"X-GitHub-Delivery": delivery.GUID, "X-GitHub-Hook-ID": strconv.Itoa(1),
		"X-Hub-Signature-256": Sign(webhook.Secret, delivery.Body),
	} {
		request.Header.Set(name, value)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, fmt.Errorf("send delivery %s: %w", delivery.GUID, err)
	}
	defer func() { _ = response.Body.Close() }()
	_, _ = io.Copy(io.Discard, response.Body)
	return response.StatusCode, nil
}

// Sign returns the X-Hub-Signature-256 of a body (GitHub docs: Validating webhook deliveries).
func Sign(secret string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}
