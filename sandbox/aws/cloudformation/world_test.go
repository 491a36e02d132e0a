package cloudformation_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	api "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/smithy-go"

	"perch/sandbox/aws/awstest"
	"perch/sandbox/aws/cloudformation"
	"perch/sandbox/aws/resource"
)

// world is a CloudFormation service over HTTP whose resource types only record the requests that
// they receive.
type world struct {
	t       *testing.T
	service *cloudformation.Service
	client  *api.Client
	things  *things
	faults  *orders
}

// things are the physical resources that exist, with their properties, and the number of snapshots
// that were requested.
type things struct {
	mu        sync.Mutex
	exist     map[string]map[string]any
	reject    map[string]error
	snapshots int
}

func (f *things) Create(_ context.Context, r resource.Request) (resource.State, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	id := fmt.Sprintf("%s-%s-%s", r.StackName, strings.ToLower(r.LogicalID), r.Suffix)
	if name, ok := r.Properties["BucketName"].(string); ok {
		id = name
	}
	f.exist[id] = r.Properties
	return resource.State{ID: id, Attributes: map[string]string{"Arn": "arn:thing:" + id}}, nil
}

func (f *things) Update(_ context.Context, r resource.Request) (resource.State, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.exist[r.PhysicalID] = r.Properties
	return resource.State{}, nil
}

func (f *things) Delete(_ context.Context, r resource.Request) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.reject[r.PhysicalID]; err != nil {
		return err
	}
	delete(f.exist, r.PhysicalID)
	if r.Snapshot {
		f.snapshots++
	}
	return nil
}

func (f *things) ids() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Sorted(maps.Keys(f.exist))
}

func (f *things) block(id string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.reject[id] = err
}

// orders are faults: steps "LogicalID phase" that fail, or that hang until they are released.
type orders struct {
	mu    sync.Mutex
	fails map[string]string
	hangs map[string]chan struct{}
}

func (o *orders) Before(_ context.Context, step cloudformation.Step) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if reason, ok := o.fails[step.LogicalID+" "+step.Phase]; ok {
		return errors.New(reason)
	}
	return nil
}

