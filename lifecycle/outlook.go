package lifecycle

import (
	"math"
	"time"

	"perch"
)

// EnterOutlook adds to an environment's status its expiry, its pin, its daily cost, and its cost
// since the stack was created. It ignores the card of another stack.
func EnterOutlook(
	status *perch.EnvironmentStatus, stack Found, cards KnownCards, policy *perch.Policy, repositoryID string,
	now time.Time,
) {
	card, problem, _ := cards.find(status.Slug)
	if problem != "" || card.StackID != stack.ID {
		return
	}
	verdict := JudgeExpiry(stack, cards, policy, repositoryID, now)
	status.Expires = verdict.Deadline
	if card.Pin.Holds(now) {
		status.Pin = card.Pin
	}
	if verdict.Pinned {
		card.Since = stack.Created
		status.Expires = pinnedEnd(Lifetime(card, policy.Expiry), *card.Pin)
	}
	status.USDPerDay = card.USDPerDay
	status.USDSoFar = costSoFar(card.USDPerDay, now.Sub(stack.Created))
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
