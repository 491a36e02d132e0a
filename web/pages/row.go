package pages

import (
	"cmp"
	"strings"
	"time"

	"perch"
	"perch/readapi"
)

// expiringWithin is how long before its end an environment needs attention even if people have not
// been warned: the default of perch.yaml's `expiry.warn`.
const expiringWithin = 24 * time.Hour

// longestSubject is how many characters of a commit's subject a row shows.
const longestSubject = 120

// row is one environment as the first page shows it.
type row struct {
	// Title is that of the pull request, or the branch. Number is the pull request's, "#12", and
	// Pull its address; both are empty if there is none.
	Title, Number, Pull string
	Branch, Kind        string
	Author              string
	State               stateView
	// Address is where the environment answers, once it does; empty before. Path is its page.
	Address, Path string
	Commit        commitView
	PerDay, SoFar string
	Expires       *moment
	// Soon says that it expires soon.
	Soon bool
	Pin  *pinView
	// mine says that the viewer has to do with it. searched is what a search looks in, in lower
	// case.
	mine     bool
	searched string
}

// commitView is a commit.
type commitView struct {
	// Short is the start of its hash; empty if no commit is known. Address is its page on GitHub.
	Short, Address string
	Subject        string
	At             *moment
}

// pinView is a pin.
type pinView struct {
	By, Reason string
	Until      *moment
}

// viewRow is the row of an environment. beat may be nil.
func viewRow(f Frame, e readapi.Environment, beat *perch.Progress) row {
	view := row{
		Title: e.Branch, Branch: e.Branch, Kind: string(e.Kind), Author: authorOf(e), State: viewState(
			known(e, beat), f.Now,
		),
		Path: EnvironmentPath(e.Branch), Commit: viewCommit(f, e), PerDay: dollars(e.USDPerDay),
		SoFar:   dollars(e.USDSoFar),
		Expires: stamped(e.Expires, f.Now), Pin: viewPin(e.Pin, f.Now), mine: isMine(f.Viewer.Login, e),
	}
	if len(e.PullRequests) > 0 {
		pull := e.PullRequests[0]
		view.Title, view.Number, view.Pull = cmp.Or(
			perch.Printable(pull.Title), e.Branch,
		), number(pull.Number), webAddress(pull.URL)
	}
	if view.State.Group == groupLeaving {
		view.Expires = nil
	}
	if answers(e.Status) {
		view.Address = webAddress(e.URL)
	}
	if end, err := time.Parse(time.RFC3339, e.Expires); err == nil && view.Pin == nil && view.Expires != nil {
		view.Soon = e.Warned != "" || end.Sub(f.Now) <= expiringWithin
	}
	view.searched = strings.ToLower(strings.Join(
		[]string{view.Title, view.Number, e.Branch, view.Author, e.Commit, view.Commit.Subject}, "\n",
	))
	return view
}

// answers reports whether an environment can answer while its stack is in the status: it has been
// created, and an update keeps the old commit until the new one is there.
func answers(status string) bool {
	return status == "CREATE_COMPLETE" || strings.HasPrefix(status, "UPDATE_")
}

// viewCommit is the commit that was requested last, or else the one that is deployed.
func viewCommit(f Frame, e readapi.Environment) commitView {
	commit := requestedCommit(e)
	view := commitView{Short: perch.ShortCommit(commit)}
	if commit != "" {
		view.Address = below(f.Repository, "commit", commit)
	}
	if e.Message != nil {
		view.Subject, view.At = clipped(perch.Printable(e.Message.Subject), longestSubject), at(e.Message.At, f.Now)
	}
	return view
}

// requestedCommit is the commit that the last request was for, or else the one that is deployed;
// empty if neither is known.
func requestedCommit(e readapi.Environment) string {
	if e.LastReport != nil && e.LastReport.Commit != "" {
		return e.LastReport.Commit
	}
	return e.Commit
}

func viewPin(pin *perch.Pin, now time.Time) *pinView {
	if !pin.Holds(now) {
		return nil
	}
	return &pinView{
		By: person(pin.By), Reason: perch.Printable(pin.Reason), Until: at(pin.Until, now),
	}
}

// authorOf is who wrote the pull request, or else the commit, or else who requested it; empty if
// that is not known.
func authorOf(e readapi.Environment) string {
	switch {
	case len(e.PullRequests) > 0 && e.PullRequests[0].Author != "":
		return perch.Printable(e.PullRequests[0].Author)
	case e.Message != nil && e.Message.Author != "":
		return perch.Printable(e.Message.Author)
	case e.LastReport != nil:
		return loginOf(e.LastReport.By)
	}
	return ""
}

// isMine reports whether the person wrote one of the pull requests, requested what was done last,
// or set the pin.
func isMine(login string, e readapi.Environment) bool {
	if login == "" {
		return false
	}
	names := []string{}
	for _, pull := range e.PullRequests {
		names = append(names, pull.Author)
	}
	if e.LastReport != nil {
		names = append(names, loginOf(e.LastReport.By))
	}
	if e.Pin != nil {
		names = append(names, loginOf(e.Pin.By))
	}
	for _, name := range names {
		if strings.EqualFold(name, login) {
			return true
		}
	}
	return false
}

// matches reports whether the query's filters take the row.
func (r row) matches(q Query) bool {
	for _, word := range strings.Fields(strings.ToLower(q.Search)) {
		if !strings.Contains(r.searched, word) {
			return false
		}
	}
	return (q.State == "" || string(r.State.Group) == q.State) &&
		(q.Author == "" || strings.EqualFold(r.Author, q.Author))
}
