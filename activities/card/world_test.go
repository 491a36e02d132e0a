package card

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"perch"
	"perch/activities/activitytest"
	"perch/activities/stack"
	"perch/cfn"
	"perch/sandbox/aws"
)

// world is an AWS endpoint over HTTP with an application stack.
type world struct {
	t      *testing.T
	aws    *aws.Server
	config sdk.Config
	policy *perch.Policy
	bucket string
}

// login is the environment of the tests.
var login = activitytest.Environment("shop", "login")

type noID struct{}

func (noID) RepositoryID(context.Context) (string, error) { return "", nil }

// newWorld starts an endpoint; applied says that the application stack exists.
func newWorld(t *testing.T, applied bool) *world {
	t.Helper()
	server, err := aws.New(aws.Config{Speed: 1e6})
	if err != nil {
		t.Fatal(err)
	}
	listener := httptest.NewServer(server)
	t.Cleanup(func() {
		listener.Close()
		_ = server.Close()
	})
	w := &world{t: t, aws: server, policy: &perch.Policy{Project: "shop", Repository: "github.com/acme/shop"}}
	w.config = sdk.Config{
		Region: "eu-central-1", BaseEndpoint: &listener.URL,
		Credentials: credentials.NewStaticCredentialsProvider("AKIATEST", "secret", ""),
		Retryer: func() sdk.Retryer {
			return retry.NewStandard(func(o *retry.StandardOptions) {
				o.MaxAttempts, o.Backoff = 2, retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) {
					return 0, nil
				})
			})
		},
	}
	if applied {
		w.apply()
	}
	return w
}

// apply makes the application stack.
func (w *world) apply() {
	w.t.Helper()
	client := cloudformation.NewFromConfig(w.config)
	name := perch.ApplicationStackName("shop", perch.KindStaging)
	in := &cloudformation.CreateStackInput{StackName: &name, TemplateBody: sdk.String(fmt.Sprintf(
		`{"Resources": {"Artifacts": {"Type": "AWS::S3::Bucket"}}, "Outputs": {%q: {"Value": {"Ref": "Artifacts"}}}}`,
		cfn.OutputArtifacts,
	))}
	for key, value := range w.policy.Identity("").Tags(perch.KindStaging) {
		in.Tags = append(in.Tags, types.Tag{Key: &key, Value: &value})
	}
	if _, err := client.CreateStack(w.t.Context(), in); err != nil {
		w.t.Fatal(err)
	}
	waiter := cloudformation.NewStackCreateCompleteWaiter(
		client,
		func(o *cloudformation.StackCreateCompleteWaiterOptions) {
			o.MinDelay, o.MaxDelay = time.Millisecond, 10*time.Millisecond
		},
	)
	out, err := waiter.WaitForOutput(w.t.Context(), &cloudformation.DescribeStacksInput{StackName: &name}, time.Minute)
	if err != nil {
		w.t.Fatal(err)
	}
	w.bucket = *out.Stacks[0].Outputs[0].OutputValue
}

// store is a store whose S3 calls go through a transport; nil is the plain one.
func (w *world) store(transport http.RoundTripper) *Store {
	config := w.config.Copy()
	if transport != nil {
		config.HTTPClient = &http.Client{Transport: transport}
	}
	s := NewStore(config, w.policy, stack.NewReader(w.config, w.policy, noID{}, time.Second))
	s.pause = 0
	return s
}

// put writes an object into the artifact bucket.
func (w *world) put(key, body string) {
	w.t.Helper()
	in := &s3.PutObjectInput{Bucket: &w.bucket, Key: &key, Body: strings.NewReader(body)}
	if _, err := s3.NewFromConfig(w.config).PutObject(w.t.Context(), in); err != nil {
		w.t.Fatal(err)
	}
}

// fault orders a failure of the endpoint.
func (w *world) fault(fault aws.Fault) {
	w.t.Helper()
	if _, err := w.aws.AddFault(fault); err != nil {
		w.t.Fatal(err)
	}
}

// readied is a change that appends a commit: done twice, it is seen twice.
func readied(commit string) func(*perch.Card) error {
	return func(c *perch.Card) error {
		c.Ready = append(c.Ready, perch.ReadyCommit{Commit: commit})
		return nil
	}
}

// always accepts every card.
func always(perch.Card) bool { return true }

// commits are the commits that a card names.
func commits(c perch.Card) string {
	var names []string
	for _, each := range c.Ready {
		names = append(names, each.Commit)
	}
	return strings.Join(names, " ")
}
