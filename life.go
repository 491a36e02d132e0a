package perch

import (
	"strings"
	"time"
)

// TimelineEntry is one request for an environment, and how it ended.
type TimelineEntry struct {
	// Request is the goal of a request (`up`, `gone`), or the kind of a note (`pin`, `unpin`,
	// `extend`).
	Request string `json:"request"`
	// Commit is what a request was for, By who made it and Reason why.
	Commit string `json:"commit,omitempty"`
	By     string `json:"by,omitempty"`
	Reason string `json:"reason,omitempty"`
	// Begun and Ended are when the run for it began and ended, in UTC. Ended is zero before.
	Begun time.Time `json:"begun,omitzero"`
	Ended time.Time `json:"ended,omitzero"`
	// Outcome is how it ended and Sentence why, if that needs an explanation; both are empty
	// before.
	Outcome  string `json:"outcome,omitempty"`
	Sentence string `json:"sentence,omitempty"`
	// RunID is the Temporal run.
	RunID string `json:"run_id,omitempty"`
}

// SeedRecord is a seed step of a deployment, and how it ended, in words.
type SeedRecord struct {
	Step   string `json:"step"`
	Result string `json:"result"`
}

// CommitMessage is what the source says of a commit.
type CommitMessage struct {
	// Subject is the first line of the message, Author who wrote the commit, At when, in UTC.
	Subject string    `json:"subject"`
	Author  string    `json:"author"`
	At      time.Time `json:"at"`
}

// NewCommitMessage is what a source says of a commit, in a bounded length.
func NewCommitMessage(message, author string, at time.Time) CommitMessage {
	subject, _, _ := strings.Cut(strings.TrimSpace(message), "\n")
	return CommitMessage{Subject: ShortSentence(subject), Author: ShortSentence(author), At: at.UTC()}
}

// HistoryInput is the input of History.
type HistoryInput struct {
	Project string `json:"project"`
	// Branch selects one branch; empty means all.
	Branch string `json:"branch,omitempty"`
}

// HistoryResult is the result of History: the newest removed environments, without log lines, which
// must not go through Temporal.
type HistoryResult struct {
	Lives []Life `json:"lives"`
	// Warnings are sentences about records that could not be read, or are not listed.
	Warnings []string `json:"warnings,omitempty"`
}

// Life is the record of an environment that is gone: from the creation of its stack to its removal.
type Life struct {
	Branch  string `json:"branch"`
	Slug    string `json:"slug"`
	StackID string `json:"stack_id"`
	// Commit is the commit that became ready last; empty if none did.
	Commit string `json:"commit"`
	// Created and Ended are in UTC.
	Created time.Time `json:"created"`
	Ended   time.Time `json:"ended"`
	// By is who requested the removal, Reason why.
	By     string `json:"by"`
	Reason string `json:"reason"`
	// PullRequests were open when the environment was removed.
	PullRequests []PullRequest `json:"pull_requests"`
	// USD is what the environment has cost, an estimate; 0 if there is none.
	USD float64 `json:"usd"`
	// Timeline is what was requested, the newest first.
	Timeline []TimelineEntry `json:"timeline"`
	// Leftovers are what could not be deleted.
	Leftovers []Leftover `json:"leftovers"`
	// Log are the last lines that the environment logged, if its last deployment failed; null if it
	// did not.
	Log *LogLines `json:"log"`
}
