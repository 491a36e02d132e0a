package perch

import (
	"strings"
	"time"
)

// TimelineEntry is one request or note for an environment, and its outcome.
type TimelineEntry struct {
	// Request is the goal of a request (`up`, `gone`), or the kind of a note (`pin`, `unpin`,
	// `extend`).
	Request string `json:"request"`
	// Commit is the requested commit. By is the requester, and Reason the requester's reason.
	Commit string `json:"commit,omitempty"`
	By     string `json:"by,omitempty"`
	Reason string `json:"reason,omitempty"`
	// Begun and Ended are when its run began and ended, in UTC. Ended is zero until then.
	Begun time.Time `json:"begun,omitzero"`
	Ended time.Time `json:"ended,omitzero"`
	// Outcome is how it ended, and Sentence explains it if needed. Both are empty until then.
	Outcome  string `json:"outcome,omitempty"`
	Sentence string `json:"sentence,omitempty"`
	// RunID is the Temporal run.
	RunID string `json:"run_id,omitempty"`
}

// SeedRecord is a seed step of a deployment and its result, in words.
type SeedRecord struct {
	Step   string `json:"step"`
	Result string `json:"result"`
}

// CommitMessage describes a commit as the branch source shows it.
type CommitMessage struct {
	// Subject is the first line of the message, Author the commit's author, and At its time in UTC.
	Subject string    `json:"subject"`
	Author  string    `json:"author"`
	At      time.Time `json:"at"`
}

// NewCommitMessage returns a description of a commit whose texts are limited in length.
func NewCommitMessage(message, author string, at time.Time) CommitMessage {
	subject, _, _ := strings.Cut(strings.TrimSpace(message), "\n")
	return CommitMessage{Subject: ShortSentence(subject), Author: ShortSentence(author), At: at.UTC()}
}

// HistoryInput is the input of History.
type HistoryInput struct {
	Project string `json:"project"`
	// Branch selects one branch; empty selects all.
	Branch string `json:"branch,omitempty"`
}

// HistoryResult is the result of History: the environments that were removed last. It has no log
// lines, because they must not pass through Temporal.
type HistoryResult struct {
	Lives []Life `json:"lives"`
	// Warnings are sentences about records that could not be read or are not listed.
	Warnings []string `json:"warnings,omitempty"`
}

// Life is the record of a removed environment, from the creation of its stack to its removal.
type Life struct {
	Branch  string `json:"branch"`
	Slug    string `json:"slug"`
	StackID string `json:"stack_id"`
	// Commit is the last commit that became ready; empty if none did.
	Commit string `json:"commit"`
	// Created and Ended are when the stack was created and when the removal ended, in UTC.
	Created time.Time `json:"created"`
	Ended   time.Time `json:"ended"`
	// By is who requested the removal, and Reason the requester's reason.
	By     string `json:"by"`
	Reason string `json:"reason"`
	// PullRequests were open when the environment was removed.
	PullRequests []PullRequest `json:"pull_requests"`
	// USD is the estimated total cost of the environment; 0 if there is no estimate.
	USD float64 `json:"usd"`
	// Timeline holds the requests for the environment, newest first.
	Timeline []TimelineEntry `json:"timeline"`
	// Leftovers are the resources that could not be deleted.
	Leftovers []Leftover `json:"leftovers"`
	// Log holds the environment's last log lines: those from when its last deployment failed, or
	// else those from when its removal began. It is null if there are none.
	Log *LogLines `json:"log"`
}
