package cli

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"charm.land/lipgloss/v2"

	"perch"
	"perch/readapi"
)

// listColumn is a column of `ls`.
type listColumn struct {
	head string
	cell func(e readapi.Environment, at string) string
}

// The columns of `ls`. The first three and the address are always shown.
var (
	nameColumn   = listColumn{"BRANCH", func(e readapi.Environment, _ string) string { return e.Branch }}
	stateColumn  = listColumn{"STATE", func(e readapi.Environment, _ string) string { return e.State }}
	ageColumn    = listColumn{"UPDATED", func(e readapi.Environment, at string) string { return age(e.Updated, at) }}
	urlColumn    = listColumn{"URL", func(e readapi.Environment, _ string) string { return e.URL }}
	expiryColumn = listColumn{"EXPIRES", func(e readapi.Environment, at string) string {
		if e.Pin != nil {
			return "pinned"
		}
		return left(e.Expires, at)
	}}
	pinColumn = listColumn{
		"PIN", func(e readapi.Environment, _ string) string { return strings.TrimPrefix(pinned(e.Pin), "pinned ") },
	}
	commitColumn = listColumn{"COMMIT", func(e readapi.Environment, _ string) string {
		if e.Commit == "" && e.LastReport != nil && e.LastReport.Goal == perch.GoalUp {
			return perch.ShortCommit(e.LastReport.Commit) // It is created at this commit, or failed to be.
		}
		return perch.ShortCommit(e.Commit)
	}}
	kindColumn = listColumn{"KIND", func(e readapi.Environment, _ string) string { return string(e.Kind) }}
	costColumn = listColumn{
		"COST (ESTIMATE)", func(e readapi.Environment, _ string) string { return inDollars(e.USDSoFar) },
	}
	pullsColumn = listColumn{
		"PULL REQUEST", func(e readapi.Environment, _ string) string { return openRequests(e.PullRequests) },
	}
)

// moreColumns are added in this order while they fit, and shown in this order. A column without any
// value is left out.
var moreColumns = []listColumn{expiryColumn, commitColumn, kindColumn, costColumn, pullsColumn, pinColumn}

const (
	// shortestBranch is the minimum number of columns for a branch on a terminal.
	shortestBranch = 24
	// narrowestTable is the minimum width of a terminal for a table. On a narrower one, each
	// environment is a list of facts.
	narrowestTable = 60
)

// listText formats environments as a table that fits the terminal. To fit, it leaves out columns
// and shortens branches. It does not shorten addresses: if one does not fit in its row, every
// address is on a separate line.
func listText(document readapi.List, p paper) string {
	var out strings.Builder
	t := listTable{document: document, columns: []listColumn{nameColumn, stateColumn, ageColumn}}
	switch {
	case p.width == 0:
		t.addWhile(func() bool { return true })
		t.columns = append(t.columns, urlColumn)
		p.table(&out, 0, t.rows(), nil)
	case p.width < narrowestTable:
		t.columns = append(t.columns, urlColumn)
		t.addWhile(func() bool { return true })
		rows := t.rows()
		p.list(&out, rows[0], rows[1:])
	default:
		t.fit(&out, p)
	}
	return out.String()
}

// listTable is the table with the selected columns.
type listTable struct {
	document readapi.List
	columns  []listColumn
	// branch is the width of the branch column; 0 means as wide as needed.
	branch int
}

// fit writes the table so that no line is wider than the terminal, except for lines with an
// address.
func (t *listTable) fit(out *strings.Builder, p paper) {
	t.branch = shortestBranch
	room := p.width - t.width([]listColumn{urlColumn}) - columnGap
	beside := t.width(t.columns) <= room
	if !beside {
		room = p.width
	}
	whole := t.branchWidth()
	t.branch = max(t.branch, min(whole, t.branch+room-t.width(t.columns)))
	t.addWhile(func() bool { return t.width(t.columns) <= room })
	if beside {
		t.columns = append(t.columns, urlColumn)
		p.table(out, 0, t.rows(), nil)
		return
	}
	wide := paper{color: p.color} // Without a width, no row becomes a list of facts.
	wide.table(out, 0, t.rows(), func(row int) {
		if row > 0 && t.document.Environments[row-1].URL != "" {
			out.WriteString("  " + perch.Printable(t.document.Environments[row-1].URL) + "\n")
		}
	})
}

// addWhile adds the columns that have a value, as long as the table fits.
func (t *listTable) addWhile(fits func() bool) {
	for _, column := range moreColumns {
		has := func(e readapi.Environment) bool { return column.cell(e, t.document.At) != "" }
		if !slices.ContainsFunc(t.document.Environments, has) {
			continue
		}
		t.columns = append(t.columns, column)
		if !fits() {
			t.columns = t.columns[:len(t.columns)-1]
		}
	}
}

// rows returns the column heads, and a row for each environment.
func (t *listTable) rows() [][]string {
	rows := make([][]string, len(t.document.Environments)+1)
	for _, column := range t.columns {
		rows[0] = append(rows[0], column.head)
		for i, e := range t.document.Environments {
			rows[i+1] = append(rows[i+1], t.cell(column, e))
		}
	}
	return rows
}

func (t *listTable) cell(column listColumn, e readapi.Environment) string {
	text := perch.Printable(column.cell(e, t.document.At))
	if column.head == nameColumn.head && t.branch > 0 {
		return shorten(text, t.branch)
	}
	return text
}

// width returns the width of columns, including the gaps between them.
func (t *listTable) width(columns []listColumn) int {
	total := -columnGap
	for _, column := range columns {
		widest := lipgloss.Width(column.head)
		for _, e := range t.document.Environments {
			widest = max(widest, lipgloss.Width(t.cell(column, e)))
		}
		total += widest + columnGap
	}
	return total
}

// branchWidth returns the width of the longest branch.
func (t *listTable) branchWidth() int {
	whole := listTable{document: t.document}
	return whole.width([]listColumn{nameColumn})
}

// shorten leaves out the middle of a name that is wider than width, because names of branches often
// begin alike and differ at the end.
func shorten(name string, width int) string {
	if lipgloss.Width(name) <= width {
		return name
	}
	letters := []rune(name)
	head, tail := letters, letters
	for lipgloss.Width(string(head)) > width/2 {
		head = head[:len(head)-1]
	}
	for lipgloss.Width(string(head))+1+lipgloss.Width(string(tail)) > width {
		tail = tail[1:]
	}
	return string(head) + "…" + string(tail)
}

// age formats the time from then to now, both RFC 3339: `3h ago`. It is empty if that is unknown.
func age(then, now string) string {
	from, err := time.Parse(time.RFC3339, then)
	to, bad := time.Parse(time.RFC3339, now)
	if err != nil || bad != nil {
		return ""
	}
	const day = 24 * time.Hour
	switch past := to.Sub(from); {
	case past < time.Minute:
		return "just now"
	case past < time.Hour:
		return fmt.Sprintf("%dm ago", past/time.Minute)
	case past < 2*day:
		return fmt.Sprintf("%dh ago", past/time.Hour)
	default:
		return fmt.Sprintf("%dd ago", past/day)
	}
}
