package run

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"golang.org/x/sync/errgroup"

	"perch"
	"perch/activities/activitytest"
	perchclient "perch/client"
	"perch/sandbox/github"
	web "perch/web/server"
)

// story is what people do to the branches of a repository, and the deliveries of GitHub about it.
type story struct {
	*bench
	t      *testing.T
	random *rand.Rand
	// all has every branch that has existed. told is the number of deliveries that were recorded
	// before.
	all  map[string]bool
	told int
}

func (s *story) push(branch string) {
	s.t.Helper()
	s.all[branch] = true
	s.repo.commit(s.t, branch, map[string]string{"perch.yaml": bare(s.project), "a.txt": fmt.Sprint(s.random.Int())})
	s.github.Observe()
}

func (s *story) delete(branch string) {
	s.t.Helper()
	s.repo.drop(s.t, branch)
	s.github.Observe()
}

// recorded returns the deliveries since the last call.
func (s *story) recorded() []github.Delivery {
	all := s.github.Deliveries()
	since := all[s.told:]
	s.told = len(all)
	return since
}

// distort loses a fifth of the deliveries, repeats a fifth, delays this share of them, and shuffles
// the rest.
func (s *story) distort(deliveries []github.Delivery, share float64) (now, later []github.Delivery) {
	for _, d := range deliveries {
		if s.random.Float64() < 0.2 {
			continue
		}
		to := &now
		if s.random.Float64() < share {
			to = &later
		}
		*to = append(*to, d)
		if s.random.Float64() < 0.2 {
			*to = append(*to, d)
		}
	}
	s.random.Shuffle(len(now), func(i, j int) { now[i], now[j] = now[j], now[i] })
	return now, later
}

