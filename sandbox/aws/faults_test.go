package aws_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	dnstypes "github.com/aws/aws-sdk-go-v2/service/route53/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/go-cmp/cmp"

	"perch/sandbox/aws"
	"perch/sandbox/aws/services"
)

func (w *world) order(fault aws.Fault) string {
	w.t.Helper()
	id, err := w.server.AddFault(fault)
	if err != nil {
		w.t.Fatal(err)
	}
	return id
}

// emptyBucket deletes every version and marker of a small bucket.
func (w *world) emptyBucket(name string) {
	w.t.Helper()
	out, err := w.storage.ListObjectVersions(w.t.Context(), &s3.ListObjectVersionsInput{Bucket: &name})
	if err != nil {
		w.t.Fatal(err)
	}
	var all []types.ObjectIdentifier
	for _, v := range out.Versions {
		all = append(all, types.ObjectIdentifier{Key: v.Key, VersionId: v.VersionId})
	}
	for _, m := range out.DeleteMarkers {
		all = append(all, types.ObjectIdentifier{Key: m.Key, VersionId: m.VersionId})
	}
	if _, err := w.storage.DeleteObjects(
		w.t.Context(), &s3.DeleteObjectsInput{Bucket: &name, Delete: &types.Delete{Objects: all}},
	); err != nil {
		w.t.Fatal(err)
	}
}

func TestFaultBeforeACallHasNoEffect(t *testing.T) {
	w := newWorld(t, aws.Config{})
	w.order(aws.Fault{
		Service: "cloudformation", Action: "CreateStack", Contains: "StackName=shop-a", Code: "Throttling",
		Message: "Rate exceeded", Count: 1,
	})
	in := &cloudformation.CreateStackInput{StackName: sdk.String("shop-a"), TemplateBody: sdk.String(buckets)}
	_, err := w.stacks.CreateStack(t.Context(), in)
	wantCode(t, err, "Throttling")
	if _, err := w.stacks.CreateStack(t.Context(), in); err != nil {
		t.Errorf("the second call: %v", err)
	}
}

func TestFaultAfterACallLosesTheAnswer(t *testing.T) {
	for name, fault := range map[string]aws.Fault{
		"an error": {
			Service: "cloudformation", Action: "CreateStack", When: aws.After, Code: "InternalFailure", Status: 500,
			Count: 1,
		},
		"a closed connection": {
			Service: "cloudformation", Action: "CreateStack", When: aws.After, Drop: true, Count: 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, aws.Config{})
			w.order(fault)
			if _, err := w.stacks.CreateStack(
				t.Context(),
				&cloudformation.CreateStackInput{StackName: sdk.String("shop-a"), TemplateBody: sdk.String(buckets)},
			); err == nil {
				t.Fatal("the call succeeded")
			}
			w.reach("shop-a", "CREATE_COMPLETE")
		})
	}
}

func TestFaultMatchesTheAccessKey(t *testing.T) {
	w := newWorld(t, aws.Config{})
	w.order(aws.Fault{AccessKey: "AKIAOTHER", Code: "AccessDenied", Status: 403})
	if _, err := w.storage.ListBuckets(t.Context(), &s3.ListBucketsInput{}); err != nil {
		t.Errorf("another key's fault strikes: %v", err)
	}
	w.order(aws.Fault{AccessKey: "AKIATEST", Code: "AccessDenied", Status: 403})
	_, err := w.storage.ListBuckets(t.Context(), &s3.ListBucketsInput{})
	wantCode(t, err, "AccessDenied")
	_, err = w.stacks.ListStacks(t.Context(), &cloudformation.ListStacksInput{})
	wantCode(t, err, "AccessDenied")
}

func TestRateLimitThrottles(t *testing.T) {
	w := newWorld(t, aws.Config{})
	w.order(aws.Fault{Service: "cloudformation", Action: "DescribeStacks", Rate: 0.001})
	if _, err := w.stacks.DescribeStacks(t.Context(), &cloudformation.DescribeStacksInput{}); err != nil {
		t.Errorf("the first call: %v", err)
	}
	_, err := w.stacks.DescribeStacks(t.Context(), &cloudformation.DescribeStacksInput{})
	wantCode(t, err, "Throttling")
}

