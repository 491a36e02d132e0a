package aws_test

import (
	"io"
	"strings"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/elasticbeanstalk"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"

	"perch/sandbox/aws"
)

// deployed returns a template with an environment that runs a version of the bundle at key.
func deployed(key string) string {
	return `
Resources:
  App: {Type: AWS::ElasticBeanstalk::Application, Properties: {ApplicationName: shop}}
  Version: {Type: AWS::ElasticBeanstalk::ApplicationVersion, Properties: {
    ApplicationName: !Ref App, SourceBundle: {S3Bucket: bundles, S3Key: ` + key + `}}}
  Environment: {Type: AWS::ElasticBeanstalk::Environment, Properties: {
    ApplicationName: !Ref App, VersionLabel: !Ref Version, EnvironmentName: shop-a,
    SolutionStackName: 64bit Amazon Linux 2023 v4.13.8 running Docker, OptionSettings: [
    {Namespace: "aws:elasticbeanstalk:environment", OptionName: EnvironmentType, Value: SingleInstance}]}}
`
}

const beanstalkBucket = "elasticbeanstalk-eu-central-1-123456789012"

// bundles creates a bucket. The content of each object is its name without `.zip`.
func (w *world) bundles(names ...string) {
	w.t.Helper()
	location := &s3types.CreateBucketConfiguration{LocationConstraint: "eu-central-1"}
	in := &s3.CreateBucketInput{Bucket: sdk.String("bundles"), CreateBucketConfiguration: location}
	if _, err := w.storage.CreateBucket(w.t.Context(), in); err != nil {
		w.t.Fatal(err)
	}
	for _, name := range names {
		_, err := w.storage.PutObject(w.t.Context(), &s3.PutObjectInput{
			Bucket: sdk.String("bundles"), Key: sdk.String(name + ".zip"), Body: strings.NewReader(name),
		})
		if err != nil {
			w.t.Fatal(err)
		}
	}
}

// copies returns the keys and the contents of the objects in Elastic Beanstalk's bucket.
func (w *world) copies() map[string]string {
	w.t.Helper()
	out, err := w.storage.ListObjectsV2(w.t.Context(), &s3.ListObjectsV2Input{Bucket: sdk.String(beanstalkBucket)})
	if err != nil {
		w.t.Fatal(err)
	}
	found := map[string]string{}
	for _, object := range out.Contents {
		in := &s3.GetObjectInput{Bucket: sdk.String(beanstalkBucket), Key: object.Key}
		object, err := w.storage.GetObject(w.t.Context(), in)
		if err != nil {
			w.t.Fatal(err)
		}
		content, err := io.ReadAll(object.Body)
		if err != nil {
			w.t.Fatal(err)
		}
		found[*in.Key] = string(content)
	}
	return found
}

func TestBeanstalkCopiesTheBundleOfEveryVersion(t *testing.T) {
	w := newWorld(t, aws.Config{})
	w.bundles("one", "two")
	id := w.create("shop-a", deployed("one.zip"))
	w.reach(id, "CREATE_COMPLETE")
	body := deployed("two.zip")
	in := &cloudformation.UpdateStackInput{StackName: &id, TemplateBody: &body}
	if _, err := w.stacks.UpdateStack(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	w.reach(id, "UPDATE_COMPLETE")
	contents := map[string]bool{}
	for key, content := range w.copies() {
		contents[content] = true
		if !strings.HasPrefix(key, "resources/environments/e-") || !strings.Contains(key, "/_runtime/_versions/shop/") {
			t.Errorf("a bundle is copied to %s", key)
		}
	}
	if len(contents) != 2 || !contents["one"] || !contents["two"] {
		t.Errorf("the bucket holds %v", contents)
	}
	_, err := w.storage.DeleteBucket(t.Context(), &s3.DeleteBucketInput{Bucket: sdk.String(beanstalkBucket)})
	wantCode(t, err, "AccessDenied")
}

func TestABundleThatIsMissingFailsTheEnvironment(t *testing.T) {
	w := newWorld(t, aws.Config{})
	w.bundles("one")
	version, _, _ := strings.Cut(deployed("one.zip"), "  Environment:")
	id := w.create("shop-a", version)
	w.reach(id, "CREATE_COMPLETE")
	gone := &s3.DeleteObjectInput{Bucket: sdk.String("bundles"), Key: sdk.String("one.zip")}
	if _, err := w.storage.DeleteObject(t.Context(), gone); err != nil {
		t.Fatal(err)
	}
	body := deployed("one.zip")
	in := &cloudformation.UpdateStackInput{StackName: &id, TemplateBody: &body}
	if _, err := w.stacks.UpdateStack(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	w.reach(id, "UPDATE_ROLLBACK_COMPLETE")
}

func TestCreateStorageLocationNamesTheBucket(t *testing.T) {
	w := newWorld(t, aws.Config{})
	for range 2 {
		out, err := elasticbeanstalk.NewFromConfig(w.config).
			CreateStorageLocation(t.Context(), &elasticbeanstalk.CreateStorageLocationInput{})
		if err != nil || sdk.ToString(out.S3Bucket) != beanstalkBucket {
			t.Fatalf("got %v, %v", out, err)
		}
	}
	if found := w.copies(); len(found) != 0 {
		t.Errorf("the bucket holds %v", found)
	}
}
