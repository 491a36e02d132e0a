package source

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFilesOfAFolder(t *testing.T) {
	addresses(t, func(t *testing.T, r *repo, address string) {
		commit := r.commit("fixtures/b.txt", "bb", "fixtures/a/deep.txt", "deep", "other/x", "x", "fixtures/empty", "")
		r.commit("fixtures/b.txt", "changed", "fixtures/new", "new")
		g := open(t, address)
		got := map[string]string{}
		var order []string
		files, err := g.Files(t.Context(), commit, "fixtures/")
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			order = append(order, file.Path)
			got[file.Path] = contents(t, file)
		}
		if diff := cmp.Diff([]string{"a/deep.txt", "b.txt", "empty"}, order); diff != "" {
			t.Errorf("paths (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(map[string]string{"b.txt": "bb", "a/deep.txt": "deep", "empty": ""}, got); diff != "" {
			t.Errorf("contents (-want +got):\n%s", diff)
		}
		if all, err := g.Files(t.Context(), commit, "."); len(all) != 4 || err != nil {
			t.Errorf("the whole repository: %v, %v", all, err)
		}
	})
}

func TestAFolderThatIsNotThereIsAnError(t *testing.T) {
	r := newRepo(t)
	commit := r.commit("a/b", "1")
	g := open(t, r.dir)
	for _, folder := range []string{"missing", "a/b", "..", "../x"} {
		_, err := g.Files(t.Context(), commit, folder)
		if want := "list files in " + folder + " at commit " + commit +
			": there is no such folder"; err == nil || err.Error() != want {
			t.Errorf("%s: %v", folder, err)
		}
	}
}

func TestFilesThatAreNotThere(t *testing.T) {
	r := newRepo(t)
	commit := r.commit("a/b", "1")
	g := open(t, r.dir)
	for _, name := range []string{"x", "a/x", "x/y", "a/b/c", "../a"} {
		if content, found, err := g.File(t.Context(), commit, name); content != nil || found || err != nil {
			t.Errorf("%s: %q, %v, %v", name, content, found, err)
		}
	}
}

func TestLinksAndFoldersAreNotReadAsFiles(t *testing.T) {
	r := newRepo(t)
	r.must(os.Symlink("/etc/passwd", filepath.Join(r.dir, "perch.yaml")))
	commit := r.commit("a/b", "1")
	g := open(t, r.dir)
	for name, what := range map[string]string{"perch.yaml": "symbolic link", "a": "folder"} {
		_, _, err := g.File(t.Context(), commit, name)
		if want := name + " at commit " + commit[:8] + " is a " + what +
			" and not a file; commit the file itself"; err == nil || err.Error() != want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestS116AFolderWithALinkNamesIt(t *testing.T) {
	addresses(t, func(t *testing.T, r *repo, address string) {
		r.must(os.MkdirAll(filepath.Join(r.dir, "fixtures", "deep"), 0o755))
		r.must(os.Symlink("/etc/passwd", filepath.Join(r.dir, "fixtures", "deep", "link")))
		r.must(os.Symlink("fixtures", filepath.Join(r.dir, "linked")))
		commit := r.commit("fixtures/b.txt", "bb")
		for folder, path := range map[string]string{
			"fixtures": "fixtures/deep/link", "linked": "linked", ".": "fixtures/deep/link",
		} {
			files, err := open(t, address).Files(t.Context(), commit, folder)
			var fault *CommitFault
			if !errors.As(err, &fault) || fault.Path != path || len(files) > 0 {
				t.Errorf("%s: %v, %v", folder, files, err)
			}
		}
	})
}

func TestS220ALinkAboveAFolderOrAFileIsNamed(t *testing.T) {
	addresses(t, func(t *testing.T, r *repo, address string) {
		r.must(os.MkdirAll(filepath.Join(r.dir, "data"), 0o755))
		r.must(os.Symlink("../fixtures", filepath.Join(r.dir, "data", "linked")))
		commit := r.commit("fixtures/media/b.txt", "bb", "data/plain", "p")
		want := "data/linked at commit " + commit[:8] + " is a symbolic link and not a folder; commit the folder itself"
		g := open(t, address)
		for _, folder := range []string{"data/linked", "data/linked/media", "data/linked/media/deep"} {
			if _, err := g.Files(t.Context(), commit, folder); err == nil || err.Error() != want {
				t.Errorf("%s: %v", folder, err)
			}
		}
		if _, _, err := g.File(t.Context(), commit, "data/linked/media/b.txt"); err == nil || err.Error() != want {
			t.Errorf("a file: %v", err)
		}
		if _, err := g.Files(t.Context(), commit, "data/plain/media"); !errors.Is(err, ErrNoFolder) {
			t.Errorf("below a file: %v", err)
		}
	})
}

func TestS116APointerOfGitLFSIsNotTheFile(t *testing.T) {
	const pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
	addresses(t, func(t *testing.T, r *repo, address string) {
		commit := r.commit(
			"perch.yaml", pointer, "about.txt", "a text about version https://git-lfs.github.com/spec/v1",
		)
		g := open(t, address)
		_, _, err := g.File(t.Context(), commit, "perch.yaml")
		if want := "perch.yaml at commit " + commit[:8] +
			" is a Git LFS pointer"; err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v", err)
		}
		if _, found, err := g.File(t.Context(), commit, "about.txt"); !found || err != nil {
			t.Errorf("a file that is not a pointer: %v, %v", found, err)
		}
	})
}

func TestFilesOfAMissingCommit(t *testing.T) {
	r := newRepo(t)
	r.commit("a", "1")
	const missing = "00000000000000000000000000000000000000aa"
	_, _, err := open(t, r.dir).File(t.Context(), missing, "a")
	if want := "the repository has no commit " + missing; err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
}
