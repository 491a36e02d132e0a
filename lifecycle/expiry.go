package lifecycle

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"perch"
)

// KnownCards are the cards of a project's environments.
type KnownCards struct {
	// BySlug has the cards that could be read, by the environment's slug.
	BySlug map[string]perch.Card
	// Unreadable has the reasons why cards could not be read, by the environment's slug.
	Unreadable map[string]string
	// Problem explains why no card could be read; empty if the cards were read.
	Problem string
}

// find returns an environment's card. If problem is not empty, the card's content is unknown for
// that reason.
func (k KnownCards) find(slug string) (card perch.Card, problem string, found bool) {
	problem = cmp.Or(k.Problem, k.Unreadable[slug])
	card, found = k.BySlug[slug]
	return card, problem, found
}

// Keeps explains why only a person may remove the environment: because it is pinned, or because its
// pin is unknown. It is empty if the environment may be removed.
func (k KnownCards) Keeps(slug string, now time.Time) string {
	switch card, problem, _ := k.find(slug); {
	case problem != "":
		return unreadable(problem)
	case card.Pin.Holds(now):
		return PinnedBy(*card.Pin)
	}
	return ""
}

func unreadable(problem string) string { return "its card cannot be read: " + problem }

// PlanExpiry decides for each environment whether to keep it, warn about it or remove it because it
// is not used. In doubt it keeps an environment: one without a readable card does not expire. It
// removes no more environments than the policy's limit for cleanup, those that expired first.
func PlanExpiry(
	stacks []Found, cards KnownCards, policy *perch.Policy, repositoryID string, now time.Time,
) []perch.ExpiryVerdict {
	var verdicts []perch.ExpiryVerdict
	identity := policy.Identity(repositoryID)
	for _, stack := range stacks {
		if _, _, ours := perch.Owned(identity, stack.Name, stack.Tags); ours && stack.Status != "DELETE_COMPLETE" {
			verdicts = append(verdicts, JudgeExpiry(stack, cards, policy, repositoryID, now))
		}
	}
	slices.SortStableFunc(verdicts, func(a, b perch.ExpiryVerdict) int {
		return cmp.Or(rank(b.Action)-rank(a.Action), a.Deadline.Compare(b.Deadline))
	})
	for i := range verdicts {
		if most := policy.Cleanup.MaxRemovals; i >= most && verdicts[i].Action == perch.ExpiryRemove {
			verdicts[i].Action = perch.ExpiryKeep
			verdicts[i].Reason += fmt.Sprintf("; it waits for the next run, because one removes %d at most", most)
		}
	}
	return verdicts
}

func rank(action perch.ExpiryAction) int {
	switch action {
	case perch.ExpiryRemove:
		return 2
	case perch.ExpiryWarn:
		return 1
	}
	return 0
}

// JudgeExpiry decides whether to keep, warn about or remove one environment that Perch manages.
func JudgeExpiry(
	stack Found, cards KnownCards, policy *perch.Policy, repositoryID string, now time.Time,
) perch.ExpiryVerdict {
	environment, kind, _ := perch.Owned(policy.Identity(repositoryID), stack.Name, stack.Tags)
	verdict := perch.ExpiryVerdict{
		Stack: stack.Name, Branch: environment.Branch, StackID: stack.ID, Commit: stack.Commit, Created: stack.Created,
		Action: perch.ExpiryKeep,
	}
	card, problem, found := cards.find(environment.Slug)
	switch reason := protection(subject{branch: environment.Branch, kind: kind, stack: stack}, policy); {
	case reason != "":
		verdict.Reason = reason
	case problem != "":
		verdict.Reason = unreadable(problem)
	case !found:
		verdict.Reason = "when it was used last is not known: it has no card"
	case card.StackID != stack.ID:
		verdict.Reason = "when it was used last is not known: its card is of another stack"
	case card.Pin.Holds(now):
		verdict.Pinned, verdict.Reason, verdict.USDPerDay = true, PinnedBy(*card.Pin), card.USDPerDay
	default:
		card.Since, verdict.USDPerDay = stack.Created, card.USDPerDay
		expire(&verdict, card, stack.Status, policy, now)
	}
	return verdict
}

