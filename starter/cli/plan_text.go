package cli

import (
	"cmp"
	"fmt"
	"strings"

	"perch"
	"perch/lifecycle"
)

// shownPaths is the maximum number of paths below a property that are shown. The JSON document has
// all.
const shownPaths = 4

// planText formats a plan for people.
func planText(d planDocument, p paper) string {
	var out strings.Builder
	p.text(&out, bold, 0, planTitle(d))
	out.WriteString("\n")
	p.table(&out, 2, planNames(d), nil)
	planSettings(&out, p, d.Settings)
	planResources(&out, p, d)
	if d.SharedDB {
		p.text(
			&out, normal, 0, "Beside the stack: a dedicated database and user in the instance that environments share.",
		)
	}
	planWarnings(&out, p, d)
	planEstimates(&out, p, d)
	p.text(&out, faint, 0, "Nothing was changed.")
	return out.String()
}

// planTitle says in one sentence what would happen.
func planTitle(d planDocument) string {
	what := fmt.Sprintf("%s at %s", d.Branch, perch.ShortCommit(d.Commit))
	switch lifecycle.Step(d.Step) {
	case lifecycle.Create:
		return what + " would get a new environment."
	case lifecycle.Done:
		return what + " is deployed already: there is nothing to change."
	case lifecycle.Delete:
		if lifecycle.Serving(d.Status) {
			return what + " would get a new environment: the present one is deleted first, with its database and " +
				"everything in its buckets."
		}
		return fmt.Sprintf(
			"%s would get a new environment: its stack is %s, so it is deleted first, with everything in it.", what,
			d.Status,
		)
	case lifecycle.Wait:
		return fmt.Sprintf(
			"%s would wait: its stack is %s. Against the template that is being brought in:", what, d.Status,
		)
	case lifecycle.Update:
		if d.Deployed == "" || d.Deployed == d.Commit {
			return what + " would be updated."
		}
		return fmt.Sprintf("%s would be updated from %s.", what, perch.ShortCommit(d.Deployed))
	}
	return fmt.Sprintf("%s would be turned back first: its stack is %s. Then:", what, d.Status)
}

func planNames(d planDocument) [][]string {
	url := cmp.Or(d.URL, "known once AWS has made the environment")
	rows := [][]string{{"stack", d.Stack}, {"kind", string(d.Kind)}, {"url", url}}
	if d.Status != "" {
		rows = append(rows, []string{"status", d.Status})
	}
	if d.Protected {
		rows = append(rows, []string{"protected", "yes: neither `down` nor cleanup removes it"})
	}
	return rows
}

func planSettings(out *strings.Builder, p paper, settings []perch.SettingDifference) {
	out.WriteString("\n")
	if len(settings) == 0 {
		p.text(out, normal, 0, "Settings: the same as staging's.")
		return
	}
	p.text(out, bold, 0, "Settings that differ from staging's:")
	var rows [][]string
	for _, s := range settings {
		rows = append(rows, []string{s.Path, settingText(s.B), "staging: " + settingText(s.A)})
	}
	p.table(out, 2, rows, nil)
}

func settingText(value any) string {
	if value == nil {
		return "none"
	}
	return fmt.Sprint(value)
}

// marks are the symbols and words that mark each change in a plan, for people who scan it.
var marks = map[perch.ChangeAction]string{
	perch.ActionCreate: "+ create", perch.ActionChange: "~ change", perch.ActionReplace: "! replace",
	perch.ActionRemove: "- remove",
}

func planResources(out *strings.Builder, p paper, d planDocument) {
	out.WriteString("\n")
	switch {
	case len(d.Changes) == 0 && len(d.Outputs) == 0:
		p.text(out, normal, 0, "Resources: no change.")
		return
	case len(d.Changes) == 0:
		p.text(
			out, normal, 0, "Resources: no change; only these outputs of the stack: "+strings.Join(d.Outputs, ", ")+".",
		)
		return
	}
	p.text(out, bold, 0, "Resources:")
	// Replaced and removed resources come first, because they lose data.
	var rows, below [][]string
	for _, action := range []perch.ChangeAction{
		perch.ActionReplace, perch.ActionRemove, perch.ActionChange, perch.ActionCreate,
	} {
		for _, change := range d.Changes {
			if change.Action == action {
				rows = append(rows, []string{marks[action], change.LogicalID, change.Type})
				below = append(below, propertyLines(change.Properties))
			}
		}
	}
	p.table(out, 2, rows, func(row int) {
		for _, line := range below[row] {
			p.text(out, faint, 6, line)
		}
	})
}

