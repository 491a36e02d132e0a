package pages

import (
	"strings"
	"time"

	"perch"
	"perch/readapi"
	"perch/report"
)

// group is a group of states: what people filter by, and what the mark beside the words of a state
// shows.
type group string

// The groups.
const (
	groupReady   group = "ready"
	groupWorking group = "working"
	groupFailed  group = "failed"
	groupLeaving group = "leaving"
)

var groups = []group{groupReady, groupWorking, groupFailed, groupLeaving}

// groupWords are what the filter calls the groups.
var groupWords = map[group]string{
	groupReady: "Ready", groupWorking: "In progress", groupFailed: "Failed", groupLeaving: "Being removed",
}

// groupOf is the group of a state of report.Known.
func groupOf(state string) group {
	switch state {
	case "ready", "deployed":
		return groupReady
	case "failed", "removal failed", "rejected", "rolled back", "rolling back":
		return groupFailed
	case "grace period", "removing", "removed", "skipped", "":
		return groupLeaving
	}
	return groupWorking
}

// stateView is the state of an environment.
type stateView struct {
	Group group
	// Words are the state, such as "Ready" or "Creating: database, 3 of about 10 minutes". Progress
	// is what is waited for, if the words do not say it, and Failure why it failed; both may be
	// empty.
	Words, Progress, Failure string
	// Done of Total resources are ready; Total is 0 if that is not known.
	Done, Total int
}

// viewState says the state that is known in words. A progress that begins with the state says all
// of it.
func viewState(known report.Known, now time.Time) stateView {
	state := known.State()
	view := stateView{
		Group: groupOf(state), Words: report.Capital(state), Progress: known.Progress(now),
		Failure: perch.Printable(known.Failure()),
	}
	if state == "" {
		view.Words = "No environment"
		if view.Progress != "" {
			view.Group, view.Words, view.Progress = groupWorking, view.Progress, ""
		}
	}
	if strings.HasPrefix(view.Progress, view.Words) {
		view.Words, view.Progress = view.Progress, ""
	}
	if known.Beat != nil && known.Beat.Total > 0 {
		view.Done, view.Total = min(known.Beat.Done, known.Beat.Total), known.Beat.Total
	}
	return view
}

// known is what the overview knows of an environment, with the heartbeat of its run if there is
// one.
func known(e readapi.Environment, beat *perch.Progress) report.Known {
	return report.Known{StackStatus: e.Status, LastReport: e.LastReport, Beat: beat}
}
