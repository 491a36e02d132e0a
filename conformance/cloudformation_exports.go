package conformance

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

var exportAssumptions = []Assumption{
	{
		Name: "cloudformation/deletion-canceled",
		Sentence: "CloudFormation accepts DeleteStack of a stack whose export another stack imports. The stack then " +
			"returns to its earlier status, with the reason `Delete canceled. Cannot delete export`.",
		Source: recorded, ReliedOn: "activities/stack/await.go", Minutes: 4, check: checkDeletionCanceled,
	},
	{
		Name: "cloudformation/update-canceled",
		Sentence: "CloudFormation accepts an update that changes an imported export, and then rolls it back with the " +
			"reason `Update canceled. Cannot update export`.",
		Source: recorded, ReliedOn: "lifecycle/next.go", Minutes: 4, check: checkUpdateCanceled,
	},
	{
		Name: "cloudformation/list-imports",
		Sentence: "ListImports names the stacks that import an export. If no stack imports it, ListImports fails " +
			"with ValidationError: `is not imported by any stack`.",
		Source:   stackAPI + "API_ListImports.html",
		ReliedOn: "activities/change/checks.go", Minutes: 4, check: checkListImports,
	},
}

// exportTemplate returns a template that exports value. The name of the export is the stack's name.
func (w *World) exportTemplate(value string) string {
	return parameterTemplate("1") + "\n" + `Outputs: {Shared: {Value: "` + value + `", Export: {Name: ` +
		w.stackName("") + `}}}`
}

// shareExport creates a stack with an export and a stack that imports it. It returns the id of the
// exporting stack.
func (w *World) shareExport(ctx context.Context) (exporter string, err error) {
	if exporter, err = w.createStack(ctx, "", w.exportTemplate("1")); err != nil {
		return "", err
	}
	importer := template(namedParameter(`!Ref "AWS::StackName"`, `{"Fn::ImportValue": `+w.stackName("")+`}`))
	_, err = w.createStack(ctx, "-importer", importer)
	return exporter, err
}

// waitForReason waits for an event of the stack whose reason contains words.
func (w *World) waitForReason(ctx context.Context, id, words string) error {
	err := w.waitUntil(ctx, "an event has the reason "+words, func() (bool, error) {
		events, err := w.stackEvents(ctx, id)
		for _, e := range events {
			if strings.Contains(aws.ToString(e.ResourceStatusReason), words) {
				return true, nil
			}
			if e.ResourceStatus == types.ResourceStatusDeleteComplete {
				return false, differencef("%s was deleted, want no deletion", aws.ToString(e.LogicalResourceId))
			}
		}
		return false, err
	})
	return err
}

func checkDeletionCanceled(ctx context.Context, w *World) error {
	id, err := w.shareExport(ctx)
	if err != nil {
		return err
	}
	_, err = w.stacks.DeleteStack(ctx, &cloudformation.DeleteStackInput{StackName: &id})
	if err := wantAccepted("DeleteStack", err); err != nil {
		return err
	}
	words := "Delete canceled. Cannot delete export " + w.stackName("") + " as it is in use by"
	if err := w.waitForReason(ctx, id, words); err != nil {
		return err
	}
	return w.wantStatus(ctx, id, types.StackStatusCreateComplete)
}

func checkUpdateCanceled(ctx context.Context, w *World) error {
	id, err := w.shareExport(ctx)
	if err != nil {
		return err
	}
	if err := w.updateStack(ctx, id, w.exportTemplate("2"), types.StackStatusUpdateRollbackComplete); err != nil {
		return err
	}
	return w.waitForReason(ctx, id, "Update canceled. Cannot update export "+w.stackName("")+" as it is in use by")
}

func checkListImports(ctx context.Context, w *World) error {
	in := &cloudformation.ListImportsInput{ExportName: aws.String(w.stackName(""))}
	exporter, err := w.createStack(
		ctx, "-alone", strings.ReplaceAll(w.exportTemplate("1"), w.stackName(""), w.stackName("-alone")),
	)
	if err != nil {
		return err
	}
	_, err = w.stacks.ListImports(ctx, &cloudformation.ListImportsInput{ExportName: aws.String(w.stackName("-alone"))})
	if err := wantRejected("ListImports of "+exporter, err, "ValidationError",
		"is not imported by any stack"); err != nil {
		return err
	}
	if _, err := w.shareExport(ctx); err != nil {
		return err
	}
	out, err := w.stacks.ListImports(ctx, in)
	if err := wantAccepted("ListImports", err); err != nil {
		return err
	}
	if len(out.Imports) != 1 || out.Imports[0] != w.stackName("-importer") {
		return differencef("the importing stacks are %v, want %s", out.Imports, w.stackName("-importer"))
	}
	return nil
}
