package server

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"strings"
	"time"

	"perch"
	"perch/client"
)

// maxBody is the size of GitHub's largest payload. GitHub does not deliver larger ones (GitHub
// docs: Webhook events and payloads).
const maxBody = 25 << 20

// looker lists the methods of a client that a Receiver uses.
type looker interface {
	RequestLook(ctx context.Context, e perch.Environment, hint perch.Hint) (client.Run, error)
	SendNote(ctx context.Context, note perch.Note) error
	Reach(ctx context.Context) error
}

// Receiver handles the deliveries of one repository's webhook.
type Receiver struct {
	// Project is the project of the repository's branches. RepositoryID is the repository's id on
	// GitHub.
	Project      string
	RepositoryID int64
	// Secrets are the secrets that are accepted for signatures.
	Secrets []string
	// Temporal receives the hints.
	Temporal looker
	Logger   *slog.Logger
}

// reply is the response to a delivery. GitHub shows its status and text to the people who manage
// the webhook.
type reply struct {
	status int
	text   string
}

func replyf(status int, text string, args ...any) reply {
	return reply{status, fmt.Sprintf(text, args...)}
}

// receive handles a delivery. It responds with 202 only if Temporal has stored the hint. GitHub
// does not retry a failed delivery, but it shows the failure, and people can redeliver it.
func (r *Receiver) receive(w http.ResponseWriter, request *http.Request) {
	ctx, cancel := context.WithTimeout(request.Context(), deliveryTimeout)
	defer cancel()
	said := r.handle(ctx, w, request)
	level := slog.LevelInfo
	if said.status >= http.StatusBadRequest {
		level = slog.LevelWarn
	}
	r.Logger.Log(ctx, level, "delivery", "event", request.Header.Get("X-GitHub-Event"),
		"delivery", request.Header.Get("X-GitHub-Delivery"), "status", said.status, "answer", said.text)
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(said.status)
	if said.status != http.StatusNoContent {
		fmt.Fprintln(w, said.text)
	}
}

func (r *Receiver) handle(ctx context.Context, w http.ResponseWriter, request *http.Request) reply {
	signature, ok := strings.CutPrefix(request.Header.Get("X-Hub-Signature-256"), "sha256=")
	if !ok {
		return replyf(http.StatusUnauthorized, "the delivery has no signature: set the secret of the webhook on GitHub")
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, request.Body, maxBody))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return replyf(http.StatusRequestEntityTooLarge, "the payload is larger than %d bytes", int64(maxBody))
	case err != nil:
		return replyf(http.StatusBadRequest, "read the payload: %v", err)
	case !signed(body, signature, r.Secrets):
		return replyf(http.StatusUnauthorized,
			"the signature is not made with this receiver's secret: the webhook on GitHub and PERCH_WEBHOOK_SECRET "+
				"must have the same")
	}
	if kind, _, err := mime.ParseMediaType(request.Header.Get("Content-Type")); err != nil ||
		kind != "application/json" {
		return replyf(http.StatusUnsupportedMediaType,
			"the payload is %q: set the content type of the webhook on GitHub to application/json",
			request.Header.Get("Content-Type"))
	}
	e, err := readEvent(request.Header.Get("X-GitHub-Event"), body)
	if err != nil {
		return replyf(http.StatusBadRequest, "%v", err)
	}
	e.hint.Delivery = request.Header.Get("X-GitHub-Delivery")
	return r.accept(ctx, e)
}

// accept sends an event of this repository to Temporal.
func (r *Receiver) accept(ctx context.Context, e event) reply {
	switch {
	case e.ping && e.repository != 0 && e.repository != r.RepositoryID:
		return replyf(http.StatusUnprocessableEntity,
			"this receiver is for the repository with the id %d, and the webhook is of the one with the id %d: "+
				"correct --repository-id",
			r.RepositoryID, e.repository)
	case e.ping:
		return replyf(http.StatusOK, "perch-web receives webhooks for project %s", r.Project)
	case e.nothing != "":
		return replyf(http.StatusNoContent, "%s", e.nothing)
	case e.repository != r.RepositoryID:
		// A GitHub App's webhook delivers events of every repository in which the App is installed.
		return replyf(http.StatusNoContent, "it is about the repository with the id %d, and this receiver is for %d",
			e.repository, r.RepositoryID)
	}
	environment, err := perch.NewEnvironment(r.Project, e.branch)
	if err != nil {
		return replyf(http.StatusBadRequest, "%v", err)
	}
	if e.warning != "" {
		r.Logger.Warn(e.warning, "project", r.Project)
	}
	run, err := r.Temporal.RequestLook(ctx, environment, e.hint)
	if err == nil && e.note {
		err = r.Temporal.SendNote(ctx, perch.Note{
			ID: e.hint.Delivery, Kind: perch.NotePullRequest, Project: r.Project, Branch: e.branch, By: e.hint.By,
			At: time.Now().UTC(),
		})
	}
	if err != nil {
		return replyf(
			http.StatusServiceUnavailable, "%v; redeliver this delivery when Temporal answers, or wait for cleanup",
			err,
		)
	}
	return replyf(http.StatusAccepted, "workflow %s looks at branch %s", run.WorkflowID, e.branch)
}

// signed reports whether signature, in hexadecimal, was made from body with one of the secrets. It
// compares in constant time.
func signed(body []byte, signature string, secrets []string) bool {
	given, err := hex.DecodeString(signature)
	valid := false
	for _, secret := range secrets {
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write(body)
		valid = hmac.Equal(mac.Sum(nil), given) || valid
	}
	return err == nil && valid
}
