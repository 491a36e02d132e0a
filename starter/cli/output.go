package cli

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"perch"
	"perch/client"
)

// upDocument is the output of `up -o json`.
type upDocument struct {
	Outcome      perch.Outcome  `json:"outcome"`
	Branch       string         `json:"branch"`
	Slug         string         `json:"slug"`
	Stack        string         `json:"stack"`
	Commit       string         `json:"commit"`
	URL          string         `json:"url"`
	Created      bool           `json:"created"`
	Seeded       bool           `json:"seeded"`
	Seeds        []seedDocument `json:"seeds"`
	SupersededBy string         `json:"superseded_by"`
	Error        string         `json:"error"`
	Run          client.Run     `json:"run"`
	Seconds      perch.Seconds  `json:"seconds"`
	// Leftovers lists the resources that removals of the branch's earlier environments could not
	// delete.
	Leftovers []perch.Leftover `json:"leftovers"`
	// Warnings are sentences about what could not be checked.
	Warnings []string `json:"warnings"`
}

// seedDocument is one seed step in `up -o json`. An s3 step has Objects and an http step has
// Status. A run step has Output and ExitCode, which is null for other steps.
type seedDocument struct {
	Step     string `json:"step"`
	Objects  int    `json:"objects"`
	Status   int    `json:"status"`
	ExitCode *int   `json:"exit_code"`
	Output   string `json:"output"`
}

// downDocument is the output of `down -o json`.
type downDocument struct {
	Outcome   perch.Outcome `json:"outcome"`
	Branch    string        `json:"branch"`
	Stack     string        `json:"stack"`
	Removed   perch.Removed `json:"removed"`
	Leftovers []string      `json:"leftovers"`
	// Unconfirmed lists resources that may still exist and that Perch cannot verify.
	Unconfirmed []string   `json:"unconfirmed"`
	Error       string     `json:"error"`
	Run         client.Run `json:"run"`
}

// noteLeftovers prints the resources that earlier removals could not delete.
func (a *app) noteLeftovers(left []perch.Leftover) {
	for _, leftover := range left {
		a.note("Left over: %s.", leftover.Sentence())
	}
}

// noteWarnings prints what could not be checked.
func (a *app) noteWarnings(warnings []string) {
	for _, warning := range warnings {
		a.note("Warning: %s.", perch.Printable(warning))
	}
}

// noteOthers prints to stderr the project's stacks that belong to another repository.
func (a *app) noteOthers(found []perch.OtherRepository) {
	for _, other := range found {
		a.note("%s.", perch.Printable(other.String()))
	}
}

// printJSON prints document as one line.
func (a *app) printJSON(document any) error {
	encoder := json.NewEncoder(a.stdout)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(document); err != nil {
		return failedError("write the result: %w", err)
	}
	return nil
}

// say prints a sentence to stdout.
func (a *app) say(format string, args ...any) {
	_, _ = fmt.Fprintf(a.stdout, format+"\n", args...)
}

// note prints a line of progress to stderr.
func (a *app) note(format string, args ...any) {
	_, _ = fmt.Fprintf(a.stderr, format+"\n", args...)
}

// duration formats seconds for people.
func duration(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second))
	if d < 10*time.Second {
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}

// sentence joins the parts that are not empty, with commas.
func sentence(parts ...string) string {
	var kept []string
	for _, part := range parts {
		if part != "" {
			kept = append(kept, part)
		}
	}
	return strings.Join(kept, ", ")
}

// sayText prints a sentence to stdout, or to stderr if stdout is for JSON.
func (a *app) sayText(text string) {
	if a.json() {
		a.note("%s", text)
		return
	}
	a.say("%s", text)
}

// because formats a reason for the end of a sentence; empty if there is none.
func because(reason string) string {
	if reason == "" {
		return ""
	}
	return ": " + reason
}
