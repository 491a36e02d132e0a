package seed

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"perch"
	"perch/activities/application"
	"perch/activities/awserr"
	"perch/activities/branch"
	"perch/activities/contract"
	"perch/activities/pulse"
	"perch/activities/stack"
	"perch/lifecycle"
)

// Environments runs the seed steps of environments, as perch.yaml has them at the deployed commit.
// It also opens buckets again that a removal has closed.
type Environments struct {
	*Seeder

	branches *branch.Reader
	apps     *application.Stacks
	reader   *stack.Reader
}

// NewEnvironments returns the Environments of the account of cfg. interval is the pause between two
// requests while a step waits.
func NewEnvironments(
	cfg aws.Config, policy *perch.Policy, reader *stack.Reader, apps *application.Stacks, branches *branch.Reader,
	interval time.Duration,
) *Environments {
	seeder := New(cfg, Config{
		Policy: policy, Source: branches.Source, Interval: interval,
		HasObject: apps.HasObject, StoreObject: apps.StoreObject,
		Environments: func(ctx context.Context, stackID string) ([]string, error) {
			contents, err := reader.Contents(ctx, contract.StackInput{StackID: stackID})
			return contents.Environments, err
		},
	})
	return &Environments{Seeder: seeder, branches: branches, apps: apps, reader: reader}
}

// SeedData runs, in order, the seed steps that have not run for this stack yet.
func (e *Environments) SeedData(ctx context.Context, in contract.SeedInput) (contract.SeedResult, error) {
	_, stop := pulse.Start(ctx, pulse.Resume(ctx, perch.Progress{Status: "SEEDING", Since: time.Now().UTC()}))
	stack, err := e.deployed(ctx, in)
	stop()
	if err != nil {
		return contract.SeedResult{}, err
	}
	return e.SeedDeployed(ctx, Deployed{SeedInput: in, URL: stack.URL, Endpoint: stack.Endpoint})
}

// Deployed is an environment that SeedData has found ready to be seeded.
type Deployed struct {
	contract.SeedInput
	// URL is the environment's address. Endpoint is the host to connect to. Both are outputs of its
	// stack.
	URL, Endpoint string
}

// SeedDeployed runs the steps of a deployed environment, without the checks of SeedData.
func (e *Environments) SeedDeployed(ctx context.Context, in Deployed) (contract.SeedResult, error) {
	earlier := pulse.Resume(ctx, perch.Progress{Status: "SEEDING", Since: time.Now().UTC()})
	// The heartbeats begin before the repository is read, because a worker may have to fetch it
	// first.
	beats, stop := pulse.Start(ctx, earlier)
	defer stop()
	found, err := e.settingsAt(ctx, in.Environment.Branch, in.Commit)
	if err != nil {
		return contract.SeedResult{}, err
	}
	target := Target{
		StackID: in.StackID, Commit: in.Commit, Settings: found.settings, Artifacts: found.artifacts,
		URL: in.URL, Endpoint: in.Endpoint,
	}
	result, err := e.Seeder.Run(ctx, target, Phase(found.steps, in.Later), beats, earlier)
	return contract.SeedResult(result), err
}

// seedSettings has the branch's settings and seed steps from perch.yaml. artifacts is the bucket
// with the steps' marks.
type seedSettings struct {
	settings  perch.Settings
	steps     []perch.SeedStep
	artifacts string
}

func (e *Environments) settingsAt(ctx context.Context, branch, commit string) (found seedSettings, err error) {
	file, err := e.branches.ReadDeployedConfig(ctx, commit)
	var rejection *perch.Rejection
	if errors.As(err, &rejection) {
		return found, awserr.Final(perch.ErrorInvalid, "%s", rejection.Reason)
	}
	if err != nil {
		return found, err
	}
	settings, _, err := file.Resolve(branch, commit)
	if err != nil {
		return found, awserr.Final(perch.ErrorInvalid, "%v", err)
	}
	outputs, err := e.apps.Outputs(ctx, file.Kind(branch))
	return seedSettings{settings, file.Seed, outputs.ArtifactBucket}, err
}

// deployed returns the environment's stack. It returns an error unless the stack belongs to the
// environment, the commit to seed is deployed in it, and its template was admitted. So only the
// steps of a deployed commit run, and secrets go to no other address.
func (e *Environments) deployed(ctx context.Context, in contract.SeedInput) (contract.StackState, error) {
	stack, err := e.reader.OwnStack(ctx, contract.StackInput{Environment: in.Environment, StackID: in.StackID})
	if err != nil {
		return stack, err
	}
	if !lifecycle.Serving(stack.Status) || stack.Commit != in.Commit {
		return stack, awserr.Final(
			perch.ErrorInvalid,
			"stack %s is %s with commit %s deployed, and not ready to be seeded at %s: run the command again",
			in.StackID,
			stack.Status,
			stack.Commit,
			in.Commit,
		)
	}
	_, _, err = e.apps.Admitted(ctx, in.Environment, stack.Kind, stack.Template)
	return stack, err
}
