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
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"perch"
	"perch/client"
)

const (
	secret   = "It's a Secret to Everybody"
	previous = "the secret before that one"
)

// temporal accepts hints and notes, or fails.
type temporal struct {
	hints map[string]perch.Hint
	notes []perch.Note
	// err is the error for hints, and noteErr the error for notes.
	err, noteErr error
}

func (f *temporal) SendNote(_ context.Context, note perch.Note) error {
	f.notes = append(f.notes, note)
	return f.noteErr
}

func (f *temporal) RequestLook(_ context.Context, e perch.Environment, hint perch.Hint) (client.Run, error) {
	if f.err != nil {
		return client.Run{}, f.err
	}
	f.hints[e.Branch] = hint
	return client.Run{WorkflowID: perch.LookWorkflowID(e)}, nil
}

func (f *temporal) Reach(context.Context) error { return f.err }

func newReceiver() (*Receiver, *temporal) {
	f := &temporal{hints: map[string]perch.Hint{}}
	return &Receiver{
		Project: "shop", RepositoryID: 7, Secrets: []string{secret, previous}, Temporal: f,
		Logger: slog.New(slog.DiscardHandler),
	}, f
}

func sign(secret, body string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(body))
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

// delivery returns a valid delivery, which a test can change.
func delivery(event, body string) *http.Request {
	request := httptest.NewRequest(http.MethodPost, "/webhooks/github", strings.NewReader(body))
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("X-GitHub-Event", event)
	request.Header.Set("X-GitHub-Delivery", "delivery-1")
	request.Header.Set("X-Hub-Signature-256", sign(secret, body))
	return request
}

func answered(r *Receiver, request *http.Request) (int, string) {
	recorder := httptest.NewRecorder()
	r.Handler().ServeHTTP(recorder, request)
	return recorder.Code, recorder.Body.String()
}

func TestTheSignatureOfGitHubsTestVector(t *testing.T) {
	const want = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
	if !signed([]byte("Hello, World!"), want, []string{secret}) {
		t.Error("GitHub's own test vector is not accepted")
	}
	for _, other := range []string{"", "zz", want[:62], want + "00", strings.Repeat("0", 64)} {
		if signed([]byte("Hello, World!"), other, []string{secret}) {
			t.Errorf("the signature %q is accepted", other)
		}
	}
}

const push = `{"ref": "refs/heads/feature/login", "after": "1", "repository": {"id": 7}, "sender": {"login": "ana"}}`

func TestADeliveryIsAnsweredByItsFault(t *testing.T) {
	change := func(event, body string, change func(*http.Request)) *http.Request {
		request := delivery(event, body)
		if change != nil {
			change(request)
		}
		return request
	}
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	large := `{"padding": "` + strings.Repeat("x", maxBody) + `"}`
	for name, c := range map[string]struct {
		request *http.Request
		status  int
		says    string
	}{
		"right": {change("push", push, nil), 202, "workflow shop:look:feature-login-"},
		"signed by the former secret": {
			change("push", push, header("X-Hub-Signature-256", sign(previous, push))), 202, "",
		},
		"no signature": {
			change("push", push, func(r *http.Request) { r.Header.Del("X-Hub-Signature-256") }), 401, "no signature",
		},
		"signed by SHA-1 only": {change("push", push, header("X-Hub-Signature-256", "sha1=00")), 401, "no signature"},
		"another secret": {
			change("push", push, header("X-Hub-Signature-256", sign("another secret", push))), 401,
			"PERCH_WEBHOOK_SECRET",
		},
		"a changed body": {
			change("push", push+" ", header("X-Hub-Signature-256", sign(secret, push))), 401, "",
		},
		"too large": {change("push", large, nil), 413, "larger than 26214400 bytes"},
		"a form": {
			change("push", push, header("Content-Type", "application/x-www-form-urlencoded")), 415, "application/json",
		},
		"no JSON":  {change("push", `{"ref": `, nil), 400, "not the JSON of an event"},
		"a list":   {change("push", `[]`, nil), 400, "not the JSON of an event"},
		"nothing":  {change("push", `null`, nil), 400, "no repository.id"},
		"no event": {change("", push, nil), 400, "X-GitHub-Event"},
		"no ref":   {change("push", `{"repository": {"id": 7}}`, nil), 400, "names no branch"},
		"an invalid ref": {
			change("push", `{"ref": "refs/heads/a..b", "repository": {"id": 7}}`, nil), 400, "names no branch",
		},
		"no pull request": {
			change("pull_request", `{"action": "opened", "repository": {"id": 7}}`, nil), 400, "names no branch",
		},
		"an unknown event":       {change("star", `{"action": "created", "repository": {"id": 7}}`, nil), 204, ""},
		"another repository":     {change("push", strings.Replace(push, `"id": 7`, `"id": 8`, 1), nil), 204, ""},
		"a tag":                  {change("push", strings.Replace(push, "heads", "tags", 1), nil), 204, ""},
		"a ping":                 {change("ping", `{"zen": "x", "repository": {"id": 7}}`, nil), 200, "project shop"},
		"a ping of a GitHub App": {change("ping", `{"zen": "x"}`, nil), 200, "project shop"},
		"a ping of another one": {
			change("ping", `{"zen": "x", "repository": {"id": 8}}`, nil), 422, "correct --repository-id",
		},
		"not a POST": {httptest.NewRequest(http.MethodGet, "/webhooks/github", nil), 405, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r, f := newReceiver()
			status, text := answered(r, c.request)
			if status != c.status || !strings.Contains(text, c.says) || status == 204 && text != "" {
				t.Errorf("answered %d %s", status, text)
			}
			if taken := len(f.hints) > 0; taken != (c.status == 202) {
				t.Errorf("Temporal holds %v", f.hints)
			}
		})
	}
}

