package github

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
)

func (s *Server) mux() http.Handler {
	mux := http.NewServeMux()
	for route, answer := range map[string]http.HandlerFunc{
		"":                 s.about,
		"/branches":        s.branches,
		"/compare/{x}":     s.compare,
		"/git/commits/{x}": s.commit,
		"/git/trees/{x}":   s.tree,
		"/git/blobs/{x}":   s.blob,
	} {
		mux.HandleFunc("GET "+prefix+"/repos/{owner}/{name}"+route, s.named(answer))
	}
	mux.HandleFunc("POST "+graphql, s.graph)
	mux.Handle("/", Answer(http.StatusNotFound, "Not Found"))
	return mux
}

// named answers for the repository's name. A former name redirects to the number, as GitHub does
// until another repository takes the name (GitHub docs: Renaming a repository).
func (s *Server) named(answer http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		asked := r.PathValue("owner") + "/" + r.PathValue("name")
		name, id := s.identity()
		switch {
		case strings.EqualFold(asked, name):
			answer(w, r)
		case strings.EqualFold(asked, Name):
			rest := strings.TrimPrefix(r.URL.Path, prefix+"/repos/"+asked)
			there := fmt.Sprintf("http://%s%s/repositories/%d%s", r.Host, prefix, id, rest)
			Answer(http.StatusMovedPermanently, "Moved Permanently", "Location", there).ServeHTTP(w, r)
		default:
			Answer(http.StatusNotFound, "Not Found").ServeHTTP(w, r)
		}
	}
}

func (s *Server) about(w http.ResponseWriter, _ *http.Request) {
	name, id := s.identity()
	about := map[string]any{"id": id, "full_name": name, "private": true}
	if head, err := s.repository.Reference(plumbing.HEAD, false); err == nil && head.Target().IsBranch() {
		about["default_branch"] = head.Target().Short()
	}
	reply(w, http.StatusOK, about)
}

// heads are the branches in the order of their names.
func (s *Server) heads() ([]*plumbing.Reference, error) {
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
	slices.SortFunc(heads, func(a, b *plumbing.Reference) int { return strings.Compare(string(a.Name()), string(b.Name())) })
	return heads, err
}

func (s *Server) branches(w http.ResponseWriter, r *http.Request) {
	heads, err := s.heads()
	if err != nil {
		reply(w, http.StatusInternalServerError, map[string]any{"message": err.Error()})
		return
	}
	size, number := positive(r, "per_page", 30), positive(r, "page", 1)
	size = min(size, 100)
	last := max(1, (len(heads)+size-1)/size)
	if links := links(r, number, last); links != "" {
		w.Header().Set("Link", links)
	}
	page := []any{}
	for i := (number - 1) * size; i < min(number*size, len(heads)); i++ {
		page = append(page, map[string]any{
			"name": heads[i].Name().Short(), "commit": map[string]any{"sha": heads[i].Hash().String()}, "protected": false,
		})
	}
	reply(w, http.StatusOK, page)
}

func positive(r *http.Request, name string, otherwise int) int {
	if n, err := strconv.Atoi(r.URL.Query().Get(name)); err == nil && n > 0 {
		return n
	}
	return otherwise
}

// links is the Link header. GitHub names the repository by its number there.
func links(r *http.Request, number, last int) string {
	var links []string
	link := func(page int, relation string) {
		query := r.URL.Query()
		query.Set("page", strconv.Itoa(page))
		links = append(links, fmt.Sprintf(`<http://%s%s/repositories/1/branches?%s>; rel="%s"`, r.Host, prefix, query.Encode(), relation))
	}
	if number > 1 {
		link(number-1, "prev")
	}
	if number < last {
		link(number+1, "next")
		link(last, "last")
	}
	if number > 1 {
		link(1, "first")
	}
	return strings.Join(links, ", ")
}

func (s *Server) commit(w http.ResponseWriter, r *http.Request) {
	commit, err := s.repository.CommitObject(plumbing.NewHash(r.PathValue("x")))
	if err != nil {
		Answer(http.StatusNotFound, "Not Found").ServeHTTP(w, r)
		return
	}
	reply(w, http.StatusOK, map[string]any{"sha": commit.Hash.String(), "tree": map[string]any{"sha": commit.TreeHash.String()}})
}

// compare tells how the second of two commits, which three dots join, lies to the first.
func (s *Server) compare(w http.ResponseWriter, r *http.Request) {
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

func (s *Server) tree(w http.ResponseWriter, r *http.Request) {
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
		entries = append(entries, s.entry(name, entry))
	}
	reply(w, http.StatusOK, map[string]any{"sha": tree.Hash.String(), "tree": entries, "truncated": false})
}

func (s *Server) entry(name string, entry object.TreeEntry) map[string]any {
	kind := "blob"
	switch entry.Mode {
	case filemode.Dir:
		kind = "tree"
	case filemode.Submodule:
		kind = "commit"
	}
	described := map[string]any{"path": name, "mode": fmt.Sprintf("%06o", uint32(entry.Mode)), "type": kind, "sha": entry.Hash.String()}
	if blob, err := s.repository.BlobObject(entry.Hash); err == nil {
		described["size"] = blob.Size
	}
	return described
}

func (s *Server) blob(w http.ResponseWriter, r *http.Request) {
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
