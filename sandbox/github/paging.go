package github

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// writeList responds with the requested page of a list of the given length. body returns the JSON
// of entry i.
func (s *Server) writeList(w http.ResponseWriter, r *http.Request, length int, body func(i int) any) {
	size, number := min(positiveQuery(r, "per_page", 30), 100), positiveQuery(r, "page", 1)
	last := max(1, (length+size-1)/size)
	if links := s.links(r, number, last); links != "" {
		w.Header().Set("Link", links)
	}
	page := []any{}
	for i := (number - 1) * size; i < min(number*size, length); i++ {
		page = append(page, body(i))
	}
	reply(w, http.StatusOK, page)
}

func positiveQuery(r *http.Request, name string, otherwise int) int {
	if n, err := strconv.Atoi(r.URL.Query().Get(name)); err == nil && n > 0 {
		return n
	}
	return otherwise
}

// links returns the Link header. Like GitHub's, its URLs have the repository's id instead of its
// name.
func (s *Server) links(r *http.Request, number, last int) string {
	_, id := s.identity()
	var links []string
	link := func(page int, relation string) {
		query := r.URL.Query()
		query.Set("page", strconv.Itoa(page))
		address := fmt.Sprintf(
			"http://%s%s/repositories/%d%s?%s", r.Host, prefix, id, s.repositoryPath(r.URL.Path), query.Encode(),
		)
		links = append(links, fmt.Sprintf(`<%s>; rel="%s"`, address, relation))
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
