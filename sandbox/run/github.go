package run

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing/format/config"

	"perch/client"
	"perch/sandbox/github"
	web "perch/web/server"
)

const (
	// githubToken is the token with which the worker reads the repository and writes reports.
	githubToken = "sandbox"
	// githubUser is the author of the reports.
	githubUser = "perch-bot"
)

// demoPullRequests are the demo's pull requests.
var demoPullRequests = []github.PullRequest{{
	Title: "Let people log in", Author: "ana", Head: "feature/login",
	Body: "People can log in with a name and a password. Can you give me feedback?",
}}

// serveGitHub serves the demo's repository from an imitation of GitHub, with the demo's pull
// requests.
func (s *Sandbox) serveGitHub(listener net.Listener) error {
	server, err := github.New(github.Config{
		Directory: s.repo, DefaultBranch: s.defaultBranch, File: filepath.Join(s.data, "github.json"),
	})
	if err != nil {
		return fmt.Errorf("start GitHub: %w", err)
	}
	server.URL = s.githubURL
	server.Grant(githubToken, github.Access{Login: githubUser, Permissions: github.Everything()})
	server.Accept(github.Token, false)
	if len(server.PullRequests()) == 0 {
		for _, request := range demoPullRequests {
			server.OpenPullRequest(request)
		}
	}
	if err := installHooks(s.repo, server.ObserveURL()); err != nil {
		return err
	}
	s.github = server
	s.serve(listener, server)
	return nil
}

// hook tells GitHub that a branch was pushed, committed to or deleted. Git runs it after every
// change of a reference (githooks(5), reference-transaction). It sends the request with Git, so
// that nothing else must be installed.
const hook = `#!/bin/sh
# Written by perch-sandbox, each time it starts.
[ "$1" = committed ] || exit 0
grep -q ' refs/heads/' || exit 0
git ls-remote --quiet '%s' >/dev/null 2>&1 || true
`

// checkoutHook accepts a push to the branch that is checked out, and its deletion (githooks(5),
// push-to-checkout).
const checkoutHook = `#!/bin/sh
# Written by perch-sandbox, each time it starts.
case "$1" in *[!0]*) exec git read-tree -u -m HEAD "$1" ;; esac
`

// installHooks makes the repository report its changes, and accept pushes to the branch that is
// checked out.
func installHooks(dir, url string) error {
	repository, err := git.PlainOpen(dir)
	if err != nil {
		return fmt.Errorf("open the demo repository: %w", err)
	}
	settings, err := repository.Config()
	if err != nil {
		return fmt.Errorf("read the settings of the demo repository: %w", err)
	}
	receive := settings.Raw.Section("receive")
	receive.Options = config.Options{
		{Key: "denyCurrentBranch", Value: "updateInstead"}, {Key: "denyDeleteCurrent", Value: "ignore"},
	}
	if err := repository.SetConfig(settings); err != nil {
		return fmt.Errorf("write the settings of the demo repository: %w", err)
	}
	hooks := filepath.Join(dir, ".git", "hooks")
	if err := os.MkdirAll(hooks, 0o755); err != nil {
		return fmt.Errorf("write the hook of the demo repository: %w", err)
	}
	scripts := map[string]string{"reference-transaction": fmt.Sprintf(hook, url), "push-to-checkout": checkoutHook}
	for name, script := range scripts {
		if err := os.WriteFile(filepath.Join(hooks, name), []byte(script), 0o755); err != nil {
			return fmt.Errorf("write the hook of the demo repository: %w", err)
		}
	}
	return nil
}

// receiveWebhooks runs the same receiver as in production, in this process. From now on, GitHub
// sends it webhooks.
func (s *Sandbox) receiveWebhooks(ctx context.Context) error {
	temporal, err := client.Dial(ctx, lookup(s.exports(), nothing))
	if err != nil {
		return err
	}
	s.closing(func() error { temporal.Close(); return nil })
	listener, err := s.take(port{})
	if err != nil {
		return err
	}
	secret := rand.Text()
	receiver := &web.Receiver{
		Project: s.name, RepositoryID: github.ID, Secrets: []string{secret}, Temporal: temporal,
		Logger: slog.New(slog.DiscardHandler),
	}
	s.serve(listener, receiver.Handler())
	s.github.Subscribe(github.Webhook{URL: fmt.Sprintf("http://%s/webhooks/github", listener.Addr()), Secret: secret})
	return nil
}

// pullRequest returns the address of the branch's pull request; empty if there is none.
func (s *Sandbox) pullRequest() string {
	if s.github == nil {
		return ""
	}
	for _, request := range s.github.PullRequests() {
		if request.Head == s.branch && !request.Closed {
			return s.github.PullRequestURL(request.Number)
		}
	}
	return ""
}
