package run

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/go-git/go-git/v5"
	"github.com/google/go-cmp/cmp"

	"perch"
	"perch/activities"
	"perch/activities/stack"
	"perch/client"
	"perch/readapi"
	"perch/sandbox/aws"
)

const readToken = "a-token-of-readers"

// knownRuns is what Temporal knows.
type knownRuns struct {
	latest client.Run
	beat   *perch.Progress
	held   *client.HeldCleanup
	// heldErr is why the cleanups cannot be read.
	heldErr error
}

func (k *knownRuns) Latest(context.Context, perch.Environment) (client.Progress, client.Run, error) {
	return client.Progress{Phase: perch.PhaseStack, Beat: k.beat}, k.latest, nil
}

func (k *knownRuns) HeldCleanup(context.Context, string) (*client.HeldCleanup, error) {
	return k.held, k.heldErr
}

// knownRoles is what GitHub knows.
type knownRoles struct {
	role  string
	err   error
	calls int
}

func (k *knownRoles) Role(context.Context, string) (string, error) {
	k.calls++
	return k.role, k.err
}

// readWorld is an AWS endpoint with environments, and a worker's read API over HTTP.
type readWorld struct {
	*testing.T
	aws     *aws.Server
	runs    *knownRuns
	answers *reads
	roles   *knownRoles
	client  *readapi.Client
	changes atomic.Int64

	mu  sync.Mutex
	now time.Time
}

func newReadWorld(t *testing.T, branches ...string) *readWorld {
	t.Helper()
	server, listener := accountOnAWS(t, "123456789012")
	policy := &perch.Policy{
		Account: "123456789012", Region: "eu-central-1", Project: "shop", Repository: "github.com/acme/shop",
		DefaultBranch: "main", Source: perch.Source{GitHub: &perch.GitHubSource{Repository: "acme/shop"}},
	}
	cfn := cloudformation.NewFromConfig(endpoint(listener.URL))
	for _, branch := range branches {
		environment, err := perch.NewEnvironment("shop", branch)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := cfn.CreateStack(t.Context(), &cloudformation.CreateStackInput{
			StackName: sdk.String(environment.StackName()), TemplateBody: sdk.String(otherStack),
			Tags: stack.TagList(environment.Tags(policy.Identity(""), perch.KindBranch)),
		}); err != nil {
			t.Fatal(err)
		}
	}
	w := &readWorld{
		T: t, aws: server, runs: &knownRuns{}, roles: &knownRoles{}, now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
	}
	checkout := t.TempDir()
	if _, err := git.PlainInit(checkout, false); err != nil {
		t.Fatal(err)
	}
	repository, err := openSource(perch.Source{Git: checkout}, nil)
	if err != nil {
		t.Fatal(err)
	}
	set := activities.New(endpoint(listener.URL), policy, repository, time.Second, nil, time.Now)
	w.answers = &reads{
		policy: policy, stacks: set.Stacks(), runs: w.runs, runsURL: "https://temporal/runs",
		logs: set.Logs(), logNow: time.Now, roles: w.roles,
	}
	w.answers.withCaches(w.clock, &w.changes)
	api := httptest.NewServer(w.answers.handler(readToken))
	t.Cleanup(api.Close)
	w.client = &readapi.Client{Address: api.URL, Token: readToken, HTTP: api.Client()}
	return w
}

func (w *readWorld) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *readWorld) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

// minute lets so many readers look at the overview and at an environment every five seconds of a
// minute, and returns how many calls AWS has got.
func (w *readWorld) minute(readers int) int {
	w.Helper()
	before := len(w.aws.Calls())
	together := func(ask func() error) {
		var group sync.WaitGroup
		for range readers {
			group.Go(func() {
				if err := ask(); err != nil {
					w.Error(err)
				}
			})
		}
		group.Wait()
	}
	for range 12 {
		together(func() error { _, err := w.client.Overview(w.Context()); return err })
		awaitRefreshes(w.answers.overviews)
		together(func() error { _, err := w.client.Page(w.Context(), "login"); return err })
		awaitRefreshes(w.answers.pages)
		w.pass(5 * time.Second)
	}
	return len(w.aws.Calls()) - before
}

// awaitRefreshes waits until no refresh is in progress, because those of two questions share calls.
func awaitRefreshes[T any](c *answerCache[T]) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, answer := range c.answers {
		for answer.done != nil {
			done := answer.done
			c.mu.Unlock()
			<-done
			c.mu.Lock()
		}
	}
}

