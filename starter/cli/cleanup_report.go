package cli

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"perch"
	"perch/readapi"
)

// cleanupDocument is the output of `cleanup -o json`. Removed and Pending are stack names. Pending
// includes removals that have begun but were not waited for. If Error is set, the lists may be
// incomplete.
type cleanupDocument struct {
	Verdicts []verdictDocument      `json:"verdicts"`
	Removed  []string               `json:"removed"`
	Pending  []string               `json:"pending"`
	Failed   []perch.CleanupFailure `json:"failed"`
	Brake    *perch.CleanupBrake    `json:"brake"`
	// OtherRepositories are the project's stacks whose repository does not match.
	OtherRepositories []perch.OtherRepository `json:"other_repositories"`
	// Missing are branches without an environment. It is present only with --missing.
	Missing *perch.CleanupMissing `json:"missing,omitempty"`
	// Expiry has the decisions on the expiry of environments; null if expiry was not judged.
	Expiry *perch.ExpiryResult `json:"expiry"`
	Error  string              `json:"error,omitempty"`
}

type verdictDocument struct {
	Stack   string        `json:"stack"`
	Branch  string        `json:"branch"`
	Verdict perch.Verdict `json:"verdict"`
	Reason  string        `json:"reason"`
}

// document returns the JSON document, oldest environments first.
func (s *sweep) document() cleanupDocument {
	d := cleanupDocument{
		Verdicts: []verdictDocument{}, Removed: s.stacks(stageRemoved), Pending: s.stacks(stagePending, stageBegun),
		Failed: s.failed(), Brake: s.result.Brake,
		Error: s.result.Problem, OtherRepositories: full(s.result.OtherRepositories), Missing: s.result.Missing,
		Expiry: s.result.Expiry,
	}
	kept := map[string]string{}
	for _, r := range s.removals {
		if r.stage == stageKept {
			kept[r.asked.Stack] = r.why
		}
	}
	for _, v := range s.result.Verdicts {
		row := verdictDocument{Stack: v.Stack, Branch: v.Branch, Verdict: v.Verdict, Reason: v.Reason}
		if why, ok := kept[v.Stack]; ok {
			row.Verdict, row.Reason = perch.VerdictKeep, why
		}
		d.Verdicts = append(d.Verdicts, row)
	}
	return d
}

func (s *sweep) stacks(stages ...stage) []string {
	names := []string{}
	for _, r := range s.removals {
		if slices.Contains(stages, r.stage) {
			names = append(names, r.asked.Stack)
		}
	}
	return names
}

// failed returns the environments that still exist because their removal has failed, in this run or
// before.
func (s *sweep) failed() []perch.CleanupFailure {
	failures := []perch.CleanupFailure{}
	ended := map[string]bool{}
	for _, r := range s.removals {
		switch r.stage {
		case stageFailed:
			failures = append(failures, perch.CleanupFailure{Stack: r.asked.Stack, Error: r.why})
			ended[r.asked.Stack] = true
		case stageRemoved:
			ended[r.asked.Stack] = true
		}
	}
	for _, f := range s.result.Failed {
		if !ended[f.Stack] {
			failures = append(failures, f)
		}
	}
	slices.SortFunc(failures, func(a, b perch.CleanupFailure) int { return cmp.Compare(a.Stack, b.Stack) })
	return failures
}

// code returns the program's exit code.
func (s *sweep) code() int {
	switch {
	case len(s.failed()) > 0 || s.result.Problem != "":
		return exitFailed
	case len(s.stacks(stageBegun)) > 0:
		return exitTimeout
	case s.result.Brake != nil:
		return exitRejected
	}
	return exitDone
}

// tellVerdicts prints the plan for people.
func (a *app) tellVerdicts(s *sweep) {
	defer a.noteOthers(s.result.OtherRepositories)
	defer a.tellMissing(s)
	if len(s.result.Verdicts) == 0 {
		a.note("There are no environments.")
		return
	}
	_, _ = io.WriteString(a.stdout, verdictsText(s.result.Verdicts, a.paper()))
	if s.result.Unlisted > 0 {
		a.note("%d more are not listed.", s.result.Unlisted)
	}
}

// tellMissing prints the branches whose environment is missing or has an earlier commit, for
// people.
func (a *app) tellMissing(s *sweep) {
	missing := s.result.Missing
	if missing == nil {
		return
	}
	for _, branch := range missing.Branches {
		what, requested := "has no environment", "and an environment is requested"
		if branch.Deployed != "" {
			what, requested = "was pushed to since "+perch.ShortCommit(branch.Deployed)+
				" was deployed", "and its head is requested"
		}
		if branch.RunID == "" {
			requested = "and nothing is requested"
		}
		a.sayText(fmt.Sprintf(
			"%s %s, %s (commit %s).", branch.Branch, what, requested, perch.ShortCommit(branch.Commit),
		))
	}
	if missing.Unseen > 0 {
		a.note("%d more without an environment at their head are left to the next runs.", missing.Unseen)
	}
	if missing.Problem != "" {
		a.note("Branches without an environment are not known: %s.", perch.Printable(missing.Problem))
	}
}

func verdictsText(verdicts []perch.CleanupVerdict, p paper) string {
	var rows [][]string
	for _, v := range verdicts {
		rows = append(rows, []string{string(v.Verdict), v.Stack, v.Branch, readapi.Timestamp(v.Created), v.Reason})
	}
	var out strings.Builder
	p.list(&out, []string{"VERDICT", "STACK", "BRANCH", "CREATED", "REASON"}, rows)
	return out.String()
}

// sayEnd prints how one removal ended, for people.
func (a *app) sayEnd(r removal) {
	switch r.stage {
	case stageRemoved:
		a.sayText(r.asked.Stack + " is gone")
	case stageKept:
		a.sayText(fmt.Sprintf("%s is kept: %s", r.asked.Stack, perch.Printable(r.why)))
	case stageFailed:
		a.note("The removal of %s failed: %s", r.asked.Stack, perch.Printable(r.why))
	}
}

// tellSweep prints how a cleanup ended, for people. It includes details that the JSON leaves out.
func (a *app) tellSweep(s *sweep) {
	if s.result.Problem != "" {
		a.note("Nothing is removed: %s.", perch.Printable(s.result.Problem))
	}
	switch brake := s.result.Brake; {
	case brake == nil:
	case brake.Removals == 0:
		a.note("Nothing is removed: %s. There is nothing to remove any more.", brake.Reason)
	default:
		a.note("The safety limit stops this cleanup, and nothing is removed: %s. If the removals are right, "+
			"`perch cleanup approve %s` carries out exactly this plan.", brake.Reason, brake.Hash)
	}
	for _, r := range s.removals {
		switch r.stage {
		case stagePending:
			a.note(
				"%s is removed after %s, unless %s is pushed before then.", r.asked.Stack,
				readapi.Timestamp(r.asked.Judged.Until), r.asked.Branch,
			)
		case stageBegun:
			a.note("The removal of %s goes on; `perch cleanup` waits for it again.", r.asked.Stack)
		}
	}
	a.noteExpiry(s.result.Expiry, s.dryRun)
	for _, f := range s.failed() {
		a.note("%s should be gone, and its removal failed: %s", f.Stack, perch.Printable(f.Error))
	}
}
