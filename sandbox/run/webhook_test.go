package run

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"perch"
	"perch/activities/activitytest"
	"perch/sandbox/github"
)

const (
	webhookSecret     = "a secret of the sandbox's webhook"
	webhookRepository = 7
)

// hooked is a project whose pushes and deletions arrive as webhooks.
type hooked struct {
	*bench
	web     child
	address string
}

// newHooked returns a project with a perch-web, and a policy with these triggers.
func newHooked(t *testing.T, name string, triggers ...perch.Trigger) hooked {
	t.Helper()
	b := sharedSandbox(t).newProject(t, name, map[string]string{"perch.yaml": bare(name)}, func(p *perch.Policy) {
		p.Cleanup.Grace, p.Triggers = 100*time.Millisecond, triggers
	})
	web := b.programWith(t, []string{"PERCH_WEBHOOK_SECRET=" + webhookSecret}, "perch-web",
		"--listen", "127.0.0.1:0", "--project", name, "--repository-id", fmt.Sprint(webhookRepository))
	h := hooked{bench: b, web: web}
	listening := regexp.MustCompile(`address=(\S+)`)
	eventually(t, "perch-web listens", func() (any, bool) {
		found := listening.FindStringSubmatch(web.said())
		if found != nil {
			h.address = found[1]
		}
		return web.said(), found != nil
	})
	return h
}

// deliver sends an event as GitHub does, and returns the status and the text of the answer.
func (h hooked) deliver(t *testing.T, event, fields string) (int, string) {
	t.Helper()
	body := fmt.Sprintf(
		`{"repository": {"id": %d, "default_branch": "main"}, "sender": {"login": "ana"}, %s}`, webhookRepository,
		fields,
	)
	mac := hmac.New(sha256.New, []byte(webhookSecret))
	mac.Write([]byte(body))
	request, err := http.NewRequestWithContext(
		t.Context(), http.MethodPost, "http://"+h.address+"/webhooks/github", strings.NewReader(body),
	)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("X-GitHub-Event", event)
	request.Header.Set("X-GitHub-Delivery", "delivery")
	request.Header.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(mac.Sum(nil)))
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

// accepted delivers an event that must be accepted.
func (h hooked) accepted(t *testing.T, event, fields string) {
	t.Helper()
	if status, text := h.deliver(t, event, fields); status != http.StatusAccepted {
		t.Fatalf("the delivery %s was answered %d %s", event, status, text)
	}
}

// looked waits for the end of the latest Look at the branch.
func (h hooked) looked(t *testing.T, branch string) (result perch.LookResult) {
	t.Helper()
	id := perch.LookWorkflowID(activitytest.Environment(h.project, branch))
	if err := h.connect(t).GetWorkflow(t.Context(), id, "").Get(t.Context(), &result); err != nil {
		t.Fatal(err)
	}
	return result
}

