package perch

import (
	"cmp"
	"fmt"
	"time"
)

// Goal is what a request wants of an environment.
type Goal string

// The goals.
const (
	GoalUp   Goal = "up"
	GoalGone Goal = "gone"
)

// Request says what is to happen with an environment: deploy a commit, or remove it. Of the branch
// it carries only name and commit.
type Request struct {
	// ID makes a repeat of the request harmless.
	ID string `json:"id"`
	// Goal is GoalUp or GoalGone.
	Goal Goal `json:"goal"`
	// Project and Branch name the environment.
	Project string `json:"project"`
	Branch  string `json:"branch"`
	// Repository is the project's repository as the requester knows it (NormalizeRepository); empty
	// if it knows none.
	Repository string `json:"repository,omitempty"`
	// Commit is the full commit to provision; empty for GoalGone.
	Commit string `json:"commit,omitempty"`
	// Head says that Perch requested the branch's head, because the previous request named another
	// commit. If the branch has moved since, the new head is deployed instead of Commit.
	Head bool `json:"head,omitempty"`
	// By and Reason say who asks and why, for anyone who reads the run: `ci`, `jane@laptop`;
	// `push`, `perch down`.
	By     string `json:"by,omitempty"`
	Reason string `json:"reason,omitempty"`
	// Trigger is what started the request without a person; empty if a person or cleanup requests.
	Trigger Trigger `json:"trigger,omitempty"`
	// Force lets a removal leave behind what cannot be deleted, if nothing else helps; the removal
	// then fails and names it.
	Force bool `json:"force,omitempty"`
	// Recreate lets an `up` delete the environment first, its database and buckets included, and
	// create it again.
	Recreate bool `json:"recreate,omitempty"`
	// Judged is what cleanup saw when it requested a removal; nil if a person or CI asks.
	Judged *Judgement `json:"judged,omitempty"`
}

// Judgement is what cleanup saw of an environment when it requested its removal. The removal checks
// again before it changes anything, and keeps an environment for which this is no longer true.
type Judgement struct {
	// StackID and Commit are the stack that was judged and the commit that was deployed in it.
	StackID string `json:"stack_id"`
	Commit  string `json:"commit,omitempty"`
	// Unwanted says that the branch exists, and that its pull request says that it should have no
	// environment.
	Unwanted bool `json:"unwanted,omitempty"`
	// Expired says that the branch exists, and that the environment has expired.
	Expired bool `json:"expired,omitempty"`
	// At is when it was judged, in UTC.
	At time.Time `json:"at"`
	// Until is when the grace period ends, in UTC; a push until then keeps the environment. Equal
	// to At if there is none.
	Until time.Time `json:"until"`
}

// AnsweredBy reports whether a run for target also answers r. A removal that a person requested
// answers one of cleanup's; one of cleanup's answers another for the same stack, and never a
// person's: it has a grace period and may keep the environment.
func (r Request) AnsweredBy(target Request) bool {
	switch {
	case r.Goal != target.Goal || r.Commit != target.Commit || (r.Force && !target.Force) ||
		(r.Recreate && !target.Recreate):
		return false
	case target.Judged == nil:
		return true
	}
	return r.Judged != nil && r.Judged.StackID == target.Judged.StackID
}

// RunInput is the input of Provision and Teardown.
type RunInput struct {
	Environment Environment `json:"environment,omitzero"`
	// Request is the target of an earlier run of the chain; nil in the first run, which gets it by
	// signal.
	Request *Request `json:"request,omitempty"`
	// Below is, for a removal, the `up` that it supersedes: the next target if the removal is
	// rejected, or fails before it is due.
	Below *Request `json:"below,omitempty"`
	// Due says that the removal was checked against policy and stack and may be done: it has
	// superseded Below.
	Due bool `json:"due,omitempty"`
	// Begun is the operation that is in progress for the newest `up` of the chain, so that it is
	// not lost with the run that began it.
	Begun *Operation `json:"begun,omitempty"`
	// Recreated is the request whose recreation this chain has already begun: it must not begin
	// twice.
	Recreated *Request `json:"recreated,omitempty"`
	// Left are what removals of the chain could not delete.
	Left []Leftover `json:"left,omitempty"`
	// Ended is the removal that the run before this one rejected, or that failed there before it
	// was due. Its requester reads the answer here.
	Ended *EndedRemoval `json:"ended,omitempty"`
	// Notes are the notes that the run before has taken and not entered into the card.
	Notes []Note `json:"notes,omitempty"`
	// Unreported are the last states of requests of the chain that have ended, the oldest first, as
	// far as they have not been reported.
	Unreported []CardState `json:"unreported,omitempty"`
}

