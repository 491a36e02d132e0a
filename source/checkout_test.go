package source

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/go-git/go-git/v5/config"
	"github.com/go-git/go-git/v5/plumbing"
)

func TestWhatACheckoutSays(t *testing.T) {
	r := newRepo(t)
	commit := r.commit("perch.yaml", "committed", "sub/x", "")
	r.branch("feature/login", commit)
	r.must(r.git.Storer.SetReference(plumbing.NewSymbolicReference(plumbing.HEAD, "refs/heads/feature/login")))
	r.must(r.git.Storer.SetReference(plumbing.NewSymbolicReference(
		"refs/remotes/origin/HEAD", "refs/remotes/origin/trunk",
	)))
	_, err := r.git.CreateRemote(&config.RemoteConfig{
		Name: "origin", URLs: []string{"https://jane:token@github.com/acme/shop.git"},
	})
	r.must(err)
	r.must(os.WriteFile(filepath.Join(r.dir, "perch.yaml"), []byte("not committed"), 0o644))
	c, err := OpenCheckout(filepath.Join(r.dir, "sub"))
	r.must(err)
	if c.Dir != r.dir || c.Origin != "https://github.com/acme/shop.git" || c.DefaultBranch != "trunk" {
		t.Errorf("got %+v", c)
	}
	if branch, err := c.Branch(); branch != "feature/login" || err != nil {
		t.Errorf("branch: %q, %v", branch, err)
	}
	r.must(r.git.Storer.SetReference(plumbing.NewHashReference("refs/remotes/origin/trunk", plumbing.NewHash(commit))))
	r.must(r.git.Storer.SetReference(plumbing.NewHashReference(
		"refs/remotes/origin/feature/login", plumbing.NewHash(commit),
	)))
	r.must(r.git.Storer.SetReference(plumbing.NewHashReference("refs/tags/v1", plumbing.NewHash(commit))))
	if names, err := c.Names(); !slices.Equal(names, []string{"feature/login", "main", "trunk"}) || err != nil {
		t.Errorf("branches: %q, %v", names, err)
	}
	if got, err := c.Commit(); got != commit || err != nil {
		t.Errorf("commit: %q, %v", got, err)
	}
	if content, found, err := c.File(
		t.Context(), commit, "perch.yaml",
	); string(content) != "committed" || !found || err != nil {
		t.Errorf("file: %q, %v, %v", content, found, err)
	}
}

func TestACheckoutWithoutCommitsOrRemote(t *testing.T) {
	r := newRepo(t)
	c, err := OpenCheckout(r.dir)
	r.must(err)
	if c.Origin != "" || c.DefaultBranch != "main" {
		t.Errorf("got %+v", c)
	}
	if branch, err := c.Branch(); branch != "main" || err != nil {
		t.Errorf("branch: %q, %v", branch, err)
	}
	_, err = c.Commit()
	if want := r.dir + " has no commit yet; commit something first"; err == nil || err.Error() != want {
		t.Errorf("commit: %v", err)
	}
}

func TestTheDefaultBranchIsOneThatExists(t *testing.T) {
	r := newRepo(t)
	commit := plumbing.NewHash(r.commit("a", "1"))
	r.must(r.git.Storer.RemoveReference("refs/heads/main"))
	for _, step := range []struct{ reference, want string }{
		{"refs/heads/topic", "main"}, {"refs/remotes/origin/trunk", "trunk"}, {"refs/heads/master", "master"},
		{"refs/heads/main", "main"},
	} {
		r.must(r.git.Storer.SetReference(plumbing.NewHashReference(plumbing.ReferenceName(step.reference), commit)))
		c, err := OpenCheckout(r.dir)
		r.must(err)
		if c.DefaultBranch != step.want {
			t.Errorf("with %s the default branch is %s, want %s", step.reference, c.DefaultBranch, step.want)
		}
	}
}

func TestADetachedHeadNamesTheFlag(t *testing.T) {
	r := newRepo(t)
	commit := r.commit("a", "1")
	r.must(r.git.Storer.SetReference(plumbing.NewHashReference(plumbing.HEAD, plumbing.NewHash(commit))))
	c, err := OpenCheckout(r.dir)
	r.must(err)
	_, err = c.Branch()
	if want := r.dir + " has no branch checked out (its HEAD is detached); name the branch with --branch"; err == nil ||
		err.Error() != want {
		t.Errorf("branch: %v", err)
	}
	if got, err := c.Commit(); got != commit || err != nil {
		t.Errorf("commit: %q, %v", got, err)
	}
}

func TestAFolderOutsideACheckoutIsAnError(t *testing.T) {
	dir := t.TempDir()
	_, err := OpenCheckout(dir)
	if want := "find a Git checkout in " + dir + ": neither this folder nor one above it is one; change into it or " +
		"name it with --repo"; err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
}

// TestLinkedWorktrees builds by hand what `git worktree add` makes.
func TestLinkedWorktrees(t *testing.T) {
	r := newRepo(t)
	commit := r.commit("a", "1")
	r.branch("topic", commit)
	linked := t.TempDir()
	private := filepath.Join(r.dir, ".git", "worktrees", "linked")
	r.must(os.MkdirAll(private, 0o755))
	for path, content := range map[string]string{
		filepath.Join(linked, ".git"):       "gitdir: " + private + "\n",
		filepath.Join(private, "HEAD"):      "ref: refs/heads/topic\n",
		filepath.Join(private, "commondir"): "../..\n",
		filepath.Join(private, "gitdir"):    filepath.Join(linked, ".git") + "\n",
	} {
		r.must(os.WriteFile(path, []byte(content), 0o644))
	}
	c, err := OpenCheckout(linked)
	r.must(err)
	if branch, err := c.Branch(); branch != "topic" || err != nil {
		t.Errorf("branch: %q, %v", branch, err)
	}
	if got, found, err := open(t, linked).Head(t.Context(), "main"); got != commit || !found || err != nil {
		t.Errorf("head: %q, %v, %v", got, found, err)
	}
	if found, err := c.HasCommit(t.Context(), commit); !found || err != nil {
		t.Errorf("commit: %v, %v", found, err)
	}
}
