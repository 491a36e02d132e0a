package run

import (
	"maps"
	"slices"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// repo is a repository to which tests commit without a working folder, so that several can do that
// at the same time.
type repo struct{ dir string }

func newRepo(t *testing.T, dir string) repo {
	t.Helper()
	if _, err := git.PlainInitWithOptions(
		dir, &git.PlainInitOptions{InitOptions: git.InitOptions{DefaultBranch: plumbing.Main}},
	); err != nil {
		t.Fatal(err)
	}
	return repo{dir: dir}
}

// branchTests has the test that commits to a branch, by the repository's folder and the branch.
var branchTests sync.Map

// claim fails the test if another one commits to the branch. Tests that run at the same time in one
// sandbox would supersede each other's requests.
func (r repo) claim(t *testing.T, branch string) {
	t.Helper()
	test, _, _ := strings.Cut(t.Name(), "/")
	if first, _ := branchTests.LoadOrStore(r.dir+"\n"+branch, test); first != test {
		t.Fatalf("branch %s belongs to %v: choose another name", branch, first)
	}
}

func (r repo) open(t *testing.T) *git.Repository {
	t.Helper()
	opened, err := git.PlainOpen(r.dir)
	if err != nil {
		t.Fatal(err)
	}
	return opened
}

// head returns the commit of branch.
func (r repo) head(t *testing.T, branch string) string {
	t.Helper()
	reference, err := r.open(t).Reference(plumbing.NewBranchReferenceName(branch), true)
	if err != nil {
		t.Fatalf("head of %s: %v", branch, err)
	}
	return reference.Hash().String()
}

// commit writes files over those of branch, or of main if branch does not exist, and returns the
// commit. It deletes files that are empty.
func (r repo) commit(t *testing.T, branch string, files map[string]string) string {
	t.Helper()
	r.claim(t, branch)
	opened := r.open(t)
	parents, blobs := r.parent(t, opened, branch)
	for name, text := range files {
		if text == "" {
			delete(blobs, name)
			continue
		}
		blob := opened.Storer.NewEncodedObject()
		blob.SetType(plumbing.BlobObject)
		writer, err := blob.Writer()
		if err == nil {
			_, err = writer.Write([]byte(text))
		}
		if err != nil {
			t.Fatal(err)
		}
		blobs[name] = store(t, opened, blob)
	}
	author := object.Signature{Name: "Jane", Email: "jane@example.com", When: time.Unix(1_700_000_000, 0)}
	made := encode(t, opened, &object.Commit{
		Author: author, Committer: author, Message: "Change " + strings.Join(slices.Sorted(maps.Keys(files)), ", "),
		ParentHashes: parents, TreeHash: tree(t, opened, blobs),
	})
	if err := opened.Storer.SetReference(plumbing.NewHashReference(
		plumbing.NewBranchReferenceName(branch), made,
	)); err != nil {
		t.Fatal(err)
	}
	return made.String()
}

// parent returns the parent of branch's next commit, and its files.
func (r repo) parent(t *testing.T, opened *git.Repository, branch string) ([]plumbing.Hash, map[string]plumbing.Hash) {
	t.Helper()
	blobs := map[string]plumbing.Hash{}
	reference, err := opened.Reference(plumbing.NewBranchReferenceName(branch), true)
	if err != nil {
		reference, err = opened.Reference(plumbing.Main, true)
	}
	if err != nil {
		return nil, blobs
	}
	commit, err := opened.CommitObject(reference.Hash())
	if err != nil {
		t.Fatal(err)
	}
	files, err := commit.Files()
	if err == nil {
		err = files.ForEach(func(file *object.File) error { blobs[file.Name] = file.Hash; return nil })
	}
	if err != nil {
		t.Fatal(err)
	}
	return []plumbing.Hash{commit.Hash}, blobs
}

// tree writes the tree of files, and of the folders in their names.
func tree(t *testing.T, opened *git.Repository, blobs map[string]plumbing.Hash) plumbing.Hash {
	t.Helper()
	made := &object.Tree{}
	folders := map[string]map[string]plumbing.Hash{}
	for name, hash := range blobs {
		folder, rest, nested := strings.Cut(name, "/")
		if !nested {
			made.Entries = append(made.Entries, object.TreeEntry{Name: name, Mode: filemode.Regular, Hash: hash})
			continue
		}
		if folders[folder] == nil {
			folders[folder] = map[string]plumbing.Hash{}
		}
		folders[folder][rest] = hash
	}
	for name, inner := range folders {
		made.Entries = append(
			made.Entries, object.TreeEntry{Name: name, Mode: filemode.Dir, Hash: tree(t, opened, inner)},
		)
	}
	sort.Sort(object.TreeEntrySorter(made.Entries))
	return encode(t, opened, made)
}

func encode(t *testing.T, opened *git.Repository, content interface {
	Encode(plumbing.EncodedObject) error
}) plumbing.Hash {
	t.Helper()
	encoded := opened.Storer.NewEncodedObject()
	if err := content.Encode(encoded); err != nil {
		t.Fatal(err)
	}
	return store(t, opened, encoded)
}

func store(t *testing.T, opened *git.Repository, encoded plumbing.EncodedObject) plumbing.Hash {
	t.Helper()
	hash, err := opened.Storer.SetEncodedObject(encoded)
	if err != nil {
		t.Fatal(err)
	}
	return hash
}

// remove deletes branch.
func (r repo) remove(t *testing.T, branch string) {
	t.Helper()
	if err := r.open(t).Storer.RemoveReference(plumbing.NewBranchReferenceName(branch)); err != nil {
		t.Fatal(err)
	}
}