// Operation is a creation or an update of the stack that a run began.
type Operation struct {
	// Commit is what it brings the stack to, StackID the stack.
	Commit  string `json:"commit"`
	StackID string `json:"stack_id"`
	// Token is its ClientRequestToken.
	Token string `json:"token"`
	// Created says that it is a creation.
	Created bool `json:"created,omitempty"`
}

// EndedRemoval is a removal that was rejected or failed in the run before.
type EndedRemoval struct {
	Request Request `json:"request"`
	// Rejection is why it was rejected; nil if it failed while policy and stack were still checked.
	// Failure says what went wrong then.
	Rejection *Rejection `json:"rejection,omitempty"`
	Failure   string     `json:"failure,omitempty"`
}

// Why is the sentence why the removal was rejected or failed.
func (e EndedRemoval) Why() string {
	if e.Rejection != nil {
		return e.Rejection.Reason
	}
	return e.Failure
}

// Outcome is how a request ended.
type Outcome string

// The outcomes. OutcomeKept is that of a removal which cleanup requested and a last look found
// wrong. Only the starter reports OutcomeAccepted, OutcomeFailed and OutcomeTimeout: a run that
// fails has no result. OutcomePlanned is a plan's, which is no request.
const (
	OutcomeReady      Outcome = "ready"
	OutcomeGone       Outcome = "gone"
	OutcomeAbsent     Outcome = "absent"
	OutcomeKept       Outcome = "kept"
	OutcomeSkipped    Outcome = "skipped"
	OutcomeSuperseded Outcome = "superseded"
	OutcomeRejected   Outcome = "rejected"
	OutcomeAccepted   Outcome = "accepted"
	OutcomeFailed     Outcome = "failed"
	OutcomeTimeout    Outcome = "timeout"
	OutcomePlanned    Outcome = "planned"
)

// Result is the answer to a request: the result of both Provision and Teardown.
type Result struct {
	// Goal is the goal that the run worked for.
	Goal Goal `json:"goal"`
	// Outcome is how it ended.
	Outcome Outcome `json:"outcome"`
	// Branch, Slug and Stack name the environment.
	Branch string `json:"branch"`
	Slug   string `json:"slug"`
	Stack  string `json:"stack"`
	// Commit is the commit that is now in force, for OutcomeReady.
	Commit string `json:"commit,omitempty"`
	// URL is the environment's address, for OutcomeReady.
	URL string `json:"url,omitempty"`
	// Created says that this run made the stack.
	Created bool `json:"created,omitempty"`
	// Seeded says that this run put test data into it.
	Seeded bool `json:"seeded,omitempty"`
	// Seeds are the seed steps that this run carried out, in order.
	Seeds []SeedDone `json:"seeds,omitempty"`
	// SupersededBy is the commit, or `removal`, that superseded this request.
	SupersededBy string `json:"superseded_by,omitempty"`
	// Removed counts what Teardown emptied.
	Removed Removed `json:"removed,omitzero"`
	// Leftovers are physical resources that still exist; for OutcomeGone those that the
	// environment's own template keeps.
	Leftovers []string `json:"leftovers,omitempty"`
	// Unconfirmed are resources that AWS's tagging API lists, as it does for hours after their
	// deletion, and that Perch cannot verify.
	Unconfirmed []string `json:"unconfirmed,omitempty"`
	// Earlier are what removals of the branch's earlier environments could not delete.
	Earlier []Leftover `json:"earlier,omitempty"`
	// Warnings are sentences about what could not be checked; the environment was deployed
	// nevertheless.
	Warnings []string `json:"warnings,omitempty"`
	// Reason is the sentence that explains OutcomeRejected, OutcomeSkipped, OutcomeSuperseded and
	// OutcomeKept.
	Reason string `json:"reason,omitempty"`
	// Seconds is where the time went.
	Seconds Seconds `json:"seconds,omitzero"`
}

// SeedDone is what a seed step did.
type SeedDone struct {
	// Step names it: `s3 fixtures/media`, `http POST /seed`, `run python manage.py loaddata demo`.
	Step string `json:"step"`
	// Objects is how many objects an s3 step wrote.
	Objects int `json:"objects,omitempty"`
	// Status is the HTTP status of the answer to an http step.
	Status int `json:"status,omitempty"`
	// ExitCode is the exit code of the command of a run step; nil for other steps.
	ExitCode *int `json:"exit_code,omitempty"`
	// Output is the end of that command's output, at most 2,000 bytes.
	Output string `json:"output,omitempty"`
}

