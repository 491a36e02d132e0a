package report

import (
	"cmp"
	"fmt"
	"math"
	"strings"
	"time"

	"perch"
	"perch/mask"
)

// Known is the available information about an environment and its current run. Its methods return
// the words that terminals and pages show. Any field may be empty.
type Known struct {
	// StackStatus is the stack's status, and StackReason CloudFormation's reason for it.
	StackStatus, StackReason string
	// LastReport is the last report of a run, from the environment's card.
	LastReport *perch.LastReport
	// Goal and Phase are the goal and phase of the newest run, from Temporal.
	Goal  perch.Goal
	Phase perch.Phase
	// Activity is the run's pending activity, and Beat that activity's last heartbeat.
	Activity string
	Beat     *perch.Progress
}

// State returns the environment's state in one to three words: "ready", "creating", "failed". It is
// empty if there is no environment.
func (k Known) State() string {
	stack := stackState(k.StackStatus)
	phase := k.phase()
	switch phase {
	case perch.PhaseAdmitting:
		return cmp.Or(stack, "requested")
	case perch.PhaseImage:
		return "waiting for image"
	case perch.PhaseStack:
		if operationWords(k.StackStatus) != "" {
			return stack
		}
		return "deploying"
	case perch.PhaseSeeding:
		return "seeding"
	case perch.PhaseChecking:
		return "starting"
	case perch.PhaseGrace:
		return "grace period"
	case perch.PhaseRemoving:
		return "removing"
	}
	if phase == "" || operationWords(k.StackStatus) != "" {
		return stack // A run that begins has not said anything yet.
	}
	return k.endState(phase, stack)
}

// endState returns the state of an environment whose run ended in the phase.
func (k Known) endState(phase perch.Phase, stack string) string {
	switch {
	case phase == perch.PhaseReady && (stack == "deployed" || stack == "rolled back" || stack == ""):
		return "ready"
	case phase == perch.PhaseFailed && k.goal() == perch.GoalGone:
		return "removal failed"
	case phase == perch.PhaseFailed:
		return "failed"
	case phase == perch.PhaseRejected && k.skipped():
		return cmp.Or(stack, "skipped")
	case phase == perch.PhaseRejected && k.goal() != perch.GoalGone:
		return "rejected"
	}
	return stack
}

// Progress says what the run waits for, how long it has waited, and how long that usually takes:
// "Creating: database, 3 of about 10 minutes". It is empty if no run is working.
func (k Known) Progress(now time.Time) string {
	if k.Beat != nil {
		return reasoned(beatSentence(*k.Beat, now), k.Beat.Reason)
	}
	if k.Activity != "" && k.Activity != "Report" {
		return ActivityWords(k.Activity)
	}
	phase := k.phase()
	if !phase.IsWorking() && phase != perch.PhaseAdmitting {
		return ""
	}
	switch phase {
	case perch.PhaseAdmitting:
		return "Checking the request"
	case perch.PhaseImage:
		return "Waiting for the image" + k.spent(now)
	case perch.PhaseSeeding:
		return "Seeding"
	case perch.PhaseChecking:
		return "Waiting for an answer"
	case perch.PhaseGrace:
		return "Waiting for the end of the grace period"
	case perch.PhaseRemoving:
		return "Deleting" + k.spent(now)
	}
	return cmp.Or(operationWords(k.StackStatus), "Deploying") + k.spent(now)
}

// spent says how long the phase of the last report has lasted.
func (k Known) spent(now time.Time) string {
	if k.LastReport == nil || k.LastReport.Phase != k.phase() {
		return ""
	}
	expected := 0.0
	if k.LastReport.Phase == perch.PhaseStack {
		expected = k.LastReport.ExpectedSeconds
	}
	return spent(k.LastReport.At, now, expected)
}

// Failure returns why the last deployment or removal failed or was rejected, with secrets masked.
// It is empty if there was no failure, or if a newer run is working.
func (k Known) Failure() string {
	reason := ""
	switch k.State() {
	case "failed", "removal failed", "rejected":
		if k.LastReport != nil && k.LastReport.Phase == k.phase() {
			reason = k.LastReport.Sentence
		}
		reason = cmp.Or(reason, k.StackReason)
	case "rolled back", "rolling back":
		reason = k.StackReason
	}
	reason, _ = mask.Text(reason)
	return reason
}

// phase returns the phase of the newest run, from Temporal or from the card. Temporal's is used
// while that run is working and after it has ended, because the card may be older. If that run
// changed nothing, the card's phase is used.
func (k Known) phase() perch.Phase {
	switch {
	case k.Phase != "" && !k.Phase.IsLast():
		return k.Phase
	case k.Phase == perch.PhaseReady, k.Phase == perch.PhaseFailed, k.Phase == perch.PhaseGone:
		return k.Phase
	case k.LastReport == nil || k.Phase.IsLast() && !k.LastReport.Phase.IsLast():
		return k.Phase
	}
	return k.LastReport.Phase
}

func (k Known) goal() perch.Goal {
	if k.Goal == "" && k.LastReport != nil {
		return k.LastReport.Goal
	}
	return k.Goal
}

func (k Known) skipped() bool {
	return k.LastReport != nil && k.LastReport.Outcome == perch.OutcomeSkipped
}

// beatSentence describes the work of an activity that sends heartbeats.
func beatSentence(beat perch.Progress, now time.Time) string {
	if words, known := beatWords[beat.Status]; known {
		return doing(words, beat) + spent(beat.Since, now, beat.ExpectedSeconds)
	}
	words := cmp.Or(operationWords(beat.Status), "Waiting for CloudFormation")
	if awaited := beat.Awaited; awaited != nil {
		return words + ": " + resourceNoun(awaited.Type) + spent(awaited.Since, now, awaited.TypicalSeconds)
	}
	return words + spent(beat.Since, now, beat.ExpectedSeconds)
}

// doing returns the words for a heartbeat, followed by the resource or step it is about.
func doing(words string, beat perch.Progress) string {
	switch beat.Status {
	case "EMPTYING", "WAITING_FOR_IMAGE":
		return strings.TrimSpace(words + " " + beat.Resource)
	case "WAITING_FOR_ANSWER":
		if beat.Resource == "" {
			return "Waiting for an answer"
		}
		return words + " " + beat.Resource
	case "SEEDING":
		words = because(words, beat.Resource)
		if beat.Total > 1 {
			words += fmt.Sprintf(", step %d of %d", min(beat.Done+1, beat.Total), beat.Total)
		}
	}
	return words
}

// spent says how long something has lasted since it began and how long it usually takes. It leaves
// out a duration of less than a minute. usually is in seconds; 0 means unknown.
func spent(since, now time.Time, usually float64) string {
	elapsed, typical := 0, int(math.Round(usually/60))
	if !since.IsZero() && now.After(since) {
		elapsed = int(now.Sub(since).Minutes())
	}
	switch {
	case elapsed < 1 && typical < 1:
		return ""
	case typical < 1:
		return ", " + Count(elapsed, "minute")
	case elapsed < 1:
		return ", usually about " + Count(typical, "minute")
	case elapsed <= typical:
		return fmt.Sprintf(", %d of about %s", elapsed, Count(typical, "minute"))
	}
	return fmt.Sprintf(", %s, usually about %d", Count(elapsed, "minute"), typical)
}

// reasoned appends the reason, if there is one, to the sentence.
func reasoned(sentence, reason string) string {
	reason, _ = mask.Text(strings.Join(strings.Fields(reason), " "))
	return because(sentence, reason)
}
