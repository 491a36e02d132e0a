package readapi

import (
	"slices"
	"strings"
	"time"

	"perch"
	"perch/client"
)

// Environment is one environment in a List. Updated, Expires and Warned are RFC 3339 in UTC.
// Updated is empty if it is unknown; Expires is empty if the environment does not expire.
type Environment struct {
	Branch string     `json:"branch"`
	Slug   string     `json:"slug"`
	Stack  string     `json:"stack"`
	Kind   perch.Kind `json:"kind"`
	Status string     `json:"status"`
	// State is the state in words; empty if there is no environment. Progress is what the current
	// run waits for; empty if no run is working. Failure is why the last run failed or was
	// rejected; empty if it did not.
	State    string `json:"state"`
	Progress string `json:"progress"`
	Failure  string `json:"failure"`
	URL      string `json:"url"`
	Commit   string `json:"commit"`
	Updated  string `json:"updated"`
	// PullRequests are the branch's open pull requests. LastReport is the last report of a run;
	// null if there is none.
	PullRequests []perch.PullRequest `json:"pull_requests"`
	LastReport   *perch.LastReport   `json:"last_report"`
	// Message describes the commit that was requested last; null if it is unknown.
	Message *perch.CommitMessage `json:"commit_message"`
	Expires string               `json:"expires"`
	// Warned is when people were warned that the environment expires then; empty if they were not.
	Warned string `json:"warned"`
	// RemovalRejected explains why every removal by a person is rejected, and KeepRejected why
	// every pin and extension is; empty if they are not.
	RemovalRejected string `json:"removal_rejected"`
	KeepRejected    string `json:"keep_rejected"`
	// Pin is null if the environment is not pinned. USDPerDay is the estimated daily cost, and
	// USDSoFar the estimated cost since the environment was created; 0 if there is no estimate.
	Pin       *perch.Pin `json:"pin"`
	USDPerDay float64    `json:"usd_per_day"`
	USDSoFar  float64    `json:"usd_so_far"`
}

// List is the output of `ls -o json`. At is the worker's time, RFC 3339 in UTC.
type List struct {
	At           string           `json:"at"`
	Environments []Environment    `json:"environments"`
	Leftovers    []perch.Leftover `json:"leftovers"`
	// Warnings are sentences about cards that could not be read.
	Warnings []string `json:"warnings"`
	// OtherRepositories are the project's stacks whose repository does not match.
	OtherRepositories []perch.OtherRepository `json:"other_repositories"`
}

// Status is the output of `status -o json`. Its status is empty if there is no environment.
type Status struct {
	Environment
	// At is the worker's time, RFC 3339 in UTC.
	At    string      `json:"at"`
	Phase perch.Phase `json:"phase"`
	Run   client.Run  `json:"run"`
	// Retries are the run's activities that failed and are being retried.
	Retries   []client.Retry         `json:"retries"`
	Resources []perch.ResourceStatus `json:"resources"`
	Leftovers []perch.Leftover       `json:"leftovers"`
	// Warnings are sentences about a card that could not be read.
	Warnings []string `json:"warnings"`
	// OtherRepositories has the stack with the environment's name, if its repository does not
	// match.
	OtherRepositories []perch.OtherRepository `json:"other_repositories"`
}

// Page is a Status with additional fields for a page about one environment.
type Page struct {
	Status
	// Timeline holds the requests for the environment, newest first.
	Timeline []perch.TimelineEntry `json:"timeline"`
	// Settings are the settings that differ from those of kind staging. A is the value of staging.
	Settings []perch.SettingDifference `json:"settings"`
	// Seeds are the seed steps of the last deployment that became ready.
	Seeds []perch.SeedRecord `json:"seeds"`
	// Log holds the environment's last log lines from when its deployment failed; null if it did
	// not fail.
	Log *perch.LogLines `json:"log"`
	// Beat is the progress of the operation that is running; null if none is.
	Beat *perch.Progress `json:"beat"`
	// Problem explains why the environment could not be read; empty if the Page is current. If it
	// is set, the Page is the last known one, from the time At.
	Problem string `json:"problem"`
}

// Overview is a List with additional fields for a page about all environments.
type Overview struct {
	List
	Project string `json:"project"`
	// Repository is the address of the repository on GitHub. RunsURL is the address of Temporal's
	// list of the project's runs that change environments. Each is empty if it is unknown.
	Repository string `json:"repository"`
	RunsURL    string `json:"runs_url"`
	// Beats holds the progress of the running operations by branch. Operations whose progress is
	// unknown are missing.
	Beats map[string]perch.Progress `json:"beats"`
	// Domain is the parent domain of the environments' addresses; empty if their addresses have no
	// common domain.
	Domain string `json:"domain"`
	// Held is the cleanup plan that waits for approval; null if there is none.
	Held *HeldCleanup `json:"held"`
	// Problem explains why AWS could not be read; empty if the List is current. If it is set, the
	// List is the last known one, from the time At.
	Problem string `json:"problem"`
}

// HeldCleanup is a cleanup plan that waits for approval.
type HeldCleanup struct {
	// Reason is why the plan was held. Hash identifies the plan that a person approves.
	Reason string `json:"reason"`
	Hash   string `json:"hash"`
	// At is when it was held, RFC 3339 in UTC.
	At       string                 `json:"at"`
	Removals []perch.CleanupVerdict `json:"removals"`
}

// History is the output of `history -o json`: the records of removed environments, newest first.
type History struct {
	Lives []perch.Life `json:"lives"`
	// Warnings are sentences about records that could not be read.
	Warnings []string `json:"warnings"`
}

// Logs is the output of `logs -o json`.
type Logs struct {
	Branch string `json:"branch"`
	perch.LogLines
}

// Permission is a person's role in the repository.
type Permission struct {
	Login string `json:"login"`
	// Role is `none`, `read`, `triage`, `write`, `maintain` or `admin`.
	Role string `json:"role"`
}

// NewEnvironment returns the document of e, as of the time at.
func NewEnvironment(e perch.EnvironmentStatus, at time.Time) Environment {
	return newEnvironment(e, client.Progress{}, at)
}

// newEnvironment is NewEnvironment with the progress of the latest run.
func newEnvironment(e perch.EnvironmentStatus, far client.Progress, at time.Time) Environment {
	known := far.Known()
	known.StackStatus, known.StackReason, known.LastReport = e.Status, e.StatusReason, e.LastReport
	return Environment{
		Branch: e.Branch, Slug: e.Slug, Stack: e.Stack, Kind: e.Kind, Status: e.Status, URL: e.URL, Commit: e.Commit,
		State: known.State(), Progress: known.Progress(at), Failure: known.Failure(),
		Updated: Timestamp(e.Updated), PullRequests: list(e.PullRequests), LastReport: e.LastReport, Message: e.Message,
		Expires: Timestamp(e.Expires), Warned: Timestamp(e.Warned), Pin: e.Pin,
		RemovalRejected: e.RemovalRejected, KeepRejected: e.KeepRejected, USDPerDay: e.USDPerDay, USDSoFar: e.USDSoFar,
	}
}

// NewList returns the document of result, sorted by branch.
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

// NewStatus returns the document of the environment e: the worker's result, and the progress of the
// latest run.
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

// NewHistory returns the document of result.
func NewHistory(result perch.HistoryResult) History {
	return History{Lives: list(result.Lives), Warnings: list(result.Warnings)}
}

// Timestamp formats t as RFC 3339 in UTC; empty for the zero time.
func Timestamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// list returns a copy that is never nil, so that JSON has an empty list and not null.
func list[T any](all []T) []T { return append([]T{}, all...) }
