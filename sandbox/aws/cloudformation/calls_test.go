package cloudformation_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/google/go-cmp/cmp"

	"perch/sandbox/aws/cloudformation"
)

const simple = `{"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}}`

func withToken(token string) func(*api.CreateStackInput) {
	return func(in *api.CreateStackInput) { in.ClientRequestToken = &token }
}

func TestTokenMakesARepeatedCreationHarmless(t *testing.T) {
	w := newWorld(t)
	id := w.create("shop-a", simple, withToken("one"))
	again, err := w.client.CreateStack(t.Context(), &api.CreateStackInput{
		StackName: aws.String("shop-a"), TemplateBody: aws.String(simple), ClientRequestToken: aws.String("one"),
	})
	if err != nil || *again.StackId != id || again.OperationId != nil {
		t.Errorf("repeat: %v, %v", again, err)
	}
	_, err = w.client.CreateStack(t.Context(), &api.CreateStackInput{
		StackName: aws.String("shop-a"), TemplateBody: aws.String(chain), ClientRequestToken: aws.String("one"),
	})
	wantError(t, err, "TokenAlreadyExistsException", "The client request token one has already been used for this "+
		"stack. Retry the request with a different client request token")
	_, err = w.client.CreateStack(t.Context(), &api.CreateStackInput{
		StackName: aws.String("shop-a"), TemplateBody: aws.String(simple), ClientRequestToken: aws.String("two"),
	})
	wantError(t, err, "AlreadyExistsException", "Stack [shop-a] already exists")
	w.reach(id, "CREATE_COMPLETE")
	out, err := w.client.DescribeStackEvents(t.Context(), &api.DescribeStackEventsInput{StackName: &id})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range out.StackEvents {
		if aws.ToString(e.ClientRequestToken) != "one" {
			t.Errorf("event %s has the token %q", *e.EventId, aws.ToString(e.ClientRequestToken))
		}
	}
}

func TestTokenMakesARepeatedUpdateHarmless(t *testing.T) {
	w := newWorld(t)
	w.create("shop-a", simple)
	w.reach("shop-a", "CREATE_COMPLETE")
	in := &api.UpdateStackInput{
		StackName: aws.String("shop-a"), TemplateBody: aws.String(chain), ClientRequestToken: aws.String("one"),
	}
	for range 2 {
		if _, err := w.client.UpdateStack(t.Context(), in); err != nil {
			t.Fatal(err)
		}
		w.reach("shop-a", "UPDATE_COMPLETE")
	}
	in.TemplateBody = aws.String(simple)
	_, err := w.client.UpdateStack(t.Context(), in)
	wantError(t, err, "TokenAlreadyExistsException", "The client request token one has already been used for this "+
		"stack. Retry the request with a different client request token")
}

func TestBadCallsAreRejected(t *testing.T) {
	w := newWorld(t)
	long := `{"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}, "Description": "` + strings.Repeat("x", 52_000) +
		`"}`
	role := `{"Resources": {"Role": {"Type": "AWS::IAM::Role"}}}`
	named := `{"Resources": {"Role": {"Type": "AWS::IAM::Role", "Properties": {"RoleName": "r"}}}}`
	for _, test := range []struct {
		behaviour      string
		in             api.CreateStackInput
		code, sentence string
	}{
		{
			"a name with an underscore",
			api.CreateStackInput{StackName: aws.String("a_b"), TemplateBody: aws.String(simple)}, "ValidationError",
			"1 validation error detected: Value 'a_b' at 'stackName' failed to satisfy constraint: Member must " +
				"satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*",
		},
		{
			"no template", api.CreateStackInput{StackName: aws.String("a")}, "ValidationError",
			"Either Template URL or Template Body must be specified.",
		},
		{
			"a template over 51,200 bytes", api.CreateStackInput{StackName: aws.String("a"), TemplateBody: &long},
			"ValidationError",
			"1 validation error detected: Value '" + long +
				"' at 'templateBody' failed to satisfy constraint: Member must have length less than or equal to 51200",
		},
		{
			"IAM without a capability", api.CreateStackInput{StackName: aws.String("a"), TemplateBody: &role},
			"InsufficientCapabilitiesException", "Requires capabilities : [CAPABILITY_IAM]",
		},
		{"named IAM without its capability", api.CreateStackInput{
			StackName: aws.String("a"), TemplateBody: &named,
			Capabilities: []types.Capability{types.CapabilityCapabilityIam},
		},
			"InsufficientCapabilitiesException", "Requires capabilities : [CAPABILITY_NAMED_IAM]"},
		{"a parameter that the template does not have", api.CreateStackInput{
			StackName: aws.String("a"), TemplateBody: aws.String(simple),
			Parameters: []types.Parameter{{ParameterKey: aws.String("Size"), ParameterValue: aws.String("1")}},
		}, "ValidationError", "Parameters: [Size] do not exist in the template"},
		{"AWS's own tags", api.CreateStackInput{
			StackName: aws.String("a"), TemplateBody: aws.String(simple),
			Tags: []types.Tag{{Key: aws.String("aws:x"), Value: aws.String("1")}},
		},
			"ValidationError", "aws: prefixed tag key names are not allowed for external use."},
	} {
		t.Run(test.behaviour, func(t *testing.T) {
			_, err := w.client.CreateStack(t.Context(), &test.in)
			wantError(t, err, test.code, test.sentence)
		})
	}
	wantError(t, w.update("shop-x", simple), "ValidationError", "Stack [shop-x] does not exist")
	_, err := w.client.DescribeStackEvents(t.Context(), &api.DescribeStackEventsInput{StackName: aws.String("shop-x")})
	wantError(t, err, "ValidationError", "Stack [shop-x] does not exist")
	_, err = w.client.DetectStackDrift(t.Context(), &api.DetectStackDriftInput{StackName: aws.String("shop-x")})
	wantError(t, err, "InvalidAction", "Could not find operation DetectStackDrift for version 2010-05-15")
}

