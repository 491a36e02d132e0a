package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"perch"
)

func (a *app) upCommand() *cobra.Command {
	var (
		w    waiting
		o    upOptions
		plan bool
	)
	command := &cobra.Command{
		Use:   "up [BRANCH]",
		Short: "Create a branch's environment, or update it to a commit",
		Long: `Create a branch's environment, or update it to a commit, and wait until its URL answers.

Without BRANCH, it takes the CI job's branch, or outside of CI the current branch of the checkout. Without --commit, it takes the CI job's commit, or the head of the branch in the checkout. With --project, BRANCH and --commit no checkout is needed.

An environment that was ready keeps its database and its buckets. With --recreate it is deleted first, with both, and created again.`,
		Example: `  perch up                                  the current branch at its head
  perch up feature/login --commit 3f2a9c1   this branch at this commit
  perch up --plan                           show what would change
  perch up --no-wait                        return when the request is kept
  perch up -o json | jq -r .url             the URL, once it answers`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if plan {
				return a.plan(cmd.Context(), args, o)
			}
			return a.up(cmd.Context(), args, o, w)
		},
	}
	w.register(command)
	o.register(command, "commit to provision, in full or as the checkout can complete it")
	command.Flags().BoolVar(&plan, "plan", false, "show what it would do, like perch plan, and change nothing")
	return command
}

// upOptions has the flags of up and plan.
type upOptions struct {
	commit   string
	recreate bool
}

func (o *upOptions) register(command *cobra.Command, commit string) {
	command.Flags().StringVar(&o.commit, "commit", "", commit)
	command.Flags().BoolVar(
		&o.recreate, "recreate", false,
		"delete the environment first, with its database and everything in its buckets, and create it again",
	)
}

func (a *app) up(ctx context.Context, args []string, o upOptions, w waiting) error {
	r, err := a.askUp(ctx, args, o, w)
	if err != nil {
		r.result.Outcome, r.failure = perch.OutcomeFailed, err.Error()
	}
	if a.json() {
		if printed := a.printJSON(newUpDocument(r)); printed != nil {
			return printed
		}
	}
	if err != nil {
		return err
	}
	if !stopped(ctx) {
		if r.result.Outcome == perch.OutcomeFailed {
			r.log = a.failureLog(ctx, r.target.environment)
		}
		a.tellUp(r)
	}
	return silently(r.code())
}

func (a *app) askUp(ctx context.Context, args []string, o upOptions, w waiting) (requestReport, error) {
	none := requestReport{goal: perch.GoalUp}
	if err := w.check(); err != nil {
		return none, err
	}
	t, err := a.upTarget(ctx, args, o)
	if err != nil {
		return none, err
	}
	none.target = t
	if skipped, ok := t.skipped(); ok {
		none.result = perch.Result{Outcome: perch.OutcomeSkipped, Reason: skipped}
		return none, nil
	}
	if t.commit == "" {
		return none, a.noCommit(t)
	}
	return a.ask(ctx, perch.GoalUp, t, w)
}

func newUpDocument(r requestReport) upDocument {
	document := upDocument{
		Outcome: r.result.Outcome,
		Branch:  r.target.environment.Branch, Slug: r.target.environment.Slug, Stack: stackOf(r.target.environment),
		Commit: r.target.commit, URL: r.result.URL, Created: r.result.Created, Seeded: r.result.Seeded,
		Error: r.problem(), Run: r.run, Seconds: r.result.Seconds, Seeds: []seedDocument{},
		Leftovers: append([]perch.Leftover{}, r.result.Earlier...), Warnings: full(r.result.Warnings),
	}
	for _, did := range r.result.Seeds {
		document.Seeds = append(document.Seeds, seedDocument(did))
	}
	if r.result.Outcome == perch.OutcomeSuperseded {
		document.SupersededBy = r.result.SupersededBy
	}
	return document
}

// stackOf returns the name of the environment's stack; empty if the environment is unknown.
func stackOf(e perch.Environment) string {
	if e.Slug == "" {
		return ""
	}
	return e.StackName()
}

// tellUp prints how an `up` ended, for people. It prints an environment to stdout and everything
// else to stderr.
func (a *app) tellUp(r requestReport) {
	branch := r.target.environment.Branch
	switch r.result.Outcome {
	case perch.OutcomeReady:
		if !a.json() {
			for _, did := range r.result.Seeds {
				a.note("%s", seedSentence(did))
			}
			a.say("%s", readySentence(r))
		}
		a.noteWarnings(r.result.Warnings)
		a.noteLeftovers(r.result.Earlier)
	case perch.OutcomeAccepted:
		a.note("The request for %s at %s is kept. %s", branch, perch.ShortCommit(r.target.commit), r.where())
	case perch.OutcomeSkipped:
		a.noteSkipped(r.result.Reason)
	case perch.OutcomeSuperseded:
		a.note(
			"%s at %s is superseded by %s%s.", branch, perch.ShortCommit(r.target.commit),
			perch.ShortCommit(r.result.SupersededBy), because(strings.TrimSuffix(r.result.Reason, ".")),
		)
	default:
		a.explain(&r, "up")
	}
}

func (a *app) noteSkipped(reason string) { a.note("Skipped: %s.", strings.TrimSuffix(reason, ".")) }

func readySentence(r requestReport) string {
	var made, seeded, took string
	if r.result.Created {
		made = "created"
	}
	if r.result.Seeded {
		seeded = "seeded"
	}
	if total := r.result.Seconds.Total; total > 0 {
		took = "in " + duration(total)
	}
	return fmt.Sprintf(
		"%s is ready at %s (%s)", r.target.environment.Branch, r.result.URL,
		sentence("commit "+perch.ShortCommit(r.target.commit), made, seeded, took),
	)
}

// seedSentence says what a seed step did, followed by its command's output.
func seedSentence(did perch.SeedDone) string {
	said := fmt.Sprintf("Seeded: %s (%s)", did.Step, did.Record().Result)
	for line := range strings.Lines(did.Output) {
		said += "\n  " + strings.TrimRight(line, "\n")
	}
	return said
}
