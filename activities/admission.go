package activities

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"perch"
	"perch/activities/awserr"
)

// admission is what Admit allowed last for an environment. Admit writes it into the artifact bucket, and the
// activities that act on it read it there and not from their input: anyone who can reach Temporal can give
// an activity any input, and nothing but Admit decides what a stack may hold.
type admission struct {
	// Commit is the commit that was admitted, Kind the environment's kind.
	Commit string     `json:"commit"`
	Kind   perch.Kind `json:"kind"`
	// Template is the template's key in the artifact bucket, Hash its hash.
	Template string `json:"template"`
	Hash     string `json:"hash"`
	// Parameters is the key of a custom template's parameters, Capability what CloudFormation needs to be told.
	Parameters string `json:"parameters,omitempty"`
	Capability string `json:"capability,omitempty"`
	// Custom says that the template is a custom one.
	Custom bool `json:"custom,omitempty"`
	// HealthPath is the path that answers when the app is healthy.
	HealthPath string `json:"health_path"`
	// Image is the image as perch.yaml names it, and Pinned the one that is deployed: by its digest,
	// if that was known.
	Image  string `json:"image,omitempty"`
	Pinned string `json:"pinned,omitempty"`
	// Policy is the fingerprint of the policy that it was judged by.
	Policy string `json:"policy"`
}

func admissionKey(environment perch.Environment) string {
	return "admissions/" + environment.StackName() + ".json"
}

// admit writes the admission over the last one of the environment.
func (a *Applications) admit(ctx context.Context, bucket string, environment perch.Environment, allowed admission) error {
	allowed.Policy = a.policy.Fingerprint()
	body, err := json.Marshal(allowed)
	if err != nil {
		return fmt.Errorf("write admission of %s: %w", environment.StackName(), err)
	}
	key := admissionKey(environment)
	_, err = a.s3.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &bucket, Key: &key, Body: bytes.NewReader(body), ContentType: aws.String("application/json"),
	})
	return awserr.Wrap(err, "write %s in bucket %s", key, bucket)
}

// retract deletes the admission of an environment that has no stack any more.
func (a *Applications) retract(ctx context.Context, bucket string, environment perch.Environment) error {
	if _, found, err := a.stacks.Describe(ctx, environment.StackName()); err != nil || found {
		return err
	}
	key := admissionKey(environment)
	_, err := a.s3.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &bucket, Key: &key})
	return awserr.Wrap(err, "delete %s in bucket %s", key, bucket)
}

// admitted reads what Admit allowed last for the environment. It rejects anything but the template with this
// hash, admitted for this kind by the policy that the worker has now.
func (a *Applications) admitted(ctx context.Context, environment perch.Environment, kind perch.Kind, hash string) (admission, string, error) {
	const again = "run the command again"
	bucket, err := a.artifactBucket(ctx, kind)
	if err != nil {
		return admission{}, "", err
	}
	key := admissionKey(environment)
	body, err := a.object(ctx, bucket, key)
	if awserr.HasCode(err, "NoSuchKey", "NotFound") {
		return admission{}, "", awserr.Final(perch.ErrorInvalid, "nothing is admitted for branch %q: %s", environment.Branch, again)
	}
	if err != nil {
		return admission{}, "", awserr.Wrap(err, "read %s in bucket %s", key, bucket)
	}
	var allowed admission
	switch err := json.Unmarshal(body, &allowed); {
	case err != nil:
		return admission{}, "", awserr.Final(perch.ErrorInvalid, "object %s in bucket %s is not an admission: %s", key, bucket, again)
	case allowed.Kind != kind || allowed.Hash != hash:
		return admission{}, "", awserr.Final(perch.ErrorInvalid, "another template was admitted for branch %q meanwhile: %s", environment.Branch, again)
	case allowed.Policy != a.policy.Fingerprint():
		return admission{}, "", awserr.Final(perch.ErrorInvalid, "the worker's policy changed after the request for branch %q was admitted: %s", environment.Branch, again)
	}
	return allowed, bucket, nil
}

// artifactBucket is the artifact bucket of the application that environments of kind are in. It is looked up
// once: its name changes only when the application stack is created again.
func (a *Applications) artifactBucket(ctx context.Context, kind perch.Kind) (string, error) {
	name := perch.ApplicationStackName(a.policy.Project, kind)
	if known, ok := a.buckets.Load(name); ok {
		return known.(string), nil
	}
	stack, found, err := a.stacks.Describe(ctx, name)
	if err != nil {
		return "", err
	}
	outputs, err := a.read(ctx, stack, found, kind)
	if err == nil {
		a.buckets.Store(name, outputs.ArtifactBucket)
	}
	return outputs.ArtifactBucket, err
}

// object reads a small object. The error is the SDK's.
func (a *Applications) object(ctx context.Context, bucket, key string) ([]byte, error) {
	out, err := a.s3.GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: &key})
	if awserr.HasCode(err, "NoSuchBucket") {
		a.buckets.Clear() // The application stack was created again.
	}
	if err != nil {
		return nil, err
	}
	defer out.Body.Close()
	return io.ReadAll(out.Body)
}
