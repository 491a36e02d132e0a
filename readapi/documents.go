package readapi

import (
	"slices"
	"strings"
	"time"

	"perch"
	"perch/client"
)

// Environment is one environment in a List. Updated and Expires are RFC 3339 in UTC; Updated is
// empty if it is not known, Expires if the environment does not expire.
type Environment struct {
	Branch string     `json:"branch"`
	Slug   string     `json:"slug"`
	Stack  string     `json:"stack"`
	Kind   perch.Kind `json:"kind"`
	Status string     `json:"status"`
	// State is the state in words; empty if there is no environment. Progress is what a run waits
	// for, empty if none is at work; Failure is why the last one failed or was rejected, empty if
	// it did not.
	State    string `json:"state"`
	Progress string `json:"progress"`
	Failure  string `json:"failure"`
	URL      string `json:"url"`
	Commit   string `json:"commit"`
	Updated  string `json:"updated"`
	// PullRequests are the branch's open pull requests, LastReport is what a run said last, null if
	// nothing is known.
	PullRequests []perch.PullRequest `json:"pull_requests"`
	LastReport   *perch.LastReport   `json:"last_report"`
	// Message is what the source says of the commit that was requested last; null if that is not
	// known.
	Message *perch.CommitMessage `json:"commit_message"`
	Expires string               `json:"expires"`
	// Pin is null if the environment is not pinned. USDPerDay is what it costs a day, and USDSoFar
	// what it has cost since it was created: estimates, and 0 if there is none.
	Pin       *perch.Pin `json:"pin"`
	USDPerDay float64    `json:"usd_per_day"`
	USDSoFar  float64    `json:"usd_so_far"`
}

// List is what `ls -o json` prints. At is the worker's time, RFC 3339 in UTC.
type List struct {
	At           string           `json:"at"`
	Environments []Environment    `json:"environments"`
	Leftovers    []perch.Leftover `json:"leftovers"`
	// Warnings are sentences about cards that could not be read.
	Warnings []string `json:"warnings"`
	// OtherRepositories hold the stacks of the project whose repository does not match.
	OtherRepositories []perch.OtherRepository `json:"other_repositories"`
}

// Status is what `status -o json` prints. If there is no environment, its status is empty.
type Status struct {
	Environment
	// At is the worker's time, RFC 3339 in UTC.
	At    string      `json:"at"`
	Phase perch.Phase `json:"phase"`
	Run   client.Run  `json:"run"`
	// Retries are the activities of the run that failed and are tried again.
	Retries   []client.Retry         `json:"retries"`
	Resources []perch.ResourceStatus `json:"resources"`
	Leftovers []perch.Leftover       `json:"leftovers"`
	// Warnings are sentences about the card, if it could not be read.
	Warnings []string `json:"warnings"`
	// OtherRepositories hold the stack of the environment's name if its repository does not match.
	OtherRepositories []perch.OtherRepository `json:"other_repositories"`
}

// Page is a Status with more that a page about the environment shows.
type Page struct {
	Status
	// Timeline is what was requested of the environment, the newest first.
	Timeline []perch.TimelineEntry `json:"timeline"`
	// Settings are the settings that differ from those of kind staging: A is staging's side.
	Settings []perch.SettingDifference `json:"settings"`
	// Seeds are the seed steps of the deployment that became ready last.
	Seeds []perch.SeedRecord `json:"seeds"`
	// Log are the last lines that the environment had logged when its deployment failed; null if it
	// did not.
	Log *perch.LogLines `json:"log"`
	// Beat is how far the operation in progress is; null if there is none.
	Beat *perch.Progress `json:"beat"`
	// Problem is why the environment could not be read: the Page is then the last that is known, At
	// is its time. It is empty if the Page is current.
	Problem string `json:"problem"`
}

