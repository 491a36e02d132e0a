package perch

// Phase is the current stage of a run, in one to three words. It is the value of AttributePhase.
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

// IsLast reports whether the phase is the last one of a request.
func (p Phase) IsLast() bool {
	switch p {
	case PhaseReady, PhaseGone, PhaseKept, PhaseRejected, PhaseFailed, PhaseSuperseded:
		return true
	}
	return false
}

// IsWorking reports whether a run in the phase is changing the environment or waiting to do so.
func (p Phase) IsWorking() bool {
	return p != "" && p != PhaseAdmitting && !p.IsLast()
}

// IsReported reports whether the phase is reported to people. Other phases last only seconds or
// change nothing that people see. If a request is superseded, the run that supersedes it reports
// that.
func (p Phase) IsReported() bool {
	switch p {
	case "", PhaseAdmitting, PhaseSeeding, PhaseChecking, PhaseSuperseded:
		return false
	}
	return true
}