func TestCallsOfAWSDoNotDependOnTheNumberOfReaders(t *testing.T) {
	one, fifty := newReadWorld(t, "login", "search").minute(1), newReadWorld(t, "login", "search").minute(50)
	if one != fifty || one == 0 {
		t.Errorf("one reader costs %d calls a minute, and fifty cost %d", one, fifty)
	}
}

func TestTheOverviewIsTheListWithWhatAPageNeeds(t *testing.T) {
	w := newReadWorld(t, "search", "login")
	w.runs.held = &client.HeldCleanup{
		At: time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC), Result: perch.CleanupResult{
			Brake: &perch.CleanupBrake{Reason: "9 removals are more than 5", Hash: "abc"},
			Verdicts: []perch.CleanupVerdict{
				{Branch: "old", Verdict: perch.VerdictRemove}, {Branch: "main", Verdict: perch.VerdictKeep},
			},
		},
	}
	got, err := w.client.Overview(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var branches []string
	for _, environment := range got.Environments {
		branches = append(branches, environment.Branch)
	}
	if !slices.Equal(branches, []string{"login", "search"}) || got.Project != "shop" ||
		got.Repository != "https://github.com/acme/shop" || got.RunsURL != "https://temporal/runs" ||
		got.Problem != "" {
		t.Errorf("%q: %+v", branches, got)
	}
	want := &readapi.HeldCleanup{
		Reason: "9 removals are more than 5", Hash: "abc", At: "2026-01-02T03:00:00Z",
		Removals: []perch.CleanupVerdict{{Branch: "old", Verdict: perch.VerdictRemove}},
	}
	if diff := cmp.Diff(want, got.Held); diff != "" {
		t.Error(diff)
	}
}