func TestResourceFaults(t *testing.T) {
	for name, test := range map[string]struct {
		fault  aws.Fault
		status string
	}{
		"by type": {
			aws.Fault{Type: "AWS::S3::Bucket", Phase: "create", Reason: "no buckets today"}, "ROLLBACK_COMPLETE",
		},
		"by logical id, half-made": {
			aws.Fault{LogicalID: "Assets", Phase: "create", When: aws.After, Reason: "it broke"}, "ROLLBACK_COMPLETE",
		},
		"by the stack's name": {
			aws.Fault{Stack: "shop-a", Phase: "create", Reason: "not here"}, "ROLLBACK_COMPLETE",
		},
		"another stack's does not strike": {aws.Fault{Stack: "shop-b", Reason: "not here"}, "CREATE_COMPLETE"},
		"another phase's does not, either": {
			aws.Fault{LogicalID: "Assets", Phase: "delete", Reason: "not yet"}, "CREATE_COMPLETE",
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, aws.Config{})
			w.order(test.fault)
			w.create("shop-a", buckets)
			w.reach("shop-a", test.status)
			out, err := w.storage.ListBuckets(t.Context(), &s3.ListBucketsInput{})
			if err != nil || (len(out.Buckets) == 0) != (test.status == "ROLLBACK_COMPLETE") {
				t.Errorf("buckets: %v, %v", out.Buckets, err)
			}
		})
	}
}

func TestHangingResourceGoesOnWhenTheFaultIsDeleted(t *testing.T) {
	w := newWorld(t, aws.Config{})
	id := w.order(aws.Fault{LogicalID: "Assets", Phase: "create", Hang: true})
	w.create("shop-a", buckets)
	for {
		out, err := w.storage.ListBuckets(t.Context(), &s3.ListBucketsInput{})
		if err != nil {
			t.Fatal(err)
		}
		if len(out.Buckets) == 1 {
			break
		}
	}
	w.reach("shop-a", "CREATE_IN_PROGRESS")
	w.server.DeleteFault(id)
	w.reach("shop-a", "CREATE_COMPLETE")
}

// seen returns the stack's status in DescribeStacks; empty if it does not exist.
func (w *world) seen(name string) string {
	w.t.Helper()
	out, err := w.stacks.DescribeStacks(w.t.Context(), &cloudformation.DescribeStacksInput{StackName: &name})
	if err != nil {
		if !strings.Contains(err.Error(), "Stack with id "+name+" does not exist") {
			w.t.Fatal(err)
		}
		return ""
	}
	return string(out.Stacks[0].StackStatus)
}

func TestStaleReadsTellWhatWasTrueBefore(t *testing.T) {
	w := newWorld(t, aws.Config{})
	id := w.create("shop-a", buckets)
	w.reach("shop-a", "CREATE_COMPLETE")
	long := w.order(aws.Fault{Stale: 3600})
	if byName, byID := w.seen("shop-a"), w.seen(id); byName != "" || byID != "" {
		t.Errorf("an hour ago the stack was %q by its name and %q by its id", byName, byID)
	}
	if all, err := w.stacks.DescribeStacks(
		t.Context(), &cloudformation.DescribeStacksInput{},
	); err != nil || len(all.Stacks) > 0 {
		t.Errorf("an hour ago there were %v, %v", all, err)
	}
	listed := w.order(aws.Fault{Action: "ListStacks", Stale: 3600})
	if all, err := w.stacks.ListStacks(
		t.Context(), &cloudformation.ListStacksInput{},
	); err != nil || len(all.StackSummaries) > 0 {
		t.Errorf("an hour ago these were listed: %v, %v", all, err)
	}
	w.server.DeleteFault(listed)
	w.server.DeleteFault(long)
	w.order(aws.Fault{Stale: 1e-9, Count: 1})
	if now := w.seen(id); now != "CREATE_COMPLETE" {
		t.Errorf("a moment ago the stack was %q", now)
	}
	w.order(aws.Fault{Stale: 3600, Count: 1})
	if first, second := w.seen(id), w.seen(id); first != "" || second != "CREATE_COMPLETE" {
		t.Errorf("one stale read: %q, then %q", first, second)
	}
}

