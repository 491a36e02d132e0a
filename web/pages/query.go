package pages

import (
	"net/url"
	"slices"
)

// The tabs of the first page.
const (
	TabAll       = "all"
	TabMine      = "mine"
	TabAttention = "attention"
	TabRemoved   = "removed"
)

// longestSearch is the maximum length of a filter in characters; the rest is cut off.
const longestSearch = 200

// Query selects the environments that the first page shows. It is part of the page's address, so
// people can bookmark it.
type Query struct {
	// Tab is one of the tabs.
	Tab string
	// Search is text that the title, the branch, the author or the commit must contain. State is
	// the group of states that the environment must be in, and Author its author. An empty field
	// matches everything.
	Search, State, Author string
}

// ParseQuery reads the query of an address, and ignores what it does not know.
func ParseQuery(values url.Values) Query {
	q := Query{
		Tab: values.Get("tab"), Search: shortened(values.Get("q")), State: values.Get("state"),
		Author: shortened(values.Get("author")),
	}
	if !slices.Contains([]string{TabAll, TabMine, TabAttention, TabRemoved}, q.Tab) {
		q.Tab = TabAll
	}
	if !slices.ContainsFunc(groups, func(g group) bool { return string(g) == q.State }) {
		q.State = ""
	}
	return q
}

// URL returns the address that ParseQuery reads.
func (q Query) URL() string {
	values := url.Values{}
	for key, value := range map[string]string{"q": q.Search, "state": q.State, "author": q.Author} {
		if value != "" {
			values.Set(key, value)
		}
	}
	if q.Tab != "" && q.Tab != TabAll {
		values.Set("tab", q.Tab)
	}
	if len(values) == 0 {
		return "/"
	}
	return "/?" + values.Encode()
}

// filtered reports whether the query hides environments of its tab.
func (q Query) filtered() bool { return q.Search != "" || q.State != "" || q.Author != "" }

func shortened(text string) string {
	letters := []rune(text)
	return string(letters[:min(len(letters), longestSearch)])
}
