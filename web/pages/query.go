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

// longestSearch is how many characters of a filter are kept.
const longestSearch = 200

// Query says which environments the first page shows. Its address is the page's, so that people can
// keep it as a bookmark.
type Query struct {
	// Tab is one of the tabs.
	Tab string
	// Search is text that the title, the branch, the author or the commit contains, State the
	// group of states that the environment is in, and Author who wrote it. An empty one takes all.
	Search, State, Author string
}

// ParseQuery reads the query of an address. What it does not know is left out.
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

// URL is the address that ParseQuery reads.
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

// filtered reports whether the query leaves environments out that its tab has.
func (q Query) filtered() bool { return q.Search != "" || q.State != "" || q.Author != "" }

func shortened(text string) string {
	letters := []rune(text)
	return string(letters[:min(len(letters), longestSearch)])
}