// expire sets the verdict on an unprotected environment.
func expire(verdict *perch.ExpiryVerdict, card perch.Card, status string, policy *perch.Policy, now time.Time) {
	life := Lifetime(card, policy.Expiry)
	if life.Deadline.IsZero() {
		verdict.Reason = life.Reason
		return
	}
	if reason := NoChannel(card, policy); reason != "" {
		verdict.Reason = reason
		return
	}
	end := life.Deadline
	warned := warnedOf(card, life.Deadline)
	if warned { // A warning that came late postpones the end.
		end = latest(end, card.ExpiryWarning.At.Add(life.Warn))
	}
	verdict.Deadline, verdict.Reason = end, life.Reason
	switch {
	case card.State.Phase.IsWorking() || strings.HasSuffix(status, "_IN_PROGRESS"):
		verdict.Reason = "a run is at work"
	case now.Before(life.Deadline.Add(-life.Warn)):
	case !warned:
		verdict.Action, verdict.Deadline = perch.ExpiryWarn, latest(life.Deadline, now.Add(life.Warn))
		verdict.Warning = &perch.ExpiryWarning{
			Deadline: life.Deadline, End: verdict.Deadline, Reason: life.Reason,
			Longest: life.Deadline.Equal(life.Longest),
		}
		verdict.Reason += notDelivered(card, life.Deadline)
	case !now.Before(end):
		verdict.Action = perch.ExpiryRemove
	}
}

// notDelivered describes an undelivered warning about the deadline; empty if there is none.
func notDelivered(card perch.Card, deadline time.Time) string {
	if warning := card.ExpiryWarning; warning == nil || !warning.Deadline.Equal(deadline) {
		return ""
	}
	said := "; the warning is not delivered yet, which postpones the removal"
	if problems := card.Problems(); len(problems) > 0 {
		said += ": " + strings.Join(problems, "; ")
	}
	return said
}

// NoChannel explains why the environment does not expire although it has an end: no channel can
// warn people. It is empty if one can.
func NoChannel(card perch.Card, policy *perch.Policy) string {
	const words = "it does not expire, because no one can be warned: "
	switch {
	case policy.Reports.Slack:
	case policy.Source.GitHub == nil:
		return words + "the policy has neither `source.github` nor `reports.slack: true`"
	case !policy.Reports.GitHub.Comment:
		return words + "the policy has `reports.github.comment: false`, and not `reports.slack: true`"
	case card.Muted.Comment:
		return words + "perch.yaml has `reports.github.comment: false`, and the policy does not have " +
			"`reports.slack: true`"
	}
	return ""
}

// NoPullRequest explains, like NoChannel, why the environment does not expire, and is called when
// its warning is about to be sent. pulls are the branch's pull requests, just read. Without Slack,
// the warning needs a pull request that is open or already has Perch's comment.
func NoPullRequest(card perch.Card, pulls []PullRequest, policy *perch.Policy) string {
	if policy.Reports.Slack || len(card.GitHub.Comments) > 0 ||
		slices.ContainsFunc(pulls, func(p PullRequest) bool { return p.Open }) {
		return ""
	}
	return "it does not expire, because no one can be warned: the branch has no pull request, and the policy does " +
		"not have `reports.slack: true`"
}

// WarningTaken reports whether the card's warning was delivered: to at least one channel, and to
// every channel that the environment has.
func WarningTaken(card perch.Card) bool {
	switch card.State.Phase {
	case perch.PhaseGrace, perch.PhaseRemoving, perch.PhaseGone:
		return false // In these phases, channels do not show the warning.
	}
	if card.ExpiryWarning == nil {
		return false
	}
	onSlack := card.Slack.Warned == card.ExpiryWarning.Key()
	onGitHub := !card.Muted.Comment && slices.ContainsFunc(card.GitHub.Comments, isWritten)
	missing := card.GitHub.Undelivered && card.GitHub.CommentUndelivered || card.Slack.Undelivered && !onSlack
	return !missing && (onSlack || onGitHub)
}

