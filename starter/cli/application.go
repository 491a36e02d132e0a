package cli

import (
	"context"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"perch"
	"perch/client"
)

func (a *app) applicationCommand() *cobra.Command {
	var (
		kind    string
		timeout time.Duration
	)
	up := &cobra.Command{
		Use:   "up",
		Short: "Make or update the application stack",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.application(cmd.Context(), perch.Kind(kind), true, timeout)
		},
	}
	up.Flags().DurationVar(&timeout, "timeout", time.Hour, "give up the wait after this long; the run goes on")
	status := &cobra.Command{
		Use:   "status",
		Short: "Show the application stack and its outputs",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.application(cmd.Context(), perch.Kind(kind), false, client.ReadTimeout)
		},
	}
	command := group("application", "Make or show what a project's environments share", up, status)
	command.PersistentFlags().StringVar(
		&kind, "kind", string(perch.KindStaging), "staging (branch environments live there too) or production",
	)
	return command
}

func (a *app) application(ctx context.Context, kind perch.Kind, apply bool, timeout time.Duration) error {
	if kind != perch.KindStaging && kind != perch.KindProduction {
		return usageError("--kind %q has no application; use staging or production", kind)
	}
	if timeout <= 0 {
		return usageError("--timeout %s is not a wait; give a duration such as 20m", timeout)
	}
	project, err := a.anyProject(a.place())
	if err != nil {
		return err
	}
	c, err := a.connect(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	view := c.remarks
	if apply {
		view = a.newView("application up " + perch.ApplicationStackName(project, kind))
	}
	in := perch.ApplicationInput{Project: project, Kind: kind, Apply: apply}
	result, err := c.Application(ctx, in, timeout, view)
	if err != nil {
		return ended(err)
	}
	if a.json() {
		return a.printJSON(result)
	}
	a.tellApplication(result, kind, apply)
	return nil
}

func (a *app) tellApplication(result perch.ApplicationResult, kind perch.Kind, apply bool) {
	switch {
	case result.Status == "":
		a.say("There is no stack %s; `perch application up --kind %s` makes it.", result.Stack, kind)
		return
	case result.Changed:
		a.say("%s is %s", result.Stack, result.Status)
	case apply:
		a.say("%s is %s; there was nothing to change", result.Stack, result.Status)
	default:
		a.say("%s is %s", result.Stack, result.Status)
	}
	_, _ = io.WriteString(a.stdout, outputsText(result.Outputs, a.paper()))
}

func outputsText(outputs map[string]string, p paper) string {
	var facts [][2]string
	for _, name := range slices.Sorted(maps.Keys(outputs)) {
		facts = append(facts, [2]string{name, shown(outputs[name])})
	}
	var out strings.Builder
	p.facts(&out, facts)
	return out.String()
}