func TestStaleNameServersDoNotKnowANewRecord(t *testing.T) {
	w := newWorld(t, aws.Config{})
	w.create("shop-a", `Resources: {Record: {Type: AWS::Route53::RecordSet, Properties: {HostedZoneId: `+
		services.HostedZone+`, Name: a.localhost, Type: A, TTL: "60", ResourceRecords: [127.0.0.1]}}}`)
	w.reach("shop-a", "CREATE_COMPLETE")
	w.server.Forward(time.Minute)
	answer := func() string {
		t.Helper()
		out, err := route53.NewFromConfig(w.config).TestDNSAnswer(t.Context(), &route53.TestDNSAnswerInput{
			HostedZoneId: sdk.String(services.HostedZone), RecordName: sdk.String("a.localhost"),
			RecordType: dnstypes.RRTypeA,
		})
		if err != nil {
			t.Fatal(err)
		}
		return sdk.ToString(out.ResponseCode)
	}
	w.order(aws.Fault{Service: "route53", Stale: 3600, Count: 1})
	if first, second := answer(), answer(); first != "NXDOMAIN" || second != "NOERROR" {
		t.Errorf("one stale answer: %s, then %s", first, second)
	}
}

func TestAFaultMakesSingleKeysFail(t *testing.T) {
	w := newWorld(t, aws.Config{})
	name := "keys"
	if _, err := w.storage.CreateBucket(t.Context(), &s3.CreateBucketInput{
		Bucket: &name, CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: "eu-central-1"},
	}); err != nil {
		t.Fatal(err)
	}
	var all []types.ObjectIdentifier
	for _, key := range []string{"a/1", "a/2", "b/1"} {
		if _, err := w.storage.PutObject(
			t.Context(), &s3.PutObjectInput{Bucket: &name, Key: &key, Body: strings.NewReader(key)},
		); err != nil {
			t.Fatal(err)
		}
		all = append(all, types.ObjectIdentifier{Key: &key})
	}
	w.order(aws.Fault{Key: "a/", Code: "SlowDown", Message: "Please reduce your request rate.", Count: 1})
	w.order(aws.Fault{Key: "b/", Contains: "another", Code: "AccessDenied"})
	out, err := w.storage.DeleteObjects(
		t.Context(), &s3.DeleteObjectsInput{Bucket: &name, Delete: &types.Delete{Objects: all}},
	)
	if err != nil || len(out.Errors) != 1 || *out.Errors[0].Key != "a/1" || *out.Errors[0].Code != "SlowDown" ||
		len(out.Deleted) != 2 {
		t.Errorf("%+v, %v", out, err)
	}
}

func TestRefilledBucketCannotBeDeletedUntilItIsEmptiedAgain(t *testing.T) {
	w := newWorld(t, aws.Config{})
	w.create("shop-a", buckets)
	w.reach("shop-a", "CREATE_COMPLETE")
	w.order(aws.Fault{LogicalID: "Assets", Refill: true, Count: 1})
	remove := func() {
		t.Helper()
		if _, err := w.stacks.DeleteStack(
			t.Context(), &cloudformation.DeleteStackInput{StackName: sdk.String("shop-a")},
		); err != nil {
			t.Fatal(err)
		}
	}
	id := w.stackID("shop-a")
	remove()
	w.reach(id, "DELETE_FAILED")
	out, err := w.storage.ListBuckets(t.Context(), &s3.ListBucketsInput{})
	if err != nil || len(out.Buckets) != 1 {
		t.Fatalf("buckets: %v, %v", out, err)
	}
	w.emptyBucket(*out.Buckets[0].Name)
	remove()
	w.reach(id, "DELETE_COMPLETE")
}

func (w *world) stackID(name string) string {
	w.t.Helper()
	out, err := w.stacks.DescribeStacks(w.t.Context(), &cloudformation.DescribeStacksInput{StackName: &name})
	if err != nil {
		w.t.Fatal(err)
	}
	return *out.Stacks[0].StackId
}

