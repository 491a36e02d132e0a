package source

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/google/go-cmp/cmp"
)

// repo is a real repository in a temporary folder.
type repo struct {
	t   *testing.T
	dir string
	git *git.Repository
}

func newRepo(t *testing.T) *repo {
	t.Helper()
	dir := t.TempDir()
	repository, err := git.PlainInitWithOptions(
		dir, &git.PlainInitOptions{InitOptions: git.InitOptions{DefaultBranch: "refs/heads/main"}},
	)
	if err != nil {
		t.Fatal(err)
	}
	return &repo{t: t, dir: dir, git: repository}
}

func (r *repo) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

// commit writes files (path, content) and commits everything that is there.
func (r *repo) commit(files ...string) string {
	r.t.Helper()
	for i := 0; i < len(files); i += 2 {
		path := filepath.Join(r.dir, files[i])
		r.must(os.MkdirAll(filepath.Dir(path), 0o755))
		r.must(os.WriteFile(path, []byte(files[i+1]), 0o644))
	}
	worktree, err := r.git.Worktree()
	r.must(err)
	r.must(worktree.AddWithOptions(&git.AddOptions{All: true}))
	author := &object.Signature{Name: "Jane", Email: "jane@example.com", When: time.Unix(1_700_000_000, 0)}
	hash, err := worktree.Commit("change", &git.CommitOptions{Author: author, AllowEmptyCommits: true})
	r.must(err)
	return hash.String()
}

func (r *repo) branch(name, commit string) {
	r.t.Helper()
	r.must(r.git.Storer.SetReference(plumbing.NewHashReference(
		plumbing.NewBranchReferenceName(name), plumbing.NewHash(commit),
	)))
}

func (r *repo) remove(branch string) {
	r.t.Helper()
	r.must(r.git.Storer.RemoveReference(plumbing.NewBranchReferenceName(branch)))
}

