package run

import (
	"testing"

	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	sdktemporal "go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"perch"
	"perch/sandbox/temporal"
)

// The tests of package temporal are here, because its server takes long to link.

func answerYes(workflow.Context) (string, error) { return "yes", nil }

func TestTemporalsStateSurvivesARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ran := onTemporal(t, dir, func(c client.Client) client.WorkflowRun {
		w := worker.New(c, "queue", worker.Options{})
		w.RegisterWorkflow(answerYes)
		if err := w.Start(); err != nil {
			t.Fatal(err)
		}
		defer w.Stop()
		options := client.StartWorkflowOptions{ID: "one", TaskQueue: "queue"}
		ran, err := c.ExecuteWorkflow(t.Context(), options, answerYes)
		if err != nil {
			t.Fatal(err)
		}
		if err := ran.Get(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		return ran
	})
	onTemporal(t, dir, func(c client.Client) client.WorkflowRun {
		var got string
		if err := c.GetWorkflow(t.Context(), ran.GetID(), ran.GetRunID()).Get(
			t.Context(), &got,
		); err != nil || got != "yes" {
			t.Errorf("after the restart the run's result is %q, %v", got, err)
		}
		return nil
	})
}

func TestRunsAreFoundByPerchsSearchAttributesFromTheBeginning(t *testing.T) {
	t.Parallel()
	onTemporal(t, "", func(c client.Client) client.WorkflowRun {
		for _, name := range perch.SearchAttributes() {
			attribute := sdktemporal.NewSearchAttributeKeyKeyword(name)
			started, err := c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{
				ID: name, TaskQueue: "queue",
				TypedSearchAttributes: sdktemporal.NewSearchAttributes(attribute.ValueSet("one")),
			}, answerYes)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if err := c.TerminateWorkflow(t.Context(), started.GetID(), started.GetRunID(), ""); err != nil {
				t.Error(err)
			}
		}
		return nil
	})
}

func onTemporal(t *testing.T, dir string, act func(client.Client) client.WorkflowRun) client.WorkflowRun {
	t.Helper()
	server, err := temporal.Start(temporal.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	}()
	c, err := client.Dial(client.Options{HostPort: server.Address()})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.WorkflowService().GetSystemInfo(t.Context(), &workflowservice.GetSystemInfoRequest{}); err != nil {
		t.Fatal(err)
	}
	return act(c)
}
