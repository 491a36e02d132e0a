package perch

import (
	"cmp"
	"fmt"
	"time"
)

// Goal is the state that a request wants an environment to have.
type Goal string

// The goals.
const (
	GoalUp   Goal = "up"
	GoalGone Goal = "gone"
)

// Request asks to deploy a commit to an environment, or to remove the environment. It holds the
// name and commit of the branch and nothing else about it.
type Request struct {
	// ID makes it harmless to send the request again.
	ID string `json:"id"`
	// Goal is GoalUp or GoalGone.
	Goal Goal `json:"goal"`
	// Project and Branch name the environment.
	Project string `json:"project"`
	Branch  string `json:"branch"`
	// Repository is the project's repository as the requester knows it, in the form of
	// NormalizeRepository; empty if the requester does not know it.
	Repository string `json:"repository,omitempty"`
	// Commit is the full commit to provision; empty for GoalGone.
	Commit string `json:"commit,omitempty"`
	// Head means that Perch requested the branch's head, because the previous request named another
	// commit. If the branch has moved since, the new head is deployed and not Commit.
	Head bool `json:"head,omitempty"`
	// By is the requester, and Reason the requester's reason, for people who read the run. Examples
	// for By are `ci` and `jane@laptop`; for Reason, `push` and `perch down`.
	By     string `json:"by,omitempty"`
	Reason string `json:"reason,omitempty"`
	// Trigger is the automatic cause of the request; empty if a person or cleanup made it.
	Trigger Trigger `json:"trigger,omitempty"`
	// Force lets a removal leave behind resources that cannot be deleted, as a last resort. The
	// removal then fails and names them.
	Force bool `json:"force,omitempty"`
	// Recreate lets an `up` first delete the environment, including its database and buckets, and
	// then create it again.
	Recreate bool `json:"recreate,omitempty"`
	// Judged is what cleanup observed when it requested a removal; nil if a person or CI made the
	// request.
	Judged *Judgement `json:"judged,omitempty"`
}

// Judgement is what cleanup observed about an environment when it requested its removal. Before the
// removal changes anything it checks again. If the observation is no longer true, it keeps the
// environment.
type Judgement struct {
	// StackID is the judged stack, and Commit the commit that was deployed in it.
	StackID string `json:"stack_id"`
	Commit  string `json:"commit,omitempty"`
	// Unwanted means that the branch exists, but its pull request says that it should have no
	// environment.
	Unwanted bool `json:"unwanted,omitempty"`
	// Expired means that the branch exists, but its environment has expired.
	Expired bool `json:"expired,omitempty"`
	// At is when it was judged, in UTC.
	At time.Time `json:"at"`
	// Until is when the grace period ends, in UTC. A push before then keeps the environment.
	// Without a grace period it equals At.
	Until time.Time `json:"until"`
}

// AnsweredBy reports whether a run for target also answers r. A removal by a person answers one by
// cleanup. A removal by cleanup answers another by cleanup for the same stack. It never answers one
// by a person, because it has a grace period and may keep the environment.
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
	// Request is the target that an earlier run of the chain passed on; nil in the first run, which
	// receives it by signal.
	Request *Request `json:"request,omitempty"`
	// Below is the `up` that a removal supersedes. It becomes the next target if the removal is
	// rejected, or fails before it is due.
	Below *Request `json:"below,omitempty"`
	// Due means that the removal passed the checks of policy and stack and may proceed. It has then
	// superseded Below.
	Due bool `json:"due,omitempty"`
	// Begun is the operation in progress for the chain's newest `up`. It is passed on so that the
	// next run can wait for it.
	Begun *Operation `json:"begun,omitempty"`
	// Recreated is the request for which this chain has already begun a recreation, so that it does
	// not begin another.
	Recreated *Request `json:"recreated,omitempty"`
	// Left lists the resources that removals of the chain could not delete.
	Left []Leftover `json:"left,omitempty"`
	// Ended is the removal that the previous run rejected, or that failed in that run before it was
	// due. The removal's requester reads the answer here.
	Ended *EndedRemoval `json:"ended,omitempty"`
	// Notes are notes that the previous run received but did not write into the card.
	Notes []Note `json:"notes,omitempty"`
	// Unreported are the last states of the chain's ended requests that have not been reported,
	// oldest first.
	Unreported []CardState `json:"unreported,omitempty"`
}

