package source

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/config"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/transport"
	"github.com/go-git/go-git/v5/plumbing/transport/http"
	"github.com/go-git/go-git/v5/storage/memory"

	"perch"
)

// remote is the address of a repository, without its credentials. They are separate, so that no
// message and no file on disk contains them.
type remote struct {
	address string
	auth    transport.AuthMethod
	secrets []string
}

func openRemote(address, cache string) (*Git, error) {
	if _, err := url.Parse(address); err != nil && strings.Contains(address, "://") {
		return nil, fmt.Errorf("open repository %s: its address is not a URL; write special characters in user "+
			"and password as %%XX, such as %%25 for a percent sign", perch.WithoutCredentials(address))
	}
	r := newRemote(address)
	if cache == "" {
		own, err := os.UserCacheDir()
		if err != nil {
			return nil, fmt.Errorf("find a cache folder for the mirror of %s: %w", r.address, err)
		}
		cache = filepath.Join(own, "perch", "git")
	}
	sum := sha256.Sum256([]byte(r.address))
	g := &Git{path: filepath.Join(cache, hex.EncodeToString(sum[:8])+".git"), remote: r}
	_, err := git.PlainInit(g.path, true)
	if err != nil && !errors.Is(err, git.ErrRepositoryAlreadyExists) {
		return nil, fmt.Errorf("make a mirror of %s in %s: %w", r.address, g.path, err)
	}
	return g, nil
}

func newRemote(address string) *remote {
	parsed, err := url.Parse(address)
	if err != nil || parsed.User == nil {
		return &remote{address: address}
	}
	user := parsed.User.Username()
	password, given := parsed.User.Password()
	if parsed.Scheme != "http" && parsed.Scheme != "https" {
		if given {
			parsed.User = url.User(user) // SSH logs in with a key and ignores this value.
		}
		return &remote{address: parsed.String()}
	}
	r := &remote{auth: &http.BasicAuth{Username: user, Password: password}}
	for _, secret := range []string{password, user} {
		if len(secret) > 3 {
			r.secrets = append(r.secrets, secret, url.QueryEscape(secret))
		}
	}
	parsed.User = nil
	r.address = parsed.String()
	return r
}

// scrub removes the credentials from an error, because the server may have repeated them.
func (r *remote) scrub(action string, err error) error {
	message := err.Error()
	clean := message
	for _, secret := range r.secrets {
		clean = strings.ReplaceAll(clean, secret, "***")
	}
	if clean != message {
		return fmt.Errorf("%s %s: %s", action, r.address, clean)
	}
	return fmt.Errorf("%s %s: %w", action, r.address, err)
}

func (r *remote) config() *config.RemoteConfig {
	return &config.RemoteConfig{
		Name: "origin", URLs: []string{r.address}, Fetch: []config.RefSpec{"+refs/heads/*:refs/heads/*"},
	}
}

// references asks the server, because the mirror may be out of date.
func (r *remote) references(ctx context.Context) ([]*plumbing.Reference, error) {
	references, err := git.NewRemote(memory.NewStorage(), r.config()).ListContext(ctx, &git.ListOptions{Auth: r.auth})
	if err != nil && !errors.Is(err, transport.ErrEmptyRemoteRepository) {
		return nil, r.scrub("list branches of", err)
	}
	return references, nil
}

// defaultBranch returns the branch that the server's HEAD points to; empty if the server does not
// say.
func (r *remote) defaultBranch(ctx context.Context) (string, error) {
	references, err := r.references(ctx)
	if err != nil {
		return "", err
	}
	for _, reference := range references {
		if reference.Name() == plumbing.HEAD {
			return branchOf(reference), nil
		}
	}
	return "", nil
}

func (r *remote) branches(ctx context.Context) (map[string]string, error) {
	references, err := r.references(ctx)
	if err != nil {
		return nil, err
	}
	branches := map[string]string{}
	for _, reference := range references {
		if reference.Name().IsBranch() && reference.Type() == plumbing.HashReference {
			branches[reference.Name().Short()] = reference.Hash().String()
		}
	}
	return branches, nil
}

func (g *Git) fetch(ctx context.Context) error {
	g.fetching.Lock()
	defer g.fetching.Unlock()
	err := g.fetchOnce(ctx)
	if local := new(fs.PathError); errors.As(err, &local) {
		// If branch topic/a was deleted and branch topic created, go-git leaves the empty folder
		// topic, and cannot create a file of that name.
		g.removeEmptyFolders()
		err = g.fetchOnce(ctx)
	}
	if err != nil {
		return g.remote.scrub("fetch from", err)
	}
	return nil
}

func (g *Git) fetchOnce(ctx context.Context) error {
	repository, err := g.open()
	if err != nil {
		return err
	}
	err = git.NewRemote(repository.Storer, g.remote.config()).FetchContext(ctx, &git.FetchOptions{
		Auth: g.remote.auth, Force: true, Prune: true, Tags: git.NoTags,
	})
	if errors.Is(err, git.NoErrAlreadyUpToDate) || errors.Is(err, transport.ErrEmptyRemoteRepository) {
		return nil
	}
	return err
}

// removeEmptyFolders removes folders without branches from the mirror's refs. It skips folders that
// are not empty, because os.Remove fails for them.
func (g *Git) removeEmptyFolders() {
	heads := filepath.Join(g.path, "refs", "heads")
	var folders []string
	_ = filepath.WalkDir(heads, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() && path != heads {
			folders = append(folders, path)
		}
		return nil
	})
	for _, folder := range slices.Backward(folders) {
		_ = os.Remove(folder)
	}
}
