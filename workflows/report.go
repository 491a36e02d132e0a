package workflows

import (
	"cmp"
	"slices"

	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/workflow"

	"perch"
	"perch/activities/contract"
	"perch/lifecycle"
)

// maxUnreported limits the unreported states of ended requests in a chain of runs. If there are
// more, the oldest are dropped.
const maxUnreported = 20

// reporter writes the run's state into the environment's card and delivers reports, one at a time.
// While one is being delivered, a newer state replaces the one that waits. A failed report does not
// fail the run; the sweep delivers it later. The reporter also receives the notes for the
// environment.
type reporter struct {
	environment perch.Environment
	incoming    workflow.ReceiveChannel
	// waiting is the next report.
	waiting contract.ReportInput
	// last means that the waiting report is the run's last one.
	last bool
	// taken has the IDs of the notes that this run has received, because a signal may arrive twice.
	taken map[string]bool
	// sending is the report that is being delivered; nil if none is.
	sending *contract.ReportInput
	// problems are sentences about notes that could not be written into the card.
	problems []string
}

// startReporter starts a reporter with the unreported states and notes of the previous run of the
// chain.
func startReporter(ctx workflow.Context, in perch.RunInput) *reporter {
	p := &reporter{environment: in.Environment, incoming: workflow.GetSignalChannel(ctx, perch.SignalNote)}
	free, _ := workflow.NewDisconnectedContext(ctx) // A cancelled run enters the notes that it has taken.
	p.taken = map[string]bool{}
	p.waiting = contract.ReportInput{Ended: in.Unreported, Notes: in.Notes}
	for _, note := range in.Notes {
		p.taken[note.ID] = true
	}
	workflow.Go(free, p.work)
	return p
}

// work delivers reports until the run ends.
func (p *reporter) work(ctx workflow.Context) {
	for workflow.Await(ctx, p.due) == nil {
		in := p.waiting
		in.Environment = p.environment
		p.waiting, p.sending, p.last = contract.ReportInput{}, &in, false
		activity, summary := contract.Report, "report on "+p.environment.Branch
		if len(in.Notes) > 0 {
			activity, summary = contract.TakeNotes, "take notes for "+p.environment.Branch
		}
		_, err := runActivity(ctx, summary, activity, in)
		for _, note := range in.Notes {
			if err != nil {
				p.problems = append(p.problems, "the note "+string(note.Kind)+" by "+note.By+
					" could not be entered into the environment's card: "+said(err))
			}
		}
		p.sending = nil
	}
}

// due reports whether there is a report to deliver now. A report without a state and notes can wait
// for the run's next state.
func (p *reporter) due() bool {
	p.takeNotes()
	return p.waiting.State != nil || len(p.waiting.Notes) > 0 || p.last
}

// idle reports whether everything is delivered.
func (p *reporter) idle() bool { return !p.due() && p.sending == nil }

// takesNotes reports whether a note waits, or is being entered. While a report is being delivered,
// notes wait for its end.
func (p *reporter) takesNotes() bool {
	p.takeNotes()
	return len(p.waiting.Notes) > 0 || p.sending != nil && len(p.sending.Notes) > 0
}

// received is how many notes have arrived.
func (p *reporter) received() int {
	p.takeNotes()
	return len(p.taken)
}

// tell queues a report of state, which is delivered after the current one. It drops waiting states
// of earlier requests for the same commit.
func (p *reporter) tell(stackID string, state perch.CardState, removed bool) {
	p.waiting.Ended = slices.DeleteFunc(
		p.waiting.Ended, func(e perch.CardState) bool { return e.Commit == state.Commit },
	)
	p.waiting.StackID, p.waiting.State, p.waiting.Removed = stackID, &state, removed
}