func TestADeliveryFailsIfTemporalDoesNotHoldIt(t *testing.T) {
	r, f := newReceiver()
	f.err = errors.New("no Temporal answers")
	if status, text := answered(
		r, delivery("push", push),
	); status != 503 || !strings.Contains(text, "no Temporal answers; redeliver") {
		t.Errorf("answered %d %s", status, text)
	}
	if status, _ := answered(r, httptest.NewRequest(http.MethodGet, "/readyz", nil)); status != 503 {
		t.Errorf("/readyz answered %d", status)
	}
	if status, _ := answered(r, httptest.NewRequest(http.MethodGet, "/healthz", nil)); status != 200 {
		t.Errorf("/healthz answered %d", status)
	}
	f.err = nil
	if status, _ := answered(r, httptest.NewRequest(http.MethodGet, "/readyz", nil)); status != 200 {
		t.Errorf("/readyz answered %d", status)
	}
}

func TestTheSignatureIsVerifiedBeforeAnythingIsRead(t *testing.T) {
	r, _ := newReceiver()
	request := delivery("", `{"ref": `)
	request.Header.Set("X-Hub-Signature-256", sign("another secret", `{"ref": `))
	request.Header.Set("Content-Type", "text/plain")
	if status, text := answered(r, request); status != 401 {
		t.Errorf("answered %d %s", status, text)
	}
	unread := delivery("push", push)
	unread.Header.Del("X-Hub-Signature-256")
	unread.Body = io.NopCloser(unreadable{t})
	if status, _ := answered(r, unread); status != 401 {
		t.Errorf("answered %d", status)
	}
}

type unreadable struct{ t *testing.T }

func (u unreadable) Read([]byte) (int, error) {
	u.t.Error("the body of an unsigned delivery is read")
	return 0, io.EOF
}

