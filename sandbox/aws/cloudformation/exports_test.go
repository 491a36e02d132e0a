package cloudformation_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/google/go-cmp/cmp"
)

const (
	exporting = `
Resources:
  Queue: {Type: AWS::SQS::Queue, Properties: {DelaySeconds: 0}}
  Bucket: {Type: AWS::S3::Bucket, Properties: {BucketName: old}}
Outputs:
  Queue: {Value: !GetAtt Queue.Arn, Export: {Name: !Sub "${AWS::StackName}-queue"}}
  Bucket: {Value: !Ref Bucket, Export: {Name: shop-bucket}}
`
	importing = `
Parameters: {From: {Type: String, Default: shop-net}}
Resources: {Topic: {Type: AWS::SNS::Topic, Properties: {DisplayName: !ImportValue {"Fn::Sub": "${From}-queue"}}}}
`
)

// exported returns a world with a stack whose export another stack imports.
func exported(t *testing.T) (w *world, exporter, importer string) {
	t.Helper()
	w = newWorld(t)
	exporter = w.create("shop-net", exporting)
	w.reach(exporter, "CREATE_COMPLETE")
	importer = w.create("shop-a", importing)
	w.reach(importer, "CREATE_COMPLETE")
	return w, exporter, importer
}

func TestS133AnExportInUseCallsTheDeletionOff(t *testing.T) {
	w, id, importer := exported(t)
	before := len(w.events(id))
	in := &api.DeleteStackInput{StackName: &id, ClientRequestToken: aws.String("delete-1")}
	if _, err := w.client.DeleteStack(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	w.until("the deletion ends", func() bool { return len(w.events(id)) == before+2 })
	const sentence = "Delete canceled. Cannot delete export shop-net-queue as it is in use by shop-a."
	want := []string{"shop-net DELETE_IN_PROGRESS User Initiated", "shop-net CREATE_COMPLETE " + sentence}
	if diff := cmp.Diff(want, w.events(id)[before:]); diff != "" {
		t.Error(diff)
	}
	stack := w.describe(id)
	if stack.StackStatus != "CREATE_COMPLETE" || aws.ToString(stack.StackStatusReason) != sentence ||
		stack.DeletionTime != nil {
		t.Errorf(
			"the stack is %s (%s), deleted %v", stack.StackStatus, aws.ToString(stack.StackStatusReason),
			stack.DeletionTime,
		)
	}
	out, err := w.client.DescribeStackEvents(t.Context(), &api.DescribeStackEventsInput{StackName: &id})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range out.StackEvents[:2] {
		if aws.ToString(e.ClientRequestToken) != "delete-1" {
			t.Errorf("%s has the token %q", e.ResourceStatus, aws.ToString(e.ClientRequestToken))
		}
	}
	_ = w.delete(importer)
	w.reach(importer, "DELETE_COMPLETE")
	if err := w.delete(id); err != nil {
		t.Fatal(err)
	}
	w.reach(id, "DELETE_COMPLETE")
}

func TestS133AnUpdateCannotChangeAnExportInUse(t *testing.T) {
	const sentence = "Update canceled. Cannot update export shop-net-queue as it is in use by shop-a."
	rolledBack := []string{
		"shop-net UPDATE_ROLLBACK_IN_PROGRESS " + sentence,
		"shop-net UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", "shop-net UPDATE_ROLLBACK_COMPLETE",
	}
	for name, change := range map[string]*strings.Replacer{
		"removed":       strings.NewReplacer(`, Export: {Name: !Sub "${AWS::StackName}-queue"}`, ""),
		"renamed":       strings.NewReplacer("-queue", "-q"),
		"another value": strings.NewReplacer("!GetAtt Queue.Arn", "other"),
	} {
		t.Run(name, func(t *testing.T) {
			w, id, _ := exported(t)
			before := len(w.events(id))
			if err := w.update(id, change.Replace(exporting)); err != nil {
				t.Fatal(err)
			}
			w.reach(id, "UPDATE_ROLLBACK_COMPLETE")
			want := append([]string{"shop-net UPDATE_IN_PROGRESS User Initiated"}, rolledBack...)
			if diff := cmp.Diff(want, w.events(id)[before:]); diff != "" {
				t.Error(diff)
			}
		})
	}
	t.Run("a value that only the end of the update shows", func(t *testing.T) {
		w, id, _ := exported(t)
		more := strings.NewReplacer(
			"Resources:\n", "Resources:\n  Other: {Type: AWS::SQS::Queue}\n", "Queue.Arn", "Other.Arn",
		)
		if err := w.update(id, more.Replace(exporting)); err != nil {
			t.Fatal(err)
		}
		w.reach(id, "UPDATE_ROLLBACK_COMPLETE")
		if events := w.events(id); !strings.Contains(
			strings.Join(events, "\n"), "Other CREATE_COMPLETE\n"+rolledBack[0],
		) {
			t.Errorf("events:\n%s", strings.Join(events, "\n"))
		}
	})
	t.Run("an export that nothing imports", func(t *testing.T) {
		w, id, _ := exported(t)
		if err := w.update(id, strings.Replace(exporting, "shop-bucket", "shop-b", 1)); err != nil {
			t.Fatal(err)
		}
		w.reach(id, "UPDATE_COMPLETE")
	})
}

func TestListImports(t *testing.T) {
	w := newWorld(t, pagesOf(1))
	w.create("shop-net", exporting)
	w.reach("shop-net", "CREATE_COMPLETE")
	for _, name := range []string{"shop-b", "shop-a"} {
		w.create(name, importing)
		w.reach(name, "CREATE_COMPLETE")
	}
	var names []string
	pages := api.NewListImportsPaginator(w.client, &api.ListImportsInput{ExportName: aws.String("shop-net-queue")})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, page.Imports...)
	}
	if diff := cmp.Diff([]string{"shop-a", "shop-b"}, names); diff != "" {
		t.Error(diff)
	}
	_, err := w.client.ListImports(t.Context(), &api.ListImportsInput{ExportName: aws.String("shop-bucket")})
	wantError(t, err, "ValidationError", "Export 'shop-bucket' is not imported by any stack.")
}