// takeNotes receives the waiting notes. It ignores notes for another environment.
func (p *reporter) takeNotes() {
	var raw converter.RawValue
	for p.incoming.ReceiveAsync(&raw) {
		note, err := readNote(raw)
		ours := err == nil && note.Project == p.environment.Project && note.Branch == p.environment.Branch
		if ours && !p.taken[note.ID] {
			p.taken[note.ID] = true
			p.waiting.Notes = append(p.waiting.Notes, note)
		}
		raw = converter.RawValue{}
	}
}

// handOn passes the undelivered reports and notes on to the next run of the chain. ended is the
// last state of an `up`, or nil. If the end of the run interrupts a delivery, its notes are
// delivered again, which is harmless.
func (p *reporter) handOn(in *perch.RunInput, ended *perch.CardState) {
	p.takeNotes()
	if p.sending != nil {
		in.Unreported, in.Notes = p.sending.Ended, p.sending.Notes
	}
	in.Unreported = append(slices.Clip(in.Unreported), p.waiting.Ended...)
	in.Notes = append(slices.Clip(in.Notes), p.waiting.Notes...)
	if ended != nil {
		in.Unreported = append(in.Unreported, *ended)
	}
	in.Unreported = in.Unreported[max(0, len(in.Unreported)-maxUnreported):]
}

func readNote(raw converter.RawValue) (perch.Note, error) {
	var note perch.Note
	err := converter.GetDefaultDataConverter().FromPayload(raw.Payload(), &note)
	return note, err
}

// report queues a report of the phase, if the phase is reported to people. It does not report a
// rejected removal, because the environment does not change. For a superseded request, only the
// commit gets a report.
func (r *run) report(phase perch.Phase) {
	switch {
	case phase == perch.PhaseRejected && r.chain.Target.Goal == perch.GoalGone:
	case phase == perch.PhaseSuperseded:
		r.reports.waiting.Ended, r.reports.last = append(r.reports.waiting.Ended, r.cardState(phase)), true
	case phase.IsReported():
		r.reports.tell(r.state.StackID, r.cardState(phase), phase == perch.PhaseGone)
	}
}

// cardState returns the run's state in phase, for the card.
func (r *run) cardState(phase perch.Phase) perch.CardState {
	target := r.chain.Target
	state := perch.CardState{
		Goal: target.Goal, Commit: target.Commit, By: target.By, Reason: target.Reason,
		Phase: phase, Outcome: r.result.Outcome, Sentence: r.result.Reason, SupersededBy: r.result.SupersededBy,
		Kind: r.kind, URL: r.state.URL,
		RunID: workflow.GetInfo(r.ctx).WorkflowExecution.RunID, Begun: r.started.UTC(), At: workflow.Now(r.ctx).UTC(),
	}
	if seen := r.foreseen; seen != nil {
		state.Settings, state.Muted, state.Expiry, state.Message = seen.Settings, seen.Muted, seen.Expiry, seen.Message
		state.ExpectedSeconds, state.USDPerDay = seen.ExpectedSeconds, seen.USDPerDay
	}
	if judged := cmp.Or(target.Judged, r.judged); judged != nil {
		state.Expired, state.RemovedCommit = judged.Expired, judged.Commit
	}
	if phase == perch.PhaseReady {
		state.Seeds = r.seeds
	}
	if r.failure != nil {
		state.Failure = said(r.failure)
	}
	if phase == perch.PhaseSuperseded && r.chain.Newer != nil {
		state.SupersededBy = lifecycle.SupersededBy(*r.chain.Newer)
	}
	return state
}

// finishReports waits until everything is delivered, also if the run was cancelled: no other run
// has the notes that it has taken. The time limits of the reports bound the wait. It returns false
// if a newer request arrives first.
func (r *run) finishReports() (finished bool) {
	newer := func() bool { r.drain(); return r.chain.Newer != nil }
	free, _ := workflow.NewDisconnectedContext(r.ctx)
	_ = workflow.Await(free, func() bool { return newer() || r.reports.idle() })
	r.result.Warnings = append(r.result.Warnings, r.reports.problems...)
	r.reports.problems = nil
	return !newer()
}
