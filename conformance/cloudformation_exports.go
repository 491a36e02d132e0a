package conformance

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

var exportBeliefs = []Belief{
	{
		Name: "cloudformation/deletion-canceled",
		Sentence: "DeleteStack of a stack whose export is imported is accepted; then the stack returns to its " +
			"earlier status, with the reason `Delete canceled. Cannot delete export`.",
		Source: recorded, ReliedOn: "activities/stack/await.go", Minutes: 4, check: checkDeletionCanceled,
	},
	{
		Name: "cloudformation/update-canceled",
		Sentence: "An update that changes an imported export is accepted and then rolled back, with the reason " +
			"`Update canceled. Cannot update export`.",
		Source: recorded, ReliedOn: "lifecycle/next.go", Minutes: 4, check: checkUpdateCanceled,
	},
	{
		Name: "cloudformation/list-imports",
		Sentence: "ListImports names the stacks that import an export, and is a ValidationError `is not " +
			"imported by any stack` if there is none.",
		Source:   stackAPI + "API_ListImports.html",
		ReliedOn: "activities/change/checks.go", Minutes: 4, check: checkListImports,
	},
}

func (w *World) exporting(value string) string {
	return parameter("1") + "\n" + `Outputs: {Shared: {Value: "` + value + `", Export: {Name: ` + w.stackName("") +
		`}}}`
}

// shared creates a stack with an export and another stack that imports it, and returns the first.
func (w *World) shared(ctx context.Context) (exporter string, err error) {
	if exporter, err = w.create(ctx, "", w.exporting("1")); err != nil {
		return "", err
	}
	importer := template(named(`!Ref "AWS::StackName"`, `{"Fn::ImportValue": `+w.stackName("")+`}`))
	_, err = w.create(ctx, "-importer", importer)
	return exporter, err
}

// eventSays waits for an event of the stack whose reason contains words.
func (w *World) eventSays(ctx context.Context, id, words string) error {
	err := w.until(ctx, "an event says "+words, func() (bool, error) {
		events, err := w.events(ctx, id)
		for _, e := range events {
			if strings.Contains(aws.ToString(e.ResourceStatusReason), words) {
				return true, nil
			}
			if e.ResourceStatus == types.ResourceStatusDeleteComplete {
				return false, differs("%s is deleted", aws.ToString(e.LogicalResourceId))
			}
		}
		return false, err
	})
	return err
}

func checkDeletionCanceled(ctx context.Context, w *World) error {
	id, err := w.shared(ctx)
	if err != nil {
		return err
	}
	_, err = w.stacks.DeleteStack(ctx, &cloudformation.DeleteStackInput{StackName: &id})
	if err := wantAccepted("DeleteStack", err); err != nil {
		return err
	}
	words := "Delete canceled. Cannot delete export " + w.stackName("") + " as it is in use by"
	if err := w.eventSays(ctx, id, words); err != nil {
		return err
	}
	return w.reach(ctx, id, types.StackStatusCreateComplete)
}

func checkUpdateCanceled(ctx context.Context, w *World) error {
	id, err := w.shared(ctx)
	if err != nil {
		return err
	}
	if err := w.update(ctx, id, w.exporting("2"), types.StackStatusUpdateRollbackComplete); err != nil {
		return err
	}
	return w.eventSays(ctx, id, "Update canceled. Cannot update export "+w.stackName("")+" as it is in use by")
}

func checkListImports(ctx context.Context, w *World) error {
	in := &cloudformation.ListImportsInput{ExportName: aws.String(w.stackName(""))}
	exporter, err := w.create(
		ctx, "-alone", strings.ReplaceAll(w.exporting("1"), w.stackName(""), w.stackName("-alone")),
	)
	if err != nil {
		return err
	}
	_, err = w.stacks.ListImports(ctx, &cloudformation.ListImportsInput{ExportName: aws.String(w.stackName("-alone"))})
	if err := wantRejected("ListImports of "+exporter, err, "ValidationError",
		"is not imported by any stack"); err != nil {
		return err
	}
	if _, err := w.shared(ctx); err != nil {
		return err
	}
	out, err := w.stacks.ListImports(ctx, in)
	if err := wantAccepted("ListImports", err); err != nil {
		return err
	}
	if len(out.Imports) != 1 || out.Imports[0] != w.stackName("-importer") {
		return differs("the importing stacks are %v, want %s", out.Imports, w.stackName("-importer"))
	}
	return nil
}