// Record is the step with how it ended, in words and without its output.
func (d SeedDone) Record() SeedRecord {
	result := fmt.Sprintf("%d objects", d.Objects)
	switch {
	case d.ExitCode != nil:
		result = fmt.Sprintf("exit code %d", *d.ExitCode)
	case d.Status != 0:
		result = fmt.Sprintf("answered %d", d.Status)
	case d.Objects == 1:
		result = "1 object"
	}
	return SeedRecord{Step: ShortSentence(d.Step), Result: result}
}

// Removed counts what a teardown emptied.
type Removed struct {
	Buckets int `json:"buckets"`
	// Objects counts versions and delete markers.
	Objects int `json:"objects"`
}

// Seconds is where a run's time went, in seconds of the worker's clock.
type Seconds struct {
	Total float64 `json:"total"`
	Stack float64 `json:"stack"`
	Seed  float64 `json:"seed"`
	Ready float64 `json:"ready"`
}

// Progress is the heartbeat of the activities that wait. A client reads it from the pending
// activity, so it is at most a few seconds old.
type Progress struct {
	// Status is the stack's status, or what is waited for.
	Status string `json:"status"`
	// Done and Total count the stack's resources; Total is 0 while it is not known.
	Done  int `json:"done"`
	Total int `json:"total"`
	// Resource is the logical id that changed last, and ResourceStatus its status.
	Resource       string `json:"resource,omitempty"`
	ResourceStatus string `json:"resource_status,omitempty"`
	// Reason is the first failure that was seen, as AWS words it.
	Reason string `json:"reason,omitempty"`
	// Awaited is the resource that the operation waits for; nil if that is not known.
	Awaited *AwaitedResource `json:"awaited,omitempty"`
	// Since is when the wait began, in UTC, and ExpectedSeconds how long it usually takes, an
	// estimate; 0 if there is none.
	Since           time.Time `json:"since"`
	ExpectedSeconds float64   `json:"expected_seconds,omitempty"`
	// Cursor is where a retry goes on: the id of the newest stack event that was read, or the
	// command that a seed step waits for.
	Cursor string `json:"cursor,omitempty"`
}

// AwaitedResource is the resource of a stack that an operation in progress is expected to wait for
// the longest.
type AwaitedResource struct {
	LogicalID string `json:"logical_id"`
	Type      string `json:"type"`
	// Since is when CloudFormation began with it, in UTC, TypicalSeconds how long that usually
	// takes.
	Since          time.Time `json:"since"`
	TypicalSeconds float64   `json:"typical_seconds"`
}

// EnvironmentStatus is one environment as `ls` and `status` show it.
type EnvironmentStatus struct {
	Branch string `json:"branch"`
	Slug   string `json:"slug"`
	Stack  string `json:"stack"`
	Kind   Kind   `json:"kind"`
	// Status is the stack's status, StatusReason what CloudFormation says of a status that is a
	// failure or a rollback.
	Status       string `json:"status"`
	StatusReason string `json:"status_reason,omitempty"`
	URL          string `json:"url"`
	Commit       string `json:"commit"`
	// Updated is when the stack was last created or updated, in UTC.
	Updated time.Time `json:"updated"`
	// PullRequests are the branch's open pull requests, and LastReport is what a run said last.
	// Both come from the environment's card, and are empty if it has none.
	PullRequests []PullRequest `json:"pull_requests,omitempty"`
	LastReport   *LastReport   `json:"last_report,omitempty"`
	// Expires is when the environment expires, in UTC; the zero time if it does not, or if that is
	// not known. Pin is what keeps it; nil if it is not pinned.
	Expires time.Time `json:"expires,omitzero"`
	Pin     *Pin      `json:"pin,omitempty"`
	// USDPerDay is what the environment costs a day, and USDSoFar what it has cost since its stack
	// was created: estimates, and 0 if there is none.
	USDPerDay float64 `json:"usd_per_day,omitempty"`
	USDSoFar  float64 `json:"usd_so_far,omitempty"`
	// Message is what the source says of the commit that was requested last; nil if that is not
	// known.
	Message *CommitMessage `json:"message,omitempty"`
	// Resources are the stack's resources; only Status fills them.
	Resources []ResourceStatus `json:"resources,omitempty"`
}

// LastReport is what a run of an environment said last.
type LastReport struct {
	// Goal is what the run worked for.
	Goal Goal `json:"goal"`
	// Phase is how far the run was, Outcome how the request ended; Outcome is empty before.
	Phase   Phase   `json:"phase"`
	Outcome Outcome `json:"outcome"`
	// Commit is what the run worked for, By who requested it and Reason why.
	Commit string `json:"commit"`
	By     string `json:"by"`
	Reason string `json:"reason"`
	// Sentence is why it ended so, or what failed; mostly empty. A listing has at most 300
	// characters of it.
	Sentence string `json:"sentence"`
	// Begun is when the run began, At when it said this, in UTC.
	Begun time.Time `json:"begun"`
	At    time.Time `json:"at"`
	// ExpectedSeconds is how long CloudFormation typically takes for the change; 0 if there is no
	// estimate.
	ExpectedSeconds float64 `json:"expected_seconds"`
}