// Operation is a stack creation or update that a run has begun.
type Operation struct {
	// Commit is the commit that the operation deploys, and StackID the stack.
	Commit  string `json:"commit"`
	StackID string `json:"stack_id"`
	// Token is the operation's ClientRequestToken.
	Token string `json:"token"`
	// Created means that the operation creates the stack.
	Created bool `json:"created,omitempty"`
}

// EndedRemoval is a removal that was rejected or failed in the previous run.
type EndedRemoval struct {
	Request Request `json:"request"`
	// Rejection explains why the removal was rejected. It is nil if the removal failed during the
	// checks of policy and stack; then Failure is the error.
	Rejection *Rejection `json:"rejection,omitempty"`
	Failure   string     `json:"failure,omitempty"`
}

// Why returns a sentence that explains the rejection or failure.
func (e EndedRemoval) Why() string {
	if e.Rejection != nil {
		return e.Rejection.Reason
	}
	return e.Failure
}

// Outcome is how a request ended.
type Outcome string

// The outcomes. OutcomeKept ends a removal by cleanup whose last look found a reason to keep the
// environment. Only the starter reports OutcomeAccepted, OutcomeFailed and OutcomeTimeout, because
// a run that fails has no result. OutcomePlanned is the outcome of a plan, which is not a request.
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
	// Goal is the goal of the run.
	Goal Goal `json:"goal"`
	// Outcome is how the request ended.
	Outcome Outcome `json:"outcome"`
	// Branch, Slug and Stack name the environment.
	Branch string `json:"branch"`
	Slug   string `json:"slug"`
	Stack  string `json:"stack"`
	// Commit is the commit that is now deployed, for OutcomeReady.
	Commit string `json:"commit,omitempty"`
	// URL is the environment's address, for OutcomeReady.
	URL string `json:"url,omitempty"`
	// Created means that this run created the stack.
	Created bool `json:"created,omitempty"`
	// Seeded means that this run put test data into the environment.
	Seeded bool `json:"seeded,omitempty"`
	// Seeds are the seed steps that this run executed, in order.
	Seeds []SeedDone `json:"seeds,omitempty"`
	// SupersededBy is the commit, or `removal`, that superseded this request.
	SupersededBy string `json:"superseded_by,omitempty"`
	// Removed counts the objects that Teardown deleted from buckets.
	Removed Removed `json:"removed,omitzero"`
	// Leftovers are physical resources that still exist. For OutcomeGone, they are the ones that
	// the environment's template retains.
	Leftovers []string `json:"leftovers,omitempty"`
	// Unconfirmed are resources that AWS's tagging API still lists and that Perch cannot verify.
	// The API lists resources for hours after their deletion.
	Unconfirmed []string `json:"unconfirmed,omitempty"`
	// Earlier lists the resources that removals of the branch's earlier environments could not
	// delete.
	Earlier []Leftover `json:"earlier,omitempty"`
	// Warnings are sentences about what could not be checked. They did not prevent the deployment.
	Warnings []string `json:"warnings,omitempty"`
	// Reason explains OutcomeRejected, OutcomeSkipped, OutcomeSuperseded and OutcomeKept in a
	// sentence.
	Reason string `json:"reason,omitempty"`
	// Seconds is how the run's time was spent.
	Seconds Seconds `json:"seconds,omitzero"`
}

// SeedDone is the result of a seed step.
type SeedDone struct {
	// Step describes the step: `s3 fixtures/media`, `http POST /seed`, `run python manage.py
	// loaddata demo`.
	Step string `json:"step"`
	// Objects counts the objects that an s3 step wrote.
	Objects int `json:"objects,omitempty"`
	// Status is the HTTP status of the response to an http step.
	Status int `json:"status,omitempty"`
	// ExitCode is the exit code of a run step's command; nil for other steps.
	ExitCode *int `json:"exit_code,omitempty"`
	// Output is the end of the command's output, at most 2,000 bytes.
	Output string `json:"output,omitempty"`
}

