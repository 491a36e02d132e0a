package application

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"perch"
	"perch/activities/awserr"
)

// Admission is what Admit last allowed for an environment. Admit writes it into the artifact
// bucket. The activities that act on it read it there, because they cannot trust their input:
// anyone who can reach Temporal can give an activity any input. Only Admit decides what a stack may
// contain.
type Admission struct {
	// Commit is the commit that was admitted. Kind is the environment's kind.
	Commit string     `json:"commit"`
	Kind   perch.Kind `json:"kind"`
	// Template is the template's key in the artifact bucket. Hash is its hash.
	Template string `json:"template"`
	Hash     string `json:"hash"`
	// Parameters is the key of a custom template's parameters. Capability is the capability that
	// CloudFormation requires for the template.
	Parameters string `json:"parameters,omitempty"`
	Capability string `json:"capability,omitempty"`
	// Custom means that the template is a custom one.
	Custom bool `json:"custom,omitempty"`
	// HealthPath is the path that answers when the app is healthy.
	HealthPath string `json:"health_path"`
	// Image is the image as perch.yaml names it. Pinned is the image that is deployed, with its
	// digest if that was known.
	Image  string `json:"image,omitempty"`
	Pinned string `json:"pinned,omitempty"`
	// Policy is the fingerprint of the policy that admitted the request.
	Policy string `json:"policy"`
}

func admissionKey(environment perch.Environment) string {
	return "admissions/" + environment.StackName() + ".json"
}

// RecordAdmission writes the admission. It replaces the environment's last one.
func (s *Stacks) RecordAdmission(
	ctx context.Context,
	bucket string,
	environment perch.Environment,
	allowed Admission,
) error {
	allowed.Policy = s.policy.Fingerprint()
	body, err := json.Marshal(allowed)
	if err != nil {
		return fmt.Errorf("write admission of %s: %w", environment.StackName(), err)
	}
	key := admissionKey(environment)
	_, err = s.s3.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &bucket, Key: &key, Body: bytes.NewReader(body), ContentType: aws.String("application/json"),
	})
	return awserr.Wrap(err, "write %s in bucket %s", key, bucket)
}

// RetractAdmission deletes the admission of an environment that no longer has a stack.
func (s *Stacks) RetractAdmission(ctx context.Context, bucket string, environment perch.Environment) error {
	if _, found, err := s.reader.Describe(ctx, environment.StackName()); err != nil || found {
		return err
	}
	key := admissionKey(environment)
	_, err := s.s3.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &bucket, Key: &key})
	return awserr.Wrap(err, "delete %s in bucket %s", key, bucket)
}

// Admitted reads what Admit last allowed for the environment. It returns an error unless that is
// the template with this hash, admitted for this kind, by the policy that the worker has now.
func (s *Stacks) Admitted(
	ctx context.Context,
	environment perch.Environment,
	kind perch.Kind,
	hash string,
) (Admission, string, error) {
	const again = "run the command again"
	bucket, err := s.ArtifactBucket(ctx, kind)
	if err != nil {
		return Admission{}, "", err
	}
	key := admissionKey(environment)
	body, err := s.ReadObject(ctx, bucket, key)
	if awserr.HasCode(err, "NoSuchKey", "NotFound") {
		return Admission{}, "", awserr.Final(
			perch.ErrorInvalid,
			"nothing is admitted for branch %q: %s",
			environment.Branch,
			again,
		)
	}
	if err != nil {
		return Admission{}, "", awserr.Wrap(err, "read %s in bucket %s", key, bucket)
	}
	var allowed Admission
	switch err := json.Unmarshal(body, &allowed); {
	case err != nil:
		return Admission{}, "", awserr.Final(
			perch.ErrorInvalid,
			"object %s in bucket %s is not an admission: %s",
			key,
			bucket,
			again,
		)
	case allowed.Kind != kind || allowed.Hash != hash:
		return Admission{}, "", awserr.Final(
			perch.ErrorInvalid,
			"another template was admitted for branch %q meanwhile: %s",
			environment.Branch,
			again,
		)
	case allowed.Policy != s.policy.Fingerprint():
		return Admission{}, "", awserr.Final(
			perch.ErrorInvalid,
			"the worker's policy changed after the request for branch %q was admitted: %s",
			environment.Branch,
			again,
		)
	}
	return allowed, bucket, nil
}

// LastAdmission returns what was last admitted for the environment, by any policy.
func (s *Stacks) LastAdmission(
	ctx context.Context, environment perch.Environment, kind perch.Kind,
) (last Admission, err error) {
	bucket, err := s.ArtifactBucket(ctx, kind)
	if err != nil {
		return last, err
	}
	body, err := s.ReadObject(ctx, bucket, admissionKey(environment))
	if err != nil {
		return last, err
	}
	return last, json.Unmarshal(body, &last)
}
