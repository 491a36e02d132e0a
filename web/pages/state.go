package pages

import (
	"strings"
	"time"

	"perch"
	"perch/readapi"
	"perch/report"
)

// group is a group of states. People filter by it, and it determines the mark beside a state's
// words.
type group string

// The groups.
const (
	groupReady   group = "ready"
	groupWorking group = "working"
	groupFailed  group = "failed"
	groupLeaving group = "leaving"
)

var groups = []group{groupReady, groupWorking, groupFailed, groupLeaving}

// groupWords are the names of the groups in the filter.
var groupWords = map[group]string{
	groupReady: "Ready", groupWorking: "In progress", groupFailed: "Failed", groupLeaving: "Being removed",
}

// groupOf returns the group of a state of report.Known.
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

// stateView is the view of an environment's state.
type stateView struct {
	Group group
	// Words describe the state, such as "Ready" or "Creating: database, 3 of about 10 minutes".
	// Progress says what the run waits for, if Words do not, and Failure why it failed; both may be
	// empty.
	Words, Progress, Failure string
	// Done of Total resources are ready; Total is 0 if the number is unknown.
	Done, Total int
}

// viewState returns the view of a known state. If the progress begins with the state, it becomes
// Words, and Progress is empty.
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

// known returns what the overview and the heartbeat of the environment's run, if there is one, say
// about the environment.
func known(e readapi.Environment, beat *perch.Progress) report.Known {
	return report.Known{StackStatus: e.Status, LastReport: e.LastReport, Beat: beat}
}
