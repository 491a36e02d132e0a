package perch

// Phase says in a word or three how far a run is. It is the value of AttributePhase.
type Phase string

// The phases of Provision and Teardown.
const (
	PhaseAdmitting  Phase = "admitting"
	PhaseImage      Phase = "waiting for image"
	PhaseStack      Phase = "stack"
	PhaseSeeding    Phase = "seeding"
	PhaseChecking   Phase = "checking"
	PhaseReady      Phase = "ready"
	PhaseGrace      Phase = "grace"
	PhaseRemoving   Phase = "removing"
	PhaseGone       Phase = "gone"
	PhaseKept       Phase = "kept"
	PhaseRejected   Phase = "rejected"
	PhaseFailed     Phase = "failed"
	PhaseSuperseded Phase = "superseded"
)

// IsLast reports whether a run says nothing more of its request after the phase.
func (p Phase) IsLast() bool {
	switch p {
	case PhaseReady, PhaseGone, PhaseKept, PhaseRejected, PhaseFailed, PhaseSuperseded:
		return true
	}
	return false
}

// IsWorking reports whether a run in the phase works on the environment, or waits to.
func (p Phase) IsWorking() bool {
	return p != "" && p != PhaseAdmitting && !p.IsLast()
}

// IsReported reports whether people are told of the phase. The others last seconds, or change
// nothing for a reader. That a request is superseded is told by the run that supersedes it.
func (p Phase) IsReported() bool {
	switch p {
	case "", PhaseAdmitting, PhaseSeeding, PhaseChecking, PhaseSuperseded:
		return false
	}
	return true
}
