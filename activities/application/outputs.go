package application

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"perch"
	"perch/activities/awserr"
	"perch/activities/stack"
	"perch/cfn"
)

// Outputs returns what the environments of kind need from the application stack. Without an
// application stack, no environment can be created.
func (s *Stacks) Outputs(ctx context.Context, kind perch.Kind) (cfn.ApplicationOutputs, error) {
	stack, found, err := s.reader.Describe(ctx, perch.ApplicationStackName(s.policy.Project, kind))
	if err != nil {
		return cfn.ApplicationOutputs{}, err
	}
	return s.read(ctx, stack, found, kind)
}

// OutputsIn returns the same outputs, from a list of all stacks.
func (s *Stacks) OutputsIn(ctx context.Context, all stack.All, kind perch.Kind) (cfn.ApplicationOutputs, error) {
	stack, found := all.Others[perch.ApplicationStackName(s.policy.Project, kind)]
	return s.read(ctx, stack, found, kind)
}

func (s *Stacks) read(
	ctx context.Context,
	described types.Stack,
	found bool,
	kind perch.Kind,
) (cfn.ApplicationOutputs, error) {
	name := perch.ApplicationStackName(s.policy.Project, kind)
	if found && !s.Owns(ctx, described) {
		return cfn.ApplicationOutputs{}, s.foreign(ctx, described)
	}
	if !found || len(described.Outputs) == 0 {
		return cfn.ApplicationOutputs{}, awserr.Final(
			perch.ErrorInvalid,
			"there is no application stack %s yet: make it with `perch application up --kind %s`, then try again",
			name,
			kind.Application(),
		)
	}
	outputs, err := cfn.ParseApplicationOutputs(stack.Outputs(described))
	if err != nil {
		return cfn.ApplicationOutputs{}, awserr.Final(
			perch.ErrorInvalid,
			"read outputs of stack %s: %v; run `perch application up --kind %s`",
			name,
			err,
			kind.Application(),
		)
	}
	return outputs, nil
}

// ArtifactBucket returns the artifact bucket of the application for environments of kind. It looks
// the name up only once, because the name changes only when the application stack is created again.
func (s *Stacks) ArtifactBucket(ctx context.Context, kind perch.Kind) (string, error) {
	name := perch.ApplicationStackName(s.policy.Project, kind)
	if known, ok := s.buckets.Load(name); ok {
		return known.(string), nil
	}
	stack, found, err := s.reader.Describe(ctx, name)
	if err != nil {
		return "", err
	}
	outputs, err := s.read(ctx, stack, found, kind)
	if err == nil {
		s.buckets.Store(name, outputs.ArtifactBucket)
	}
	return outputs.ArtifactBucket, err
}
