package run

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
)

func TestACheckoutThatCannotBeProvisionedIsRejectedBeforeAnythingStarts(t *testing.T) {
	t.Parallel()
	shop := newRepo(t, filepath.Join(t.TempDir(), "shop"))
	head := shop.commit(t, "main", map[string]string{"perch.yaml": bare("shop")})
	shop.commit(t, "bare", map[string]string{"perch.yaml": ""})
	shop.commit(t, "mistaken", map[string]string{"perch.yaml": bare("shop", "  instanse_type: t3.small")})
	detached := newRepo(t, filepath.Join(t.TempDir(), "shop"))
	commit := plumbing.NewHash(detached.commit(t, "main", map[string]string{"perch.yaml": bare("shop")}))
	if err := detached.open(t).Storer.SetReference(plumbing.NewHashReference(plumbing.HEAD, commit)); err != nil {
		t.Fatal(err)
	}
	empty := newRepo(t, filepath.Join(t.TempDir(), "shop"))
	for _, c := range []struct {
		name string
		args []string
		want []string
	}{
		{"no checkout", []string{"--repo", t.TempDir()}, []string{"neither this folder nor one above it is one"}},
		{
			"no such branch", []string{"--repo", shop.dir, "--branch", "gone"},
			[]string{`has no branch "gone"`, "--branch"},
		},
		{
			"no commit yet", []string{"--repo", empty.dir},
			[]string{empty.dir + " has no commit yet", "starter config init --repo " + empty.dir, "`git commit`"},
		},
		{
			"no perch.yaml", []string{"--repo", shop.dir, "--branch", "bare"},
			[]string{"branch bare of " + shop.dir + " has no perch.yaml", "starter config init --repo " + shop.dir},
		},
		{
			"a mistake in perch.yaml", []string{"--repo", shop.dir, "--branch", "mistaken"},
			[]string{"perch.yaml:8", "instanse_type"},
		},
		{"a detached HEAD", []string{"--repo", detached.dir}, []string{"detached", "name the branch with --branch"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			exit, stdout, stderr := mainOf(t, append(freePorts(), c.args...)...)
			if exit != 1 || stdout != "" {
				t.Errorf("exit code %d, stdout %q; want 1 and nothing", exit, stdout)
			}
			contains(t, stderr, c.want...)
		})
	}
	if after := shop.head(t, "main"); after != head {
		t.Errorf("main moved from %s to %s", head, after)
	}
}

func TestTheDefaultBranchOfACheckoutIsThatOfItsRemote(t *testing.T) {
	t.Parallel()
	r := newRepo(t, filepath.Join(t.TempDir(), "shop"))
	r.commit(t, "main", map[string]string{"perch.yaml": bare("shop")})
	remote := plumbing.NewSymbolicReference("refs/remotes/origin/HEAD", "refs/remotes/origin/trunk")
	if err := r.open(t).Storer.SetReference(remote); err != nil {
		t.Fatal(err)
	}
	p, err := openProject(t.Context(), options{repo: r.dir}, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if p.defaultBranch != "trunk" || p.branch != "main" || p.name != "shop" {
		t.Errorf("project %+v", p)
	}
}

func TestTheDemoRepositoryHasItsBranches(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t)
	opened, err := git.PlainOpen(b.repo.dir)
	if err != nil {
		t.Fatal(err)
	}
	head, err := opened.Head()
	if err != nil {
		t.Fatal(err)
	}
	if head.Name().Short() != "feature/login" {
		t.Errorf("%s is checked out", head.Name())
	}
	for _, branch := range []string{"main", "feature/login", "fix/typo", "docs-no-infra"} {
		if commit := b.repo.head(t, branch); commit == "" {
			t.Errorf("%s has no commit", branch)
		}
	}
}

func TestTheLinksOfTheTemporalUIAnswer(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t)
	eventually(t, "the UI answers", func() (any, bool) {
		response, err := http.Get(b.uiURL + "/namespaces/default/workflows")
		if err != nil {
			return err, false
		}
		defer response.Body.Close()
		return response.Status, response.StatusCode == http.StatusOK
	})
}

func TestWrongUsageOfTheSandboxIsSaidInOneSentence(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"--speed 0":       "--speed 0 is not a speed: give a number above 0",
		"--speed fast":    `"fast" is not a value for --speed`,
		"--worker=maybe":  `"maybe" is not a value for --worker`,
		"--run maybe":     `--run "maybe" is not known: give skip or strict`,
		"start":           `"start" is not a command: give env, fault, clock, help or version, or flags alone`,
		"--bogus":         "there is no flag --bogus",
		"--aws-port 9e9":  `"9e9" is not a value for --aws-port`,
		"--ui-port 99999": "--ui-port 99999 is not a port number: give one from 1 to 65535, or 0 for any that is free",
	} {
		exit, stdout, stderr := mainOf(t, strings.Fields(args)...)
		if want := "perch-sandbox: " + want +
			"\nSee `perch-sandbox --help`\n"; exit != 2 || stdout != "" || stderr != want {
			t.Errorf("%s: exit code %d, stdout %q, stderr %q; want 2, nothing and %q", args, exit, stdout, stderr, want)
		}
	}
	for _, args := range []string{"--help", "help"} {
		if exit, stdout, _ := mainOf(t, args); exit != 0 || stdout != usage {
			t.Errorf("%s: exit code %d, stdout %q", args, exit, stdout)
		}
	}
	if exit, stdout, _ := mainOf(t, "fault", "--help"); exit != 0 || stdout != faultUsage {
		t.Errorf("fault --help: exit code %d, stdout %q; want 0 and how faults are ordered", exit, stdout)
	}
}
