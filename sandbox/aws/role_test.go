package aws_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"

	"perch/sandbox/aws"
)

// iam calls IAM and returns its status and answer.
func (w *world) iam(action, role string) (int, string) {
	w.t.Helper()
	form := url.Values{
		"Version": {"2010-05-08"}, "Action": {action}, "RoleName": {role}, "AssumeRolePolicyDocument": {"{}"},
	}
	response, err := http.PostForm(w.address, form)
	if err != nil {
		w.t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return response.StatusCode, string(answer)
}

func TestS138AStackWhoseServiceRoleIsMissingCannotBeDeleted(t *testing.T) {
	w := newWorld(t, aws.Config{})
	if status, answer := w.iam(
		"CreateRole", "builder",
	); status != 200 || !strings.Contains(answer, "<Arn>arn:aws:iam::123456789012:role/builder</Arn>") {
		t.Fatalf("CreateRole: %d %s", status, answer)
	}
	const role, other = "arn:aws:iam::123456789012:role/builder", "arn:aws:iam::123456789012:role/other"
	name, body := "shop-a", buckets
	in := &cloudformation.CreateStackInput{StackName: &name, TemplateBody: &body, RoleARN: sdk.String(other)}
	_, err := w.stacks.CreateStack(t.Context(), in)
	wantSentence(t, err, "Role "+other+" is invalid or cannot be assumed")
	in.RoleARN = sdk.String(role)
	if _, err := w.stacks.CreateStack(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	w.reach(name, "CREATE_COMPLETE")
	if status, answer := w.iam("DeleteRole", "builder"); status != 200 {
		t.Fatalf("DeleteRole: %d %s", status, answer)
	}
	if status, answer := w.iam(
		"GetRole", "builder",
	); status != 404 || !strings.Contains(answer, "<Code>NoSuchEntity</Code>") {
		t.Errorf("GetRole of a role that is gone: %d %s", status, answer)
	}
	_, err = w.stacks.DeleteStack(t.Context(), &cloudformation.DeleteStackInput{StackName: &name})
	wantSentence(t, err, "Role "+role+" is invalid or cannot be assumed")
	_, err = w.stacks.UpdateStack(
		t.Context(), &cloudformation.UpdateStackInput{StackName: &name, TemplateBody: sdk.String(copies(`"x"`))},
	)
	wantSentence(t, err, "Role "+role+" is invalid or cannot be assumed")
	if stack := w.describe(name); stack.StackStatus != "CREATE_COMPLETE" || sdk.ToString(stack.RoleARN) != role {
		t.Errorf("the stack is %s with the role %s", stack.StackStatus, sdk.ToString(stack.RoleARN))
	}
	if status, _ := w.iam("CreateRole", "other"); status != 200 {
		t.Fatal("no second role")
	}
	id := *w.describe(name).StackId
	if _, err := w.stacks.DeleteStack(
		t.Context(), &cloudformation.DeleteStackInput{StackName: &name, RoleARN: sdk.String(other)},
	); err != nil {
		t.Fatal(err)
	}
	w.reach(id, "DELETE_COMPLETE")
}

// wantSentence checks that CloudFormation rejected a call with a ValidationError that contains a
// sentence.
func wantSentence(t *testing.T, err error, sentence string) {
	t.Helper()
	if wantCode(t, err, "ValidationError"); err != nil && !strings.Contains(err.Error(), sentence) {
		t.Errorf("error = %v, want %s", err, sentence)
	}
}