// Overview is the List with more that a page about all environments shows.
type Overview struct {
	List
	Project string `json:"project"`
	// Repository is the address of the repository on GitHub, RunsURL of Temporal's list of the runs
	// that change environments of this project; empty if it is not known.
	Repository string `json:"repository"`
	RunsURL    string `json:"runs_url"`
	// Beats are how far the operations in progress are, by branch; those that are not known are
	// missing.
	Beats map[string]perch.Progress `json:"beats"`
	// Domain is the domain below which environments have their addresses; empty if they have
	// others.
	Domain string `json:"domain"`
	// Held is the plan that cleanup did not carry out without approval; null if none is held.
	Held *HeldCleanup `json:"held"`
	// Problem is why AWS could not be asked: the List is then the last that is known, At is its
	// time. It is empty if the List is current.
	Problem string `json:"problem"`
}

// HeldCleanup is a plan of cleanup that waits for a person.
type HeldCleanup struct {
	// Reason is why it was held, Hash what a person approves.
	Reason string `json:"reason"`
	Hash   string `json:"hash"`
	// At is when it was held, RFC 3339 in UTC.
	At       string                 `json:"at"`
	Removals []perch.CleanupVerdict `json:"removals"`
}

// History is what `history -o json` prints: the lives that have ended, the newest first.
type History struct {
	Lives []perch.Life `json:"lives"`
	// Warnings are sentences about records that could not be read.
	Warnings []string `json:"warnings"`
}

// Logs is what `logs -o json` prints.
type Logs struct {
	Branch string `json:"branch"`
	perch.LogLines
}

// Permission is what a person may do in the repository.
type Permission struct {
	Login string `json:"login"`
	// Role is `none`, `read`, `triage`, `write`, `maintain` or `admin`.
	Role string `json:"role"`
}

// NewEnvironment is the document of e, as it was at that time.
func NewEnvironment(e perch.EnvironmentStatus, at time.Time) Environment {
	return newEnvironment(e, client.Progress{}, at)
}

// newEnvironment also says how far the latest run is.
func newEnvironment(e perch.EnvironmentStatus, far client.Progress, at time.Time) Environment {
	known := far.Known()
	known.StackStatus, known.StackReason, known.LastReport = e.Status, e.StatusReason, e.LastReport
	return Environment{
		Branch: e.Branch, Slug: e.Slug, Stack: e.Stack, Kind: e.Kind, Status: e.Status, URL: e.URL, Commit: e.Commit,
		State: known.State(), Progress: known.Progress(at), Failure: known.Failure(),
		Updated: Timestamp(e.Updated), PullRequests: list(e.PullRequests), LastReport: e.LastReport, Message: e.Message,
		Expires: Timestamp(e.Expires), Pin: e.Pin, USDPerDay: e.USDPerDay, USDSoFar: e.USDSoFar,
	}
}

// NewList is the document of result, ordered by branch.
func NewList(result perch.ListResult) List {
	document := List{
		At: Timestamp(result.At), Environments: make([]Environment, 0, len(result.Environments)),
		Leftovers:         list(result.Leftovers),
		OtherRepositories: list(result.OtherRepositories), Warnings: list(result.Warnings),
	}
	for _, environment := range result.Environments {
		document.Environments = append(document.Environments, NewEnvironment(environment, result.At))
	}
	slices.SortFunc(document.Environments, func(x, y Environment) int { return strings.Compare(x.Branch, y.Branch) })
	return document
}

// NewStatus is the document of the environment e: what a worker found of it, and how far its latest
// run is.
func NewStatus(e perch.Environment, result perch.StatusResult, far client.Progress, latest client.Run) Status {
	shown := perch.EnvironmentStatus{
		Branch: e.Branch, Slug: e.Slug, Stack: e.StackName(), LastReport: result.LastReport,
	}
	if result.Environment != nil {
		shown = *result.Environment
	}
	document := Status{
		Environment: newEnvironment(shown, far, result.At),
		At:          Timestamp(result.At), Phase: far.Phase, Run: latest, Retries: list(far.Retries),
		Resources: list(shown.Resources),
		Leftovers: list(result.Leftovers), Warnings: list(result.Warnings),
		OtherRepositories: list(result.OtherRepositories),
	}
	return document
}

// NewHistory is the document of result.
func NewHistory(result perch.HistoryResult) History {
	return History{Lives: list(result.Lives), Warnings: list(result.Warnings)}
}

// Timestamp is RFC 3339 in UTC; empty for the zero time.
func Timestamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// list is never nil: JSON has an empty list.
func list[T any](all []T) []T { return append([]T{}, all...) }
