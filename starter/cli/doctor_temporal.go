package cli

import (
	"context"
	"fmt"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/workflowservice/v1"

	"perch"
	"perch/dial"
)

func (c *connection) checkNamespace(ctx context.Context) perch.Check {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	_, err := c.Temporal().WorkflowService().DescribeNamespace(
		ctx, &workflowservice.DescribeNamespaceRequest{Namespace: c.Namespace()},
	)
	if err != nil {
		return judged(checkNamespace, dial.Plain(err), "")
	}
	return judged(checkNamespace, nil, c.Namespace())
}

func (c *connection) checkAttributes(ctx context.Context) perch.Check {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	attributes, err := c.Temporal().OperatorService().ListSearchAttributes(
		ctx, &operatorservice.ListSearchAttributesRequest{Namespace: c.Namespace()},
	)
	if err != nil {
		return judged(checkAttributes, fmt.Errorf("list search attributes: %w", dial.Plain(err)), "")
	}
	return judgeAttributes(attributes.GetCustomAttributes())
}

// judgeAttributes compares the namespace's search attributes with those that runs need.
func judgeAttributes(registered map[string]enumspb.IndexedValueType) perch.Check {
	var missing []string
	for _, name := range perch.SearchAttributes() {
		if registered[name] != enumspb.INDEXED_VALUE_TYPE_KEYWORD {
			missing = append(missing, name)
		}
	}
	var err error
	if len(missing) > 0 {
		err = fmt.Errorf("missing, or no keyword: %s; a worker registers them when it starts, else `temporal "+
			"operator search-attribute create --name NAME --type Keyword`", sentence(missing...))
	}
	return judged(checkAttributes, err, "registered")
}

func (c *connection) checkQueue(ctx context.Context, name, queue string, kind enumspb.TaskQueueType) perch.Check {
	polled, err := c.Polled(ctx, queue, kind)
	if err == nil && !polled {
		err = fmt.Errorf("no worker is polling task queue %q; start one, or read in its log why it stopped", queue)
	}
	return judged(name, err, fmt.Sprintf("a worker polls task queue %q", queue))
}

// checkPolicies compares the policies of the workers that poll the project's task queues.
func (c *connection) checkPolicies(ctx context.Context, project string) perch.Check {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	workers, err := dial.Pollers(ctx, c.Temporal(), perch.TaskQueue(project), enumspb.TASK_QUEUE_TYPE_WORKFLOW)
	if err != nil {
		return judged(checkPolicies, err, "")
	}
	waiting, err := dial.Pollers(ctx, c.Temporal(), perch.WaitQueue(project), enumspb.TASK_QUEUE_TYPE_ACTIVITY)
	if err != nil {
		return judged(checkPolicies, err, "")
	}
	return judgePolicies(append(workers, waiting...))
}

// judgePolicies returns the check for the workers with these identities.
func judgePolicies(workers []string) perch.Check {
	policies := perch.Policies(workers)
	if len(policies) > 1 {
		return judged(checkPolicies, fmt.Errorf("the workers have different policies, and any of them may decide; "+
			"start all with the same policy file (%s)", perch.PolicySentence(policies)), "")
	}
	if len(policies[""]) > 0 {
		return unchecked("the worker is older than this check; update it", checkPolicies)[0]
	}
	return judged(checkPolicies, nil, "all workers have the same policy")
}

// checkSchedule checks whether cleanup runs on its schedule.
func (c *connection) checkSchedule(ctx context.Context, project string) perch.Check {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	schedules := c.Temporal().ScheduleClient()
	s := schedule{project: project, client: schedules, handle: schedules.GetHandle(ctx, scheduleID(project))}
	description, err := s.handle.Describe(ctx)
	if err != nil {
		return judged(checkSchedule, s.failure(err), "")
	}
	document := newScheduleDocument(scheduleID(project), description)
	if document.Paused {
		err = fmt.Errorf("scheduled cleanup is paused (%s); `perch schedule resume` lets it go on", document.Note)
	}
	every := "at intervals that were changed by hand"
	if document.Every != "" {
		every = "every " + document.Every
	}
	return judged(checkSchedule, err, fmt.Sprintf("cleanup runs %s, next at %s", every, document.Next))
}
