package perch

import (
	"fmt"
	"reflect"
	"strings"
	"time"
)

// Card is what Perch remembers of one environment beside its stack: one JSON object in the artifact
// bucket. Only activities of the run that holds the environment's workflow ID write it, and a
// worker that tells Slack late. The stack says what exists: Perch writes a lost card again, and
// deletes nothing because a card is missing.
type Card struct {
	Environment Environment `json:"environment,omitzero"`
	// StackID is the environment's stack; empty before it is created.
	StackID string `json:"stack_id,omitempty"`
	// Since is when the stack was created, or when the run began that first named it; zero before.
	Since time.Time `json:"since,omitzero"`
	// USDPerDay is what the environment costs a day, an estimate; 0 if there is none.
	USDPerDay float64 `json:"usd_per_day,omitempty"`
	// Muted are the reports that perch.yaml did not want when the environment was deployed last.
	Muted MutedReports `json:"muted,omitzero"`
	// WriteID changes with each write: a writer whose answer was lost recognises its write by it.
	WriteID string `json:"write_id"`
	// EarlierWrites are the last write IDs before it, the newest first: others may have written
	// since.
	EarlierWrites []string `json:"earlier_writes,omitempty"`
	// Warning says that an earlier card of the environment could not be read, and where it is kept;
	// empty otherwise.
	Warning string `json:"warning,omitempty"`
	// PullRequests are the branch's open pull requests, as they were seen last, by number.
	PullRequests []PullRequest `json:"pull_requests,omitempty"`
	// Message is what the source says of the commit that was requested last; nil if that is not
	// known.
	Message *CommitMessage `json:"message,omitempty"`
	// Seeds are the seed steps of the deployment that became ready last.
	Seeds []SeedRecord `json:"seeds,omitempty"`
	// State is what a run said last.
	State CardState `json:"state,omitzero"`
	// Ended are the last states of requests that another request has superseded, the oldest first,
	// until their commits have been told.
	Ended []CardState `json:"ended,omitempty"`
	// Expiry is what perch.yaml said of expiry when the environment was deployed last; nil if
	// nothing.
	Expiry *Expiry `json:"expiry,omitempty"`
	// Activity is what last showed that the environment is in use; zero if that is not known.
	// Extended is until when it was extended, and Pin what keeps it; nil if it was not pinned.
	Activity Activity  `json:"activity,omitzero"`
	Extended time.Time `json:"extended,omitzero"`
	Pin      *Pin      `json:"pin,omitempty"`
	// ExpiryWarning is the last warning that the environment expires; nil if none is in force.
	ExpiryWarning *ExpiryWarning `json:"expiry_warning,omitempty"`
	// Answers are the answers to the last notes that keep the environment, the oldest first.
	Answers []NoteAnswer `json:"answers,omitempty"`
	// Timeline is what was requested of the environment lately, the newest first.
	Timeline []TimelineEntry `json:"timeline,omitempty"`
	// Ready are the last commits that became ready with this stack, the newest first.
	Ready []ReadyCommit `json:"ready,omitempty"`
	// Log are the last lines that the environment had logged when its last deployment failed; nil
	// if it did not. It must not go through Temporal, whose histories keep everything.
	Log *LogLines `json:"log,omitempty"`
	// GitHub is what GitHub has been told.
	GitHub GitHubMemory `json:"github,omitzero"`
	// Slack is what Slack has been told.
	Slack SlackMemory `json:"slack,omitzero"`
	// Removals record, for each removed stack, what is not yet known to be deleted.
	Removals []Removal `json:"removals,omitempty"`
}

// Blank reports whether the card holds nothing but the environment's identity.
func (c Card) Blank() bool {
	c.Environment, c.StackID, c.WriteID, c.EarlierWrites, c.Warning = Environment{}, "", "", nil, ""
	return reflect.ValueOf(c).IsZero()
}

// PullRequest is an open pull request of a branch.
type PullRequest struct {
	Number int    `json:"number"`
	Title  string `json:"title"`
	Author string `json:"author"`
	URL    string `json:"url"`
}

// String is the pull request's number with its title.
func (p PullRequest) String() string {
	return strings.TrimSpace(fmt.Sprintf("#%d %s", p.Number, p.Title))
}

// ReadyCommit is a commit that was deployed and became ready.
type ReadyCommit struct {
	Commit string    `json:"commit"`
	At     time.Time `json:"at"`
	// URL is where it answers; empty if the environment has no address.
	URL string `json:"url,omitempty"`
}

