package pages

import (
	"cmp"
	"strings"
	"time"

	"perch"
	"perch/readapi"
)

// expiringWithin is how long before its deadline an environment counts as expiring soon, even if
// people have not been warned: the default of `expiry.warn` in perch.yaml.
const expiringWithin = 24 * time.Hour

// longestSubject is the maximum number of characters of a commit's subject in a row.
const longestSubject = 120

// row is the view of one environment on the first page.
type row struct {
	// Title is the title of the pull request, or the branch. Number is the pull request's number,
	// "#12", and Pull its address; both are empty if there is no pull request.
	Title, Number, Pull string
	Branch, Kind        string
	Author              string
	State               stateView
	// Address is the environment's address; empty until it answers. Path is the environment's page.
	Address, Path string
	Commit        commitView
	PerDay, SoFar string
	Expires       *moment
	// Soon means that it expires soon.
	Soon bool
	Pin  *pinView
	// mine means that the viewer wrote, requested or pinned it. searched is the text that a search
	// looks in, in lower case.
	mine     bool
	searched string
}

// commitView is the view of a commit.
type commitView struct {
	// Short is the start of the commit's hash; empty if no commit is known. Address is its page on
	// GitHub.
	Short, Address string
	Subject        string
	At             *moment
}

// pinView is the view of a pin.
type pinView struct {
	By, Reason string
	Until      *moment
}

// viewRow returns the row of an environment. beat may be nil.
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

// answers reports whether an environment can answer while its stack has the status: its creation
// has succeeded, and an update keeps the old commit running until the new one is deployed.
func answers(status string) bool {
	return status == "CREATE_COMPLETE" || strings.HasPrefix(status, "UPDATE_")
}

// viewCommit returns the view of the last requested commit, or else of the deployed one.
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

// requestedCommit returns the commit of the last request, or else the deployed one; empty if
// neither is known.
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

// authorOf returns the author of the pull request, or else of the commit, or else the requester;
// empty if none is known.
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

// isMine reports whether the person wrote one of the pull requests, made the last request, or set
// the pin.
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

// matches reports whether the row passes the query's filters.
func (r row) matches(q Query) bool {
	for _, word := range strings.Fields(strings.ToLower(q.Search)) {
		if !strings.Contains(r.searched, word) {
			return false
		}
	}
	return (q.State == "" || string(r.State.Group) == q.State) &&
		(q.Author == "" || strings.EqualFold(r.Author, q.Author))
}