func TestEventsAreHintsAboutBranches(t *testing.T) {
	pull := func(action, repository string) string {
		return fmt.Sprintf(`{"action": %q, "repository": {"id": 7}, "sender": {"login": "ana"},
			"label": {"name": "perch:off"}, "pull_request": {"number": 3, "head": {"ref": "login", "sha": "1", "repo": %s}}}`, action, repository)
	}
	about := func(fields string) string {
		return `{"repository": {"id": 7, "default_branch": "main"}, ` + fields + `}`
	}
	for name, c := range map[string]struct {
		event, body string
		want        map[string]perch.Hint
	}{
		"a push": {"push", push, hints("feature/login", "ana", "push")},
		"a push that deletes": {
			"push", about(`"ref": "refs/heads/login", "deleted": true`), hints("login", "github", "branch deleted"),
		},
		"a new branch": {
			"create", about(`"ref": "a/b", "ref_type": "branch"`), hints("a/b", "github", "branch created"),
		},
		"a branch is gone": {
			"delete", about(`"ref": "a/b", "ref_type": "branch"`), hints("a/b", "github", "branch deleted"),
		},
		"a new tag":     {"create", about(`"ref": "v1", "ref_type": "tag"`), nil},
		"a tag is gone": {"delete", about(`"ref": "v1", "ref_type": "tag"`), nil},
		"a pull request": {
			"pull_request", pull("closed", `{"id": 7}`), noUp(hints("login", "ana", "pull request #3 closed")),
		},
		"a new pull request": {
			"pull_request", pull("opened", `{"id": 7}`), hints("login", "ana", "pull request #3 opened"),
		},
		"a label": {
			"pull_request", pull("labeled", `{"id": 7}`), noUp(hints("login", "ana", "pull request #3 labeled")),
		},
		"a label less": {
			"pull_request", pull("unlabeled", `{"id": 7}`), hints("login", "ana", "pull request #3 unlabeled"),
		},
		"a pin": {
			"pull_request", strings.Replace(pull("labeled", `{"id": 7}`), "perch:off", "perch:keep", 1),
			noUp(hints("login", "ana", "pull request #3 labeled")),
		},
		"the end of a pin": {
			"pull_request", strings.Replace(pull("unlabeled", `{"id": 7}`), "perch:off", "perch:keep", 1),
			noUp(hints("login", "ana", "pull request #3 unlabeled")),
		},
		"another label": {
			"pull_request", strings.Replace(pull("labeled", `{"id": 7}`), "perch:off", "bug", 1), nil,
		},
		"assigned":          {"pull_request", pull("assigned", `{"id": 7}`), nil},
		"of a fork":         {"pull_request", pull("opened", `{"id": 9}`), nil},
		"of a deleted fork": {"pull_request", pull("closed", `null`), nil},
		"renamed": {
			"repository", about(`"action": "renamed"`), noUp(hints("main", "github", "repository renamed")),
		},
		"archived": {"repository", about(`"action": "archived"`), noUp(hints("main", "github", "repository archived"))},
		"edited":   {"repository", about(`"action": "edited"`), nil},
	} {
		t.Run(name, func(t *testing.T) {
			r, f := newReceiver()
			status, text := answered(r, delivery(c.event, c.body))
			want := 202
			if c.want == nil {
				want, c.want = 204, map[string]perch.Hint{}
			}
			if diff := cmp.Diff(c.want, f.hints); diff != "" || status != want {
				t.Errorf("answered %d %s; hints (-want +got):\n%s", status, text, diff)
			}
		})
	}
}

func TestAPullRequestIsNotedForTheReport(t *testing.T) {
	body := func(action string) string {
		return `{"action": "` + action + `", "label": {"name": "perch:off"}, "repository": {"id": 7}, "sender": {"login": "ana"},
			"pull_request": {"number": 3, "head": {"ref": "login", "repo": {"id": 7}}}}`
	}
	for action, noted := range map[string]bool{
		"opened": true, "reopened": true, "edited": true, "closed": true, "synchronize": false, "labeled": false,
	} {
		r, f := newReceiver()
		status, text := answered(r, delivery("pull_request", body(action)))
		if status != 202 || (len(f.notes) == 1) != noted {
			t.Errorf("%s: answered %d %s, noted %+v", action, status, text, f.notes)
		}
		for _, note := range f.notes {
			want := perch.Note{
				ID: "delivery-1", Kind: perch.NotePullRequest, Project: "shop", Branch: "login", By: "webhook:ana",
				At: note.At,
			}
			if note != want || note.At.IsZero() {
				t.Errorf("%s: note %+v", action, note)
			}
		}
	}
	r, f := newReceiver()
	f.noteErr = errors.New("no Temporal answers")
	if status, _ := answered(r, delivery("pull_request", body("opened"))); status != 503 {
		t.Errorf("without the note it is answered %d", status)
	}
}

// TestAnEventAboutTheRepositoryIsLoggedWithWhatToDo sends every event about a repository, and one
// that changes nothing.
func TestAnEventAboutTheRepositoryIsLoggedWithWhatToDo(t *testing.T) {
	for _, action := range []string{"renamed", "transferred", "archived", "unarchived", "deleted", "edited"} {
		var logged strings.Builder
		r, _ := newReceiver()
		r.Logger = slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelWarn}))
		body := `{"action": "` + action + `", "repository": {"id": 7, "default_branch": "main"}}`
		status, _ := answered(r, delivery("repository", body))
		want := action != "edited"
		if got := strings.Contains(logged.String(), "the repository was "+action); got != want ||
			want && (status != 202 || !strings.Contains(logged.String(), "project=shop")) {
			t.Errorf("%s: answered %d, logged %q", action, status, logged.String())
		}
	}
}

func noUp(hints map[string]perch.Hint) map[string]perch.Hint {
	for branch, hint := range hints {
		hint.NoUp = true
		hints[branch] = hint
	}
	return hints
}

func hints(branch, login, reason string) map[string]perch.Hint {
	return map[string]perch.Hint{branch: {By: "webhook:" + login, Reason: reason, Delivery: "delivery-1"}}
}
