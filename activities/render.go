package activities

import (
	"bytes"
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/elasticbeanstalk"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"perch"
	"perch/cfn"
)

// RenderInput names what to render.
type RenderInput struct {
	// Project and Branch name the environment, Commit is the full commit.
	Project string `json:"project"`
	Branch  string `json:"branch"`
	Commit  string `json:"commit"`
	// Kind is what Admit found.
	Kind perch.Kind `json:"kind"`
}

// RenderResult says where the rendered template is.
type RenderResult struct {
	// TemplateURL is the template's address in the artifact bucket: a template may be larger than a request.
	TemplateURL string `json:"template_url"`
	// Hash is the template's hash, the same as its output PerchTemplate.
	Hash string `json:"hash"`
	// Resources is how many resources the template has.
	Resources int `json:"resources"`
	// SeedSteps is how many seed steps perch.yaml names.
	SeedSteps int `json:"seed_steps"`
	// HealthPath is the path that answers when the app is healthy.
	HealthPath string `json:"health_path"`
}

// RenderTemplate renders the environment's template from perch.yaml at the commit, and stores it and the Docker source bundle in the
// artifact bucket, each by the hash of its content.
func (r *Requests) RenderTemplate(ctx context.Context, in RenderInput) (RenderResult, error) {
	environment, err := perch.NewEnvironment(in.Project, in.Branch)
	if err != nil {
		return RenderResult{}, refuse(ErrorInvalid, "%v", err)
	}
	file, refusal, err := r.file(ctx, in.Commit)
	if err != nil {
		return RenderResult{}, err
	}
	if refusal != "" {
		return RenderResult{}, refuse(ErrorInvalid, "%s", refusal)
	}
	settings, _, err := file.Resolve(in.Branch, in.Commit)
	if err != nil {
		return RenderResult{}, refuse(ErrorInvalid, "%v", err)
	}
	application, err := r.apps.outputs(ctx, in.Kind)
	if err != nil {
		return RenderResult{}, err
	}
	bundle, key, err := cfn.Bundle(settings)
	if err != nil {
		return RenderResult{}, refuse(ErrorInvalid, "%v", err)
	}
	platform, err := r.platform(ctx, environment)
	if err != nil {
		return RenderResult{}, err
	}
	template, err := cfn.Environment(cfn.EnvironmentInput{
		Environment: environment, Kind: in.Kind, Commit: in.Commit, Settings: settings, Policy: *r.policy,
		Application: application, SolutionStack: platform, Bundle: key,
	})
	if err != nil {
		return RenderResult{}, refuse(ErrorInvalid, "render template of %s: %v", environment.StackName(), err)
	}
	if err := r.apps.store(ctx, application.ArtifactBucket, key, bundle); err != nil {
		return RenderResult{}, err
	}
	stored := "templates/" + template.Hash + ".json"
	if err := r.apps.store(ctx, application.ArtifactBucket, stored, template.Body); err != nil {
		return RenderResult{}, err
	}
	return RenderResult{
		TemplateURL: r.apps.objectURL(application.ArtifactBucket, stored), Hash: template.Hash, Resources: template.Resources,
		SeedSteps: len(file.Seed), HealthPath: settings.HealthPath,
	}, nil
}

var dockerPlatform = regexp.MustCompile(`^64bit Amazon Linux 2023 v(\d+)\.(\d+)\.(\d+) running Docker$`)

// platform is the solution stack to run on: the one that the environment has, because another one would replace it, else the newest.
func (r *Requests) platform(ctx context.Context, environment perch.Environment) (string, error) {
	running, err := r.apps.beanstalk.DescribeEnvironments(ctx, &elasticbeanstalk.DescribeEnvironmentsInput{
		EnvironmentNames: []string{environment.BeanstalkName()}, IncludeDeleted: aws.Bool(false),
	})
	if err != nil {
		return "", awsFailure(err, "look for Beanstalk environment %s", environment.BeanstalkName())
	}
	for _, e := range running.Environments {
		if name := aws.ToString(e.SolutionStackName); dockerPlatform.MatchString(name) && e.Status != "Terminated" {
			return name, nil
		}
	}
	all, err := r.apps.beanstalk.ListAvailableSolutionStacks(ctx, &elasticbeanstalk.ListAvailableSolutionStacksInput{})
	if err != nil {
		return "", awsFailure(err, "list Beanstalk platforms")
	}
	newest, found := newestPlatform(all.SolutionStacks)
	if !found {
		return "", refuse(ErrorInvalid, "Beanstalk offers no Docker platform on Amazon Linux 2023 in region %s", r.policy.Region)
	}
	return newest, nil
}

func newestPlatform(names []string) (newest string, found bool) {
	var best [3]int
	for _, name := range names {
		match := dockerPlatform.FindStringSubmatch(name)
		if match == nil {
			continue
		}
		var version [3]int
		for i := range version {
			version[i], _ = strconv.Atoi(match[i+1]) // The pattern lets only digits through.
		}
		if !found || later(version, best) {
			newest, best, found = name, version, true
		}
	}
	return newest, found
}

func later(a, b [3]int) bool {
	for i := range a {
		if a[i] != b[i] {
			return a[i] > b[i]
		}
	}
	return false
}

// store puts an object that its key names by content; one that is there already is the same.
func (a *Applications) store(ctx context.Context, bucket, key string, body []byte) error {
	_, err := a.s3.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &bucket, Key: &key})
	if err == nil {
		return nil
	}
	if !missing(err, "NotFound", "NoSuchKey") {
		return awsFailure(err, "look for %s in bucket %s", key, bucket)
	}
	_, err = a.s3.PutObject(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: bytes.NewReader(body)})
	return awsFailure(err, "store %s in bucket %s", key, bucket)
}

// objectURL is the address of an object as CloudFormation takes it in TemplateURL.
func (a *Applications) objectURL(bucket, key string) string {
	suffix := "amazonaws.com"
	if strings.HasPrefix(a.policy.Region, "cn-") {
		suffix += ".cn"
	}
	return fmt.Sprintf("https://%s.s3.%s.%s/%s", bucket, a.policy.Region, suffix, key)
}
