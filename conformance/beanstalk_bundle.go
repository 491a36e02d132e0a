package conformance

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/elasticbeanstalk"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
)

var bundleAssumptions = []Assumption{
	{
		Name: "elasticbeanstalk/bundle-bucket",
		Sentence: "Beanstalk copies an environment's source bundle into the bucket elasticbeanstalk-REGION-ACCOUNT, " +
			"below resources/environments/ENVIRONMENT-ID/. The bucket has no tags of a stack, and " +
			"CloudFormation does not delete it with the stack.",
		Source:   "https://github.com/apache/grails-core/pull/16260",
		ReliedOn: "cfn/grants.go", Cents: 1, Minutes: 25, check: checkBundleBucket,
	},
	{
		Name:     "elasticbeanstalk/tags-of-applications",
		Sentence: "An application and an application version do not have the tags of their stack.",
		Source:   "https://github.com/pulumi/pulumi-aws-native (registry schema of ApplicationVersion: taggable false)",
		ReliedOn: "activities/leftovers/verify.go", Minutes: 5, check: checkApplicationTags,
	},
}

// composeFile describes an app that Beanstalk's Docker platform can run.
const composeFile = "services: {web: {image: 'public.ecr.aws/nginx/nginx:stable-alpine', ports: ['80:80']}}\n"

// uploadBundle uploads a source bundle to the bucket of a new stack.
func (w *World) uploadBundle(ctx context.Context) (bucket, key string, err error) {
	var archive bytes.Buffer
	files := zip.NewWriter(&archive)
	file, err := files.Create("docker-compose.yml")
	if err == nil {
		_, err = file.Write([]byte(composeFile))
	}
	if err == nil {
		err = files.Close()
	}
	if err != nil {
		return "", "", fmt.Errorf("write the source bundle: %w", err)
	}
	stack, err := w.createStack(ctx, "-bundle", template(plainBucket))
	if err != nil {
		return "", "", err
	}
	if bucket, err = w.physicalID(ctx, stack, "Bucket"); err != nil {
		return "", "", err
	}
	_, err = w.putObject(ctx, bucket, "bundle.zip", archive.String())
	return bucket, "bundle.zip", err
}

// versionResource returns the resource of an application version with the source bundle.
func versionResource(bucket, key string) string {
	return "Version: {Type: AWS::ElasticBeanstalk::ApplicationVersion, Properties: {ApplicationName: !Ref " +
		"Application, SourceBundle: {S3Bucket: " + bucket + ", S3Key: " + key + "}}}"
}

// deployBundle creates a stack with an environment that runs a source bundle, and returns the
// stack's id.
func (w *World) deployBundle(ctx context.Context, name string) (stack string, err error) {
	bucket, key, err := w.uploadBundle(ctx)
	if err != nil {
		return "", err
	}
	platform, err := w.platform(ctx)
	if err != nil {
		return "", err
	}
	single := option("aws:elasticbeanstalk:environment", "EnvironmentType", "SingleInstance")
	resources := environmentResources(
		"SolutionStackName: "+platform, name, "VersionLabel: !Ref Version, ", []string{single},
	)
	return w.createStack(ctx, "", template(append(resources, versionResource(bucket, key))...))
}

func checkBundleBucket(ctx context.Context, w *World) error {
	name := w.environmentName("-bundle")
	stack, err := w.deployBundle(ctx, name)
	if err != nil {
		return err
	}
	id, err := w.environmentID(ctx, name)
	if err != nil {
		return err
	}
	label, err := w.physicalID(ctx, stack, "Version")
	if err != nil {
		return err
	}
	bucket := "elasticbeanstalk-" + w.target.Config.Region + "-" + w.target.Account
	copies, err := w.storage.ListObjectsV2(ctx, &s3.ListObjectsV2Input{
		Bucket: &bucket, Prefix: aws.String("resources/environments/" + id + "/"),
	})
	if err := wantAccepted("ListObjectsV2", err); err != nil {
		return err
	}
	found := slices.ContainsFunc(copies.Contents, func(o s3types.Object) bool {
		return strings.Contains(aws.ToString(o.Key), "/"+label)
	})
	if !found {
		return differencef("none of %d objects below resources/environments/%s/ is named after the version %s",
			len(copies.Contents), id, label)
	}
	if err := w.deleteStack(ctx, stack, types.StackStatusDeleteComplete); err != nil {
		return err
	}
	exists, err := w.bucketExists(ctx, bucket)
	if err != nil || !exists {
		return errorOrDifference(err, "the bucket does not exist after the deletion of the stack")
	}
	tags, err := w.bucketTags(ctx, bucket)
	if err == nil && (tags[Tag] != "" || tags["aws:cloudformation:stack-id"] != "") {
		err = differencef("the bucket has tags of a stack: %v", tags)
	}
	return err
}

func checkApplicationTags(ctx context.Context, w *World) error {
	bucket, key, err := w.uploadBundle(ctx)
	if err != nil {
		return err
	}
	stack, err := w.createStack(ctx, "", template("Application: {Type: AWS::ElasticBeanstalk::Application}",
		versionResource(bucket, key)))
	if err != nil {
		return err
	}
	application, err := w.physicalID(ctx, stack, "Application")
	if err != nil {
		return err
	}
	label, err := w.physicalID(ctx, stack, "Version")
	if err != nil {
		return err
	}
	prefix := "arn:aws:elasticbeanstalk:" + w.target.Config.Region + ":" + w.target.Account + ":application"
	for _, arn := range []string{prefix + "/" + application, prefix + "version/" + application + "/" + label} {
		out, err := w.beanstalk.ListTagsForResource(ctx, &elasticbeanstalk.ListTagsForResourceInput{ResourceArn: &arn})
		if err := wantAccepted("ListTagsForResource", err); err != nil {
			return err
		}
		if len(out.ResourceTags) > 0 {
			return differencef("%s has the tag %s", arn, aws.ToString(out.ResourceTags[0].Key))
		}
	}
	return nil
}