// Record returns the step and its result in words, without the output.
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

// Removed counts what a teardown deleted from buckets.
type Removed struct {
	Buckets int `json:"buckets"`
	// Objects counts object versions and delete markers.
	Objects int `json:"objects"`
}

// Seconds is how a run's time was spent, in seconds of the worker's clock.
type Seconds struct {
	Total float64 `json:"total"`
	Stack float64 `json:"stack"`
	Seed  float64 `json:"seed"`
	Ready float64 `json:"ready"`
}

// Progress is the heartbeat of activities that wait. A client reads it from the pending activity,
// so it is at most a few seconds old.
type Progress struct {
	// Status is the stack's status, or the thing that the activity waits for.
	Status string `json:"status"`
	// Done and Total count the stack's resources. Total is 0 while it is unknown.
	Done  int `json:"done"`
	Total int `json:"total"`
	// Resource is the logical id of the resource that changed last, and ResourceStatus its status.
	Resource       string `json:"resource,omitempty"`
	ResourceStatus string `json:"resource_status,omitempty"`
	// Reason is the first failure that was seen, in AWS's words.
	Reason string `json:"reason,omitempty"`
	// Awaited is the resource that the operation waits for; nil if it is unknown.
	Awaited *AwaitedResource `json:"awaited,omitempty"`
	// Since is when the wait began, in UTC. ExpectedSeconds estimates how long the wait usually
	// takes; 0 if there is no estimate.
	Since           time.Time `json:"since"`
	ExpectedSeconds float64   `json:"expected_seconds,omitempty"`
	// Cursor is where a retry resumes: the id of the newest stack event that was read, or the
	// command that a seed step waits for.
	Cursor string `json:"cursor,omitempty"`
}

// AwaitedResource is the resource that an operation in progress is expected to wait for longest.
type AwaitedResource struct {
	LogicalID string `json:"logical_id"`
	Type      string `json:"type"`
	// Since is when CloudFormation began to work on the resource, in UTC. TypicalSeconds is how
	// long that usually takes.
	Since          time.Time `json:"since"`
	TypicalSeconds float64   `json:"typical_seconds"`
}

// EnvironmentStatus describes one environment for `ls` and `status`.
type EnvironmentStatus struct {
	Branch string `json:"branch"`
	Slug   string `json:"slug"`
	Stack  string `json:"stack"`
	Kind   Kind   `json:"kind"`
	// Status is the stack's status. StatusReason is CloudFormation's reason for a status that is a
	// failure or a rollback.
	Status       string `json:"status"`
	StatusReason string `json:"status_reason,omitempty"`
	URL          string `json:"url"`
	Commit       string `json:"commit"`
	// Updated is when the stack was last created or updated, in UTC.
	Updated time.Time `json:"updated"`
	// PullRequests are the branch's open pull requests. LastReport is the last report of a run.
	// Both come from the environment's card; they are empty without a card.
	PullRequests []PullRequest `json:"pull_requests,omitempty"`
	LastReport   *LastReport   `json:"last_report,omitempty"`
	// Expires is when the environment expires, in UTC; zero if it does not expire or this is
	// unknown. Pin is the environment's pin; nil if it is not pinned.
	Expires time.Time `json:"expires,omitzero"`
	Pin     *Pin      `json:"pin,omitempty"`
	// Warned is when people were warned that the environment expires then, in UTC; zero if they
	// were not.
	Warned time.Time `json:"warned,omitzero"`
	// RemovalRejected explains why every removal by a person is rejected, and KeepRejected why
	// every pin and extension is; empty if they are not.
	RemovalRejected string `json:"removal_rejected,omitempty"`
	KeepRejected    string `json:"keep_rejected,omitempty"`
	// USDPerDay is the estimated daily cost, and USDSoFar the estimated cost since the stack was
	// created; 0 if there is no estimate.
	USDPerDay float64 `json:"usd_per_day,omitempty"`
	USDSoFar  float64 `json:"usd_so_far,omitempty"`
	// Message describes the commit that was requested last; nil if it is unknown.
	Message *CommitMessage `json:"message,omitempty"`
	// Resources are the stack's resources. Only Status fills them in.
	Resources []ResourceStatus `json:"resources,omitempty"`
}

