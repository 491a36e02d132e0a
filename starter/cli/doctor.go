package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/workflowservice/v1"

	"perch"
)

// check is one thing that must be there for `up` to work.
type check struct {
	Name string `json:"name"`
	OK   bool   `json:"ok"`
	// Detail says what was found, and what to do where something is missing.
	Detail string `json:"detail"`
}

// doctorDocument is what `doctor -o json` prints.
type doctorDocument struct {
	OK     bool    `json:"ok"`
	Checks []check `json:"checks"`
}

func (a *app) doctorCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "Look whether everything is there that `up` needs",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return a.doctor(cmd.Context()) },
	}
}

func (a *app) doctor(ctx context.Context) error {
	document := doctorDocument{OK: true, Checks: a.examine(ctx)}
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

func (a *app) tellChecks(checks []check) {
	for _, c := range checks {
		mark := "✓"
		if !c.OK {
			mark = "✗"
		}
		a.say("%s %s: %s", mark, c.Name, c.Detail)
	}
}

// examine stops at the first thing without which the rest cannot be looked at.
func (a *app) examine(ctx context.Context) []check {
	project, err := a.anyProject(a.place())
	checks := []check{judged("project", err, project)}
	c, err := a.connect(ctx)
	if err != nil {
		return append(checks, judged("temporal", err, ""))
	}
	defer c.close()
	checks = append(checks, judged("temporal", nil, "answers at "+c.address))
	namespace := c.checkNamespace(ctx)
	checks = append(checks, namespace)
	if !namespace.OK {
		return checks
	}
	checks = append(checks, c.checkAttributes(ctx))
	if project == "" {
		return checks
	}
	return append(checks, c.examineWorker(ctx, project)...)
}

func (c *connection) examineWorker(ctx context.Context, project string) []check {
	checks := []check{
		c.checkQueue(ctx, "worker", perch.TaskQueue(project), enumspb.TASK_QUEUE_TYPE_WORKFLOW),
		c.checkQueue(ctx, "waits", perch.WaitQueue(project), enumspb.TASK_QUEUE_TYPE_ACTIVITY),
	}
	if !checks[0].OK {
		return checks
	}
	list, err := c.list(ctx, project)
	checks = append(checks, judged("answer", err, "the worker answers: "+counted(len(list.Environments), "environment")))
	if err != nil {
		return checks
	}
	return append(checks, c.checkApplication(ctx, project))
}

func judged(name string, err error, detail string) check {
	if err != nil {
		return check{Name: name, Detail: printable(err.Error())}
	}
	return check{Name: name, OK: true, Detail: detail}
}

func (c *connection) checkNamespace(ctx context.Context) check {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	_, err := c.client.WorkflowService().DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: c.namespace})
	if err != nil {
		err = fmt.Errorf("namespace %q: %w", c.namespace, plain(err))
	}
	return judged("namespace", err, c.namespace)
}

func (c *connection) checkAttributes(ctx context.Context) check {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	attributes, err := c.client.OperatorService().ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: c.namespace})
	if err != nil {
		return judged("search attributes", fmt.Errorf("list search attributes: %w", plain(err)), "")
	}
	return judgeAttributes(attributes.GetCustomAttributes())
}

// judgeAttributes holds the namespace's search attributes against those that runs set.
func judgeAttributes(registered map[string]enumspb.IndexedValueType) check {
	var missing []string
	for _, name := range []string{perch.AttributeProject, perch.AttributeBranch, perch.AttributeCommit, perch.AttributePhase} {
		if registered[name] != enumspb.INDEXED_VALUE_TYPE_KEYWORD {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		return check{Name: "search attributes", Detail: fmt.Sprintf("missing, or no keyword: %s; a worker registers them when it starts, else `temporal operator search-attribute create --name NAME --type Keyword`", sentence(missing...))}
	}
	return check{Name: "search attributes", OK: true, Detail: "registered"}
}

func (c *connection) checkQueue(ctx context.Context, name, queue string, kind enumspb.TaskQueueType) check {
	polled, err := c.polled(ctx, queue, kind)
	if err == nil && !polled {
		err = fmt.Errorf("no worker is polling task queue %q; start one", queue)
	}
	return judged(name, err, fmt.Sprintf("a worker polls task queue %q", queue))
}

func (c *connection) checkApplication(ctx context.Context, project string) check {
	result, err := c.application(ctx, project, perch.KindStaging, nil, readTimeout)
	if err == nil && result.Status == "" {
		err = fmt.Errorf("there is no stack %s; `starter application up` makes it", result.Stack)
	}
	return judged("application", err, fmt.Sprintf("%s is %s", result.Stack, result.Status))
}
