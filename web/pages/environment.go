package pages

import (
	"io"
	"strings"

	"perch"
	"perch/mask"
	"perch/readapi"
	"perch/report"
)

// environmentView is the view of the page of one environment.
type environmentView struct {
	shell
	Row row
	// Absent means that the branch has no environment and no run is creating one.
	Absent   bool
	Stale    *staleView
	Pulls    []pullView
	Deployed commitView
	// BranchAddress is the branch's address on GitHub, and Run that of the latest Temporal run.
	BranchAddress, Run string
	Stack              string
	At                 *moment
	Retries            []string
	Actions            actionsView
	Timeline           []eventView
	Settings           []settingView
	Seeds              []perch.SeedRecord
	Resources          resourcesView
	Leftovers          []leftoverView
	Notes              []string
	// Log has the last lines, and FailureLog those from the time of a failed deployment; nil if
	// there are none.
	Log, FailureLog *logView
	Refresh         string
}

// pullView is the view of a pull request.
type pullView struct{ Number, Title, Author, Address string }

// resourcesView is the view of a stack's resources.
type resourcesView struct {
	All []resourceView
	// Summary is the number of resources, in words.
	Summary string
	// Open means that a resource has failed, so that the page shows the table unfolded.
	Open bool
}

// resourceView is the view of a resource.
type resourceView struct {
	Type, Name, Status string
	Group              group
}

// Environment writes the page of one environment. logs may be nil, because the page is also shown
// before they are read.
func Environment(w io.Writer, f Frame, p readapi.Page, logs *readapi.Logs) error {
	view := environmentView{Row: viewRow(f, p.Environment, p.Beat), Pulls: viewPulls(p.PullRequests), Stack: p.Stack}
	view.shell = newShell(f, view.Row.Title)
	view.Stale = viewStale(f, p.Status.At, p.Problem)
	view.Events = "/events?" + strings.TrimPrefix(EnvironmentPath(p.Branch), "/environment?")
	view.Refresh, view.At = EnvironmentPath(p.Branch), stamped(p.Status.At, f.Now)
	now := report.Known{StackStatus: p.Environment.Status, LastReport: p.LastReport, Phase: p.Phase, Beat: p.Beat}
	view.Row.State = viewState(now, f.Now)
	view.Absent = p.Environment.Status == "" && view.Row.State.Group != groupWorking
	if p.Commit != "" && p.Commit != requestedCommit(p.Environment) {
		view.Deployed = commitView{Short: perch.ShortCommit(p.Commit), Address: below(f.Repository, "commit", p.Commit)}
	}
	view.BranchAddress = below(f.Repository, "tree", p.Branch)
	view.Run = runAddress(f.RunsURL, p.Run)
	view.Actions = viewActions(f, p.Environment)
	view.Timeline, view.Settings, view.Seeds = viewTimeline(f, p.Stack, p.Timeline), viewSettings(p.Settings), p.Seeds
	view.Resources = viewResources(p.Resources)
	for _, retry := range p.Retries {
		words, _ := mask.Text(perch.Printable(retry.Failure))
		view.Retries = append(
			view.Retries, sentence(report.ActivityWords(retry.Activity)+" is tried again after: "+words),
		)
	}
	for _, left := range p.Leftovers {
		view.Leftovers = append(view.Leftovers, viewLeftover(f, left))
	}
	for _, warning := range p.Warnings {
		view.Notes = append(view.Notes, sentence(warning))
	}
	for _, other := range p.OtherRepositories {
		view.Notes = append(view.Notes, sentence(other.String()))
	}
	view.FailureLog = viewLog(p.Log)
	if logs != nil {
		view.Log = viewLog(&logs.LogLines)
	}
	return render(w, "environment", view)
}

// confirmView is the view of the page that confirms a removal.
type confirmView struct {
	shell
	Row    row
	Remove actionView
}

// Confirm writes the page where a person types the branch to confirm the removal of its
// environment.
func Confirm(w io.Writer, f Frame, p readapi.Page) error {
	view := confirmView{
		shell: newShell(f, "Remove an environment"), Row: viewRow(f, p.Environment, p.Beat),
		Remove: actionView{Action: ActionRemove, Denied: Allowed(f.Viewer, ActionRemove, p.Environment)},
	}
	return render(w, "confirm", view)
}

func viewPulls(pulls []perch.PullRequest) []pullView {
	var views []pullView
	for _, pull := range pulls {
		views = append(views, pullView{
			Number: number(pull.Number), Title: perch.Printable(pull.Title), Author: perch.Printable(pull.Author),
			Address: webAddress(pull.URL),
		})
	}
	return views
}

// viewResources returns the view of the resources, with words for their status.
func viewResources(all []perch.ResourceStatus) resourcesView {
	view := resourcesView{Summary: report.Count(len(all), "resource")}
	for _, each := range all {
		resource := resourceView{
			Type: each.Type, Name: each.LogicalID, Status: resourceWords(each.Status),
			Group: resourceGroup(each.Status),
		}
		view.Open = view.Open || resource.Group == groupFailed
		view.All = append(view.All, resource)
	}
	return view
}

// resourceWords returns CloudFormation's status in lower case: "create complete".
func resourceWords(status string) string {
	return strings.ToLower(strings.ReplaceAll(status, "_", " "))
}

func resourceGroup(status string) group {
	switch {
	case strings.HasSuffix(status, "_FAILED"):
		return groupFailed
	case strings.HasSuffix(status, "_IN_PROGRESS"):
		return groupWorking
	case strings.HasPrefix(status, "DELETE_"):
		return groupLeaving
	}
	return groupReady
}
