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
	"perch/cfn/own"
	"perch/config"
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
	// SeedSteps is how many seed steps perch.yaml names that need no app, and LaterSteps how many that are carried out when the environment answers.
	SeedSteps  int `json:"seed_steps"`
	LaterSteps int `json:"later_steps,omitempty"`
	// HealthPath is the path that answers when the app is healthy.
	HealthPath string `json:"health_path"`
	// Own says that the template is one of the project's own. It is told from the settings, because such a template can hide in its outputs that it is one.
	Own bool `json:"own,omitempty"`
	// SharedDatabase says that the environment's database stands in the shared instance and is made by EnsureDatabase.
	SharedDatabase bool `json:"shared_database,omitempty"`
	// Parameters is where the values of a bring-your-own template's parameters are stored; Capability is what such a template needs.
	Parameters string `json:"parameters,omitempty"`
	Capability string `json:"capability,omitempty"`
}

// rendering is a template with everything that it was made of.
type rendering struct {
	file        *config.File
	settings    perch.Settings
	application cfn.ApplicationOutputs
	template    cfn.Template
	// bundle is empty for a bring-your-own template, parameters and capability for Perch's own.
	bundle     []byte
	bundleKey  string
	parameters []own.Parameter
	capability string
}

// own says that the template is one of the project's own.
func (r rendering) own() bool { return r.settings.Template != "" }

func (r rendering) sharesDatabase() bool {
	return r.settings.Database != nil && r.settings.Database.Mode == perch.DatabaseShared
}

// RenderTemplate renders the environment's template from perch.yaml at the commit, and stores it and the Docker source bundle in the
// artifact bucket, each by the hash of its content.
func (r *Requests) RenderTemplate(ctx context.Context, in RenderInput) (RenderResult, error) {
	rendered, err := r.render(ctx, in)
	if err != nil {
		return RenderResult{}, err
	}
	return r.publish(ctx, rendered)
}

// publish stores what was rendered, where it is not stored yet.
func (r *Requests) publish(ctx context.Context, rendered rendering) (RenderResult, error) {
	artifacts := rendered.application.ArtifactBucket
	if rendered.bundleKey != "" {
		if err := r.apps.store(ctx, artifacts, rendered.bundleKey, rendered.bundle); err != nil {
			return RenderResult{}, err
		}
	}
	stored := "templates/" + rendered.template.Hash + ".json"
	if err := r.apps.store(ctx, artifacts, stored, rendered.template.Body); err != nil {
		return RenderResult{}, err
	}
	url := r.apps.objectURL(artifacts, stored)
	parameters, err := r.storeParameters(ctx, rendered)
	if err == nil && rendered.own() {
		err = r.validate(ctx, rendered.settings.Template, url)
	}
	return RenderResult{
		TemplateURL: url, Hash: rendered.template.Hash, Resources: rendered.template.Resources,
		SeedSteps: len(phase(rendered.file.Seed, false)), LaterSteps: len(phase(rendered.file.Seed, true)), HealthPath: rendered.settings.HealthPath, Own: rendered.own(),
		SharedDatabase: rendered.sharesDatabase(), Parameters: parameters, Capability: rendered.capability,
	}, err
}

// render renders the environment's template and changes nothing.
func (r *Requests) render(ctx context.Context, in RenderInput) (rendering, error) {
	environment, err := perch.NewEnvironment(in.Project, in.Branch)
	if err != nil {
		return rendering{}, refuse(ErrorInvalid, "%v", err)
	}
	file, refusal, err := r.file(ctx, in.Commit)
	if err != nil {
		return rendering{}, err
	}
	if refusal != "" {
		return rendering{}, refuse(ErrorInvalid, "%s", refusal)
	}
	settings, _, err := file.Resolve(in.Branch, in.Commit)
	if err != nil {
		return rendering{}, refuse(ErrorInvalid, "%v", err)
	}
	application, err := r.apps.outputs(ctx, in.Kind)
	if err != nil {
		return rendering{}, err
	}
	return r.complete(ctx, environment, in, rendering{file: file, settings: settings, application: application})
}

// complete renders the template from the file, the settings and the outputs that made has already.
func (r *Requests) complete(ctx context.Context, environment perch.Environment, in RenderInput, made rendering) (_ rendering, err error) {
	if made.own() {
		err = r.renderOwn(ctx, environment, in, &made)
		return made, err
	}
	if made.bundle, made.bundleKey, err = cfn.Bundle(made.settings, hostOf(environment, r.policy)); err != nil {
		return made, refuse(ErrorInvalid, "%v", err)
	}
	platform, err := r.platform(ctx, environment)
	if err != nil {
		return made, err
	}
	made.template, err = cfn.Environment(cfn.EnvironmentInput{
		Environment: environment, Kind: in.Kind, Commit: in.Commit, Settings: made.settings, Policy: *r.policy,
		Application: made.application, SolutionStack: platform, Bundle: made.bundleKey,
	})
	if err != nil {
		return made, refuse(ErrorInvalid, "render template of %s: %v", environment.StackName(), err)
	}
	return made, nil
}

// hostOf is the environment's host name; empty where the policy has no domain.
func hostOf(environment perch.Environment, policy *perch.Policy) string {
	if policy.Domain == "" {
		return ""
	}
	return environment.Host(policy.Domain)
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
	if there, err := a.has(ctx, bucket, key); err != nil || there {
		return err
	}
	_, err := a.s3.PutObject(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: bytes.NewReader(body)})
	return awsFailure(err, "store %s in bucket %s", key, bucket)
}

// has reports whether the bucket holds an object of that key.
func (a *Applications) has(ctx context.Context, bucket, key string) (bool, error) {
	_, err := a.s3.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &bucket, Key: &key})
	if missing(err, "NotFound", "NoSuchKey") {
		return false, nil
	}
	return err == nil, awsFailure(err, "look for %s in bucket %s", key, bucket)
}

// objectURL is the address of an object as CloudFormation takes it in TemplateURL.
func (a *Applications) objectURL(bucket, key string) string {
	suffix := "amazonaws.com"
	if strings.HasPrefix(a.policy.Region, "cn-") {
		suffix += ".cn"
	}
	return fmt.Sprintf("https://%s.s3.%s.%s/%s", bucket, a.policy.Region, suffix, key)
}
