package pages

import (
	"cmp"
	"io"
	"strings"

	"perch"
	"perch/mask"
	"perch/readapi"
	"perch/report"
)

// removedView is the view of the tab of removed environments.
type removedView struct {
	shell
	Tabs    []tabView
	Filters filtersView
	Lives   []lifeRow
	Notes   []string
	Empty   string
	Refresh string
}

// lifeRow is the row of one removed environment.
type lifeRow struct {
	Title, Number, Pull string
	Branch, Author      string
	Path                string
	Commit              commitView
	Created, Ended      *moment
	// Lived is how long the environment existed.
	Lived      string
	By, Reason string
	Cost       string
	Leftovers  int
	searched   string
}

// lifeView is the view of the page of a removed environment.
type lifeView struct {
	shell
	Life      lifeRow
	Stack     string
	Pulls     []pullView
	Timeline  []eventView
	Leftovers []leftoverView
	Log       *logView
	// Today is the address of the branch's page, which shows its current environment.
	Today string
}

// Removed writes the first page with the tab of removed environments.
func Removed(w io.Writer, f Frame, q Query, h readapi.History) error {
	q.Tab, q.State = TabRemoved, ""
	view := removedView{shell: newShell(f, tabTitle(TabRemoved)), Refresh: q.URL()}
	view.Tabs = viewTabs(q, map[string]int{TabAll: -1, TabMine: -1, TabAttention: -1, TabRemoved: len(h.Lives)})
	var authors []string
	for _, life := range h.Lives {
		each := viewLife(f, life)
		authors = append(authors, each.Author)
		if (row{searched: each.searched, Author: each.Author}).matches(q) {
			view.Lives = append(view.Lives, each)
		}
	}
	view.Filters = filtersView{Query: q, Authors: authorChoices(q, authors)}
	if q.filtered() {
		view.Filters.Clear = Query{Tab: q.Tab}.URL()
	}
	for _, warning := range h.Warnings {
		view.Notes = append(view.Notes, sentence(warning))
	}
	view.Empty = "No environment has been removed yet, or the records of those that were have expired."
	if len(h.Lives) > 0 {
		view.Empty = "No removed environment matches the filters."
	}
	return render(w, "removed", view)
}

// Life writes the page of a removed environment.
func Life(w io.Writer, f Frame, life perch.Life) error {
	view := lifeView{
		Life: viewLife(f, life), Stack: life.StackID, Pulls: viewPulls(life.PullRequests), Log: viewLog(life.Log),
		Today: EnvironmentPath(life.Branch),
	}
	view.shell = newShell(f, view.Life.Title)
	view.Timeline = viewTimeline(f, f.Project+"-"+life.Slug, life.Timeline)
	for _, left := range life.Leftovers {
		view.Leftovers = append(view.Leftovers, viewLeftover(f, left))
	}
	return render(w, "life", view)
}

func viewLife(f Frame, life perch.Life) lifeRow {
	reason, _ := mask.Text(perch.Printable(life.Reason))
	view := lifeRow{
		Title: life.Branch, Branch: life.Branch, Path: lifePath(life.StackID), Created: at(
			life.Created, f.Now,
		), Ended: at(life.Ended, f.Now),
		By: person(perch.Printable(life.By)), Reason: reason, Cost: dollars(life.USD), Leftovers: len(life.Leftovers),
		Commit: commitView{Short: perch.ShortCommit(life.Commit)},
	}
	if life.Commit != "" {
		view.Commit.Address = below(f.Repository, "commit", life.Commit)
	}
	if len(life.PullRequests) > 0 {
		pull := life.PullRequests[0]
		view.Title, view.Number, view.Pull = cmp.Or(
			perch.Printable(pull.Title), life.Branch,
		), number(pull.Number), webAddress(pull.URL)
		view.Author = perch.Printable(pull.Author)
	}
	if life.Ended.After(life.Created) && !life.Created.IsZero() {
		view.Lived = report.Span(life.Ended.Sub(life.Created))
	}
	view.searched = strings.ToLower(strings.Join(
		[]string{view.Title, view.Number, life.Branch, view.Author, life.Commit}, "\n",
	))
	return view
}
