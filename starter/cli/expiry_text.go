package cli

import (
	"fmt"
	"strings"
	"time"

	"perch"
	"perch/lifecycle"
	"perch/readapi"
	"perch/report"
)

// expiryText formats verdicts as a table.
func expiryText(verdicts []perch.ExpiryVerdict, p paper) string {
	var rows [][]string
	for _, v := range verdicts {
		rows = append(
			rows, []string{v.Branch, string(v.Action), readapi.Timestamp(v.Deadline), v.Reason, dollars(v.USDPerDay)},
		)
	}
	var out strings.Builder
	p.list(&out, []string{"BRANCH", "VERDICT", "EXPIRES", "REASON", "USD A DAY (ESTIMATE)"}, rows)
	return out.String()
}

// expirySummary says what the effects of the verdicts are, or would be.
func expirySummary(result perch.ExpiryResult, dryRun bool) string {
	is, are, saves, saved := "is", "are", "saves", result.SavedUSDPerDay
	if dryRun {
		is, are, saves = "would be", "would be", "would save"
		for _, v := range result.Verdicts {
			if v.Action == perch.ExpiryRemove {
				saved += v.USDPerDay
			}
		}
	}
	warned, removed := countExpiry(result, dryRun)
	parts := []string{"nothing " + is + " removed", "no one " + is + " warned"}
	if removed > 0 {
		parts[0] = fmt.Sprintf("the removal of %s %s requested", report.Count(removed, "environment"), is)
	}
	if removed > 0 && saved > 0 {
		parts[0] += fmt.Sprintf(", which %s %.2f USD a day (estimate)", saves, saved)
	}
	if warned > 0 {
		parts[1] = fmt.Sprintf("people %s warned of %s", are, report.Count(warned, "environment"))
	}
	return strings.Join(parts, "; ")
}

// countExpiry counts the warnings and removals. Without a dry run, it counts only those that were
// requested.
func countExpiry(result perch.ExpiryResult, dryRun bool) (warned, removed int) {
	for _, v := range result.Verdicts {
		switch {
		case v.Action == perch.ExpiryWarn:
			warned++
		case v.Action == perch.ExpiryRemove && (dryRun || v.RunID != ""):
			removed++
		}
	}
	return warned, removed
}

// dollars formats an amount in US dollars; empty for 0.
func dollars(amount float64) string {
	if amount == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f", amount)
}

// inDollars formats an amount with its currency; empty for 0.
func inDollars(amount float64) string { return strings.TrimPrefix(dollars(amount)+" USD", " USD") }

// pinned says who pinned an environment, until when and why; empty if it is not pinned.
func pinned(pin *perch.Pin) string {
	if pin == nil {
		return ""
	}
	return lifecycle.PinnedBy(*pin)
}

// left returns the time between two times in a document.
func left(expires, at string) string {
	end, _ := time.Parse(time.RFC3339, expires) // An empty one is the zero time.
	now, _ := time.Parse(time.RFC3339, at)
	return remaining(end, now)
}

// remaining formats the time from at until an environment expires; empty if it does not expire.
func remaining(expires, at time.Time) string {
	left := expires.Sub(at)
	switch {
	case expires.IsZero():
		return ""
	case left <= 0:
		return "due now"
	}
	return "in " + report.Span(max(left, time.Minute))
}
