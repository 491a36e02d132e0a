package github

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	api "github.com/google/go-github/v60/github"

	"perch"
)

// pageSize is how many branches a page has. It is the largest number that GitHub allows (GitHub
// docs: List branches).
const pageSize = 100

// page is one page of the list of branches.
type page struct {
	// etag identifies this version of the page; empty if GitHub sent none.
	etag     string
	branches []branch
	// next and last are the page numbers in the Link header; 0 if it does not have them.
	next, last int
}

type branch struct{ name, commit string }

// page reads one page with the ETag of the last time. If the page has not changed, the answer costs
// no quota (GitHub docs: Best practices, use conditional requests).
func (r *Repository) page(ctx context.Context, number int) (page, error) {
	r.listing.Lock()
	known := r.pages[number]
	r.listing.Unlock()
	current, err := r.ask(ctx, number, known)
	if err != nil {
		return page{}, err
	}
	r.listing.Lock()
	defer r.listing.Unlock()
	r.pages[number] = current
	return current, nil
}

func (r *Repository) ask(ctx context.Context, number int, known page) (page, error) {
	address := fmt.Sprintf("repos/%s/%s/branches?per_page=%d&page=%d", r.owner, r.name, pageSize, number)
	request, err := r.client.NewRequest(http.MethodGet, address, nil)
	if err != nil {
		return page{}, err
	}
	if known.etag != "" {
		request.Header.Set("If-None-Match", known.etag)
	}
	var listed []*api.Branch
	response, err := r.client.Do(ctx, request, &listed)
	if known.etag != "" && response != nil && unchanged(err) {
		return r.again(ctx, number, known, response)
	}
	if err != nil {
		return page{}, err
	}
	if listed == nil {
		return page{}, errNoContent
	}
	return read(listed, response)
}

func unchanged(err error) bool {
	var answer *api.ErrorResponse
	return errors.As(err, &answer) && answer.Response.StatusCode == http.StatusNotModified
}

// again returns the page of the last time, because GitHub says that it has not changed. But the
// ETag covers only its branches, so the Link header of the new answer says which page is next.
// Without that header, a full last page may have got a next page, and is read again.
func (r *Repository) again(ctx context.Context, number int, known page, response *api.Response) (page, error) {
	if response.Header.Get("Link") != "" {
		known.next, known.last = response.NextPage, response.LastPage
		return known, nil
	}
	if known.next == 0 && len(known.branches) == pageSize {
		return r.ask(ctx, number, page{})
	}
	known.last = 0
	return known, nil
}

func read(listed []*api.Branch, response *api.Response) (page, error) {
	p := page{etag: response.Header.Get("ETag"), next: response.NextPage, last: response.LastPage}
	for _, item := range listed {
		b := branch{name: item.GetName(), commit: item.GetCommit().GetSHA()}
		if err := perch.ValidateBranch(b.name); err != nil {
			return page{}, err
		}
		if !fullCommit.MatchString(b.commit) {
			return page{}, fmt.Errorf("branch %s points to %q, which is not a commit", b.name, b.commit)
		}
		p.branches = append(p.branches, b)
	}
	return p, nil
}

// forget drops the pages after the last one, because the list may have become shorter.
func (r *Repository) forget(last int) {
	r.listing.Lock()
	defer r.listing.Unlock()
	for number := range r.pages {
		if number > last {
			delete(r.pages, number)
		}
	}
}
