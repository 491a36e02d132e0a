package activities

import (
	"bytes"
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/elasticbeanstalk"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"perch"
	"perch/activities/awserr"
	"perch/activities/contract"
	"perch/activities/seed"
	"perch/cfn"
	"perch/cfn/custom"
	"perch/config"
)

// rendering is a template with everything that it was made of.
type rendering struct {
	environment perch.Environment
	commit      string
	kind        perch.Kind
	file        *config.File
	settings    perch.Settings
	// image is the image as perch.yaml names it; that of settings is by digest, if the digest is known.
	image       string
	application cfn.ApplicationOutputs
	template    storedTemplate
	// exists says that the branch has a stack, and defaultVersion that no layer of perch.yaml names
	// the database's version.
	exists, defaultVersion bool
	// deployed are the options of the template in force; the zero value if there is none, or it is to be replaced.
	deployed cfn.SetOptions
	// extendedSupport says that the running database is enrolled in RDS Extended Support.
	extendedSupport bool
	// bundle is empty for a bring-your-own template, parameters and capability for Perch's own.
	bundle     []byte
	bundleKey  string
	parameters []cfn.Parameter
	capability string
	// custom is the custom template at the commit, which admission read; nil for Perch's own.
	custom *custom.Template
}

// storedTemplate is a template that is stored under its hash.
type storedTemplate struct{ cfn.Template }

// key is the template's key in the artifact bucket.
func (t storedTemplate) key() string { return "templates/" + t.Hash + ".json" }

// own says that the template is one of the project's own.
func (r rendering) isCustom() bool { return r.settings.Template != "" }

func (r rendering) sharesDatabase() bool {
	return r.settings.Database != nil && r.settings.Database.Mode == perch.DatabaseShared
}

// publish stores what was rendered, if it is not stored yet, and writes down that it is admitted.
func (r *Requests) publish(ctx context.Context, rendered rendering) (contract.RenderResult, error) {
	artifacts := rendered.application.ArtifactBucket
	if rendered.bundleKey != "" {
		if err := r.apps.store(ctx, artifacts, rendered.bundleKey, rendered.bundle); err != nil {
			return contract.RenderResult{}, err
		}
	}
	if err := r.apps.store(ctx, artifacts, rendered.template.key(), rendered.template.Body); err != nil {
		return contract.RenderResult{}, err
	}
	err := r.storeParameters(ctx, rendered)
	if err == nil && rendered.isCustom() {
		err = r.validate(ctx, rendered.settings.Template, r.apps.objectURL(artifacts, rendered.template.key()))
	}
	if err == nil {
		err = r.allow(ctx, rendered)
	}
	return contract.RenderResult{
		Hash: rendered.template.Hash, Resources: rendered.template.Resources,
		SeedSteps: len(seed.Phase(rendered.file.Seed, false)), LaterSteps: len(seed.Phase(rendered.file.Seed, true)),
		SharedDatabase: rendered.sharesDatabase(),
	}, err
}

// allow writes down what was admitted, for the activities that act on it.
func (r *Requests) allow(ctx context.Context, rendered rendering) error {
	return r.apps.admit(ctx, rendered.application.ArtifactBucket, rendered.environment, admission{
		Commit: rendered.commit, Kind: rendered.kind, Template: rendered.template.key(), Hash: rendered.template.Hash,
		Parameters: rendered.parametersKey(), Capability: rendered.capability, Custom: rendered.isCustom(), HealthPath: rendered.settings.HealthPath,
		Image: rendered.image, Pinned: rendered.settings.Image,
	})
}

// complete renders the template from the file, the settings and the outputs that made has already.
func (r *Requests) complete(ctx context.Context, made rendering) (_ rendering, err error) {
	in := cfn.EnvironmentInput{
		Environment: made.environment, Kind: made.kind, Commit: made.commit, Policy: *r.policy,
		Application: made.application, Seed: made.file.Seed,
	}
	if !made.isCustom() {
		if err := r.settleDatabase(ctx, &made); err != nil {
			return made, err
		}
		if in.Platform, err = r.platform(ctx, made.deployed); err != nil {
			return made, err
		}
		in.ExtendedSupport = made.extendedSupport
	}
	in.Settings = made.settings
	rendered, err := cfn.Render(in, made.custom)
	if err != nil {
		return made, awserr.Final(perch.ErrorInvalid, "%v", err)
	}
	made.template.Template, made.bundle, made.bundleKey = rendered.Template, rendered.Bundle, rendered.BundleKey
	made.parameters, made.capability = rendered.Given(), rendered.Capability
	return made, nil
}

var dockerPlatform = regexp.MustCompile(`^64bit Amazon Linux 2023 v(\d+)\.(\d+)\.(\d+) running Docker$`)

// platform is what the environment runs on: the newest version of the platform by its ARN, which an
// update may change, or the solution stack of an environment that was created with one.
func (r *Requests) platform(ctx context.Context, deployed cfn.SetOptions) (string, error) {
	if deployed.SolutionStack != "" {
		return deployed.SolutionStack, nil
	}
	all, err := r.apps.beanstalk.ListAvailableSolutionStacks(ctx, &elasticbeanstalk.ListAvailableSolutionStacksInput{})
	if err != nil {
		return "", awserr.Wrap(err, "list Beanstalk platforms")
	}
	newest, found := newestPlatform(all.SolutionStacks)
	if !found {
		return "", awserr.Final(perch.ErrorInvalid, "Beanstalk offers no Docker platform on Amazon Linux 2023 in region %s", r.policy.Region)
	}
	return platformARN(r.policy.Region, newest), nil
}

// platformARN is the ARN of the Docker platform version that a solution stack has. Platforms are
// AWS's own, so the ARN has no account (AWS docs: Elastic Beanstalk platforms, platform version
// ARN).
func platformARN(region, solutionStack string) string {
	version := strings.Join(dockerPlatform.FindStringSubmatch(solutionStack)[1:], ".")
	return "arn:" + partitionOf(
		region,
	) + ":elasticbeanstalk:" + region + "::platform/Docker running on 64bit Amazon Linux 2023/" + version
}

func partitionOf(region string) string {
	switch {
	case strings.HasPrefix(region, "cn-"):
		return "aws-cn"
	case strings.HasPrefix(region, "us-gov-"):
		return "aws-us-gov"
	}
	return "aws"
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
	return awserr.Wrap(err, "store %s in bucket %s", key, bucket)
}

// has reports whether the bucket holds an object of that key.
func (a *Applications) has(ctx context.Context, bucket, key string) (bool, error) {
	_, err := a.s3.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &bucket, Key: &key})
	if awserr.HasCode(err, "NotFound", "NoSuchKey") {
		return false, nil
	}
	return err == nil, awserr.Wrap(err, "look for %s in bucket %s", key, bucket)
}

// objectURL is the address of an object as CloudFormation takes it in TemplateURL.
func (a *Applications) objectURL(bucket, key string) string {
	suffix := "amazonaws.com"
	if strings.HasPrefix(a.policy.Region, "cn-") {
		suffix += ".cn"
	}
	return fmt.Sprintf("https://%s.s3.%s.%s/%s", bucket, a.policy.Region, suffix, key)
}