// isWritten reports whether the comment is on GitHub.
func isWritten(comment perch.GitHubComment) bool { return comment.ID != 0 }

// Life is an environment's remaining life.
type Life struct {
	// Deadline is when the environment expires; zero if it does not. Reason explains either case.
	Deadline time.Time
	Reason   string
	// Warn is how long before the deadline people are warned. Extend is the default length of an
	// extension.
	Warn, Extend time.Duration
	// Longest is the latest possible deadline, which extensions cannot move; zero if there is none.
	Longest time.Time
}

// Lifetime returns the Life of the environment with the card. An extension moves the deadline of an
// unused environment, but not past the end of the longest life. A pin counts as use until it ends.
func Lifetime(card perch.Card, bounds perch.PolicyExpiry) Life {
	expiry := EffectiveExpiry(card.Expiry, bounds)
	life := Life{
		Reason: "it does not expire", Warn: expiry.Warn.Duration(), Extend: expiry.Extend.Duration(),
	}
	if card.Activity.At.IsZero() && (expiry.Idle != 0 || expiry.Max != 0) {
		life.Reason = "when it was used last is not known: the next `perch up` tells"
		return life
	}
	if idle := expiry.Idle; idle != 0 {
		used := latest(card.Since, card.Activity.At)
		if card.Pin != nil {
			used = latest(used, card.Pin.Until)
		}
		life.Deadline, life.Reason = used.Add(idle.Duration()), fmt.Sprintf("not used for %s", idle)
		if card.Extended.After(life.Deadline) {
			life.Deadline, life.Reason = card.Extended, "its extension has ended"
		}
	}
	if longest := expiry.Max; longest != 0 {
		life.Longest = card.Since.Add(longest.Duration())
		if life.Deadline.IsZero() || life.Longest.Before(life.Deadline) {
			life.Deadline, life.Reason = life.Longest, fmt.Sprintf("created %s ago", longest)
		}
	}
	return life
}

// Defaults for `expiry` in perch.yaml.
const (
	usualWarn   perch.Hours = 24
	usualExtend perch.Hours = 72
)

// EffectiveExpiry returns the `expiry` of perch.yaml, limited by the policy's bounds.
func EffectiveExpiry(asked *perch.Expiry, bounds perch.PolicyExpiry) perch.Expiry {
	expiry := perch.Expiry{}
	if asked != nil {
		expiry = *asked
	}
	expiry.Warn, expiry.Extend = max(cmp.Or(expiry.Warn, usualWarn), bounds.Warn), cmp.Or(expiry.Extend, usualExtend)
	expiry.Idle, expiry.Max = within(expiry.Idle, bounds.Idle), within(expiry.Max, bounds.Max)
	expiry.Extend = within(expiry.Extend, bounds.Extend)
	if shortest := within(expiry.Idle, expiry.Max); shortest != 0 && expiry.Warn >= shortest {
		// The policy's limit is shorter than perch.yaml expects. A warning has the policy's length
		// at least.
		expiry.Warn = max(1, shortest/2, bounds.Warn)
	}
	return expiry
}

// within returns the shorter of both durations; 0 means no bound.
func within(asked, bound perch.Hours) perch.Hours {
	if bound != 0 && (asked == 0 || asked > bound) {
		return bound
	}
	return asked
}

// warnedOf reports whether a warning about this deadline was delivered.
func warnedOf(card perch.Card, deadline time.Time) bool {
	warning := card.ExpiryWarning
	return warning != nil && warning.Deadline.Equal(deadline) && !warning.At.IsZero()
}

// PinnedBy says who keeps an environment, until when and why.
func PinnedBy(pin perch.Pin) string {
	return fmt.Sprintf("pinned by %s until %s: %s", pin.By, minute(pin.Until), pin.Reason)
}

func latest(times ...time.Time) (newest time.Time) {
	for _, t := range times {
		if t.After(newest) {
			newest = t
		}
	}
	return newest
}

// minute formats a time for messages.
func minute(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }
