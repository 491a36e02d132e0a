package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"
	enumspb "go.temporal.io/api/enums/v1"

	"perch"
	"perch/client"
)

// Names of the checks that the starter makes.
const (
	checkProject    = "project"
	checkTemporal   = "temporal"
	checkNamespace  = "namespace"
	checkAttributes = "search attributes"
	checkWorker     = "worker"
	checkWaits      = "waits"
	checkPolicies   = "policies"
	checkAnswer     = "answer"
	checkSchedule   = "schedule"
)

// doctorDocument is the output of `doctor -o json`.
type doctorDocument struct {
	OK     bool          `json:"ok"`
	Checks []perch.Check `json:"checks"`
}

func (a *app) doctorCommand() *cobra.Command {
	var timeout time.Duration
	command := &cobra.Command{
		Use:   "doctor",
		Short: "Check whether everything exists that `up` and cleanup need",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return a.doctor(cmd.Context(), timeout) },
	}
	command.Flags().DurationVar(
		&timeout, "timeout", client.ReadTimeout, "how long the worker may take to look at what only it can see",
	)
	return command
}

func (a *app) doctor(ctx context.Context, timeout time.Duration) error {
	if timeout <= 0 {
		return usageError("--timeout %s is not a wait; give a duration such as 30s", timeout)
	}
	document := doctorDocument{OK: true, Checks: a.examine(ctx, timeout)}
	for _, c := range document.Checks {
		document.OK = document.OK && c.OK
	}
	if a.json() {
		if err := a.printJSON(document); err != nil {
			return err
		}
	} else {
		a.tellChecks(document.Checks)
	}
	if !document.OK {
		return silently(exitFailed)
	}
	return nil
}

// examine makes all checks. It skips a check that depends on a failed one, and says so in the
// result.
func (a *app) examine(ctx context.Context, timeout time.Duration) []perch.Check {
	project, err := a.anyProject(a.place())
	checks := []perch.Check{judged(checkProject, err, project)}
	c, err := a.connect(ctx)
	if err != nil {
		checks = append(checks, judged(checkTemporal, err, ""))
		return append(
			checks,
			unchecked("no Temporal answers", append([]string{checkNamespace, checkAttributes}, ofProject()...)...)...,
		)
	}
	defer c.Close()
	namespace := c.checkNamespace(ctx)
	checks = append(checks, judged(checkTemporal, nil, "answers at "+c.Address()), namespace)
	if !namespace.OK {
		return append(
			checks,
			unchecked("Temporal does not show the namespace", append([]string{checkAttributes}, ofProject()...)...)...,
		)
	}
	checks = append(checks, c.checkAttributes(ctx))
	if project == "" {
		return append(checks, unchecked("the project is not known", ofProject()...)...)
	}
	return append(append(checks, c.examineWorker(ctx, project, timeout)...), c.checkSchedule(ctx, project))
}

// ofProject returns the names of the checks that need a project.
func ofProject() []string {
	return append(
		append([]string{checkWorker, checkWaits, checkPolicies, checkAnswer}, perch.WorkerChecks()...), checkSchedule,
	)
}

func (c *connection) examineWorker(ctx context.Context, project string, timeout time.Duration) []perch.Check {
	checks := []perch.Check{
		c.checkQueue(ctx, checkWorker, perch.TaskQueue(project), enumspb.TASK_QUEUE_TYPE_WORKFLOW),
		c.checkQueue(ctx, checkWaits, perch.WaitQueue(project), enumspb.TASK_QUEUE_TYPE_ACTIVITY),
	}
	if !checks[0].OK {
		return append(checks, unchecked(
			"no worker is known to be there", append([]string{checkPolicies, checkAnswer}, perch.WorkerChecks()...)...,
		)...)
	}
	checks = append(checks, c.checkPolicies(ctx, project))
	seen, err := c.Examine(ctx, project, timeout, c.remarks)
	checks = append(checks, judged(checkAnswer, err, "the worker answers"))
	if err != nil {
		return append(checks, unchecked("the worker does not answer", perch.WorkerChecks()...)...)
	}
	for _, check := range seen.Checks {
		check.Detail = perch.Printable(check.Detail)
		checks = append(checks, check)
	}
	return checks
}

func judged(name string, err error, detail string) perch.Check {
	if err != nil {
		return perch.Check{Name: name, Checked: true, Detail: perch.Printable(err.Error())}
	}
	return perch.Check{Name: name, OK: true, Checked: true, Detail: perch.Printable(detail)}
}

func unchecked(because string, names ...string) []perch.Check {
	checks := make([]perch.Check, len(names))
	for i, name := range names {
		checks[i] = perch.Check{Name: name, Detail: "not checked, because " + because}
	}
	return checks
}