const (
	// longestSentence is how many characters of a sentence a LastReport has in a listing, which
	// has many of them, and longestFailure how many it has in the status of one environment.
	longestSentence = 300
	longestFailure  = 4000
)

// ShortSentence is the sentence without control characters, in at most 300 characters.
func ShortSentence(sentence string) string { return shortened(sentence, longestSentence) }

// shortened is the sentence without control characters, in at most longest characters.
func shortened(sentence string, longest int) string {
	short := []rune(Printable(sentence))
	if len(short) > longest {
		short = append(short[:longest-1], '…')
	}
	return string(short)
}

// LastReport is what a run said last, for a listing; nil if none has said anything.
func (c Card) LastReport() *LastReport { return c.lastReport(longestSentence) }

// FullReport is LastReport with the sentence as a whole.
func (c Card) FullReport() *LastReport { return c.lastReport(longestFailure) }

func (c Card) lastReport(longest int) *LastReport {
	s := c.State
	if s.Phase == "" {
		return nil
	}
	return &LastReport{
		Goal: s.Goal, Phase: s.Phase, Outcome: s.Outcome, Commit: s.Commit, By: s.By, Reason: s.Reason,
		Sentence: shortened(cmp.Or(s.Failure, s.Sentence), longest),
		Begun:    s.Begun, At: s.At, ExpectedSeconds: s.ExpectedSeconds,
	}
}

// String says it in a line: phase or outcome, commit, who and when, and why.
func (l LastReport) String() string {
	words := cmp.Or(string(l.Outcome), string(l.Phase))
	if l.Commit != "" {
		words += " " + ShortCommit(l.Commit)
	}
	if l.By != "" {
		words += ", by " + l.By
	}
	words += ", " + l.At.UTC().Format(time.RFC3339)
	if l.Sentence != "" {
		words += ": " + l.Sentence
	}
	return words
}

// ResourceStatus is one resource of a stack.
type ResourceStatus struct {
	Type      string `json:"type"`
	LogicalID string `json:"logical_id"`
	Status    string `json:"status"`
}

// ListInput is the input of List.
type ListInput struct {
	Project string `json:"project"`
}

// ListResult is the result of List.
type ListResult struct {
	// At is the worker's time, in UTC: expiry and pins go by it.
	At           time.Time           `json:"at"`
	Environments []EnvironmentStatus `json:"environments"`
	// Leftovers are what removals could not delete, of all branches.
	Leftovers []Leftover `json:"leftovers,omitempty"`
	// Warnings are sentences about cards that could not be read.
	Warnings []string `json:"warnings,omitempty"`
	// OtherRepositories hold the stacks of the project whose repository does not match.
	OtherRepositories []OtherRepository `json:"other_repositories,omitempty"`
}

// StatusInput is the input of Status.
type StatusInput struct {
	Environment Environment `json:"environment,omitzero"`
}

// StatusResult is the result of Status; Environment is nil if there is none.
type StatusResult struct {
	// At is the worker's time, in UTC: expiry and pins go by it.
	At          time.Time          `json:"at"`
	Environment *EnvironmentStatus `json:"environment"`
	// LastReport is what a run said last if there is no environment; nil if that is not known.
	LastReport *LastReport `json:"last_report,omitempty"`
	// Leftovers are what removals of the branch's earlier environments could not delete.
	Leftovers []Leftover `json:"leftovers,omitempty"`
	// Warnings are sentences about the card, if it could not be read.
	Warnings []string `json:"warnings,omitempty"`
	// OtherRepositories hold the stack of the environment's name if its repository does not match.
	OtherRepositories []OtherRepository `json:"other_repositories,omitempty"`
}

// ApplicationInput is the input of Application.
type ApplicationInput struct {
	Project string `json:"project"`
	// Kind is KindStaging or KindProduction.
	Kind Kind `json:"kind"`
	// Apply makes or updates the stack; without it the run only reports.
	Apply bool `json:"apply"`
}

// ApplicationResult is the result of Application.
type ApplicationResult struct {
	Stack string `json:"stack"`
	// Status is the stack's status; empty if there is no stack.
	Status string `json:"status"`
	// Changed says that this run created or updated the stack.
	Changed bool `json:"changed"`
	// Outputs are the stack's outputs.
	Outputs map[string]string `json:"outputs"`
}
