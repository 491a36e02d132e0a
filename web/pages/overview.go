package pages

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"perch"
	"perch/readapi"
	"perch/report"
)

// overviewView is the view of the first page with the tab all, mine or attention.
type overviewView struct {
	shell
	Tabs    []tabView
	Filters filtersView
	Rows    []row
	// Empty explains why there are no rows.
	Empty string
	// Summary gives the number of environments and their cost.
	Summary string
	// Attention is the view of the tab of that name; nil on the other tabs.
	Attention *attentionView
	Stale     *staleView
	At        *moment
	Refresh   string
}

// tabView is a link to a tab.
type tabView struct {
	Words, Path string
	Current     bool
	// Count is the number of entries in the tab; negative if it is unknown.
	Count int
	// Urgent means that something in the tab waits for a person.
	Urgent bool
}

// filtersView is the form above the rows.
type filtersView struct {
	Query
	States  []choice
	Authors []choice
	// HasStates means that the rows have a state to filter by.
	HasStates bool
	// Clear is the address without filters; empty if no filter is set.
	Clear string
}

// choice is an option of a list.
type choice struct {
	Value, Words string
	Selected     bool
}

// staleView says that the page shows an earlier state, and why.
type staleView struct {
	At      *moment
	Problem string
}

// Overview writes the first page, with the tab of the query.
func Overview(w io.Writer, f Frame, q Query, o readapi.Overview) error {
	rows := make([]row, 0, len(o.Environments))
	for _, environment := range o.Environments {
		var beat *perch.Progress
		if known, ok := o.Beats[environment.Branch]; ok {
			beat = &known
		}
		rows = append(rows, viewRow(f, environment, beat))
	}
	view := overviewView{
		shell: newShell(f, tabTitle(q.Tab)), Filters: viewFilters(q, rows), At: stamped(o.At, f.Now), Refresh: q.URL(),
		Stale: viewStale(f, o.At, o.Problem),
	}
	view.Events = "/events"
	attention := viewAttention(f, o, rows)
	mine := selected(rows, func(r row) bool { return r.mine })
	view.Tabs = viewTabs(
		q, map[string]int{TabAll: len(rows), TabMine: len(mine), TabAttention: attention.count(), TabRemoved: -1},
	)
	view.Summary = summary(o)
	shown := rows
	switch q.Tab {
	case TabMine:
		shown = mine
	case TabAttention:
		view.Attention = attention.matching(q)
	}
	view.Rows = ordered(selected(shown, func(r row) bool { return r.matches(q) }))
	view.Empty = emptyWords(f, q, len(shown))
	return render(w, "overview", view)
}

// tabTitle returns the heading of a tab.
func tabTitle(tab string) string {
	return map[string]string{
		TabMine: "My environments", TabAttention: "Needs attention", TabRemoved: "Removed environments",
	}[tab]
}

func viewTabs(q Query, counts map[string]int) []tabView {
	var tabs []tabView
	for _, each := range []struct{ tab, words string }{
		{TabAll, "All"}, {TabMine, "Mine"}, {TabAttention, "Needs attention"}, {TabRemoved, "Removed"},
	} {
		other := Query{Tab: each.tab, Search: q.Search, Author: q.Author}
		if each.tab != TabRemoved {
			other.State = q.State
		}
		tabs = append(tabs, tabView{
			Words: each.words, Path: other.URL(), Current: q.Tab == each.tab, Count: counts[each.tab],
			Urgent: each.tab == TabAttention && counts[each.tab] > 0,
		})
	}
	return tabs
}

func viewFilters(q Query, rows []row) filtersView {
	view := filtersView{Query: q, HasStates: true, States: []choice{{"", "Any state", q.State == ""}}}
	for _, g := range groups {
		view.States = append(view.States, choice{string(g), groupWords[g], q.State == string(g)})
	}
	var authors []string
	for _, r := range rows {
		authors = append(authors, r.Author)
	}
	view.Authors = authorChoices(q, authors)
	if q.filtered() {
		view.Clear = Query{Tab: q.Tab}.URL()
	}
	return view
}

// authorChoices returns the authors by name, and always the author in the query, even if they have
// no environment now.
func authorChoices(q Query, authors []string) []choice {
	authors = append(authors, q.Author)
	slices.SortFunc(authors, func(x, y string) int {
		return cmp.Or(strings.Compare(strings.ToLower(x), strings.ToLower(y)), strings.Compare(x, y))
	})
	choices := []choice{{"", "Any author", q.Author == ""}}
	for _, author := range slices.CompactFunc(authors, strings.EqualFold) {
		if author != "" {
			choices = append(choices, choice{author, author, strings.EqualFold(author, q.Author)})
		}
	}
	return choices
}

// viewStale returns the view of a document from the time at that could not be read again because of
// problem; nil if problem is empty.
func viewStale(f Frame, at, problem string) *staleView {
	if problem == "" {
		return nil
	}
	return &staleView{At: stamped(at, f.Now), Problem: report.Capital(perch.Printable(problem))}
}

// summary returns a sentence with the number of environments and their cost.
func summary(o readapi.Overview) string {
	if len(o.Environments) == 0 {
		return ""
	}
	words := report.Count(len(o.Environments), "environment")
	total := 0.0
	for _, e := range o.Environments {
		total += e.USDPerDay
	}
	if cost := dollars(total); cost != "" {
		words += fmt.Sprintf(", about %s a day together", cost)
	}
	return words
}

// emptyWords explains why no row is shown. count is the number of entries in the tab without
// filters.
func emptyWords(f Frame, q Query, count int) string {
	switch {
	case count > 0 && q.filtered():
		return "No environment matches the filters."
	case q.Tab == TabMine && f.Viewer.Login == "":
		return "Sign in to see which environments are yours."
	case q.Tab == TabMine:
		return "None of the environments is yours: you wrote none of their pull requests, requested none and pinned " +
			"none."
	}
	return "There are no environments yet. Push a branch, and its environment appears here."
}

// ordered sorts the rows: first those in progress, then the others by the time of their commit,
// newest first. Rows that are equal stay sorted by branch.
func ordered(rows []row) []row {
	slices.SortStableFunc(rows, func(x, y row) int {
		return cmp.Or(
			-compareBool(x.State.Group == groupWorking, y.State.Group == groupWorking),
			-x.Commit.At.compare(y.Commit.At),
		)
	})
	return rows
}

func compareBool(x, y bool) int {
	switch {
	case x == y:
		return 0
	case x:
		return 1
	}
	return -1
}

// compare returns a negative number if m is before other. An unknown time is before all others.
func (m *moment) compare(other *moment) int {
	var mine, theirs string
	if m != nil {
		mine = m.Machine
	}
	if other != nil {
		theirs = other.Machine
	}
	return strings.Compare(mine, theirs)
}

func selected(rows []row, take func(row) bool) []row {
	return slices.DeleteFunc(slices.Clone(rows), func(r row) bool { return !take(r) })
}
