package perch

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
)

// Card is the stored record of one environment, kept beside its stack as one JSON object in the
// artifact bucket. Only activities of the run that holds the environment's workflow ID write it,
// with one exception: a worker that delivers a late Slack message. The stack is authoritative for
// what exists. Perch writes a lost card again, and deletes nothing because a card is missing.
type Card struct {
	Environment Environment `json:"environment,omitzero"`
	// StackID identifies the environment's stack; empty before it is created.
	StackID string `json:"stack_id,omitempty"`
	// Since is when the stack was created. Before the stack exists, it is when the first run that
	// named it began, or zero.
	Since time.Time `json:"since,omitzero"`
	// USDPerDay is the estimated daily cost of the environment; 0 if there is no estimate.
	USDPerDay float64 `json:"usd_per_day,omitempty"`
	// Muted lists the reports that perch.yaml turned off at the last deployment.
	Muted MutedReports `json:"muted,omitzero"`
	// WriteID changes with each write. A writer that did not receive S3's answer recognises its
	// write by it.
	WriteID string `json:"write_id"`
	// EarlierWrites are the previous write IDs, newest first. With them a writer recognises its
	// write even after others have written.
	EarlierWrites []string `json:"earlier_writes,omitempty"`
	// Warning says that an earlier card of the environment could not be read, and where that card
	// is kept; empty otherwise.
	Warning string `json:"warning,omitempty"`
	// PullRequests are the branch's open pull requests by number, as last seen.
	PullRequests []PullRequest `json:"pull_requests,omitempty"`
	// Message describes the commit that was requested last; nil if the source did not provide it.
	Message *CommitMessage `json:"message,omitempty"`
	// Seeds are the seed steps of the last deployment that became ready.
	Seeds []SeedRecord `json:"seeds,omitempty"`
	// State is the last state that a run reported.
	State CardState `json:"state,omitzero"`
	// Ended are the last states of superseded requests, oldest first. They are kept until their
	// commits have been reported.
	Ended []CardState `json:"ended,omitempty"`
	// Expiry is the `expiry` of perch.yaml at the last deployment; nil if it had none.
	Expiry *Expiry `json:"expiry,omitempty"`
	// Activity is the latest sign that the environment is in use; zero if none is known. Extended
	// is the time until which the environment was extended. Pin is its pin; nil if it was not
	// pinned.
	Activity Activity  `json:"activity,omitzero"`
	Extended time.Time `json:"extended,omitzero"`
	Pin      *Pin      `json:"pin,omitempty"`
	// ExpiryWarning is the last warning that the environment expires; nil if none is in force.
	ExpiryWarning *ExpiryWarning `json:"expiry_warning,omitempty"`
	// Answers are the answers to the last notes that keep the environment, the oldest first.
	Answers []NoteAnswer `json:"answers,omitempty"`
	// Timeline holds the latest requests for the environment, newest first.
	Timeline []TimelineEntry `json:"timeline,omitempty"`
	// Ready are the last commits that became ready in this stack, newest first.
	Ready []ReadyCommit `json:"ready,omitempty"`
	// Log holds the environment's last log lines from when its last deployment failed; nil if that
	// did not fail. It must not pass through Temporal, because a history keeps everything.
	Log *LogLines `json:"log,omitempty"`
	// LastLog holds the environment's last log lines from when its removal began; nil if there were
	// none.
	LastLog *LogLines `json:"last_log,omitempty"`
	// GitHub records what has been reported to GitHub.
	GitHub GitHubMemory `json:"github,omitzero"`
	// Slack records what has been reported to Slack.
	Slack SlackMemory `json:"slack,omitzero"`
	// Removals record, for each removed stack, the resources whose deletion is not confirmed.
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

// String formats the pull request as its number and title.
func (p PullRequest) String() string {
	return strings.TrimSpace(fmt.Sprintf("#%d %s", p.Number, p.Title))
}

// ReadyCommit is a commit that was deployed and became ready.
type ReadyCommit struct {
	Commit string    `json:"commit"`
	At     time.Time `json:"at"`
	// URL is the environment's address; empty if it has none.
	URL string `json:"url,omitempty"`
}

// CardState is the state of an environment's run. The run writes it whenever its phase changes.
type CardState struct {
	// Goal and Commit are the target of the run. By is the requester, and Reason the requester's
	// reason.
	Goal   Goal   `json:"goal"`
	Commit string `json:"commit,omitempty"`
	By     string `json:"by,omitempty"`
	Reason string `json:"reason,omitempty"`
	// Phase is the current phase of the run. Outcome is how the request ended, and Sentence
	// explains it if needed; both are empty until then. Failure is the error of a run that failed.
	Phase    Phase   `json:"phase"`
	Outcome  Outcome `json:"outcome,omitempty"`
	Sentence string  `json:"sentence,omitempty"`
	Failure  string  `json:"failure,omitempty"`
	// SupersededBy is the commit, or `removal`, that superseded the request.
	SupersededBy string `json:"superseded_by,omitempty"`
	// Kind is the environment's kind, and URL its address. Both are empty until the request is
	// admitted.
	Kind Kind   `json:"kind,omitempty"`
	URL  string `json:"url,omitempty"`
	// RunID is the Temporal run. Begun is when that run began, and At is when it reported this
	// state, in UTC.
	RunID string    `json:"run_id"`
	Begun time.Time `json:"begun"`
	At    time.Time `json:"at"`
	// Settings are the settings that differ from those of kind staging. A is the value of staging.
	Settings []SettingDifference `json:"settings,omitempty"`
	// Message describes the commit; nil if the source could not be read.
	Message *CommitMessage `json:"message,omitempty"`
	// Seeds are the seed steps of the commit, if an `up` became ready. The result of a step is
	// empty if an earlier deployment ran it.
	Seeds []SeedRecord `json:"seeds,omitempty"`
	// ExpectedSeconds is how long CloudFormation typically takes for this change. USDPerDay is the
	// daily cost of the environment. Both are estimates; 0 means that there is none.
	ExpectedSeconds float64 `json:"expected_seconds,omitempty"`
	USDPerDay       float64 `json:"usd_per_day,omitempty"`
	// Muted lists the reports that perch.yaml turns off. Expiry is the `expiry` of perch.yaml; nil
	// if it has none.
	Muted  MutedReports `json:"muted,omitzero"`
	Expiry *Expiry      `json:"expiry,omitempty"`
	// Expired means that a removal was requested because the environment expired while its branch
	// still exists.
	Expired bool `json:"expired,omitempty"`
	// RemovedCommit is the commit that was deployed when cleanup or expiry decided to remove the
	// environment; empty if a person requested the removal.
	RemovedCommit string `json:"removed_commit,omitempty"`
}

// FailureLogLines is the maximum number of log lines that are kept and shown of a deployment that
// failed.
const FailureLogLines = 30

// LogLines are the last lines of an environment's log, with secrets masked.
type LogLines struct {
	// Source names the origin of the lines: a log group, a common prefix of several log groups, or
	// the instance that was read.
	Source string `json:"source,omitempty"`
	// Lines are in order, oldest first.
	Lines []LogLine `json:"lines,omitempty"`
	// Masked is how many secrets were masked.
	Masked int `json:"masked,omitempty"`
	// Problem explains why lines are missing, in a sentence without a period; empty if the lines
	// are complete.
	Problem string `json:"problem,omitempty"`
}

// LogLine is a line of a log.
type LogLine struct {
	// At is when the instance logged the line, in UTC. Stream is the name of the log stream, which
	// is the instance's id.
	At     time.Time `json:"at"`
	Stream string    `json:"stream"`
	// File is the log file on the instance, such as /var/log/eb-engine.log. It is empty if all
	// lines come from the log that LogLines.Source names.
	File string `json:"file,omitempty"`
	// Text has no control characters and at most 500 bytes.
	Text string `json:"text"`
}

// Undelivered reports whether GitHub or Slack has not received everything.
func (c Card) Undelivered() bool { return c.GitHub.Undelivered || c.Slack.Undelivered }

// Problems returns sentences that say why a channel has not received everything.
func (c Card) Problems() (problems []string) {
	for _, problem := range []string{c.GitHub.Problem, c.Slack.Problem} {
		if problem != "" {
			problems = append(problems, problem)
		}
	}
	return problems
}

// SlackMemory records what has been reported to Slack about an environment.
type SlackMemory struct {
	// Told identifies the last state that was posted, and Warned the last expiry warning; empty if
	// none was.
	Told   string `json:"told,omitempty"`
	Warned string `json:"warned,omitempty"`
	// At is when the last message was posted, in UTC.
	At time.Time `json:"at,omitzero"`
	// Undelivered means that Slack has not received everything. Problem explains why in a sentence;
	// it is empty if the message is only late.
	Undelivered bool   `json:"undelivered,omitempty"`
	Problem     string `json:"problem,omitempty"`
}

// GitHubMemory records what has been reported to GitHub about an environment, so that Perch skips
// calls that would change nothing. Before Perch creates something that is missing here, it looks
// for it on GitHub. So a lost card does not lead to duplicates.
type GitHubMemory struct {
	// Deployment is the branch's latest deployment. Earlier are the previous deployments that are
	// not inactive yet.
	Deployment *GitHubDeployment  `json:"deployment,omitempty"`
	Earlier    []GitHubDeployment `json:"earlier,omitempty"`
	// Intended are the commits whose deployments were about to be created, and of which it is not
	// known whether they were. It is written before the call.
	Intended []string `json:"intended,omitempty"`
	// Status is the last commit status.
	Status *GitHubStatus `json:"status,omitempty"`
	// Comments has one comment for each pull request.
	Comments []GitHubComment `json:"comments,omitempty"`
	// PullRequestsOf is the commit at which the branch's pull requests were last listed. If it is
	// empty, the next report lists them.
	PullRequestsOf string `json:"pull_requests_of,omitempty"`
	// Undelivered means that GitHub has not received everything.
	Undelivered bool `json:"undelivered,omitempty"`
	// CommentUndelivered means that a pull request lacks Perch's comment, which carries the expiry
	// warning.
	CommentUndelivered bool `json:"comment_undelivered,omitempty"`
	// Problem explains in sentences why GitHub has not received everything; empty if it has.
	Problem string `json:"problem,omitempty"`
}

// rememberedIntents is the maximum number of commits in GitHubMemory.Intended.
const rememberedIntents = 20

// Intend records that a deployment of the state's commit is about to be created, unless it is
// known. A channel that receives GitHub's answer removes the record.
func (m *GitHubMemory) Intend(state CardState) {
	known := m.Deployment != nil && m.Deployment.Commit == state.Commit
	if state.Goal != GoalUp || state.Commit == "" || known || slices.Contains(m.Intended, state.Commit) {
		return
	}
	m.Intended = append(m.Intended, state.Commit)
	m.Intended = m.Intended[max(0, len(m.Intended)-rememberedIntents):]
}

// GitHubDeployment is a deployment on GitHub.
type GitHubDeployment struct {
	ID     int64  `json:"id"`
	Commit string `json:"commit"`
	// State is the last reported state, and Description its text; empty before the first report.
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
	// Hash is the hash of the text that was last written.
	Hash string `json:"hash"`
}