func TestTheOverviewIsThereAlthoughTheCleanupsCannotBeRead(t *testing.T) {
	w := newReadWorld(t, "login")
	w.runs.heldErr = errors.New("the history is gone")
	got, err := w.client.Overview(t.Context())
	if err != nil || len(got.Environments) != 1 || len(got.Warnings) == 0 ||
		!strings.HasSuffix(got.Warnings[len(got.Warnings)-1], "Temporal could not be read: the history is gone") {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestThePageIsTheStatusWithHowFarTheRunIs(t *testing.T) {
	w := newReadWorld(t, "login")
	w.runs.latest, w.runs.beat = client.Run{WorkflowID: "shop-login", RunID: "1"}, &perch.Progress{Status: "CREATING"}
	got, err := w.client.Page(t.Context(), "login")
	if err != nil {
		t.Fatal(err)
	}
	if got.Stack != "shop-login" || got.Environment.Status == "" || got.Phase != perch.PhaseStack ||
		got.Run != w.runs.latest || got.Beat == nil || got.Timeline == nil {
		t.Errorf("%+v", got)
	}
	nothing, err := w.client.Page(t.Context(), "nowhere")
	if err != nil || nothing.Environment.Status != "" || nothing.Branch != "nowhere" {
		t.Errorf("without an environment: %+v, %v", nothing, err)
	}
	for branch, rejected := range map[string]bool{"main": true, "nowhere": false, "login": false} {
		page, err := w.client.Page(t.Context(), branch)
		if err != nil || (page.RemovalRejected != "") != rejected {
			t.Errorf("the removal of %s is rejected because %q, %v", branch, page.RemovalRejected, err)
		}
	}
}

func TestWhenAWSIsAwayTheLastAnswerIsGivenWithTheReason(t *testing.T) {
	w := newReadWorld(t, "login")
	good, err := w.client.Overview(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.aws.AddFault(aws.Fault{
		Status: 503, Code: "ServiceUnavailable", Message: "AWS is away",
	}); err != nil {
		t.Fatal(err)
	}
	w.pass(4 * time.Minute)
	stale, err := w.client.Overview(t.Context())
	if err != nil || stale.At != good.At || len(stale.Environments) != 1 ||
		!strings.Contains(stale.Problem, "AWS could not be read: list stacks") {
		t.Errorf("%+v, %v", stale, err)
	}
	_, err = w.client.Page(t.Context(), "login")
	expectFailure(t, err, http.StatusBadGateway, "AWS is away")
}

func expectFailure(t *testing.T, err error, status int, sentence string) {
	t.Helper()
	var failed *readapi.Error
	if !errors.As(err, &failed) || failed.Status != status || !strings.Contains(failed.Sentence, sentence) {
		t.Errorf("got %v, want status %d and %q", err, status, sentence)
	}
}

func TestQuestionsThatCannotBeAnsweredSayWhy(t *testing.T) {
	w := newReadWorld(t)
	for name, c := range map[string]struct {
		method, path, authorization string
		status                      int
		sentence                    string
	}{
		"no token": {"GET", readapi.PathOverview, "", 401, "give PERCH_READ_TOKEN the value"},
		"another token": {
			"GET", readapi.PathOverview, "Bearer " + readToken + "x", 401, "give PERCH_READ_TOKEN the value",
		},
		"another scheme": {"GET", readapi.PathOverview, "Basic " + readToken, 401, "give PERCH_READ_TOKEN the value"},
		"unknown path":   {"GET", "/v9/all", "Bearer " + readToken, 404, "does not know the question GET \"/v9/all\""},
		"not a read": {
			"POST", readapi.PathOverview, "Bearer " + readToken, 404, "does not know the question POST",
		},
		"no branch":    {"GET", readapi.PathPage, "Bearer " + readToken, 400, "names no branch"},
		"no such name": {"GET", readapi.PathPage + "?branch=a%00b", "Bearer " + readToken, 400, "branch"},
		"another project": {"GET", readapi.PathOverview +
			"?project=blog", "Bearer " + readToken, 400, "of project shop, and not of blog"},
	} {
		t.Run(name, func(t *testing.T) {
			request, err := http.NewRequestWithContext(t.Context(), c.method, w.client.Address+c.path, nil)
			if err != nil {
				t.Fatal(err)
			}
			if c.authorization != "" {
				request.Header.Set("Authorization", c.authorization)
			}
			response, err := w.client.HTTP.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			body := make([]byte, 4096)
			n, _ := response.Body.Read(body)
			text := strings.ReplaceAll(string(body[:n]), `\"`, `"`)
			if response.StatusCode != c.status || !strings.Contains(text, c.sentence) ||
				!strings.Contains(text, `{"error":`) {
				t.Errorf("%d %s", response.StatusCode, text)
			}
		})
	}
	if calls := len(w.aws.Calls()); calls > 0 {
		t.Errorf("AWS got %d calls", calls)
	}
}

func TestReadersAreNotAnsweredWithoutAToken(t *testing.T) {
	for name, c := range map[string]struct{ token, want string }{
		"none":  {"", "--read needs a token that every reader has to know: set PERCH_READ_TOKEN"},
		"short": {"tooshort", "PERCH_READ_TOKEN has 8 characters, and 16 are needed"},
	} {
		t.Run(name, func(t *testing.T) {
			env := map[string]string{"PERCH_READ_TOKEN": c.token}
			code, _, stderr := runMain(t, env, "--policy", writePolicy(t, goodPolicy), "--read", "127.0.0.1:0")
			if code != 2 || !strings.Contains(stderr, c.want) {
				t.Errorf("exit %d, %q", code, stderr)
			}
		})
	}
}

func TestPermissionsAreKeptForFiveMinutesUnlessAFreshOneIsWanted(t *testing.T) {
	w := newReadWorld(t)
	expect := func(fresh bool, role string, calls int) {
		t.Helper()
		got, err := w.client.Permission(t.Context(), "ana", fresh)
		awaitRefreshes(w.answers.permissions)
		if err != nil || got.Login != "ana" || got.Role != role || w.roles.calls != calls {
			t.Errorf("%+v, %v after %d calls; want %s after %d", got, err, w.roles.calls, role, calls)
		}
	}
	w.roles.role = "admin"
	expect(false, "admin", 1)
	w.roles.role = "read"
	w.pass(4 * time.Minute)
	expect(false, "admin", 1)
	expect(true, "read", 2)
	w.roles.role = "none"
	w.pass(6 * time.Minute)
	expect(false, "none", 3)
	w.roles.err = errors.New("GitHub is away")
	w.pass(freshAge)
	_, err := w.client.Permission(t.Context(), "ana", true)
	expectFailure(t, err, http.StatusBadGateway, "GitHub could not be read: GitHub is away")
	_, err = w.client.Permission(t.Context(), "../../x", true)
	expectFailure(t, err, http.StatusBadRequest, "is not a login on GitHub")
	w.answers.roles = nil
	_, err = w.client.Permission(t.Context(), "ana", false)
	expectFailure(t, err, http.StatusNotFound, "is not on GitHub")
}

func TestFreshLooksAtThePermissionOfALoginAreLimited(t *testing.T) {
	w := newReadWorld(t)
	w.roles.role = "write"
	look := func(login string) error {
		w.pass(freshAge)
		_, err := w.client.Permission(t.Context(), login, true)
		return err
	}
	most := 0
	for ; most < 100; most++ {
		if err := look("ana"); err != nil {
			expectFailure(t, err, http.StatusTooManyRequests, "the permission of ana was looked up too often")
			break
		}
	}
	if most < mostFreshRoles || most > 2*mostFreshRoles || w.roles.calls != most {
		t.Errorf("GitHub was asked %d times, and %d looks were answered", w.roles.calls, most)
	}
	if got, err := w.client.Permission(t.Context(), "ana", false); err != nil || got.Role != "write" {
		t.Errorf("the page is answered %+v, %v", got, err)
	}
	if err := look("ben"); err != nil {
		t.Errorf("another person is answered %v", err)
	}
	w.pass(freshEvery)
	if err := look("ana"); err != nil {
		t.Errorf("later it is answered %v", err)
	}
}

// TestFreshAnswersAreReadFromAWSAndShared changes what is there, and asks who decides by it.
func TestFreshAnswersAreReadFromAWSAndShared(t *testing.T) {
	w := newReadWorld(t, "login")
	for name, ask := range map[string]func(fresh bool) error{
		"overview": func(fresh bool) (err error) {
			if _, err = w.client.Overview(t.Context()); fresh {
				_, err = w.client.FreshOverview(t.Context())
			}
			return err
		},
		"page": func(fresh bool) (err error) {
			if _, err = w.client.Page(t.Context(), "login"); fresh {
				_, err = w.client.FreshPage(t.Context(), "login")
			}
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			expect := func(fresh, reads bool) {
				t.Helper()
				before := len(w.aws.Calls())
				if err := ask(fresh); err != nil {
					t.Fatal(err)
				}
				if calls := len(w.aws.Calls()) - before; (calls > 0) != reads {
					t.Errorf("AWS got %d calls, and calls are wanted: %v", calls, reads)
				}
			}
			expect(false, true)
			w.pass(freshAge - time.Second)
			expect(true, false)
			w.pass(time.Second)
			expect(false, false)
			expect(true, true)
			expect(true, false)
		})
	}
}

func TestOldLinesOfALogAreNotShownAsCurrent(t *testing.T) {
	w := newReadWorld(t)
	var failure error
	w.answers.lastLines.read = func(context.Context, string) (readapi.Logs, error) {
		return readapi.Logs{Branch: "login"}, failure
	}
	ask := func() (readapi.Logs, error) {
		w.pass(time.Minute)
		return w.client.Logs(t.Context(), "login", time.Minute, 10)
	}
	if got, err := ask(); err != nil || got.Problem != "" {
		t.Errorf("%+v, %v", got, err)
	}
	failure = errors.New("AWS is away")
	if got, err := ask(); err != nil || !strings.Contains(got.Problem, "not current: ") {
		t.Errorf("%+v, %v", got, err)
	}
	failure = unanswerable(http.StatusNotFound, "branch login has no environment")
	_, _ = ask() // While the answer is refreshed, readers are told of the failure before it.
	awaitRefreshes(w.answers.lastLines)
	_, err := ask()
	expectFailure(t, err, http.StatusNotFound, "branch login has no environment")
}

func TestLogsWantAnEnvironmentAndABoundedQuestion(t *testing.T) {
	w := newReadWorld(t, "login")
	_, err := w.client.Logs(t.Context(), "nowhere", time.Minute, 10)
	expectFailure(t, err, http.StatusNotFound, "branch nowhere has no environment")
	_, err = w.client.Logs(t.Context(), "login", -time.Minute, 10)
	expectFailure(t, err, http.StatusBadRequest, "is not a time to look back")
	_, err = w.client.Logs(t.Context(), "login", time.Minute, 100_000)
	expectFailure(t, err, http.StatusBadRequest, "is not a number from 1 to 1000")
	got, err := w.client.Logs(t.Context(), "login", time.Minute, 10)
	if err != nil || got.Branch != "login" || got.Problem == "" {
		t.Errorf("%+v, %v", got, err)
	}
	history, err := w.client.History(t.Context(), "login")
	if err != nil || history.Lives == nil || len(history.Lives) > 0 {
		t.Errorf("%+v, %v", history, err)
	}
}