// CardState is the progress of an environment's run; the run updates it when its phase changes.
type CardState struct {
	// Goal and Commit are what the run works for, By and Reason who requested it and why.
	Goal   Goal   `json:"goal"`
	Commit string `json:"commit,omitempty"`
	By     string `json:"by,omitempty"`
	Reason string `json:"reason,omitempty"`
	// Phase is how far the run is. Outcome is how the request ended, and Sentence why, if that
	// needs an explanation; both are empty before. Failure is what went wrong in a run that failed.
	Phase    Phase   `json:"phase"`
	Outcome  Outcome `json:"outcome,omitempty"`
	Sentence string  `json:"sentence,omitempty"`
	Failure  string  `json:"failure,omitempty"`
	// SupersededBy is the commit, or `removal`, that superseded the request.
	SupersededBy string `json:"superseded_by,omitempty"`
	// Kind is the environment's kind and URL its address; both are empty before the request is
	// admitted.
	Kind Kind   `json:"kind,omitempty"`
	URL  string `json:"url,omitempty"`
	// RunID is the Temporal run. Begun is when it began, At when it said this, in UTC.
	RunID string    `json:"run_id"`
	Begun time.Time `json:"begun"`
	At    time.Time `json:"at"`
	// Settings are the settings that differ from those of kind staging: A is staging's side.
	Settings []SettingDifference `json:"settings,omitempty"`
	// Message is what the source says of the commit; nil if it could not be asked.
	Message *CommitMessage `json:"message,omitempty"`
	// Seeds are, of an `up` that became ready, the seed steps of its commit. The result of one that
	// an earlier deployment has carried out is empty.
	Seeds []SeedRecord `json:"seeds,omitempty"`
	// ExpectedSeconds is how long CloudFormation typically takes for this change, USDPerDay what
	// the environment costs a day; both are estimates, and 0 if there is none.
	ExpectedSeconds float64 `json:"expected_seconds,omitempty"`
	USDPerDay       float64 `json:"usd_per_day,omitempty"`
	// Muted are the reports that perch.yaml does not want, Expiry is what it says of expiry; nil if
	// nothing.
	Muted  MutedReports `json:"muted,omitzero"`
	Expiry *Expiry      `json:"expiry,omitempty"`
	// Expired says of a removal that the environment expired: its branch exists.
	Expired bool `json:"expired,omitempty"`
	// RemovedCommit is the commit that was deployed when cleanup or expiry judged that the
	// environment be removed; empty if a person requested that.
	RemovedCommit string `json:"removed_commit,omitempty"`
}

// LogLines are the last lines of an environment's log, with the secrets in them masked.
type LogLines struct {
	// Source is where they come from: a log group, the beginning of the names of several, or the
	// instance that was asked.
	Source string `json:"source,omitempty"`
	// Lines are the oldest first.
	Lines []LogLine `json:"lines,omitempty"`
	// Masked is how many secrets were masked.
	Masked int `json:"masked,omitempty"`
	// Problem is why there are no lines, or not all, in a sentence without a period; empty if all
	// are there.
	Problem string `json:"problem,omitempty"`
}

// LogLine is a line of a log.
type LogLine struct {
	// At is when the instance logged it, in UTC, Stream the name of the log stream: the instance's
	// id.
	At     time.Time `json:"at"`
	Stream string    `json:"stream"`
	// File is the log on the instance, such as /var/log/eb-engine.log; empty if all lines are of
	// the one log that LogLines.Source says.
	File string `json:"file,omitempty"`
	// Text has no control characters, and at most 500 bytes.
	Text string `json:"text"`
}

// Undelivered reports whether a channel has not been told everything.
func (c Card) Undelivered() bool { return c.GitHub.Undelivered || c.Slack.Undelivered }

// Problems are why channels could not be told everything, in sentences.
func (c Card) Problems() (problems []string) {
	for _, problem := range []string{c.GitHub.Problem, c.Slack.Problem} {
		if problem != "" {
			problems = append(problems, problem)
		}
	}
	return problems
}

// SlackMemory is what Slack has been told of an environment.
type SlackMemory struct {
	// Told names the state, and Warned the expiry warning, that were told last; empty if none was.
	Told   string `json:"told,omitempty"`
	Warned string `json:"warned,omitempty"`
	// At is when the last message was posted, in UTC.
	At time.Time `json:"at,omitzero"`
	// Undelivered says that Slack has not been told everything, and Problem why, in a sentence; it
	// is empty if the message is only late.
	Undelivered bool   `json:"undelivered,omitempty"`
	Problem     string `json:"problem,omitempty"`
}

// GitHubMemory is what GitHub has been told of an environment. It saves calls that would change
// nothing. Perch looks on GitHub for what is missing here before it creates it, so a lost card
// creates nothing twice.
type GitHubMemory struct {
	// Deployment is the branch's deployment that was made last, and Earlier are those before it
	// that are not inactive yet.
	Deployment *GitHubDeployment  `json:"deployment,omitempty"`
	Earlier    []GitHubDeployment `json:"earlier,omitempty"`
	// Status is the commit status that was set last.
	Status *GitHubStatus `json:"status,omitempty"`
	// Comments are the comments, one for each pull request.
	Comments []GitHubComment `json:"comments,omitempty"`
	// PullRequestsOf is the commit for which the branch's pull requests were listed last; empty if
	// they are to be listed with the next report.
	PullRequestsOf string `json:"pull_requests_of,omitempty"`
	// Undelivered says that GitHub has not been told everything.
	Undelivered bool `json:"undelivered,omitempty"`
	// CommentUndelivered says that a pull request does not have the comment, by which people are
	// warned.
	CommentUndelivered bool `json:"comment_undelivered,omitempty"`
	// Problem is why GitHub could not be told, in sentences; empty if it has been told everything.
	Problem string `json:"problem,omitempty"`
}

// GitHubDeployment is a deployment on GitHub.
type GitHubDeployment struct {
	ID     int64  `json:"id"`
	Commit string `json:"commit"`
	// State is the state that was reported last, with its description; empty before the first one.
	State       string `json:"state,omitempty"`
	Description string `json:"description,omitempty"`
}

// GitHubStatus is a commit status on GitHub.
type GitHubStatus struct {
	Commit      string `json:"commit"`
	State       string `json:"state"`
	Description string `json:"description"`
}

// GitHubComment is Perch's comment on a pull request.
type GitHubComment struct {
	PullRequest int   `json:"pull_request"`
	ID          int64 `json:"id"`
	// Hash is the hash of the text that was written last.
	Hash string `json:"hash"`
}