// deliver delivers all of them, several at a time.
func (s *story) deliver(deliveries []github.Delivery) {
	s.t.Helper()
	group, ctx := errgroup.WithContext(s.t.Context())
	group.SetLimit(8)
	for _, d := range deliveries {
		group.Go(func() error {
			status, err := s.github.Deliver(ctx, d.GUID)
			if err == nil && status/100 != 2 {
				err = fmt.Errorf("the delivery of %s was answered %d", d.Event, status)
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		s.t.Fatal(err)
	}
}

// rest waits until no environment has an open run and no Look is about to request something. A Look
// that waits for another run does not count, because cleanup does not wait for it either.
func (s *story) rest() {
	s.t.Helper()
	temporal := s.connect(s.t)
	eventually(s.t, "nothing happens any more", func() (any, bool) {
		for _, branch := range slices.Sorted(maps.Keys(s.all)) {
			e := activitytest.Environment(s.project, branch)
			if works(s.t.Context(), temporal, perch.LookWorkflowID(e)) ||
				works(s.t.Context(), temporal, e.StackName()) {
				return branch, false
			}
		}
		return nil, true
	})
}

// works reports whether a run of the workflow is open and does not only wait for a minute or
// longer.
func works(ctx context.Context, temporal client.Client, id string) bool {
	described, err := temporal.DescribeWorkflowExecution(ctx, id, "")
	if err != nil || described.GetWorkflowExecutionInfo().GetStatus() != enums.WORKFLOW_EXECUTION_STATUS_RUNNING {
		return false
	}
	waits := false
	for events := temporal.GetWorkflowHistory(
		ctx, id, "", false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT,
	); events.HasNext(); {
		event, err := events.Next()
		if err != nil {
			return true
		}
		timer := event.GetTimerStartedEventAttributes().GetStartToFireTimeout().AsDuration()
		waits = timer >= time.Minute || waits && strings.HasPrefix(event.GetEventType().String(), "WorkflowTask")
	}
	return !waits
}

// TestEnvironmentsAreTheBranchesWhateverBecomesOfDeliveries records 500 deliveries about 50
// branches. They arrive shuffled: a fifth of them twice, a fifth never, and some only after later
// ones. After one sweep, the environments match the branches.
func TestEnvironmentsAreTheBranchesWhateverBecomesOfDeliveries(t *testing.T) {
	if testing.Short() {
		t.Skip("-short leaves it out: it takes minutes with the race detector")
	}
	skipUnlessProof(t)
	const size = 50
	t.Parallel()
	b := newSandbox(t, func(o *options) { o.hub, o.worker = true, false })
	if err := b.work(b.policyFile, func(p *perch.Policy) {
		p.Cleanup = perch.PolicyCleanup{Grace: 100 * time.Millisecond, MaxRemovals: 60, MaxShare: 1}
		p.MaxEnvironments, p.Triggers = 95, []perch.Trigger{perch.TriggerWebhook}
	}); err != nil {
		t.Fatal(err)
	}
	if out := b.starter(t.Context(), "application", "up"); out.exit != 0 {
		t.Fatalf("application up: %s", out.stderr)
	}
	s := &story{bench: b, t: t, random: rand.New(rand.NewPCG(15, 500)), all: map[string]bool{}}
	s.repo.drop(t, "feature/login", "fix/typo", "docs-no-infra") // These are the demo's branches.
	for _, branch := range []string{"lost/deletion", "lost/update"} {
		s.push(branch)
		b.must(t, "up", branch)
	}
	s.subscribe()
	branches := []string{}
	for i := range size {
		branches = append(branches, fmt.Sprintf("topic/%02d", i))
		s.push(branches[i])
	}
	anyBranch := func() string { return branches[s.random.IntN(len(branches))] }
	for len(s.github.Deliveries()) < 5*size {
		s.push(anyBranch())
	}
	now, later := s.distort(s.recorded(), 0.15)
	s.deliver(now)

	for range size / 2 {
		if branch := anyBranch(); slices.Contains(s.heads(), branch) {
			s.delete(branch)
		}
	}
	for len(s.github.Deliveries()) < 10*size {
		s.push(branches[s.random.IntN(size*4/5)]) // The push restores a branch that was deleted.
	}
	told := s.recorded()
	s.push("lost/push")
	s.push("lost/update")
	s.delete("lost/deletion")
	s.recorded() // The deliveries about the last three are all lost.
	now, _ = s.distort(append(later, told...), 0)
	s.deliver(now)
	s.rest()

	before := b.deployed(t)
	swept := b.must(t, "cleanup", "--missing")
	s.rest()
	after := b.deployed(t)
	t.Logf("the sweep requested %v and removed %v", swept.at("missing", "branches"), swept.at("removed"))
	if _, there := before["lost/push"]; there || before["lost/deletion"] == "" ||
		before["lost/update"] == s.repo.head(t, "lost/update") {
		t.Error("nothing was left to the sweep")
	}
	// There is no application stack for production.
	wanted := slices.DeleteFunc(s.heads(), func(branch string) bool { return branch == "main" })
	if diff := cmp.Diff(wanted, slices.Sorted(maps.Keys(after))); diff != "" {
		t.Errorf("branches (-) and environments (+):\n%s", diff)
	}
	s.areAtTheirHeads(after)
}

// subscribe makes GitHub keep deliveries for perch-web until they are sent explicitly.
func (s *story) subscribe() {
	s.t.Helper()
	temporal, err := perchclient.Dial(s.t.Context(), lookup(s.exports(), nothing))
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(temporal.Close)
	receiver := &web.Receiver{
		Project: s.project, RepositoryID: github.ID, Secrets: []string{webhookSecret}, Temporal: temporal,
		Logger: slog.New(slog.DiscardHandler),
	}
	listener := httptest.NewServer(receiver.Handler())
	s.t.Cleanup(listener.Close)
	s.github.Subscribe(github.Webhook{URL: listener.URL + "/webhooks/github", Secret: webhookSecret, Manual: true})
	s.recorded() // This is the ping.
}

// heads returns the branches that exist.
func (s *story) heads() []string {
	s.t.Helper()
	names := []string{}
	references, err := s.repo.open(s.t).Branches()
	if err != nil {
		s.t.Fatal(err)
	}
	for {
		reference, err := references.Next()
		if err != nil {
			break
		}
		names = append(names, reference.Name().Short())
		s.all[reference.Name().Short()] = true
	}
	slices.Sort(names)
	return names
}

// areAtTheirHeads compares the commit of each environment with the head of its branch.
func (s *story) areAtTheirHeads(deployed map[string]string) {
	s.t.Helper()
	for branch, commit := range deployed {
		if head := s.repo.head(s.t, branch); commit != head {
			s.t.Errorf("%s is at %s, and its environment at %s", branch, head, commit)
		}
	}
}