func (w *world) http(method, path, body string) (int, string) {
	w.t.Helper()
	request, err := http.NewRequestWithContext(w.t.Context(), method, w.address+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, _ := io.ReadAll(response.Body)
	return response.StatusCode, string(bytes.TrimSpace(text))
}

func TestFaultsAreInjectedOverHTTP(t *testing.T) {
	w := newWorld(t, aws.Config{})
	if status, text := w.http(
		"POST", "/_perch/faults", `{"service": "s3", "code": "SlowDown", "status": 503}`,
	); status != 201 || !strings.Contains(text, "fault-1") {
		t.Fatalf("%d %s", status, text)
	}
	if _, text := w.http(
		"GET", "/_perch/faults", "",
	); !strings.Contains(text, "SlowDown") || !strings.Contains(text, `"struck": 0`) {
		t.Errorf("listed before it strikes: %s", text)
	}
	_, err := w.storage.ListBuckets(t.Context(), &s3.ListBucketsInput{})
	wantCode(t, err, "SlowDown")
	if _, text := w.http(
		"GET", "/_perch/faults", "",
	); !strings.Contains(text, "SlowDown") || strings.Contains(text, `"struck": 0`) {
		t.Errorf("listed after it has struck: %s", text)
	}
	if status, text := w.http(
		"DELETE", "/_perch/faults?id=fault-9", "",
	); status != 404 || !strings.Contains(text, "no fault fault-9 is in force") {
		t.Errorf("a fault that is not there: %d, %s", status, text)
	}
	if status, _ := w.http("DELETE", "/_perch/faults?id=fault-1", ""); status != 204 {
		t.Errorf("deletion answers %d", status)
	}
	if _, err := w.storage.ListBuckets(t.Context(), &s3.ListBucketsInput{}); err != nil {
		t.Errorf("after the deletion: %v", err)
	}
}

func TestBadFaultsAreRejected(t *testing.T) {
	w := newWorld(t, aws.Config{})
	for fault, want := range map[string]string{
		`{`: "the fault is not understood: unexpected EOF",
		`{"servise": "s3"}`: `a fault has no key "servise"; its keys are ` +
			`access_key, action, code, contains, `,
		`{"id": "fault-7", "code": "x"}`: `a fault has no key "id"`,
		`{"count": "often", "code": "x"}`: "the fault is not understood: json: cannot " +
			"unmarshal string",
		`{"service": "s3"}`:                                        "the effect is missing",
		`{"service": "s3", "reason": "x"}`:                         "reason, hang and refill are for resources",
		`{"type": "AWS::S3::Bucket"}`:                              "either a reason, hang or refill",
		`{"key": "a"}`:                                             "fail with a code",
		`{"key": "a", "code": "x", "drop":true}`:                   "fail with a code",
		`{"key":"a","code":"x","action":"Put"}`:                    "key is for s3's DeleteObjects",
		`{"stale": 1, "code": "x"}`:                                "a stale answer is not an error",
		`{"stale": 1, "action": "ListExports"}`:                    "and tagging's GetResources, not for  ListExports",
		`{"stale": 1, "service": "ssm", "action": "GetParameter"}`: "not for ssm GetParameter",
		`{"stack": "a", "stale": 1}`:                               "not both",
		`{"phase": "create", "refill": true}`:                      "refill is for buckets",
		`{"stack": "a", "code": "x"}`:                              "not both",
		`{"code": "x", "when": "later"}`:                           "use before or after",
		`{"stack": "a", "phase": "x"}`:                             "use create, update or delete",
		`{"code": "x", "count": -1}`:                               "cannot be negative",
		`{"code": "x", "status": 99}`:                              "is not an HTTP status",
		`{"stack":"a","reason":"x","hang":true}`:                   "either a reason, hang or refill",
		`{"type":"AWS::CloudFormation::Stack","reason":"x"}`:       "needs a phase: use delete or update",
		`{"type":"AWS::CloudFormation::Stack","phase":"delete","logical_id":"A","reason":"x"}`: "takes stack, phase, " +
			"count, and reason or hang",
	} {
		status, text := w.http("POST", "/_perch/faults", fault)
		var answer struct{ Error string }
		if err := json.Unmarshal(
			[]byte(text), &answer,
		); err != nil || status != 400 || !strings.Contains(answer.Error, want) {
			t.Errorf("%s: %d %s", fault, status, text)
		}
	}
}

// TestFaultsWithUnknownNamesAreRejected has faults that would never strike.
func TestFaultsWithUnknownNamesAreRejected(t *testing.T) {
	w := newWorld(t, aws.Config{})
	for fault, want := range map[string]string{
		`{"service": "cloudfromation", "code": "AccessDenied"}`: `no service "cloudfromation" here; did you mean ` +
			`cloudformation?`,
		`{"service": "dynamodb", "code": "AccessDenied"}`: "there are acm, cloudformation, ec2, ecr, ",
		`{"action": "createstack", "drop": true}`:         `no action "createstack" here; did you mean CreateStack?`,
		`{"action": "DropEverything", "drop": true}`: `no service has the action "DropEverything" here; add the ` +
			`service to see its names`,
		`{"service": "ecr", "action": "ListImages", "drop": true}`: `no action "ListImages" here; there are ` +
			`GetAuthorizationToken`,
		`{"service": "route53", "action": "GET", "drop": true}`: `no action "GET" here; there are ` +
			`ChangeResourceRecordSets, `,
		`{"type": "AWS::RDS::Database", "reason": "x"}`: "types are written like AWS::RDS::DBInstance",
		`{"type": "AWS::RDS::DBInstanse", "hang": true}`: `no resource type "AWS::RDS::DBInstanse"; did you mean ` +
			`AWS::RDS::DBInstance?`,
		`{"logical_id": "Data-base", "reason": "x"}`:        "letters and digits only",
		`{"stack": "shop_login", "reason": "x"}`:            "letters, digits and hyphens",
		`{"code": "AccesDenied"}`:                           `no error code "AccesDenied"; did you mean AccessDenied?`,
		`{"code": "X"}`:                                     `"X" cannot be an error code of AWS`,
		`{"service": "registry", "code": "AccessDenied"}`:   "there are BLOB_UNKNOWN, ",
		`{"service": "registry", "code": "MANIFEST_UNKOW"}`: "did you mean MANIFEST_UNKNOWN?",
	} {
		status, text := w.http("POST", "/_perch/faults", fault)
		var answer struct{ Error string }
		err := json.Unmarshal([]byte(text), &answer)
		if err != nil || status != 400 || !strings.Contains(answer.Error, want) {
			t.Errorf("%s: %d %s", fault, status, text)
		}
	}
	for _, fault := range []string{
		`{"service": "rds", "code": "SnapshotQuotaExceeded"}`, `{"type": "Custom::Anything", "reason": "x"}`,
		`{"service": "route53", "action": "ListResourceRecordSets", "code": "PriorRequestNotComplete"}`,
	} {
		if status, text := w.http("POST", "/_perch/faults", fault); status != 201 {
			t.Errorf("%s: %d %s", fault, status, text)
		}
	}
}

func TestCallsAreCounted(t *testing.T) {
	w := newWorld(t, aws.Config{})
	w.create("shop-a", buckets)
	_, _ = w.storage.ListBuckets(t.Context(), &s3.ListBucketsInput{})
	_, _ = w.storage.ListBuckets(t.Context(), &s3.ListBucketsInput{})
	_, text := w.http("GET", "/_perch/calls", "")
	var answer struct {
		Counts []aws.CallCount
		Calls  []aws.Call
	}
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		t.Fatal(err)
	}
	want := []aws.CallCount{
		{Service: "cloudformation", Action: "CreateStack", Count: 1}, {Service: "s3", Action: "ListBuckets", Count: 2},
	}
	if diff := cmp.Diff(want, answer.Counts); diff != "" {
		t.Error(diff)
	}
	if c := w.server.Calls()[0]; c.Summary != "shop-a" || c.AccessKey != "AKIATEST" {
		t.Errorf("call = %+v", c)
	}
	w.http("DELETE", "/_perch/calls", "")
	if n := len(w.server.Calls()); n != 0 {
		t.Errorf("%d calls are remembered", n)
	}
}

