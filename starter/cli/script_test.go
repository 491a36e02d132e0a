package cli

import (
	"context"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-git/go-git/v5"
	gitconfig "github.com/go-git/go-git/v5/config"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/rogpeppe/go-internal/testscript"
)

const exitFile = ".exit"

var update = flag.Bool("update", false, "write the texts that scripts compare with again")

// TestMain lets scripts call the starter as a separate program.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"perch": func() {
		code := Run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Getenv)
		if err := os.WriteFile(os.Getenv("EXIT_FILE"), []byte(strconv.Itoa(code)), 0o600); err != nil {
			panic(err)
		}
		os.Exit(code)
	}})
}

func TestScripts(t *testing.T) {
	demo, err := filepath.Abs(filepath.Join("..", "..", "sandbox", "run", "demo", "main"))
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:           filepath.Join("testdata", "script"),
		UpdateScripts: *update,
		Setup: func(env *testscript.Env) error {
			env.Setenv("DEMO", demo)
			env.Setenv("EXIT_FILE", filepath.Join(env.WorkDir, exitFile))
			env.Setenv("TEMPORAL_ADDRESS", "127.0.0.1:1") // no service has this port: connections are rejected at once
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exitcode": exitCode, "checkout": checkOut, "origin": setOrigin, "commit": commitFile, "detach": detach,
			"crlf": crlf,
		},
	})
}

// exitCode CODE: the last starter ended with it.
func exitCode(ts *testscript.TestScript, _ bool, args []string) {
	if got := ts.ReadFile(ts.Getenv("EXIT_FILE")); got != args[0] {
		ts.Fatalf("exit code %s, want %s", got, args[0])
	}
}

// checkout DIR BRANCH: DIR is a Git checkout, made if there is none, with BRANCH checked out.
func checkOut(ts *testscript.TestScript, _ bool, args []string) {
	dir, branch := ts.MkAbs(args[0]), plumbing.NewBranchReferenceName(args[1])
	_, err := git.PlainInitWithOptions(dir, &git.PlainInitOptions{InitOptions: git.InitOptions{DefaultBranch: branch}})
	if errors.Is(err, git.ErrRepositoryAlreadyExists) {
		_, tree := opened(ts, args[0])
		ts.Check(tree.Checkout(&git.CheckoutOptions{Branch: branch, Create: true}))
		return
	}
	ts.Check(err)
}

// origin DIR URL: the checkout's remote.
func setOrigin(ts *testscript.TestScript, _ bool, args []string) {
	repository, _ := opened(ts, args[0])
	_, err := repository.CreateRemote(&gitconfig.RemoteConfig{Name: "origin", URLs: []string{args[1]}})
	ts.Check(err)
}

// commit DIR NAME FILE: FILE is committed under NAME.
func commitFile(ts *testscript.TestScript, _ bool, args []string) {
	_, tree := opened(ts, args[0])
	ts.Check(os.WriteFile(filepath.Join(ts.MkAbs(args[0]), args[1]), []byte(ts.ReadFile(args[2])), 0o600))
	_, err := tree.Add(args[1])
	ts.Check(err)
	author := &object.Signature{Name: "Jane", Email: "jane@example.org", When: time.Unix(1700000000, 0)}
	_, err = tree.Commit("change "+args[1], &git.CommitOptions{Author: author})
	ts.Check(err)
}

// crlf FROM TO: TO has the text of FROM with the line ends of Windows.
func crlf(ts *testscript.TestScript, _ bool, args []string) {
	text := strings.ReplaceAll(ts.ReadFile(args[0]), "\n", "\r\n")
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(text), 0o600))
}

// detach DIR: HEAD is a commit, not a branch.
func detach(ts *testscript.TestScript, _ bool, args []string) {
	repository, tree := opened(ts, args[0])
	head, err := repository.Head()
	ts.Check(err)
	ts.Check(tree.Checkout(&git.CheckoutOptions{Hash: head.Hash(), Force: true}))
}

func opened(ts *testscript.TestScript, dir string) (*git.Repository, *git.Worktree) {
	repository, err := git.PlainOpen(ts.MkAbs(dir))
	ts.Check(err)
	tree, err := repository.Worktree()
	ts.Check(err)
	return repository, tree
}