func (o *orders) During(ctx context.Context, step cloudformation.Step) error {
	o.mu.Lock()
	hang := o.hangs[step.LogicalID+" "+step.Phase]
	o.mu.Unlock()
	if hang == nil {
		return nil
	}
	select {
	case <-hang:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (o *orders) fail(step, reason string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.fails[step] = reason
}

func (o *orders) heal() {
	o.mu.Lock()
	defer o.mu.Unlock()
	clear(o.fails)
}

// hang holds a step until the returned function is called.
func (o *orders) hang(step string) (release func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	gate := make(chan struct{})
	o.hangs[step] = gate
	return sync.OnceFunc(func() { close(gate) })
}

type setting func(*cloudformation.Config)

func inFolder(dir string) setting { return func(c *cloudformation.Config) { c.Data = dir } }

func pagesOf(n int) setting { return func(c *cloudformation.Config) { c.PageSize = n } }

func newWorld(t *testing.T, settings ...setting) *world {
	t.Helper()
	return newWorldWith(t, &things{exist: map[string]map[string]any{}, reject: map[string]error{}}, settings...)
}

func newWorldWith(t *testing.T, made *things, settings ...setting) *world {
	t.Helper()
	w := &world{t: t, things: made, faults: &orders{fails: map[string]string{}, hangs: map[string]chan struct{}{}}}
	config := cloudformation.Config{
		Account: "123456789012", Region: "eu-central-1", Speed: 1e7, Faults: w.faults,
		Handlers: map[string]resource.Handler{
			"AWS::SQS::Queue": made, "AWS::SNS::Topic": made, "AWS::S3::Bucket": made, "AWS::IAM::Role": made,
			"AWS::RDS::DBInstance": made,
		},
	}
	for _, set := range settings {
		set(&config)
	}
	service, err := cloudformation.New(config)
	if err != nil {
		t.Fatal(err)
	}
	w.service = service
	server := httptest.NewServer(service)
	t.Cleanup(func() {
		server.Close()
		_ = service.Close()
	})
	w.client = api.NewFromConfig(aws.Config{
		Region: "eu-central-1", BaseEndpoint: aws.String(server.URL),
		Credentials:      credentials.NewStaticCredentialsProvider("AKIA", "secret", ""),
		RetryMaxAttempts: 1, HTTPClient: awstest.NewClient(),
	})
	return w
}

func (w *world) create(name, body string, change ...func(*api.CreateStackInput)) string {
	w.t.Helper()
	in := &api.CreateStackInput{StackName: &name, TemplateBody: &body}
	for _, c := range change {
		c(in)
	}
	out, err := w.client.CreateStack(w.t.Context(), in)
	if err != nil {
		w.t.Fatal(err)
	}
	return *out.StackId
}

func (w *world) update(name, body string) error {
	_, err := w.client.UpdateStack(w.t.Context(), &api.UpdateStackInput{StackName: &name, TemplateBody: &body})
	return err
}

func (w *world) delete(name string) error {
	_, err := w.client.DeleteStack(w.t.Context(), &api.DeleteStackInput{StackName: &name})
	return err
}

func (w *world) describe(name string) types.Stack {
	w.t.Helper()
	out, err := w.client.DescribeStacks(w.t.Context(), &api.DescribeStacksInput{StackName: &name})
	if err != nil {
		w.t.Fatal(err)
	}
	return out.Stacks[0]
}

// reach waits until the stack has a status. If it has another stable status, the test fails.
func (w *world) reach(name, status string) types.Stack {
	w.t.Helper()
	for {
		stack := w.describe(name)
		switch now := string(stack.StackStatus); {
		case now == status:
			return stack
		case !strings.HasSuffix(now, "_IN_PROGRESS"):
			w.t.Fatalf(
				"the stack is %s, want %s; events:\n%s", now, status, strings.Join(w.events(*stack.StackId), "\n"),
			)
		}
	}
}

// events returns the stack's events, oldest first: "LogicalID STATUS reason".
func (w *world) events(name string) []string {
	w.t.Helper()
	var out []string
	pages := api.NewDescribeStackEventsPaginator(w.client, &api.DescribeStackEventsInput{StackName: &name})
	for pages.HasMorePages() {
		page, err := pages.NextPage(w.t.Context())
		if err != nil {
			w.t.Fatal(err)
		}
		for _, e := range page.StackEvents {
			out = append(out, strings.TrimRight(
				fmt.Sprintf("%s %s %s", *e.LogicalResourceId, e.ResourceStatus, aws.ToString(e.ResourceStatusReason)),
				" ",
			))
		}
	}
	slices.Reverse(out)
	return out
}

// status returns the status of one resource; empty if the stack does not have it.
func (w *world) status(name, logicalID string) string {
	w.t.Helper()
	out, err := w.client.DescribeStackResources(w.t.Context(), &api.DescribeStackResourcesInput{StackName: &name})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, r := range out.StackResources {
		if *r.LogicalResourceId == logicalID {
			return string(r.ResourceStatus)
		}
	}
	return ""
}

func (w *world) until(what string, holds func() bool) {
	w.t.Helper()
	for !holds() {
		if err := w.t.Context().Err(); err != nil {
			w.t.Fatalf("waiting until %s: %v", what, err)
		}
	}
}

// wantError checks an API error's code and message.
func wantError(t *testing.T, err error, code, sentence string) {
	t.Helper()
	var failure smithy.APIError
	if !errors.As(err, &failure) {
		t.Fatalf("error = %v, want %s", err, code)
	}
	if failure.ErrorCode() != code || failure.ErrorMessage() != sentence {
		t.Errorf("error = %s: %s\nwant    %s: %s", failure.ErrorCode(), failure.ErrorMessage(), code, sentence)
	}
}

// sortedMiddle sorts the items from..to, whose order is random.
func sortedMiddle(items []string, from, to int) []string {
	out := slices.Clone(items)
	if len(out) >= to {
		slices.Sort(out[from:to])
	}
	return out
}