func TestTemplateIsReadFromTheEndpointsOwnS3(t *testing.T) {
	w := newWorld(t, aws.Config{})
	if _, err := w.storage.CreateBucket(t.Context(), &s3.CreateBucketInput{
		Bucket:                    sdk.String("templates"),
		CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: "eu-central-1"},
	}); err != nil {
		t.Fatal(err)
	}
	long := buckets + strings.Repeat("# a comment that makes the template long\n", 2000)
	if _, err := w.storage.PutObject(
		t.Context(),
		&s3.PutObjectInput{Bucket: sdk.String("templates"), Key: sdk.String("a/b.yaml"), Body: strings.NewReader(long)},
	); err != nil {
		t.Fatal(err)
	}
	for name, address := range map[string]string{"shop-a": w.address +
		"/templates/a/b.yaml", "shop-b": "https://templates.s3.eu-central-1.amazonaws.com/a/b.yaml"} {
		if _, err := w.stacks.CreateStack(
			t.Context(), &cloudformation.CreateStackInput{StackName: &name, TemplateURL: &address},
		); err != nil {
			t.Fatal(err)
		}
		w.reach(name, "CREATE_COMPLETE")
	}
	missing := w.address + "/templates/nothing.yaml"
	_, err := w.stacks.CreateStack(
		t.Context(), &cloudformation.CreateStackInput{StackName: sdk.String("shop-c"), TemplateURL: &missing},
	)
	wantCode(t, err, "ValidationError")
}

