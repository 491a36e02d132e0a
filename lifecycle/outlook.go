package lifecycle

import (
	"fmt"
	"math"
	"time"

	"perch"
)

// EnterOutlook adds to an environment's status its expiry, its pin, its daily cost, its cost since
// the stack was created, and what is always rejected. It ignores the card of another stack.
func EnterOutlook(
	status *perch.EnvironmentStatus, stack Found, cards KnownCards, policy *perch.Policy, repositoryID string,
	now time.Time,
) {
	EnterRejections(status, &stack, policy, repositoryID)
	card, problem, _ := cards.find(status.Slug)
	if problem != "" || card.StackID != stack.ID {
		return
	}
	verdict := JudgeExpiry(stack, cards, policy, repositoryID, now)
	status.Expires = verdict.Deadline
	if card.Pin.Holds(now) {
		status.Pin = card.Pin
	}
	card.Since = stack.Created
	life := Lifetime(card, policy.Expiry)
	if verdict.Pinned && NoChannel(card, policy) == "" {
		status.Expires = pinnedEnd(life, *card.Pin)
	}
	if !status.Expires.IsZero() && warnedOf(card, life.Deadline) {
		status.Warned = card.ExpiryWarning.At
	}
	status.USDPerDay = card.USDPerDay
	status.USDSoFar = costSoFar(card.USDPerDay, now.Sub(stack.Created))
}

// EnterRejections adds to an environment's status the reasons why a person's removal, pin or
// extension of it is always rejected. If stack is nil, because there is none yet, only the branch
// decides.
func EnterRejections(status *perch.EnvironmentStatus, stack *Found, policy *perch.Policy, repositoryID string) {
	admission := Admission{
		Policy: policy, Request: perch.Request{Goal: perch.GoalGone, Project: policy.Project, Branch: status.Branch},
	}
	if stack != nil {
		_, admission.Kind, _ = perch.Owned(policy.Identity(repositoryID), stack.Name, stack.Tags)
		if err := MayBeKept(*stack, policy, repositoryID); err != nil {
			status.KeepRejected = err.Error()
		}
	}
	switch err := AdmitRequest(admission); {
	case err != nil:
		status.RemovalRejected = err.Error()
	case stack != nil && (stack.Protected || admission.Kind != perch.KindBranch):
		status.RemovalRejected = ProtectedStack(stack.Name, admission.Kind)
	}
}

// ProtectedStack explains why a person's removal of the stack is rejected: by its kind, or by
// termination protection.
func ProtectedStack(name string, kind perch.Kind) string {
	why := "termination protection is on; turn it off in the CloudFormation console if you mean it"
	if kind != perch.KindBranch {
		why = "its kind is " + string(kind) + ", and only branch environments are ever removed"
	}
	return fmt.Sprintf("stack %s is protected: %s", name, why)
}

// pinnedEnd returns when a pinned environment expires, which is not before its pin ends; zero if it
// does not expire.
func pinnedEnd(life Life, pin perch.Pin) time.Time {
	if life.Deadline.IsZero() {
		return time.Time{}
	}
	return latest(life.Deadline, pin.Until)
}

// costSoFar returns the cost of the time age at perDay, in whole cents.
func costSoFar(perDay float64, age time.Duration) float64 {
	return math.Round(perDay*max(0, age.Hours())/24*100) / 100
}