func TestAPushIsDeployedAndADeletedBranchRemovedWithoutCI(t *testing.T) {
	t.Parallel()
	h := newHooked(t, "hooked", perch.TriggerWebhook)
	commit := h.repo.commit(t, "login", map[string]string{"a.txt": "1"})
	push := `"ref": "refs/heads/login", "after": "` + strings.Repeat("0", 40) + `"`
	h.accepted(t, "create", `"ref": "login", "ref_type": "branch"`)
	h.accepted(t, "push", push)
	h.accepted(t, "push", push)
	looked := h.looked(t, "login")
	if looked.Requested != perch.GoalUp || looked.Commit != commit {
		t.Errorf("looked: %+v", looked)
	}
	h.deployedOnce(t, "login", commit)

	// CI requests what the webhook has deployed. The policy does not name CI, so that request is
	// skipped, and a person's is not. An open run would answer both.
	if err := h.connect(t).GetWorkflow(t.Context(), h.stackOf(t, "login"), "").Get(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	ci := h.asCI(t, "login", commit)
	equal(t, ci.must(t, "up"), document{"outcome": "skipped"})
	equal(t, h.must(t, "up", "login"), document{"outcome": "ready", "created": false})

	h.accepted(t, "push", push)
	if again := h.looked(t, "login"); again.Requested != "" || !strings.Contains(again.Reason, "is deployed") {
		t.Errorf("looked again: %+v", again)
	}
	h.repo.drop(t, "login")
	h.accepted(t, "delete", `"ref": "login", "ref_type": "branch"`)
	if gone := h.looked(t, "login"); gone.Requested != perch.GoalGone || gone.Reason != "branch missing" {
		t.Errorf("looked: %+v", gone)
	}
	stack := h.stackOf(t, "login")
	eventually(t, stack+" is gone", func() (any, bool) {
		all := h.stacks(t, stack)
		return all, len(all) == 1 && all[0].StackStatus == "DELETE_COMPLETE"
	})
}

// asCI returns the project from the point of view of a CircleCI job.
func (h hooked) asCI(t *testing.T, branch, commit string) *bench {
	t.Helper()
	ci := *h.bench
	ci.env = map[string]string{
		"PERCH_PROJECT": h.project, "CIRCLECI": "true", "CIRCLE_BRANCH": branch, "CIRCLE_SHA1": commit,
		"CIRCLE_USERNAME":        "jane",
		"CIRCLE_WORKFLOW_JOB_ID": "job-" + commit,
	}
	return &ci
}

func TestARequestOfCIAndOfTheWebhookIsOneDeployment(t *testing.T) {
	t.Parallel()
	h := newHooked(t, "twice", perch.TriggerCI, perch.TriggerWebhook)
	for branch, first := range map[string]func(branch, commit string){
		"webhook-first": func(branch, commit string) {
			h.accepted(t, "push", `"ref": "refs/heads/`+branch+`"`)
			h.looked(t, branch)
		},
		"ci-first": func(string, string) {},
	} {
		commit := h.repo.commit(t, branch, map[string]string{"a.txt": branch})
		first(branch, commit)
		up := h.asCI(t, branch, commit).begin(t, "up")
		h.accepted(t, "push", `"ref": "refs/heads/`+branch+`"`)
		h.looked(t, branch)
		if exit, d := up(); exit != 0 || d.text("outcome") != "ready" || d.text("commit") != commit {
			t.Errorf("%s: CI hears %d %v", branch, exit, d)
		}
		h.deployedOnce(t, branch, commit)
	}
}

func TestWithoutItsTriggerAWebhookRequestsNothing(t *testing.T) {
	t.Parallel()
	h := newHooked(t, "deaf", perch.TriggerCI)
	h.repo.commit(t, "login", map[string]string{"a.txt": "1"})
	h.accepted(t, "push", `"ref": "refs/heads/login"`)
	want := perch.LookResult{Reason: "`triggers` in the policy does not name webhook, so nothing was requested"}
	if diff := cmp.Diff(want, h.looked(t, "login")); diff != "" {
		t.Errorf("looked (-want +got):\n%s", diff)
	}
}

// TestRecordHistoriesOfLooks records a Look that requests a deployment, and one that requests a
// removal.
func TestRecordHistoriesOfLooks(t *testing.T) {
	if !*update {
		t.Skip("records histories only with -update")
	}
	h := newHooked(t, "looks", perch.TriggerWebhook)
	id := perch.LookWorkflowID(activitytest.Environment(h.project, "login"))
	commit := h.repo.commit(t, "login", map[string]string{"a.txt": "1"})
	h.accepted(t, "create", `"ref": "login", "ref_type": "branch"`)
	h.accepted(t, "push", `"ref": "refs/heads/login"`)
	h.looked(t, "login")
	h.save(t, "looked-at-a-push", id, nil)
	h.deployedOnce(t, "login", commit)
	h.repo.drop(t, "login")
	h.accepted(t, "delete", `"ref": "login", "ref_type": "branch"`)
	h.looked(t, "login")
	h.save(t, "looked-at-a-deletion", id, nil)
}

// TestPullRequestsThatWantNoEnvironment sends GitHub's webhooks about the label and about the end
// of a pull request.
func TestPullRequestsThatWantNoEnvironment(t *testing.T) {
	t.Parallel()
	b := onGitHub(t, func(p *perch.Policy) { p.OnPRClose = perch.OnPRCloseRemove })
	push := func(content string) string {
		commit := b.repo.commit(t, "cart", map[string]string{"perch.yaml": bare(b.project), "a.txt": content})
		b.github.Observe()
		return commit
	}
	follows := func(what, want string) {
		t.Helper()
		eventually(t, what, func() (any, bool) {
			commit, there := b.running("cart")
			return commit, commit == want && there == (want != "")
		})
	}
	head := push("1")
	follows("the branch is deployed", head)
	number := b.github.OpenPullRequest(github.PullRequest{Title: "A cart", Author: "ana", Head: "cart"})
	label := func(labels ...string) {
		b.github.EditPullRequest(number, func(p *github.PullRequest) { p.Labels = labels })
	}
	label(perch.LabelOff)
	follows("the label removes the environment", "")
	ci := hooked{bench: b}.asCI(t, "cart", head)
	equal(t, ci.must(t, "up"), document{"outcome": "skipped"})
	label()
	follows("without it the branch is deployed again", head)

	b.github.EditPullRequest(number, func(p *github.PullRequest) { p.Closed = true })
	follows("the end of the pull request removes the environment", "")
	follows("a push brings it back", push("2"))
}

// TestRecordHistoriesOfImages records the creation of an environment that a webhook requested
// before the image was built.
func TestRecordHistoriesOfImages(t *testing.T) {
	if !*update {
		t.Skip("records histories only with -update")
	}
	h := newHooked(t, "late", perch.TriggerWebhook)
	commit := h.repo.commit(t, "login", map[string]string{"a.txt": "late"})
	build := h.hide(t, "registry.example.com/late:"+commit)
	h.accepted(t, "push", `"ref": "refs/heads/login"`)
	h.looked(t, "login")
	h.waitsForImage(t, "login")
	build()
	h.deployedOnce(t, "login", commit)
	h.save(t, "created-after-its-image", h.stackOf(t, "login"), nil)
}
