package aws_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"perch/sandbox/aws"
	"perch/sandbox/aws/services"
)

// golden returns a template as Perch renders it, with this account's ids in place of the examples.
func golden(t *testing.T, name string, replace ...string) string {
	t.Helper()
	body, err := os.ReadFile(filepath.Join("..", "..", "cfn", "testdata", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.NewReplacer(append(replace,
		"Z0123456789EXAMPLE", services.HostedZone, "shop.example.com", "shop.localhost",
		"64bit Amazon Linux 2023/4.9.0", "64bit Amazon Linux 2023/4.7.3",
		"vpc-0123456789abcdef0", services.VPC,
		"subnet-0123456789abcdef2", services.Subnets[0], "subnet-0123456789abcdef3", services.Subnets[1],
		"subnet-0123456789abcdef0", services.Subnets[0],
		"subnet-0123456789abcdef1", services.Subnets[1])...).Replace(string(body))
}

func (w *world) createFor(name, body string) {
	w.t.Helper()
	if _, err := w.stacks.CreateStack(w.t.Context(), &cloudformation.CreateStackInput{
		StackName: &name, TemplateBody: &body,
		Capabilities: []types.Capability{types.CapabilityCapabilityIam, types.CapabilityCapabilityNamedIam},
	}); err != nil {
		w.t.Fatal(err)
	}
	w.reachOrExplain(name, "CREATE_COMPLETE")
}

// reachOrExplain is reach, with the failed events in the error message.
func (w *world) reachOrExplain(name, status string) {
	w.t.Helper()
	defer func() {
		if !w.t.Failed() {
			return
		}
		out, err := w.stacks.DescribeStackEvents(
			w.t.Context(), &cloudformation.DescribeStackEventsInput{StackName: &name},
		)
		if err != nil {
			return
		}
		for _, e := range out.StackEvents {
			if strings.HasSuffix(string(e.ResourceStatus), "_FAILED") {
				w.t.Logf("%s %s: %s", *e.LogicalResourceId, e.ResourceStatus, sdk.ToString(e.ResourceStatusReason))
			}
		}
	}()
	w.reach(name, status)
}

func (w *world) output(stack, key string) string {
	w.t.Helper()
	out, err := w.stacks.DescribeStacks(w.t.Context(), &cloudformation.DescribeStacksInput{StackName: &stack})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, o := range out.Stacks[0].Outputs {
		if *o.OutputKey == key {
			return *o.OutputValue
		}
	}
	w.t.Fatalf("stack %s has no output %s", stack, key)
	return ""
}

// environment returns an environment's template rendered for the application's stack, and stores
// its source bundle.
func (w *world) environment(name, application string) string {
	w.t.Helper()
	bucket := w.output(application, "ArtifactBucket")
	environment := golden(w.t, name, application+"-artifacts-example", bucket,
		"arn:aws:elasticloadbalancing:eu-central-1:111122223333:loadbalancer/app/example/0123456789abcdef",
		w.output(application, "LoadBalancerArn"),
		"arn:aws:acm:eu-central-1:111122223333:certificate/01234567-89ab-cdef-0123-456789abcdef",
		w.output(application, "CertificateArn"))
	_, key, _ := strings.Cut(environment, `"S3Key": "`)
	key, _, _ = strings.Cut(key, `"`)
	if _, err := w.storage.PutObject(
		w.t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: strings.NewReader("bundle")},
	); err != nil {
		w.t.Fatal(err)
	}
	return environment
}

func TestPerchsTemplatesOfEveryKindAreCreated(t *testing.T) {
	w := newWorld(t, aws.Config{})
	w.createFor("shop-application-production", golden(t, "application-production"))
	w.createFor("shop-main", w.environment("environment-production", "shop-application-production"))
	w.createFor("shop-application-staging", golden(t, "application-shared-database"))
	for stack, name := range map[string]string{
		"shop-staging": "environment-staging", "shop-release": "environment-own-load-balancer",
		"shop-search": "environment-shared-database",
	} {
		w.createFor(stack, w.environment(name, "shop-application-staging"))
	}
}

func TestPerchsTemplatesAreCreatedAndDeleted(t *testing.T) {
	w := newWorld(t, aws.Config{})
	w.createFor("shop-application-staging", golden(t, "application-staging"))
	w.createFor("shop-feature-login-pr5rby", w.environment("environment-branch", "shop-application-staging"))
	if n := len(w.server.Environments()); n != 1 {
		t.Errorf("%d environments have a page, want 1", n)
	}
	described, err := w.stacks.DescribeStacks(
		t.Context(), &cloudformation.DescribeStacksInput{StackName: sdk.String("shop-feature-login-pr5rby")},
	)
	if err != nil {
		t.Fatal(err)
	}
	id := described.Stacks[0].StackId
	if _, err := w.stacks.DeleteStack(t.Context(), &cloudformation.DeleteStackInput{StackName: id}); err != nil {
		t.Fatal(err)
	}
	w.reachOrExplain(*id, "DELETE_COMPLETE")
}
