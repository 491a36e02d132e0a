package lifecycle

import (
	"math"
	"time"

	"perch"
)

// EnterOutlook adds to an environment's status when it expires, what pins it, what it costs a day,
// and what it has cost since its stack was created. The card of another stack is ignored.
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

// pinnedEnd is when a pinned environment expires: not before its pin ends; the zero time if it does
// not.
func pinnedEnd(life Life, pin perch.Pin) time.Time {
	if life.Deadline.IsZero() {
		return time.Time{}
	}
	return latest(life.Deadline, pin.Until)
}

// costSoFar is the cost of that time at so much a day, in whole cents.
func costSoFar(perDay float64, age time.Duration) float64 {
	return math.Round(perDay*max(0, age.Hours())/24*100) / 100
}
