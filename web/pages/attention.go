package pages

import (
	"slices"
	"strings"

	"perch"
	"perch/readapi"
	"perch/report"
)

// attentionView is the view of everything that waits for a person.
type attentionView struct {
	Held      *heldView
	Failed    []row
	Expiring  []row
	Leftovers []leftoverView
	// Notes are sentences about what Perch cannot decide: cards that it cannot read, stacks of
	// other repositories.
	Notes []string
}

// heldView is the view of a cleanup plan that waits for approval.
type heldView struct {
	Reason   string
	At       *moment
	Hash     string
	Removals []verdictView
	Approve  actionView
}

// verdictView is the view of one removal in a held plan.
type verdictView struct {
	Branch, Path, Reason, Commit string
	Created                      *moment
}

// leftoverView is the view of a resource that a removal could not delete.
type leftoverView struct {
	Branch, Path string
	Resources    []string
	Since        *moment
	// Again means that the branch has an environment again.
	Again bool
}

func viewAttention(f Frame, o readapi.Overview, rows []row) *attentionView {
	view := &attentionView{
		Held:     viewHeld(f, o.Held),
		Failed:   selected(rows, func(r row) bool { return r.State.Group == groupFailed }),
		Expiring: selected(rows, func(r row) bool { return r.Soon }),
	}
	for _, left := range o.Leftovers {
		view.Leftovers = append(view.Leftovers, viewLeftover(f, left))
	}
	for _, warning := range o.Warnings {
		view.Notes = append(view.Notes, sentence(warning))
	}
	for _, other := range o.OtherRepositories {
		view.Notes = append(view.Notes, sentence(other.String()))
	}
	return view
}

func viewHeld(f Frame, held *readapi.HeldCleanup) *heldView {
	if held == nil {
		return nil
	}
	view := &heldView{
		Reason: sentence(held.Reason), At: stamped(held.At, f.Now), Hash: held.Hash,
		Approve: actionView{Action: ActionApprove, Denied: Allowed(f.Viewer, ActionApprove, readapi.Environment{})},
	}
	for _, verdict := range held.Removals {
		view.Removals = append(view.Removals, verdictView{
			Branch: verdict.Branch, Path: EnvironmentPath(verdict.Branch), Reason: perch.Printable(verdict.Reason),
			Commit: perch.ShortCommit(verdict.Commit), Created: at(verdict.Created, f.Now),
		})
	}
	return view
}

func viewLeftover(f Frame, left perch.Leftover) leftoverView {
	return leftoverView{
		Branch: left.Branch, Path: EnvironmentPath(left.Branch), Resources: left.Resources,
		Since: at(left.Since, f.Now), Again: left.Again,
	}
}

// count returns the number of things that wait.
func (a *attentionView) count() int {
	total := len(a.Failed) + len(a.Expiring) + len(a.Leftovers) + len(a.Notes)
	if a.Held != nil {
		total++
	}
	return total
}

// matching returns the view without the environments that the query's filters hide.
func (a attentionView) matching(q Query) *attentionView {
	a.Failed = selected(a.Failed, func(r row) bool { return r.matches(q) })
	a.Expiring = selected(a.Expiring, func(r row) bool { return r.matches(q) })
	a.Leftovers = slices.DeleteFunc(slices.Clone(a.Leftovers), func(l leftoverView) bool {
		return q.State != "" || q.Author != "" || !(row{searched: strings.ToLower(l.Branch)}).matches(q)
	})
	return &a
}

// sentence turns text that other people wrote into a sentence, with a capital and a period.
func sentence(text string) string {
	text = report.Capital(strings.TrimSpace(perch.Printable(text)))
	if text == "" || strings.HasSuffix(text, ".") {
		return text
	}
	return text + "."
}
