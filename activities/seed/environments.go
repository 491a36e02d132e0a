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

// Environments seeds environments with what perch.yaml says at the commit that is deployed, and
// lets buckets that a removal has closed be written to again.
type Environments struct {
	*Seeder

	branches *branch.Reader
	apps     *application.Stacks
	reader   *stack.Reader
}

// NewEnvironments makes Environments of the account of cfg. interval is the pause between two
// looks.
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

// SeedData carries out the seed steps that this stack has not seen yet, in order.
func (e *Environments) SeedData(ctx context.Context, in contract.SeedInput) (contract.SeedResult, error) {
	_, stop := pulse.Start(ctx, pulse.Resume(ctx, perch.Progress{Status: "SEEDING", Since: time.Now().UTC()}))
	stack, err := e.deployed(ctx, in)
	stop()
	if err != nil {
		return contract.SeedResult{}, err
	}
	return e.SeedDeployed(ctx, Deployed{SeedInput: in, URL: stack.URL, Endpoint: stack.Endpoint})
}

// Deployed is what SeedData found to be seeded.
type Deployed struct {
	contract.SeedInput
	// URL is the environment's address, and Endpoint the host to dial, both from its stack's
	// outputs.
	URL, Endpoint string
}

// SeedDeployed carries out the steps of an environment that was found deployed.
func (e *Environments) SeedDeployed(ctx context.Context, in Deployed) (contract.SeedResult, error) {
	earlier := pulse.Resume(ctx, perch.Progress{Status: "SEEDING", Since: time.Now().UTC()})
	// Before the repository is read: a worker that does not have it yet fetches it.
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

// seedSettings are what perch.yaml says for the branch, and where the marks of its steps are.
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

// deployed is the environment's own stack, with the commit deployed in it that is to be seeded, and
// admitted by the policy: the steps of no other commit are carried out, and no other address is
// told a secret.
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
