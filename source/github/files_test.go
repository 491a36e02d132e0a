package github

import (
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/google/go-cmp/cmp"

	hub "perch/sandbox/github"
	"perch/sandbox/github/githubtest"
	"perch/source"
)

// withFiles serves a repository with every kind of file, and names its folder and its commit.
func withFiles(t *testing.T) (server *hub.Server, dir, commit string) {
	t.Helper()
	dir = t.TempDir()
	repository, err := git.PlainInit(dir, false)
	must(t, err)
	for name, content := range map[string]string{
		"perch.yaml": "project: shop\n", "fixtures/b.txt": "bb", "fixtures/b/deep.txt": "deep", "fixtures/b-c": "",
		"fixtures/größe": "\x00\xff", "z": strings.Repeat("z", 3000),
	} {
		must(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		must(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o755))
	}
	must(t, os.Mkdir(filepath.Join(dir, "links"), 0o755))
	must(t, os.Symlink("/etc/passwd", filepath.Join(dir, "links", "link")))
	worktree, err := repository.Worktree()
	must(t, err)
	must(t, worktree.AddWithOptions(&git.AddOptions{All: true}))
	hash, err := worktree.Commit("all kinds", &git.CommitOptions{
		Author: &object.Signature{Name: "Jane", Email: "jane@example.com", When: time.Unix(1_700_000_000, 0)},
	})
	must(t, err)
	return githubtest.New(t, repository), dir, hash.String()
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

type listed struct {
	Path, Content string
	Size          int64
}

func contents(t *testing.T, files []source.File) []listed {
	t.Helper()
	var all []listed
	for _, file := range files {
		content, err := file.Open()
		must(t, err)
		data, err := io.ReadAll(content)
		must(t, errors.Join(err, content.Close()))
		all = append(all, listed{file.Path, string(data), file.Size})
	}
	return all
}

func TestFilesAreWhatGitHasThere(t *testing.T) {
	server, dir, commit := withFiles(t)
	r := open(t, server)
	local, err := source.OpenGit(dir, "")
	must(t, err)
	for _, folder := range []string{"fixtures", "fixtures/", "fixtures/b"} {
		want, err := local.Files(t.Context(), commit, folder)
		must(t, err)
		got, err := r.Files(t.Context(), commit, folder)
		must(t, err)
		if diff := cmp.Diff(contents(t, want), contents(t, got)); diff != "" || len(got) == 0 {
			t.Errorf("%s (-git +GitHub):\n%s", folder, diff)
		}
	}
	for _, name := range []string{
		"perch.yaml", "fixtures/b/deep.txt", "fixtures/b-c", "fixtures/größe", "z", "missing", "fixtures/missing",
		"missing/b", "perch.yaml/x", "../z", ".", "",
	} {
		want, wantFound, err := local.File(t.Context(), commit, name)
		must(t, err)
		got, found, err := r.File(t.Context(), commit, name)
		if string(got) != string(want) || found != wantFound || err != nil {
			t.Errorf("%q: got %q, %v, %v, want %q, %v", name, got, found, err, want, wantFound)
		}
	}
	for _, folder := range []string{".", "links", "links/link"} {
		_, want := local.Files(t.Context(), commit, folder)
		if _, err := r.Files(t.Context(), commit, folder); want == nil || err == nil || err.Error() != want.Error() {
			t.Errorf("files in %s: got %v, want %v", folder, err, want)
		}
	}
	for _, name := range []string{"fixtures", "links/link"} {
		_, _, want := local.File(t.Context(), commit, name)
		_, found, err := r.File(t.Context(), commit, name)
		if found || err == nil || err.Error() != want.Error() {
			t.Errorf("%s: got %v, %v, want %v", name, found, err, want)
		}
	}
}

func TestAMissingFolderIsAnError(t *testing.T) {
	server, _, commit := withFiles(t)
	r := open(t, server)
	for _, folder := range []string{"missing", "z", "fixtures/link", "..", "../x", "/fixtures"} {
		_, err := r.Files(t.Context(), commit, folder)
		if want := "list files in " + folder + " at commit " + commit +
			": there is no such folder"; !errors.Is(err, source.ErrNoFolder) || err.Error() != want {
			t.Errorf("%s: %v", folder, err)
		}
	}
}

func TestCommitsMustBeGivenInFull(t *testing.T) {
	server, _, commit := withFiles(t)
	r := open(t, server)
	if has, err := r.HasCommit(t.Context(), commit); !has || err != nil {
		t.Errorf("got %v, %v", has, err)
	}
	if has, err := r.HasCommit(t.Context(), hash(1)); has || err != nil {
		t.Errorf("a missing one: %v, %v", has, err)
	}
	for _, asked := range []string{"", "main", commit[:7], strings.ToUpper(commit)} {
		_, err := r.HasCommit(t.Context(), asked)
		if want := `commit "` + asked +
			`" is not a full commit: give all 40 hexadecimal digits, in lower case`; err == nil || err.Error() != want {
			t.Errorf("%q: %v", asked, err)
		}
	}
	_, _, reading := r.File(t.Context(), hash(1), "z")
	_, listing := r.Files(t.Context(), hash(1), ".")
	for _, err := range []error{reading, listing} {
		if want := "the repository has no commit " + hash(1); err == nil || err.Error() != want {
			t.Errorf("got %v", err)
		}
	}
}

func TestS67AMissingCommitOfAHiddenRepositoryIsNotMissing(t *testing.T) {
	server, _, _ := withFiles(t)
	server.Intercept(always(hub.Answer(404, "Not Found")))
	_, err := open(t, server).HasCommit(t.Context(), hash(1))
	if rejected := new(source.Rejected); !errors.As(err, &rejected) {
		t.Errorf("got %v", err)
	}
}

func TestWhatIsNotTheFileIsNotRead(t *testing.T) {
	server, _, commit := withFiles(t)
	blob := func(handler func(http.Handler) http.Handler) func(http.Handler) http.Handler {
		return onPath("/git/blobs/", handler)
	}
	tree := func(handler func(http.Handler) http.Handler) func(http.Handler) http.Handler {
		return onPath("/git/trees/", handler)
	}
	replace := func(from, to string) func(http.Handler) http.Handler {
		return rewritten(func(_ http.Header, content string) string { return strings.Replace(content, from, to, 1) })
	}
	for name, test := range map[string]struct {
		intercept func(http.Handler) http.Handler
		want      string
	}{
		"shorter": {blob(body("project")), "GitHub's answer of 7 bytes is not the file's content, which has 14"},
		"another": {
			blob(body("project: chop\n")), "GitHub's answer of 14 bytes is not the file's content, which has 14",
		},
		"broken off": {blob(brokenOff), "GitHub's answer broke off"},
		"a cut folder": {
			tree(replace(`"truncated":false`, `"truncated":true`)),
			"the folder has more files than GitHub lists at once (100,000); name a folder below it",
		},
		"another folder": {tree(body(`{"sha":"` + hash(1) + `","tree":[]}`)), "GitHub's answer has no content"},
		"no folder":      {tree(body(``)), "GitHub's answer has no content"},
		"a way out": {
			tree(replace(`"path":"perch.yaml"`, `"path":"../perch.yaml"`)),
			`"../perch.yaml" is not a path that stays in the repository, or has no content`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			server.Intercept(test.intercept)
			content, found, err := open(t, server).File(t.Context(), commit, "perch.yaml")
			if want := "read perch.yaml at commit " + commit + ": " +
				test.want; content != nil || found || err == nil || err.Error() != want {
				t.Errorf("got %q, %v, %v, want %s", content, found, err, want)
			}
		})
	}
	server.Intercept(tree(replace(`"size":14`, `"size":16777217`)))
	_, _, err := open(t, server).File(t.Context(), commit, "perch.yaml")
	var fault *source.CommitFault
	if !errors.As(err, &fault) || !strings.Contains(
		err.Error(), "perch.yaml at commit "+commit[:8]+" has 16777217 bytes, and at most 16777216 are read",
	) {
		t.Errorf("a large file: %v", err)
	}
	server.Intercept(tree(func(next http.Handler) http.Handler {
		return replace(`"size":14`, `"size":104857601`)(replace(`"120000"`, `"100644"`)(next))
	}))
	files, err := open(t, server).Files(t.Context(), commit, ".")
	must(t, err)
	for _, file := range files {
		if file.Path != "perch.yaml" {
			continue
		}
		_, err := file.Open()
		if want := "read perch.yaml: it is 104857601 bytes long; GitHub gives out at most 104857600 by its API: keep " +
			"it in a bucket"; err == nil || err.Error() != want {
			t.Errorf("got %v", err)
		}
	}
}

