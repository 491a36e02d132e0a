package source

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5/plumbing/transport/client"
	"github.com/go-git/go-git/v5/plumbing/transport/server"
)

// serve makes the repository in dir a remote one: go-git's own server answers for the address,
// without a git binary.
func serve(t *testing.T, dir string) string {
	t.Helper()
	install()
	return "perchtest://host" + filepath.ToSlash(filepath.Join(dir, ".git"))
}

var install = sync.OnceFunc(func() {
	client.InstallProtocol("perchtest", server.NewClient(server.NewFilesystemLoader(osfs.New("/"))))
})

func TestTheMirrorStaysInItsFolder(t *testing.T) {
	r := newRepo(t)
	commit := r.commit("a", "1")
	cache := t.TempDir()
	address := serve(t, r.dir)
	for range 2 {
		g, err := OpenGit(address, cache)
		if err != nil {
			t.Fatal(err)
		}
		if found, err := g.HasCommit(t.Context(), commit); !found || err != nil {
			t.Fatal(found, err)
		}
	}
	entries, err := os.ReadDir(cache)
	if err != nil || len(entries) != 1 {
		t.Errorf("the cache has %v, %v", entries, err)
	}
}

func TestAddresses(t *testing.T) {
	for address, remote := range map[string]bool{
		"https://github.com/acme/shop.git": true, "ssh://git@github.com/acme/shop": true,
		"git@github.com:acme/shop.git": true, "github.com:acme/shop": true,
		"/srv/shop": false, "shop": false, "./a:b": false, "file:///srv/shop": false, `C:\shop`: false,
		"C:/shop": false,
	} {
		if got := isRemote(address); got != remote {
			t.Errorf("%s: remote %v, want %v", address, got, remote)
		}
	}
}

// TestTokensAreInNoErrorAndNoFile: no error contains a token, even if the server repeats it, and no
// file on disk does.
func TestTokensAreInNoErrorAndNoFile(t *testing.T) {
	const token = "ghp_topsecret"
	for _, userinfo := range []string{token, "x-access-token:" + token} {
		asked := false
		web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			user, password, _ := r.BasicAuth()
			asked = asked || user == token || password == token
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = fmt.Fprintf(w, "no entry for %s %s", user, password)
		}))
		t.Cleanup(web.Close)
		cache := t.TempDir()
		g, err := OpenGit(strings.Replace(web.URL, "://", "://"+userinfo+"@", 1)+"/acme/shop.git", cache)
		if err != nil {
			t.Fatal(err)
		}
		_, complete, listed := g.Branches(t.Context())
		_, fetched := g.HasCommit(t.Context(), strings.Repeat("a", 40))
		for _, err := range []error{listed, fetched} {
			if err == nil || strings.Contains(err.Error(), token) ||
				!strings.Contains(err.Error(), web.URL+"/acme/shop.git") {
				t.Errorf("got %v", err)
			}
		}
		if complete || !asked {
			t.Errorf("complete %v, the server saw the token: %v", complete, asked)
		}
		noToken(t, cache, token)
	}
}

func TestAnAddressThatIsNotAURLIsRejectedWithoutItsPassword(t *testing.T) {
	_, err := OpenGit("https://bot:top%secret@example.com/acme/shop.git", t.TempDir())
	if err == nil || strings.Contains(err.Error(), "secret@") ||
		!strings.Contains(err.Error(), "https://example.com/acme/shop.git") {
		t.Errorf("got %v", err)
	}
}

// TestAPasswordForSSHIsDropped: SSH logs in by a key, and the address is in messages.
func TestAPasswordForSSHIsDropped(t *testing.T) {
	g, err := OpenGit("ssh://git:topsecret@127.0.0.1:1/acme/shop", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := g.Branches(t.Context()); err == nil || strings.Contains(err.Error(), "topsecret") ||
		!strings.Contains(err.Error(), "ssh://git@127.0.0.1:1/acme/shop") {
		t.Errorf("got %v", err)
	}
}

func noToken(t *testing.T, dir, token string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if strings.Contains(string(content), token) || strings.Contains(path, token) {
			t.Errorf("the token is in %s", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
