package github_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	api "github.com/google/go-github/v60/github"

	"perch/sandbox/github"
)

// receiver validates and parses deliveries with go-github, and responds with status.
type receiver struct {
	mu     sync.Mutex
	status int
	got    []string
}

func receive(t *testing.T, h *hub, manual bool) *receiver {
	t.Helper()
	r := &receiver{status: http.StatusAccepted}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		body, err := api.ValidatePayload(request, []byte("secret"))
		if err != nil {
			t.Error(err)
		}
		event, err := api.ParseWebHook(api.WebHookType(request), body)
		if err != nil {
			t.Error(err)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.got = append(r.got, describe(event))
		w.WriteHeader(r.status)
	}))
	t.Cleanup(server.Close)
	h.Subscribe(github.Webhook{URL: server.URL, Secret: "secret", Manual: manual})
	return r
}

func describe(event any) string {
	switch e := event.(type) {
	case *api.PushEvent:
		commits := fmt.Sprintf("%.4s..%.4s", e.GetBefore(), e.GetAfter())
		return fmt.Sprintf("push %s %s created=%v deleted=%v forced=%v",
			e.GetRef(), commits, e.GetCreated(), e.GetDeleted(), e.GetForced())
	case *api.CreateEvent:
		return fmt.Sprintf("create %s %s", e.GetRefType(), e.GetRef())
	case *api.DeleteEvent:
		return fmt.Sprintf("delete %s %s of %d", e.GetRefType(), e.GetRef(), e.GetRepo().GetID())
	case *api.PullRequestEvent:
		return fmt.Sprintf("pull_request %d %s %s", e.GetNumber(), e.GetAction(), e.GetLabel().GetName())
	case *api.RepositoryEvent:
		return fmt.Sprintf("repository %s %s", e.GetAction(), e.GetRepo().GetFullName())
	}
	return fmt.Sprintf("%T", event)
}

// events returns the descriptions of the received events, sorted.
func (r *receiver) events() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Sorted(slices.Values(r.got))
}

func TestBranchChangesSendEvents(t *testing.T) {
	h := start(t)
	received := receive(t, h, false)
	first := h.push("feature/cart", "three")
	second := h.push("feature/cart", "four")
	h.deleteBranch("feature/cart")
	h.Settle()
	want := []string{
		"*github.PingEvent",
		"create branch feature/cart",
		"delete branch feature/cart of 1296269",
		"push refs/heads/feature/cart 0000.." + first[:4] + " created=true deleted=false forced=false",
		"push refs/heads/feature/cart " + first[:4] + ".." + second[:4] + " created=false deleted=false forced=true",
		"push refs/heads/feature/cart " + second[:4] + "..0000 created=false deleted=true forced=false",
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, received.events()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestPullRequestAndRepositoryChangesSendEvents(t *testing.T) {
	h := start(t)
	received := receive(t, h, false)
	number := h.OpenPullRequest(github.PullRequest{Title: "A cart", Head: "feature/login", Labels: []string{"small"}})
	h.EditPullRequest(number, func(p *github.PullRequest) { p.Labels = append(p.Labels, "perch:off") })
	h.EditPullRequest(number, func(p *github.PullRequest) { p.Labels[0] = "large" })
	h.EditPullRequest(number, func(p *github.PullRequest) { p.Title = "The cart" })
	h.EditPullRequest(number, func(p *github.PullRequest) { p.Closed = true })
	h.EditPullRequest(number, func(p *github.PullRequest) { p.Closed = false })
	h.Archive(true)
	h.Identify("acme/store", github.ID)
	h.push("feature/login", "five")
	h.Settle()
	var got []string
	for _, event := range received.events() {
		if !strings.HasPrefix(event, "push") {
			got = append(got, event)
		}
	}
	want := []string{
		"*github.PingEvent", "pull_request 1 synchronize ", "pull_request 2 closed ", "pull_request 2 edited ",
		"pull_request 2 labeled large", "pull_request 2 labeled perch:off", "pull_request 2 opened ",
		"pull_request 2 reopened ", "pull_request 2 synchronize ", "pull_request 2 unlabeled small",
		"repository archived acme/shop", "repository renamed acme/store",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestRedeliveryHasTheSameGUID(t *testing.T) {
	h := start(t)
	received := receive(t, h, true)
	h.push("feature/cart", "three")
	deliveries := h.Deliveries()
	if len(deliveries) != 3 || len(received.events()) != 0 {
		t.Fatalf("%d deliveries, want 3; received %v before Deliver was called", len(deliveries), received.events())
	}
	push := deliveries[2]
	received.status = http.StatusServiceUnavailable
	for _, want := range []int{http.StatusServiceUnavailable, http.StatusAccepted} {
		received.status = want
		status, err := h.Deliver(ctx, push.GUID)
		must(t, err)
		if status != want {
			t.Errorf("Deliver returned the status %d, want %d", status, want)
		}
	}
	if got := h.Deliveries()[2].Attempts; !slices.Equal(got, []int{503, 202}) {
		t.Errorf("the attempts are %v", got)
	}
	if got := received.events(); len(got) != 2 || got[0] != got[1] {
		t.Errorf("received %v", got)
	}
}

func TestSignReproducesTheExampleOfGitHubsDocs(t *testing.T) {
	want := "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
	if got := github.Sign("It's a Secret to Everybody", []byte("Hello, World!")); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestEventNamesRepositoryInstallationAndSender(t *testing.T) {
	h := start(t)
	h.Install(github.App{ID: 7, Installation: 8, Slug: "perch"})
	receive(t, h, true)
	h.push("feature/cart", "three")
	for _, delivery := range h.Deliveries() {
		var body struct {
			Repository   struct{ ID int }
			Installation struct{ ID int }
			Sender       struct{ Login string }
		}
		must(t, json.Unmarshal(delivery.Body, &body))
		if body.Repository.ID != github.ID || body.Installation.ID != 8 || body.Sender.Login == "" {
			t.Errorf("%s: %s", delivery.Event, delivery.Body)
		}
	}
}