func TestListingsComeInPages(t *testing.T) {
	w := newWorld(t, pagesOf(2))
	names := []string{"shop-a", "shop-b", "shop-c", "shop-d", "shop-e"}
	for _, name := range names {
		w.create(name, chain)
		w.reach(name, "CREATE_COMPLETE")
	}
	_ = w.delete("shop-c")
	w.until("shop-c is gone", func() bool {
		_, err := w.client.DescribeStacks(t.Context(), &api.DescribeStacksInput{StackName: aws.String("shop-c")})
		return err != nil
	})
	var described []string
	stacks := api.NewDescribeStacksPaginator(w.client, &api.DescribeStacksInput{})
	for stacks.HasMorePages() {
		page, err := stacks.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(page.Stacks) > 2 {
			t.Errorf("a page of %d", len(page.Stacks))
		}
		for _, stack := range page.Stacks {
			described = append(described, *stack.StackName)
		}
	}
	if diff := cmp.Diff([]string{"shop-e", "shop-d", "shop-b", "shop-a"}, described); diff != "" {
		t.Error(diff)
	}
	var listed []string
	summaries := api.NewListStacksPaginator(
		w.client, &api.ListStacksInput{StackStatusFilter: []types.StackStatus{types.StackStatusDeleteComplete}},
	)
	for summaries.HasMorePages() {
		page, err := summaries.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, stack := range page.StackSummaries {
			listed = append(listed, *stack.StackName)
		}
	}
	if diff := cmp.Diff([]string{"shop-c"}, listed); diff != "" {
		t.Error(diff)
	}
	if events := w.events("shop-a"); len(events) != 11 || events[0] != "shop-a CREATE_IN_PROGRESS User Initiated" {
		t.Errorf("events in pages: %v", events)
	}
	var resources []string
	pages := api.NewListStackResourcesPaginator(w.client, &api.ListStackResourcesInput{StackName: aws.String("shop-a")})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range page.StackResourceSummaries {
			resources = append(resources, *r.LogicalResourceId)
		}
	}
	if diff := cmp.Diff([]string{"Bucket", "Queue", "Topic"}, resources); diff != "" {
		t.Error(diff)
	}
}

const secretive = `
Parameters:
  Password: {Type: String, NoEcho: true}
  Delay: {Type: Number, Default: 0}
Resources:
  Queue: {Type: AWS::SQS::Queue, Properties: {Secret: !Ref Password, Open: hunter2, DelaySeconds: !Ref Delay}}
`

func TestNoEchoParametersAreHidden(t *testing.T) {
	w := newWorld(t)
	parameters := []types.Parameter{{ParameterKey: aws.String("Password"), ParameterValue: aws.String("hunter2")}}
	w.create("shop-a", secretive, func(in *api.CreateStackInput) { in.Parameters = parameters })
	stack := w.reach("shop-a", "CREATE_COMPLETE")
	values := map[string]string{}
	for _, p := range stack.Parameters {
		values[*p.ParameterKey] = *p.ParameterValue
	}
	if diff := cmp.Diff(map[string]string{"Password": "****", "Delay": "0"}, values); diff != "" {
		t.Error(diff)
	}
	out, err := w.client.DescribeStackEvents(
		t.Context(), &api.DescribeStackEventsInput{StackName: aws.String("shop-a")},
	)
	if err != nil {
		t.Fatal(err)
	}
	if got := aws.ToString(
		out.StackEvents[1].ResourceProperties,
	); got != `{"DelaySeconds":"0","Open":"hunter2","Secret":"****"}` {
		t.Errorf("properties = %s", got)
	}
	if made := w.things.exist[w.things.ids()[0]]; made["Secret"] != "hunter2" {
		t.Errorf("the service got %v", made)
	}
	_, err = w.client.UpdateStack(t.Context(), &api.UpdateStackInput{StackName: aws.String(
		"shop-a",
	), UsePreviousTemplate: aws.Bool(true), Parameters: []types.Parameter{
		{ParameterKey: aws.String("Password"), UsePreviousValue: aws.Bool(true)},
		{ParameterKey: aws.String("Delay"), ParameterValue: aws.String("7")}}})
	if err != nil {
		t.Fatal(err)
	}
	w.reach("shop-a", "UPDATE_COMPLETE")
	if made := w.things.exist[w.things.ids()[0]]; made["Secret"] != "hunter2" || made["DelaySeconds"] != "7" {
		t.Errorf("after the update the service has %v", made)
	}
}

