package run

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"

	"perch"
	"perch/config"
	workerrun "perch/worker/run"
)

// logged collects what a worker logs.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(data []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(data)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// hire starts another worker of the project. It stops when the test ends.
func (b *bench) hire(t *testing.T, identity string, change func(*perch.Policy)) (*logged, *perch.Policy) {
	t.Helper()
	data, err := os.ReadFile(b.policyFile)
	if err != nil {
		t.Fatal(err)
	}
	policy, err := config.ReadPolicy(b.policyFile, data)
	if err != nil {
		t.Fatal(err)
	}
	change(policy)
	bound, err := b.bind(policy)
	if err != nil {
		t.Fatal(err)
	}
	out := &logged{}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- workerrun.Run(ctx, workerrun.Config{
			Policy: policy, AWS: bound, Interval: testInterval, Logger: slog.New(slog.NewTextHandler(out, nil)),
			Temporal: client.Options{
				HostPort: b.temporal.Address(), Identity: identity,
				Logger: log.NewStructuredLogger(slog.New(slog.DiscardHandler)),
			},
		})
	}()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("worker %s: %v", identity, err)
		}
	})
	return out, policy
}

// policies returns doctor's check of that name.
func (b *bench) policies(t *testing.T) document {
	t.Helper()
	_, doctor := b.ask(t, "doctor")
	checks, _ := doctor["checks"].([]any)
	for _, each := range checks {
		if check, _ := each.(map[string]any); check["name"] == "policies" {
			return check
		}
	}
	t.Fatalf("doctor has no check of policies: %v", doctor)
	return nil
}

// tornProjects numbers the rounds of the test, because Temporal remembers the workers of a task
// queue for minutes.
var tornProjects atomic.Int32

func TestS111WorkersWithDifferentPoliciesNoticeIt(t *testing.T) {
	t.Parallel()
	name := fmt.Sprintf("torn%d", tornProjects.Add(1))
	b := sharedSandbox(t).newProject(t, name, map[string]string{"perch.yaml": bare(name)}, func(*perch.Policy) {})
	same, policy := b.hire(t, "same", func(*perch.Policy) {})
	eventually(t, "doctor sees one policy", func() (any, bool) {
		check := b.policies(t)
		return check, check["ok"] == true
	})
	if strings.Contains(same.String(), "different policies") {
		t.Errorf("a worker with the same policy warns: %s", same)
	}

	other, strict := b.hire(t, "strict", func(p *perch.Policy) { p.Protected = []string{"release/*"} })
	eventually(t, "doctor names the workers", func() (any, bool) {
		check := b.policies(t)
		detail, _ := check["detail"].(string)
		return check, check["ok"] == false && strings.Contains(detail, policy.WorkerIdentity("same")) &&
			strings.Contains(detail, strict.WorkerIdentity("strict"))
	})
	for name, worker := range map[string]*logged{"same": same, "strict": other} {
		eventually(t, "worker "+name+" warns", func() (any, bool) {
			text := worker.String()
			return text, strings.Contains(text, "level=WARN") && strings.Contains(text, "different policies") &&
				strings.Contains(text, policy.Fingerprint()) && strings.Contains(text, strict.Fingerprint())
		})
	}
}
