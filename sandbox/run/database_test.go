package run

import (
	"strings"
	"testing"

	"perch/sandbox/postgrestest"
)

func TestABranchHasItsDatabaseInASharedInstance(t *testing.T) {
	t.Parallel()
	server := postgrestest.Start(t, postgrestest.Trust)
	server.Master(t, "perch", "")
	b := newSandbox(t, func(o *options) { o.postgres = server.Address })
	if out := b.starter(t.Context(), "application", "up"); out.exit != 0 {
		t.Fatalf("application up: %s", out.stderr)
	}
	b.repo.commit(t, "carts", map[string]string{"perch.yaml": bare("shop", "  database: {mode: shared}")})
	databases := func() []string {
		return server.Exec(t, "SELECT datname FROM pg_database WHERE datname LIKE 'perch%'")
	}
	equal(t, b.must(t, "up", "carts"), document{"outcome": "ready", "created": true})
	if found := databases(); len(found) != 1 || found[0] != "perch_shop_carts" {
		t.Errorf("databases after up: %q", found)
	}
	server.Exec(t, "DROP DATABASE perch_shop_carts")
	equal(t, b.must(t, "up", "carts"), document{"outcome": "ready", "created": false})
	if found := databases(); len(found) != 1 {
		t.Errorf("databases after one was dropped and a second up: %q", found)
	}
	equal(t, b.must(t, "down", "carts"), document{"outcome": "gone"})
	if found := databases(); len(found) != 0 {
		t.Errorf("databases after down: %q", found)
	}
}

func TestWithoutAServerASharedDatabaseIsRejected(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t)
	b.repo.commit(t, "sharing", map[string]string{"perch.yaml": bare("shop", "  database: {mode: shared}")})
	exit, answer := b.ask(t, "up", "sharing")
	if exit != 4 {
		t.Errorf("exit code %d, want 4", exit)
	}
	contains(t, answer.text("error"), "the policy has no shared_database")
}

func TestABranchAnswersBehindADedicatedLoadBalancer(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t)
	for _, branch := range []string{"alone", "alone-too"} {
		config := strings.Replace(bare("shop"), "load_balancer: shared", "load_balancer: dedicated", 1)
		b.repo.commit(t, branch, map[string]string{"perch.yaml": config})
		equal(
			t, b.must(t, "up", branch),
			document{"outcome": "ready", "url": "http://" + branch + ".localhost:" + b.pagesPort},
		)
		status, page := b.page(t, branch)
		if status != 200 {
			t.Errorf("the page of %s answers %d", branch, status)
		}
		contains(t, page, "shop-"+branch)
	}
}