func TestStackTagsStay(t *testing.T) {
	w := newWorld(t)
	w.create("shop-a", simple, func(in *api.CreateStackInput) {
		in.Tags = []types.Tag{{Key: aws.String("branch"), Value: aws.String("feature/a")}}
	})
	w.reach("shop-a", "CREATE_COMPLETE")
	if err := w.update("shop-a", chain); err != nil {
		t.Fatal(err)
	}
	stack := w.reach("shop-a", "UPDATE_COMPLETE")
	if len(stack.Tags) != 1 || *stack.Tags[0].Value != "feature/a" {
		t.Errorf("tags = %v", stack.Tags)
	}
}

func TestAnswersAreWrittenAsAWSWritesThem(t *testing.T) {
	service, err := cloudformation.New(cloudformation.Config{Account: "000000000000", Region: "us-east-1"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = service.Close() }()
	server := httptest.NewServer(service)
	defer server.Close()
	response, err := http.PostForm(
		server.URL, url.Values{"Action": {"DescribeStacks"}, "Version": {"2010-05-15"}, "StackName": {"NAME"}},
	)
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(response.Body)
	_ = response.Body.Close()
	got := regexp.MustCompile(`[0-9a-f]{8}-[-0-9a-f]{27}`).ReplaceAllString(string(body), "uuid")
	want := `<ErrorResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/">
  <Error>
    <Type>Sender</Type>
    <Code>ValidationError</Code>
    <Message>Stack with id NAME does not exist</Message>
  </Error>
  <RequestId>uuid</RequestId>
</ErrorResponse>
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	response, err = http.PostForm(server.URL, url.Values{"Action": {"DeleteStack"}, "StackName": {"NAME"}})
	if err != nil {
		t.Fatal(err)
	}
	body, _ = io.ReadAll(response.Body)
	_ = response.Body.Close()
	if len(body) != 212 {
		t.Errorf("the answer to DeleteStack has %d bytes, AWS's has 212:\n%s", len(body), body)
	}
}

func TestStateSurvivesARestart(t *testing.T) {
	dir := t.TempDir()
	w := newWorld(t, inFolder(dir))
	done := w.create("shop-a", chain)
	w.reach(done, "CREATE_COMPLETE")
	w.faults.hang("Topic create")
	going := w.create("shop-b", chain)
	w.until("the topic is on its way", func() bool { return len(w.things.ids()) == 5 })
	if err := w.service.Close(); err != nil {
		t.Fatal(err)
	}
	again := newWorldWith(t, w.things, inFolder(dir))
	if stack := again.describe(done); stack.StackStatus != types.StackStatusCreateComplete || len(stack.Outputs) != 1 {
		t.Errorf("after the restart: %v", stack)
	}
	again.reach(going, "CREATE_COMPLETE")
	want := strings.Split(strings.ReplaceAll(strings.Join(again.events(done), "\n"), "shop-a", "shop-b"), "\n")
	if diff := cmp.Diff(want, again.events(going)); diff != "" {
		t.Error(diff)
	}
	if n := len(again.things.ids()); n != 6 {
		t.Errorf("%d resources exist, want 6", n)
	}
}

func TestAnswerIsOnDiskBeforeItIsGiven(t *testing.T) {
	dir := t.TempDir()
	w := newWorld(t, inFolder(dir))
	defer w.faults.hang("Queue create")()
	id := w.create("shop-a", simple)
	again := newWorldWith(t, w.things, inFolder(dir))
	if got := again.describe("shop-a"); *got.StackId != id {
		t.Errorf("a second endpoint on the same folder has %v", got)
	}
}

func TestTemplateIsGivenBackAsItCame(t *testing.T) {
	w := newWorld(t)
	w.create("shop-a", chain)
	out, err := w.client.GetTemplate(t.Context(), &api.GetTemplateInput{StackName: aws.String("shop-a")})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(chain, *out.TemplateBody); diff != "" {
		t.Error(diff)
	}
}

func TestTimeoutEndsACreation(t *testing.T) {
	w := newWorld(t)
	defer w.faults.hang("Topic create")()
	id := w.create("shop-a", chain, func(in *api.CreateStackInput) { in.TimeoutInMinutes = aws.Int32(10_000) })
	w.reach(id, "ROLLBACK_COMPLETE")
}