func propertyLines(properties []perch.PropertyChange) []string {
	var lines []string
	for _, property := range properties {
		line := property.Name
		if shown := property.Paths; len(shown) > 0 {
			more := ""
			if len(shown) > shownPaths {
				more = fmt.Sprintf(", and %d more", len(shown)-shownPaths)
				shown = shown[:shownPaths]
			}
			line += ": " + strings.Join(shown, ", ") + more
		}
		if property.Because != "" {
			line += ", because of " + property.Because
		}
		lines = append(lines, line+map[string]string{
			"yes": " (replaces it)", "maybe": " (may replace it)", "unknown": " (not known to Perch)",
		}[property.Replacement])
	}
	return lines
}

func planWarnings(out *strings.Builder, p paper, d planDocument) {
	var lines []string
	for _, change := range d.Changes {
		lines = append(lines, kept([]string{caution(change)})...)
	}
	if len(lines) == 0 {
		return
	}
	out.WriteString("\n")
	for _, line := range lines {
		p.text(out, red, 0, "Warning: "+line)
	}
}

// caution describes the danger of a change; empty for most changes.
func caution(change perch.ResourceChange) string {
	if change.Rejected != "" {
		return change.LogicalID + " will be rejected: " + change.Rejected + "."
	}
	happens := change.LogicalID + " is replaced"
	switch {
	case change.Action == perch.ActionRemove:
		happens = change.LogicalID + " is removed"
	case change.Replacement == "maybe":
		happens = change.LogicalID + " may be replaced, depending on the change"
	case change.Replacement == "unknown":
		return fmt.Sprintf(
			"whether %s is replaced is unknown: Perch has no data of this change to %s.", change.LogicalID, change.Type,
		)
	}
	switch change.Data {
	case "lost":
		return happens + ", and its data is lost with the old one."
	case "snapshot":
		return happens + "; its data stays in a snapshot only."
	case "retained":
		return happens + "; the old one stays in the account, outside of the stack."
	case "left behind":
		return happens +
			"; unless it is empty, the old bucket is left behind, outside of the stack, with what is in it."
	}
	return ""
}

func planEstimates(out *strings.Builder, p paper, d planDocument) {
	out.WriteString("\n")
	if d.Time.Seconds > 0 {
		p.text(out, normal, 0, fmt.Sprintf(
			"Time: about %s until the stack is complete (estimate, by typical durations).", duration(d.Time.Seconds),
		))
		var steps []string
		for _, step := range d.Time.Path {
			steps = append(steps, fmt.Sprintf("%s %s %s", step.Action, step.LogicalID, duration(step.Seconds)))
		}
		p.text(out, faint, 2, strings.Join(steps, ", then "))
		if len(d.Time.Assumed) > 0 {
			p.text(out, faint, 2, "no typical duration, so 5 s each: "+strings.Join(d.Time.Assumed, ", "))
		}
	}
	about := "about"
	if len(d.Cost.Missing) > 0 {
		about = "more than"
	}
	p.text(out, normal, 0, fmt.Sprintf(
		"Cost: %s %.2f USD a day (estimate, by list prices for %s, looked up on %s).", about, d.Cost.USDPerDay,
		d.Cost.Region, d.Cost.Date,
	))
	var rows [][]string
	for _, item := range d.Cost.Items {
		rows = append(rows, []string{fmt.Sprintf("%.2f", item.USDPerDay), item.What, item.LogicalID})
	}
	p.table(out, 2, rows, nil)
	for _, missing := range d.Cost.Missing {
		p.text(out, red, 2, missing+": not in the sum")
	}
	if len(d.Cost.LeftOut) > 0 {
		p.text(out, faint, 2, "not in the sum, by use: "+strings.Join(d.Cost.LeftOut, ", "))
	}
}