// LastReport is the last report of an environment's run.
type LastReport struct {
	// Goal is the goal of the run.
	Goal Goal `json:"goal"`
	// Phase is the phase that the run had reached. Outcome is how the request ended; empty until
	// then.
	Phase   Phase   `json:"phase"`
	Outcome Outcome `json:"outcome"`
	// Commit is the target of the run. By is the requester, and Reason the requester's reason.
	Commit string `json:"commit"`
	By     string `json:"by"`
	Reason string `json:"reason"`
	// Sentence explains the outcome or failure; usually empty. In a listing it has at most 300
	// characters.
	Sentence string `json:"sentence"`
	// Begun is when the run began, and At when it made this report, in UTC.
	Begun time.Time `json:"begun"`
	At    time.Time `json:"at"`
	// ExpectedSeconds is how long CloudFormation typically takes for the change; 0 if there is no
	// estimate.
	ExpectedSeconds float64 `json:"expected_seconds"`
}

const (
	// longestSentence is the maximum length, in characters, of a sentence in a listing, which has
	// many of them. longestFailure is the maximum in the status of one environment.
	longestSentence = 300
	longestFailure  = 4000
)

// ShortSentence returns the sentence without control characters, cut to 300 characters.
func ShortSentence(sentence string) string { return shortened(sentence, longestSentence) }

// shortened returns the sentence without control characters, cut to longest characters.
func shortened(sentence string, longest int) string {
	short := []rune(Printable(sentence))
	if len(short) > longest {
		short = append(short[:longest-1], '…')
	}
	return string(short)
}

// LastReport returns the last report of a run, shortened for a listing; nil if there is none.
func (c Card) LastReport() *LastReport { return c.lastReport(longestSentence) }

// FullReport is LastReport for the status of one environment, with a longer sentence.
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

// String formats the report as one line: phase or outcome, commit, who and when, and why.
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
	// At is the worker's time, in UTC. Expiry and pins are computed for it.
	At           time.Time           `json:"at"`
	Environments []EnvironmentStatus `json:"environments"`
	// Leftovers lists the resources that removals could not delete, for all branches.
	Leftovers []Leftover `json:"leftovers,omitempty"`
	// Warnings are sentences about cards that could not be read.
	Warnings []string `json:"warnings,omitempty"`
	// OtherRepositories are the project's stacks whose repository does not match.
	OtherRepositories []OtherRepository `json:"other_repositories,omitempty"`
}

// StatusInput is the input of Status.
type StatusInput struct {
	Environment Environment `json:"environment,omitzero"`
}

// StatusResult is the result of Status. Environment is nil if the environment does not exist.
type StatusResult struct {
	// At is the worker's time, in UTC. Expiry and pins are computed for it.
	At          time.Time          `json:"at"`
	Environment *EnvironmentStatus `json:"environment"`
	// LastReport is the last report of a run, if the environment does not exist; nil if it is
	// unknown.
	LastReport *LastReport `json:"last_report,omitempty"`
	// Leftovers lists the resources that removals of the branch's earlier environments could not
	// delete.
	Leftovers []Leftover `json:"leftovers,omitempty"`
	// Warnings are sentences about a card that could not be read.
	Warnings []string `json:"warnings,omitempty"`
	// OtherRepositories has the stack with the environment's name, if its repository does not
	// match.
	OtherRepositories []OtherRepository `json:"other_repositories,omitempty"`
}

// ApplicationInput is the input of Application.
type ApplicationInput struct {
	Project string `json:"project"`
	// Kind is KindStaging or KindProduction.
	Kind Kind `json:"kind"`
	// Apply creates or updates the stack. Without it the run only reports on the stack.
	Apply bool `json:"apply"`
}

// ApplicationResult is the result of Application.
type ApplicationResult struct {
	Stack string `json:"stack"`
	// Status is the stack's status; empty if there is no stack.
	Status string `json:"status"`
	// Changed means that this run created or updated the stack.
	Changed bool `json:"changed"`
	// Outputs are the stack's outputs.
	Outputs map[string]string `json:"outputs"`
}
