package run

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	workerrun "perch/worker/run"
)

func TestS61ARequestIsKeptUntilAWorkerComes(t *testing.T) {
	t.Parallel()
	b := newSandbox(t, func(o *options) { o.worker = false })
	commit := b.repo.head(t, "fix/typo")
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	var stdout, said watched
	ended := make(chan int, 1)
	go func() { ended <- b.call(ctx, &stdout, &said, "up", "fix/typo") }()
	eventually(t, "the starter says that no worker has taken the request", func() (any, bool) {
		text := said.String()
		return text, strings.Contains(text, `no worker has taken the request yet; it is kept, and goes on as soon as `+
			`a worker polls task queue "perch-shop"`)
	})
	interrupt()
	if exit := <-ended; exit != 3 {
		t.Errorf("interrupted, it ends with exit code %d, want 3: %s", exit, said.String())
	}
	// A question is not kept.
	out := b.starter(t.Context(), "ls")
	if out.exit != 3 {
		t.Errorf("exit code %d, want 3: %s", out.exit, out.stderr)
	}
	contains(t, out.stderr, `no worker is polling task queue "perch-shop" in namespace "default"`)
	out = b.starter(t.Context(), "up", "fix/typo", "--timeout", "100ms")
	if out.exit != 3 {
		t.Errorf("exit code %d, want 3: %s", out.exit, out.stderr)
	}
	contains(t, out.stderr, "not done after 100ms; the run goes on", "`perch up fix/typo` waits for it again")
	if exit, d := b.ask(t, "up", "fix/typo", "--no-wait"); exit != 0 || d.text("outcome") != "accepted" {
		t.Errorf("exit code %d: %v", exit, d)
	}
	b.program(t, "perch-worker", "--interval", testInterval.String())
	// Without an application stack, the kept run fails, and names the command that creates the
	// stack.
	eventually(t, "the request that was kept is worked on", func() (any, bool) {
		out := b.starter(t.Context(), "status", "fix/typo", "-o", "json")
		if out.exit == 3 { // The worker has not started yet.
			return out.stderr, false
		}
		phase := read(t, out).text("phase")
		return phase, phase == "failed"
	})
	contains(
		t, b.failed(t, "up", "fix/typo"), "there is no application stack shop-application-staging yet",
		"perch application up --kind staging",
	)
	b.must(t, "application", "up")
	equal(t, b.must(t, "up", "fix/typo"), document{"outcome": "ready", "commit": commit, "created": true})
}

func TestWithoutTemporalTheStarterSaysWhereItLooked(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t)
	lost := &bench{
		Sandbox: b.Sandbox, project: b.project, repo: b.repo, env: map[string]string{"TEMPORAL_ADDRESS": "127.0.0.1:1"},
	}
	for _, args := range [][]string{
		{"up", "fix/typo"}, {"down", "fix/typo"}, {"ls"}, {"status"}, {"url"}, {"application", "status"},
	} {
		out := lost.starter(t.Context(), args...)
		if out.exit != 1 {
			t.Errorf("starter %v: exit code %d, want 1", args, out.exit)
		}
		contains(t, out.stderr, "no Temporal answers at 127.0.0.1:1", "set TEMPORAL_ADDRESS")
	}
	contains(t, lost.failed(t, "up", "fix/typo"), "no Temporal answers at 127.0.0.1:1")
}

func TestWithoutPerchYamlUpIsWrongUsage(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t).newRepository(t, "empty", map[string]string{"README.md": "Nothing here yet.\n"})
	exit, up := b.ask(t, "up", "main")
	if exit != 2 {
		t.Errorf("exit code %d, want 2", exit)
	}
	contains(t, up.text("error"), "there is no perch.yaml at commit", "perch config init")
}

func TestS72AMistakeInPerchYamlIsShownWhereItStands(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t)
	commit := b.repo.commit(t, "mistaken", map[string]string{"perch.yaml": bare("shop", "  instanse_type: t3.small")})
	out := b.starter(t.Context(), "up", "mistaken")
	if out.exit != 2 {
		t.Errorf("exit code %d, want 2", out.exit)
	}
	contains(t, out.stderr, "perch.yaml:8", "instanse_type")
	if changes := b.changes("shop-mistaken"); changes != nil {
		t.Errorf("calls that change: %v", changes)
	}
	remote := b.elsewhere(t)
	exit, up := remote.ask(t, "up", "mistaken", "--commit", commit)
	rejected(t, remote, exit, up, "perch.yaml:8", "instanse_type")
}

func TestAWorkerWithAWrongPolicyDoesNotStart(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t)
	right, err := os.ReadFile(b.policyFile)
	if err != nil {
		t.Fatal(err)
	}
	env := lookup(b.exports(), func(string) string { return "" })
	for _, c := range []struct {
		name, policy string
		want         []string
	}{
		{"an unknown key", string(right) + "protect: [main]\n", []string{"policy.yaml:", "protect", "protected"}},
		{"an empty file", "", []string{"the policy is empty"}},
		{"no network", "project: shop\naccount: \"000000000000\"\nregion: eu-central-1\nsource: {git: /tmp}\n" +
			"default_branch: main\n", []string{"network is missing"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "policy.yaml")
			if err := os.WriteFile(file, []byte(c.policy), 0o600); err != nil {
				t.Fatal(err)
			}
			var stdout, stderr bytes.Buffer
			if exit := workerrun.Main(t.Context(), []string{"--policy", file}, &stdout, &stderr, env); exit != 2 {
				t.Errorf("exit code %d, want 2", exit)
			}
			contains(t, stderr.String(), c.want...)
		})
	}
}

func TestAWorkerWithCredentialsOfAnotherAccountDoesNotStart(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t)
	data, err := os.ReadFile(b.policyFile)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(
		file, bytes.Replace(data, []byte("000000000000"), []byte("999999999999"), 1), 0o600,
	); err != nil {
		t.Fatal(err)
	}
	worker := b.program(t, "perch-worker", "--policy", file)
	if err := worker.Wait(); err == nil || worker.ProcessState.ExitCode() != 1 {
		t.Errorf("the worker ended with %v, want exit code 1", err)
	}
	contains(
		t, worker.said(), "the AWS credentials are for account 000000000000 and the policy is for 999999999999",
		"nothing was done",
	)
}
