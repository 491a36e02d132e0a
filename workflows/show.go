package workflows

import (
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"perch"
)

// Search attributes by which people find a run in the Temporal UI: project, branch and phase.
var (
	attributeProject = temporal.NewSearchAttributeKeyKeyword(perch.AttributeProject)
	attributeBranch  = temporal.NewSearchAttributeKeyKeyword(perch.AttributeBranch)
	attributeCommit  = temporal.NewSearchAttributeKeyKeyword(perch.AttributeCommit)
	attributePhase   = temporal.NewSearchAttributeKeyKeyword(perch.AttributePhase)
)

// show publishes the run's phase in reports and in the Temporal UI.
func (r *run) show(phase perch.Phase) error {
	r.report(phase)
	return r.display(phase)
}

// display writes the run's phase into the search attributes and into the details on the run's page.
func (r *run) display(phase perch.Phase) error {
	workflow.SetCurrentDetails(r.ctx, r.details(phase))
	updates := []temporal.SearchAttributeUpdate{attributePhase.ValueSet(string(phase))}
	if phase == perch.PhaseAdmitting {
		updates = append(
			updates, attributeProject.ValueSet(r.environment.Project), attributeBranch.ValueSet(r.environment.Branch),
			attributeCommit.ValueSet(r.chain.Target.Commit),
		)
	}
	return workflow.UpsertTypedSearchAttributes(r.ctx, updates...)
}

func (r *run) details(phase perch.Phase) string {
	var b strings.Builder
	b.WriteString("| | |\n|---|---|\n")
	row := func(name, value string) {
		if value != "" {
			b.WriteString(fmt.Sprintf("| %s | %s |\n", name, strings.ReplaceAll(value, "|", "\\|")))
		}
	}
	row("wanted", string(r.chain.Target.Goal))
	row("branch", r.environment.Branch)
	row("commit", r.chain.Target.Commit)
	row("phase", string(phase))
	row("stack", r.environment.StackName()+" "+r.state.Status)
	row("url", r.state.URL)
	row("asked by", r.chain.Target.By)
	row("because", r.chain.Target.Reason)
	if r.chain.Target.Judged != nil {
		row("grace until", r.chain.Target.Judged.Until.UTC().Format(time.RFC3339)+
			"; a push until then keeps the environment")
	}
	row("outcome", strings.TrimSpace(string(r.result.Outcome)+" "+r.result.Reason))
	if ended := r.chain.Ended; ended != nil {
		name := "rejected before"
		if ended.Rejection == nil {
			name = "failed before"
		}
		row(name, string(ended.Request.Goal)+", asked by "+ended.Request.By+": "+ended.Why())
	}
	if r.chain.Newer != nil {
		row("next", string(r.chain.Newer.Goal)+" "+perch.ShortCommit(r.chain.Newer.Commit))
	}
	return b.String()
}
