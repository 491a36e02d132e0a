package activities

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"perch"
	"perch/activities/application"
	"perch/activities/awserr"
	"perch/activities/branch"
	"perch/activities/contract"
	"perch/activities/pulse"
	"perch/activities/seed"
	"perch/lifecycle"
)

// Seeds is the activity that puts test data into a new environment.
type Seeds struct {
	policy   *perch.Policy
	branches *branch.Reader
	apps     *application.Stacks
	stacks   *Stacks
	s3       *s3.Client
	seeder   *seed.Seeder
}

func newSeeds(cfg aws.Config, stacks *Stacks, branches *branch.Reader, interval time.Duration) *Seeds {
	s := &Seeds{
		policy: stacks.policy, branches: branches, apps: stacks.apps, stacks: stacks, s3: s3.NewFromConfig(cfg),
	}
	s.seeder = seed.New(cfg, seed.Config{
		Policy: stacks.policy, Source: branches.Source, Interval: interval,
		HasObject: stacks.apps.HasObject, StoreObject: stacks.apps.StoreObject,
		Environments: func(ctx context.Context, stackID string) ([]string, error) {
			contents, err := s.stacks.Contents(ctx, contract.StackInput{StackID: stackID})
			return contents.Environments, err
		},
	})
	return s
}

// SeedData carries out the seed steps that this stack has not seen yet, in order.
func (s *Seeds) SeedData(ctx context.Context, in contract.SeedInput) (contract.SeedResult, error) {
	_, stop := pulse.Start(ctx, pulse.Resume(ctx, perch.Progress{Status: "SEEDING", Since: time.Now().UTC()}))
	stack, err := s.deployed(ctx, in)
	stop()
	if err != nil {
		return contract.SeedResult{}, err
	}
	return s.seed(ctx, seedTarget{SeedInput: in, URL: stack.URL, Endpoint: stack.Endpoint})
}

// seedTarget is what SeedData found to be seeded.
type seedTarget struct {
	contract.SeedInput
	// URL is the environment's address, and Endpoint the host to dial, both from its stack's outputs.
	URL, Endpoint string
}

func (s *Seeds) seed(ctx context.Context, in seedTarget) (contract.SeedResult, error) {
	earlier := pulse.Resume(ctx, perch.Progress{Status: "SEEDING", Since: time.Now().UTC()})
	beats, stop := pulse.Start(ctx, earlier) // Before the repository is read: a worker that does not have it yet fetches it.
	defer stop()
	found, err := s.settingsAt(ctx, in.Environment.Branch, in.Commit)
	if err != nil {
		return contract.SeedResult{}, err
	}
	target := seed.Target{
		StackID: in.StackID, Commit: in.Commit, Settings: found.settings, Artifacts: found.artifacts,
		URL: in.URL, Endpoint: in.Endpoint,
	}
	result, err := s.seeder.Run(ctx, target, seed.Phase(found.steps, in.Later), beats, earlier)
	return contract.SeedResult(result), err
}

// seedSettings are what perch.yaml says for the branch, and where the marks of its steps are.
type seedSettings struct {
	settings  perch.Settings
	steps     []perch.SeedStep
	artifacts string
}

func (s *Seeds) settingsAt(ctx context.Context, branch, commit string) (found seedSettings, err error) {
	file, err := s.branches.ReadDeployedConfig(ctx, commit)
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
	outputs, err := s.apps.Outputs(ctx, file.Kind(branch))
	return seedSettings{settings, file.Seed, outputs.ArtifactBucket}, err
}

// deployed is the environment's own stack, with the commit deployed in it that is to be seeded, and admitted by the
// policy: the steps of no other commit are carried out, and no other address is told a secret.
func (s *Seeds) deployed(ctx context.Context, in contract.SeedInput) (contract.StackState, error) {
	stack, err := s.stacks.OwnStack(ctx, contract.StackInput{Environment: in.Environment, StackID: in.StackID})
	if err != nil {
		return stack, err
	}
	if !lifecycle.Serving(stack.Status) || stack.Commit != in.Commit {
		return stack, awserr.Final(perch.ErrorInvalid, "stack %s is %s with commit %s deployed, and not ready to be seeded at %s: run the command again", in.StackID, stack.Status, stack.Commit, in.Commit)
	}
	_, _, err = s.apps.Admitted(ctx, in.Environment, stack.Kind, stack.Template)
	return stack, err
}
