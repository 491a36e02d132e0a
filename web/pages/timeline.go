package pages

import (
	"cmp"
	"encoding/json"
	"fmt"
	"time"

	"perch"
	"perch/client"
	"perch/mask"
	"perch/report"
)

// eventView is the view of a timeline entry.
type eventView struct {
	// What is the kind of request: "Deployment", "Pin". Outcome says in words how it ended.
	What, Outcome string
	Group         group
	Commit        commitView
	By, Reason    string
	Begun         *moment
	// Took is how long it took; empty if that is unknown.
	Took     string
	Sentence string
	// Run is the address of its Temporal run; empty if that is unknown.
	Run string
}

// requestWords are the words for requests, by TimelineEntry.Request.
var requestWords = map[string]string{
	string(perch.GoalUp): "Deployment", string(perch.GoalGone): "Removal",
	string(perch.NotePin): "Pin", string(perch.NoteUnpin): "End of the pin", string(perch.NoteExtend): "Extension",
}

// outcomeWords are the words for outcomes.
var outcomeWords = map[perch.Outcome]string{
	perch.OutcomeReady: "ready", perch.OutcomeGone: "removed", perch.OutcomeAbsent: "nothing was there",
	perch.OutcomeKept:    "kept",
	perch.OutcomeSkipped: "skipped", perch.OutcomeSuperseded: "superseded", perch.OutcomeRejected: "rejected",
	perch.OutcomeFailed:  "failed",
	perch.OutcomeTimeout: "timed out",
}

// viewTimeline returns the view of the entries of an environment whose workflow ID is stack.
func viewTimeline(f Frame, stack string, entries []perch.TimelineEntry) []eventView {
	var events []eventView
	for _, entry := range entries {
		reason, _ := mask.Text(perch.Printable(entry.Reason))
		words, _ := mask.Text(perch.Printable(entry.Sentence))
		event := eventView{
			What:   cmp.Or(requestWords[entry.Request], report.Capital(perch.Printable(entry.Request))),
			By:     person(perch.Printable(entry.By)),
			Reason: reason, Begun: at(entry.Begun, f.Now), Sentence: sentence(words),
			Run: runAddress(f.RunsURL, client.Run{WorkflowID: stack, RunID: entry.RunID}),
		}
		event.Outcome, event.Group = outcomeOf(entry)
		if entry.Commit != "" {
			event.Commit = commitView{
				Short: perch.ShortCommit(entry.Commit), Address: below(f.Repository, "commit", entry.Commit),
			}
		}
		if entry.Ended.After(entry.Begun) && !entry.Begun.IsZero() && entry.Ended.Sub(entry.Begun) >= time.Second {
			event.Took = report.Span(entry.Ended.Sub(entry.Begun))
		}
		events = append(events, event)
	}
	return events
}

// outcomeOf returns words for how an entry ended, or for the fact that it has not ended.
func outcomeOf(entry perch.TimelineEntry) (words string, mark group) {
	outcome := perch.Outcome(entry.Outcome)
	words = cmp.Or(outcomeWords[outcome], perch.Printable(entry.Outcome))
	switch {
	case words == "" && entry.Ended.IsZero() && isRun(entry.Request):
		return "in progress", groupWorking
	case outcome == perch.OutcomeReady || outcome == perch.OutcomeKept:
		return words, groupReady
	case outcome == perch.OutcomeFailed || outcome == perch.OutcomeRejected || outcome == perch.OutcomeTimeout:
		return words, groupFailed
	}
	return words, groupLeaving
}

// settingView is the view of a setting that differs from staging's.
type settingView struct{ Path, Staging, Here string }

// longestValue is the maximum number of characters of a setting's value that are shown.
const longestValue = 200

func viewSettings(all []perch.SettingDifference) []settingView {
	var settings []settingView
	for _, each := range all {
		settings = append(settings, settingView{perch.Printable(each.Path), settingValue(each.A), settingValue(each.B)})
	}
	return settings
}

func settingValue(value any) string {
	if value == nil {
		return "not set"
	}
	if text, isText := value.(string); isText && text != "" {
		return clipped(perch.Printable(text), longestValue)
	}
	text, err := json.Marshal(value)
	if err != nil {
		return clipped(perch.Printable(fmt.Sprint(value)), longestValue)
	}
	return clipped(string(text), longestValue)
}

// isRun reports whether such a request is carried out by a run, and not only by a note.
func isRun(request string) bool {
	_, known := perch.WorkflowOf(perch.Goal(request))
	return known
}