func TestWholeEndpointSurvivesARestart(t *testing.T) {
	dir := t.TempDir()
	w := newWorld(t, aws.Config{Data: dir})
	w.create("shop-a", buckets)
	w.reach("shop-a", "CREATE_COMPLETE")
	if err := w.server.Close(); err != nil {
		t.Fatal(err)
	}
	again := newWorld(t, aws.Config{Data: dir})
	again.reach("shop-a", "CREATE_COMPLETE")
	out, err := again.storage.ListBuckets(t.Context(), &s3.ListBucketsInput{})
	if err != nil || len(out.Buckets) != 1 {
		t.Errorf("buckets: %v, %v", out.Buckets, err)
	}
}

func TestAFailedUpdateIsInTheEnvironmentsLogs(t *testing.T) {
	w := newWorld(t, aws.Config{})
	template := func(name string) string {
		return `Resources:
  Application: {Type: AWS::ElasticBeanstalk::Application, Properties: {ApplicationName: shop}}
  Environment:
    Type: AWS::ElasticBeanstalk::Environment
    Properties:
      ApplicationName: !Ref Application
      EnvironmentName: shop-login
      Description: ` + name + `
      SolutionStackName: 64bit Amazon Linux 2023 v4.7.3 running Docker
      OptionSettings:
        - {Namespace: "aws:elasticbeanstalk:environment", OptionName: EnvironmentType, Value: SingleInstance}
        - {Namespace: "aws:elasticbeanstalk:cloudwatch:logs", OptionName: StreamLogs, Value: "true"}
`
	}
	w.create("shop-login", template("first"))
	w.reach("shop-login", "CREATE_COMPLETE")
	w.order(aws.Fault{
		Type: "AWS::ElasticBeanstalk::Environment", Phase: "update", When: aws.After, Reason: "manifest unknown",
		Count: 1,
	})
	if _, err := w.stacks.UpdateStack(t.Context(), &cloudformation.UpdateStackInput{
		StackName: sdk.String("shop-login"), TemplateBody: sdk.String(template("second")),
	}); err != nil {
		t.Fatal(err)
	}
	w.reach("shop-login", "UPDATE_ROLLBACK_COMPLETE")
	out, err := cloudwatchlogs.NewFromConfig(w.config).
		FilterLogEvents(t.Context(), &cloudwatchlogs.FilterLogEventsInput{
			LogGroupName: sdk.String("/aws/elasticbeanstalk/shop-login/var/log/eb-engine.log"),
		})
	if err != nil {
		t.Fatal(err)
	}
	for _, event := range out.Events {
		if strings.HasSuffix(*event.Message, "Error: manifest unknown") {
			return
		}
	}
	t.Errorf("no line of the log has the failure: %v", out.Events)
}