func open(t *testing.T, address string) *Git {
	t.Helper()
	g, err := OpenGit(address, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// addresses runs a test on a repository as a local path and as a remote one: they must answer
// alike.
func addresses(t *testing.T, test func(t *testing.T, r *repo, address string)) {
	t.Run("local", func(t *testing.T) { r := newRepo(t); test(t, r, r.dir) })
	t.Run("remote", func(t *testing.T) { r := newRepo(t); test(t, r, serve(t, r.dir)) })
}

func TestBranchesAndHeadsFollowTheRepository(t *testing.T) {
	addresses(t, func(t *testing.T, r *repo, address string) {
		first := r.commit("a", "1")
		r.branch("feature/login", first)
		g := open(t, address)
		second := r.commit("a", "2")
		got, complete, err := g.Branches(t.Context())
		if err != nil || !complete {
			t.Fatal(complete, err)
		}
		if diff := cmp.Diff(map[string]string{"main": second, "feature/login": first}, got); diff != "" {
			t.Errorf("branches (-want +got):\n%s", diff)
		}
		commit, found, err := g.Head(t.Context(), "feature/login")
		if commit != first || !found || err != nil {
			t.Errorf("head: %s, %v, %v", commit, found, err)
		}
		r.remove("feature/login")
		if commit, found, err := g.Head(t.Context(), "feature/login"); commit != "" || found || err != nil {
			t.Errorf("head of a branch that is gone: %s, %v, %v", commit, found, err)
		}
		if _, found, err := g.Head(t.Context(), "feature"); found || err != nil {
			t.Errorf("head of a part of a branch's name: %v, %v", found, err)
		}
	})
}

func TestHeadsOfSeveralBranchesAreReadAtOnce(t *testing.T) {
	addresses(t, func(t *testing.T, r *repo, address string) {
		first := r.commit("a", "1")
		r.branch("feature/login", first)
		g := open(t, address)
		got, err := g.Heads(t.Context(), "main", "gone", "feature/login", "feature")
		if diff := cmp.Diff(map[string]string{"main": first, "feature/login": first}, got); diff != "" || err != nil {
			t.Errorf("heads: %v, -want +got:\n%s", err, diff)
		}
		if got, err := g.Heads(t.Context(), "main", "../../HEAD"); got != nil || err == nil {
			t.Errorf("heads of a name that Git rejects: %v, %v", got, err)
		}
		r.must(os.RemoveAll(filepath.Join(r.dir, ".git")))
		if got, err := g.Heads(t.Context(), "main", "gone"); got != nil || err == nil {
			t.Errorf("heads of a repository that is gone: %v, %v", got, err)
		}
	})
}

func TestARepositoryWithoutBranchesIsListedAsEmpty(t *testing.T) {
	addresses(t, func(t *testing.T, _ *repo, address string) {
		got, complete, err := open(t, address).Branches(t.Context())
		if len(got) != 0 || !complete || err != nil {
			t.Errorf("got %v, %v, %v", got, complete, err)
		}
	})
}

func TestCommitsThatArriveLaterAreSeen(t *testing.T) {
	addresses(t, func(t *testing.T, r *repo, address string) {
		g := open(t, address)
		for _, content := range []string{"1", "2", "3"} {
			commit := r.commit("perch.yaml", content)
			if found, err := g.HasCommit(t.Context(), commit); !found || err != nil {
				t.Fatalf("commit %s: %v, %v", content, found, err)
			}
			got, found, err := g.File(t.Context(), commit, "perch.yaml")
			if string(got) != content || !found || err != nil {
				t.Errorf("file: %q, %v, %v", got, found, err)
			}
		}
	})
}

// TestABranchMayReplaceAFolderOfBranches: a mirror must accept that branch a/b is deleted and
// branch a created.
func TestABranchMayReplaceAFolderOfBranches(t *testing.T) {
	addresses(t, func(t *testing.T, r *repo, address string) {
		g := open(t, address)
		r.branch("topic/a", r.commit("a", "1"))
		mainCommit := r.commit("a", "2")
		if found, err := g.HasCommit(t.Context(), mainCommit); !found || err != nil {
			t.Fatal(found, err)
		}
		r.remove("topic/a")
		r.must(os.RemoveAll(filepath.Join(r.dir, ".git", "refs", "heads", "topic")))
		last := r.commit("a", "3")
		r.branch("topic", last)
		if found, err := g.HasCommit(t.Context(), last); !found || err != nil {
			t.Fatal(found, err)
		}
		got, _, err := g.Branches(t.Context())
		if diff := cmp.Diff(map[string]string{"main": last, "topic": last}, got); diff != "" || err != nil {
			t.Errorf("branches (-want +got):\n%s%v", diff, err)
		}
	})
}

func TestACommitThatIsNotThereIsNoError(t *testing.T) {
	addresses(t, func(t *testing.T, r *repo, address string) {
		r.commit("a", "1")
		if found, err := open(t, address).HasCommit(t.Context(), strings.Repeat("0", 39)+"1"); found || err != nil {
			t.Errorf("got %v, %v", found, err)
		}
	})
}

func TestOnlyFullCommitsAreAccepted(t *testing.T) {
	r := newRepo(t)
	commit := r.commit("a", "1")
	g := open(t, r.dir)
	for _, asked := range []string{"", "main", "HEAD", commit[:7], strings.ToUpper(commit[:39]) + "F", commit + "0"} {
		_, err := g.HasCommit(t.Context(), asked)
		if want := `commit "` + asked +
			`" is not a full commit: give all 40 hexadecimal digits, in lower case`; err == nil || err.Error() != want {
			t.Errorf("%q: got %v", asked, err)
		}
	}
}

func TestATreeIsNotACommit(t *testing.T) {
	r := newRepo(t)
	commit, err := r.git.CommitObject(plumbing.NewHash(r.commit("a", "1")))
	r.must(err)
	if found, err := open(t, r.dir).HasCommit(t.Context(), commit.TreeHash.String()); found || err != nil {
		t.Errorf("got %v, %v", found, err)
	}
}

func TestBareRepositoriesAreRead(t *testing.T) {
	r := newRepo(t)
	commit := r.commit("a", "1")
	bare := filepath.Join(t.TempDir(), "shop.git")
	r.must(os.Rename(filepath.Join(r.dir, ".git"), bare))
	for _, address := range []string{bare, "file://" + bare} {
		if got, found, err := open(t, address).Head(t.Context(), "main"); got != commit || !found || err != nil {
			t.Errorf("%s: %s, %v, %v", address, got, found, err)
		}
	}
}

func TestAFolderThatIsNotARepositoryIsAnError(t *testing.T) {
	dir := t.TempDir()
	_, err := OpenGit(dir, "")
	if want := "open repository " + dir +
		": there is no Git repository in this folder"; err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
}

func TestABrokenBranchIsNotLeftOutOfTheList(t *testing.T) {
	r := newRepo(t)
	r.commit("a", "1")
	r.must(os.WriteFile(
		filepath.Join(r.dir, ".git", "refs", "heads", "loose"), []byte("ref: refs/heads/nowhere\n"), 0o644,
	))
	if _, complete, err := open(t, r.dir).Branches(t.Context()); complete || err == nil {
		t.Errorf("got complete %v, %v", complete, err)
	}
}

func TestABranchThatGitRejectsIsAnError(t *testing.T) {
	r := newRepo(t)
	r.commit("a", "1")
	if _, _, err := open(t, r.dir).Head(t.Context(), "../../HEAD"); err == nil {
		t.Error("no error")
	}
}

func TestManyReadersAtOnce(t *testing.T) {
	addresses(t, func(t *testing.T, r *repo, address string) {
		commit := r.commit("fixtures/a", "1", "fixtures/b", "2")
		g := open(t, address)
		var readers sync.WaitGroup
		for range 8 {
			readers.Go(func() {
				files, err := g.Files(t.Context(), commit, "fixtures")
				if err != nil || len(files) != 2 {
					t.Errorf("got %v, %v", files, err)
					return
				}
				for _, file := range files {
					readers.Go(func() { contents(t, file) })
				}
			})
		}
		readers.Wait()
	})
}

func contents(t *testing.T, file File) string {
	reader, err := file.Open()
	if err != nil {
		t.Error(err)
		return ""
	}
	content, err := io.ReadAll(reader)
	if err := errors.Join(err, reader.Close()); err != nil {
		t.Error(err)
	}
	if int64(len(content)) != file.Size {
		t.Errorf("%s: %d bytes, and its size is %d", file.Path, len(content), file.Size)
	}
	return string(content)
}

func TestACancelledContextEndsAListing(t *testing.T) {
	r := newRepo(t)
	commit := r.commit("a", "1")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	g := open(t, r.dir)
	if _, _, err := g.Branches(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("branches: %v", err)
	}
	if _, err := g.Files(ctx, commit, "."); !errors.Is(err, context.Canceled) {
		t.Errorf("files: %v", err)
	}
}

func TestTheDefaultBranchIsTheOneThatHEADPointsTo(t *testing.T) {
	addresses(t, func(t *testing.T, r *repo, address string) {
		commit := r.commit("a", "1")
		g := open(t, address)
		if branch, err := g.DefaultBranch(t.Context()); g.remote == nil && (branch != "" || err != nil) {
			t.Errorf("default branch of a working folder: %q, %v", branch, err)
		}
		settings, err := r.git.Config()
		r.must(err)
		settings.Core.IsBare = true
		r.must(r.git.SetConfig(settings))
		if branch, err := g.DefaultBranch(t.Context()); branch != "main" || err != nil {
			t.Errorf("default branch %q, %v", branch, err)
		}
		r.branch("trunk", commit)
		r.must(r.git.Storer.SetReference(plumbing.NewSymbolicReference(plumbing.HEAD, "refs/heads/trunk")))
		r.remove("main")
		if branch, err := g.DefaultBranch(t.Context()); branch != "trunk" || err != nil {
			t.Errorf("default branch after it was renamed: %q, %v", branch, err)
		}
		r.must(r.git.Storer.SetReference(plumbing.NewHashReference(plumbing.HEAD, plumbing.NewHash(commit))))
		if branch, err := g.DefaultBranch(t.Context()); branch != "" || err != nil {
			t.Errorf("default branch of a detached HEAD: %q, %v", branch, err)
		}
	})
}