func onPath(part string, handler func(http.Handler) http.Handler) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		instead := handler(next)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.Contains(r.URL.Path, part) {
				instead.ServeHTTP(w, r)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

func TestACommitWithoutFiles(t *testing.T) {
	dir := t.TempDir()
	repository, err := git.PlainInit(dir, false)
	must(t, err)
	worktree, err := repository.Worktree()
	must(t, err)
	commit, err := worktree.Commit("nothing yet", &git.CommitOptions{AllowEmptyCommits: true, Author: &object.Signature{
		Name: "Jane", Email: "jane@example.com", When: time.Unix(1_700_000_000, 0),
	}})
	must(t, err)
	r := open(t, githubtest.New(t, repository))
	if content, found, err := r.File(
		t.Context(), commit.String(), "perch.yaml",
	); content != nil || found || err != nil {
		t.Errorf("file: %q, %v, %v", content, found, err)
	}
	if files, err := r.Files(t.Context(), commit.String(), "."); len(files) != 0 || err != nil {
		t.Errorf("files: %v, %v", files, err)
	}
}

func TestAnAnswerAboutAnotherCommitIsRejected(t *testing.T) {
	server, _, commit := withFiles(t)
	for name, answer := range map[string]string{
		"empty": "", "another": `{"sha":"` + hash(1) + `","tree":{"sha":"` + hash(2) + `"}}`,
		"no tree": `{"sha":"` + commit + `"}`,
	} {
		server.Intercept(onPath("/git/commits/", body(answer)))
		has, err := open(t, server).HasCommit(t.Context(), commit)
		if want := "look for commit " + commit +
			" in acme/shop: GitHub's answer is about something else"; has || err == nil || err.Error() != want {
			t.Errorf("%s: got %v, %v", name, has, err)
		}
	}
}

func TestS220ALinkOrASubmoduleAboveAFolderIsNamed(t *testing.T) {
	server, _, commit := withFiles(t)
	r := open(t, server)
	wantFault := func(name, want string, err error) {
		t.Helper()
		if want += " and not a folder; commit the folder itself"; err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", name, err, want)
		}
	}
	link := "links/link at commit " + commit[:8] + " is a symbolic link"
	for _, folder := range []string{"links/link", "links/link/media", "links/link/media/deep"} {
		_, err := r.Files(t.Context(), commit, folder)
		wantFault(folder, link, err)
	}
	_, _, err := r.File(t.Context(), commit, "links/link/template.yaml")
	wantFault("a file", link, err)
	server.Intercept(onPath("/git/trees/", rewritten(func(_ http.Header, content string) string {
		return strings.NewReplacer(
			`"mode":"100755","path":"perch.yaml"`, `"mode":"160000","path":"perch.yaml"`, `"size":14,"type":"blob"`,
			`"size":14,"type":"commit"`,
		).Replace(content)
	})))
	_, err = open(t, server).Files(t.Context(), commit, "perch.yaml/media")
	wantFault("below a submodule", "perch.yaml at commit "+commit[:8]+" is a submodule", err)
}

func TestASubmoduleIsNeitherFileNorFolder(t *testing.T) {
	server, _, commit := withFiles(t)
	server.Intercept(onPath("/git/trees/", rewritten(func(_ http.Header, content string) string {
		return strings.NewReplacer(
			`"mode":"100755","path":"perch.yaml"`, `"mode":"160000","path":"perch.yaml"`, `"size":14,"type":"blob"`,
			`"size":14,"type":"commit"`,
		).Replace(content)
	})))
	r := open(t, server)
	_, _, err := r.File(t.Context(), commit, "perch.yaml")
	if want := "perch.yaml at commit " + commit[:8] +
		" is a submodule and not a file; commit the file itself"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	var fault *source.CommitFault
	if _, err := r.Files(t.Context(), commit, "perch.yaml"); !errors.As(err, &fault) {
		t.Errorf("got %v", err)
	}
}
