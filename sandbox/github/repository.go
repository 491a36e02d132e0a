package github

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// getRepository responds with the repository's JSON.
func (s *Server) getRepository(w http.ResponseWriter, _ *http.Request) {
	name, id := s.identity()
	about := map[string]any{"id": id, "full_name": name, "private": true, "archived": s.isArchived()}
	if branch := s.defaultBranch(); branch != "" {
		about["default_branch"] = branch
	}
	reply(w, http.StatusOK, about)
}

// sortedBranches returns the branches, sorted by name.
func (s *Server) sortedBranches() ([]*plumbing.Reference, error) {
	all, err := s.repository.References()
	if err != nil {
		return nil, err
	}
	var heads []*plumbing.Reference
	err = all.ForEach(func(r *plumbing.Reference) error {
		if r.Name().IsBranch() {
			heads = append(heads, r)
		}
		return nil
	})
	slices.SortFunc(
		heads, func(a, b *plumbing.Reference) int { return strings.Compare(string(a.Name()), string(b.Name())) },
	)
	return heads, err
}

func (s *Server) listBranches(w http.ResponseWriter, r *http.Request) {
	heads, err := s.sortedBranches()
	if err != nil {
		reply(w, http.StatusInternalServerError, map[string]any{"message": err.Error()})
		return
	}
	s.writeList(w, r, len(heads), func(i int) any {
		commit := map[string]any{"sha": heads[i].Hash().String()}
		return map[string]any{"name": heads[i].Name().Short(), "commit": commit, "protected": false}
	})
}

func (s *Server) getCommit(w http.ResponseWriter, r *http.Request) {
	commit, err := s.repository.CommitObject(plumbing.NewHash(r.PathValue("x")))
	if err != nil {
		Answer(http.StatusNotFound, "Not Found").ServeHTTP(w, r)
		return
	}
	author := map[string]any{
		"name": commit.Author.Name, "email": commit.Author.Email, "date": commit.Author.When.UTC().Format(time.RFC3339),
	}
	reply(w, http.StatusOK, map[string]any{
		"sha": commit.Hash.String(), "tree": map[string]any{"sha": commit.TreeHash.String()},
		"message": commit.Message, "author": author,
	})
}

// compareCommits compares two commits, which the path names as base...head. The status in the
// response says whether head is ahead of base, behind it, identical to it, or diverged from it.
func (s *Server) compareCommits(w http.ResponseWriter, r *http.Request) {
	base, head, _ := strings.Cut(r.PathValue("x"), "...")
	first, err := s.repository.CommitObject(plumbing.NewHash(base))
	second, missing := s.repository.CommitObject(plumbing.NewHash(head))
	if err = errors.Join(err, missing); err != nil {
		Answer(http.StatusNotFound, "Not Found").ServeHTTP(w, r)
		return
	}
	ahead, err := first.IsAncestor(second)
	behind, failed := second.IsAncestor(first)
	if err = errors.Join(err, failed); err != nil {
		reply(w, http.StatusInternalServerError, map[string]any{"message": err.Error()})
		return
	}
	status := "diverged"
	switch {
	case ahead && behind:
		status = "identical"
	case ahead:
		status = "ahead"
	case behind:
		status = "behind"
	}
	reply(w, http.StatusOK, map[string]any{"status": status, "commits": []any{}})
}

func (s *Server) getTree(w http.ResponseWriter, r *http.Request) {
	tree, err := s.repository.TreeObject(plumbing.NewHash(r.PathValue("x")))
	if err != nil {
		Answer(http.StatusNotFound, "Not Found").ServeHTTP(w, r)
		return
	}
	walker := object.NewTreeWalker(tree, r.URL.Query().Get("recursive") != "", nil)
	defer walker.Close()
	entries := []any{}
	for {
		name, entry, err := walker.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			reply(w, http.StatusInternalServerError, map[string]any{"message": err.Error()})
			return
		}
		entries = append(entries, s.treeEntryBody(name, entry))
	}
	reply(w, http.StatusOK, map[string]any{"sha": tree.Hash.String(), "tree": entries, "truncated": false})
}

func (s *Server) treeEntryBody(name string, entry object.TreeEntry) map[string]any {
	kind := "blob"
	switch entry.Mode {
	case filemode.Dir:
		kind = "tree"
	case filemode.Submodule:
		kind = "commit"
	}
	described := map[string]any{
		"path": name, "mode": fmt.Sprintf("%06o", uint32(entry.Mode)), "type": kind, "sha": entry.Hash.String(),
	}
	if blob, err := s.repository.BlobObject(entry.Hash); err == nil {
		described["size"] = blob.Size
	}
	return described
}

func (s *Server) getBlob(w http.ResponseWriter, r *http.Request) {
	blob, err := s.repository.BlobObject(plumbing.NewHash(r.PathValue("x")))
	if err != nil {
		Answer(http.StatusNotFound, "Not Found").ServeHTTP(w, r)
		return
	}
	reader, err := blob.Reader()
	if err != nil {
		reply(w, http.StatusInternalServerError, map[string]any{"message": err.Error()})
		return
	}
	defer func() { _ = reader.Close() }()
	w.Header().Set("Content-Type", "application/vnd.github.raw; charset=utf-8")
	_, _ = io.Copy(w, reader)
}
