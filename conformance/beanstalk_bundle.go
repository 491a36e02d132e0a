package conformance

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/elasticbeanstalk"
)

var bundleBeliefs = []Belief{
	{
		Name:     "elasticbeanstalk/tags-of-applications",
		Sentence: "An application and an application version have no tags of their stack.",
		Source:   "https://github.com/pulumi/pulumi-aws-native (registry schema of ApplicationVersion: taggable false)",
		ReliedOn: "activities/verify.go", Minutes: 5, check: checkApplicationTags,
	},
}

// composeFile is an app that Beanstalk's platform for Docker can run.
const composeFile = "services: {web: {image: 'public.ecr.aws/nginx/nginx:stable-alpine', ports: ['80:80']}}\n"

// bundle puts a source bundle into the bucket of a new stack.
func (w *World) bundle(ctx context.Context) (bucket, key string, err error) {
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
	stack, err := w.create(ctx, "-bundle", template(plainBucket))
	if err != nil {
		return "", "", err
	}
	if bucket, err = w.physical(ctx, stack, "Bucket"); err != nil {
		return "", "", err
	}
	_, err = w.put(ctx, bucket, "bundle.zip", archive.String())
	return bucket, "bundle.zip", err
}

// versionOf is an application version with a source bundle.
func versionOf(bucket, key string) string {
	return "Version: {Type: AWS::ElasticBeanstalk::ApplicationVersion, Properties: {ApplicationName: !Ref Application, " +
		"SourceBundle: {S3Bucket: " + bucket + ", S3Key: " + key + "}}}"
}

func checkApplicationTags(ctx context.Context, w *World) error {
	bucket, key, err := w.bundle(ctx)
	if err != nil {
		return err
	}
	stack, err := w.create(ctx, "", template("Application: {Type: AWS::ElasticBeanstalk::Application}",
		versionOf(bucket, key)))
	if err != nil {
		return err
	}
	application, err := w.physical(ctx, stack, "Application")
	if err != nil {
		return err
	}
	label, err := w.physical(ctx, stack, "Version")
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
			return differs("%s has the tag %s", arn, aws.ToString(out.ResourceTags[0].Key))
		}
	}
	return nil
}
