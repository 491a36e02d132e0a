package perch

import "testing"

func TestWhatAPhaseMeans(t *testing.T) {
	for phase, want := range map[Phase]struct{ last, working, reported bool }{
		"":              {},
		PhaseAdmitting:  {},
		PhaseImage:      {working: true, reported: true},
		PhaseStack:      {working: true, reported: true},
		PhaseSeeding:    {working: true},
		PhaseChecking:   {working: true},
		PhaseGrace:      {working: true, reported: true},
		PhaseRemoving:   {working: true, reported: true},
		PhaseReady:      {last: true, reported: true},
		PhaseGone:       {last: true, reported: true},
		PhaseKept:       {last: true, reported: true},
		PhaseRejected:   {last: true, reported: true},
		PhaseFailed:     {last: true, reported: true},
		PhaseSuperseded: {last: true},
	} {
		if phase.IsLast() != want.last || phase.IsWorking() != want.working || phase.IsReported() != want.reported {
			t.Errorf(
				"%q: last %t, working %t, reported %t", phase, phase.IsLast(), phase.IsWorking(), phase.IsReported(),
			)
		}
	}
}
