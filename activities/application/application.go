// Package application manages what a project's environments share: the application stack, and the
// templates, bundles and admissions in its artifact bucket.
//
// An admission tells an activity what a stack may contain. Admit writes it into the bucket, and an
// activity that changes a stack reads it there, not from its input.
package application

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"perch"
	"perch/activities/awserr"
	"perch/activities/contract"
	"perch/activities/stack"
	"perch/cfn"
	"perch/lifecycle"
)

// Stacks manages the application stacks, which the project's environments share, and what Perch
// stores in their artifact buckets.
type Stacks struct {
	policy *perch.Policy
	reader *stack.Reader
	cfn    *cloudformation.Client
	rds    *rds.Client
	s3     *s3.Client
	// buckets has the artifact bucket of each application stack, by the stack's name.
	buckets sync.Map
}

// NewStacks returns the Stacks of the account and region of cfg.
func NewStacks(cfg aws.Config, policy *perch.Policy, reader *stack.Reader) *Stacks {
	return &Stacks{
		policy: policy, reader: reader, cfn: cloudformation.NewFromConfig(cfg), rds: rds.NewFromConfig(cfg),
		s3: s3.NewFromConfig(cfg),
	}
}

// Apply creates or updates the application stack. The artifact bucket is part of that stack and may
// not exist yet, so the request contains the template, which is small.
func (s *Stacks) Apply(ctx context.Context, in contract.ApplyInput) (contract.ChangeResult, error) {
	name, err := s.name(in.Application)
	if err != nil {
		return contract.ChangeResult{}, err
	}
	described, found, err := s.reader.Describe(ctx, name)
	if err != nil {
		return contract.ChangeResult{}, err
	}
	if found && !s.Owns(ctx, described) {
		return contract.ChangeResult{}, s.foreign(ctx, described)
	}
	earlier, err := s.earlierRole(ctx, in.Application.Kind, stack.Outputs(described)[cfn.OutputEarlierProfile])
	if err != nil {
		return contract.ChangeResult{}, err
	}
	made := cfn.ApplicationInput{
		Project: in.Application.Project, Kind: in.Application.Kind, Policy: *s.policy, EarlierRole: earlier,
	}
	if err := s.chooseVersion(ctx, name, &made); err != nil {
		return contract.ChangeResult{}, err
	}
	template, err := cfn.Application(made)
	if err != nil {
		return contract.ChangeResult{}, awserr.Final(perch.ErrorInvalid, "render template of %s: %v", name, err)
	}
	if !found {
		return s.create(ctx, in, name, template)
	}
	return s.update(ctx, in, described, template)
}

// chooseVersion sets the PostgreSQL version of the shared instance, by the same rule as for a
// dedicated database.
func (s *Stacks) chooseVersion(ctx context.Context, stack string, made *cfn.ApplicationInput) error {
	if made.Policy.SharedDatabase == nil {
		return nil
	}
	running, err := s.RunningDatabase(ctx, stack, cfn.SharedDatabaseID)
	if err != nil {
		return err
	}
	settled := *made.Policy.SharedDatabase
	made.Policy.SharedDatabase, made.ExtendedSupport = &settled, running.Extended
	settled.Version, err = running.Version(settled.Version)
	return err
}

// earlierRole reports whether an environment of kind may still use profile, the instance profile
// that all environments shared in earlier versions of Perch. A stack that does not say which
// profile it uses, such as one that is being created, may use it.
func (s *Stacks) earlierRole(ctx context.Context, kind perch.Kind, profile string) (bool, error) {
	if profile == "" {
		return false, nil
	}
	all, err := s.reader.List(ctx)
	return slices.ContainsFunc(all.Ours, func(o stack.Owned) bool {
		outputs := stack.Outputs(o.Stack)
		used := outputs[cfn.OutputProfile]
		custom := outputs[cfn.OutputCustomURL] != ""
		return o.Kind.Application() == kind && !custom && (used == "" || used == profile)
	}), err
}

func (s *Stacks) create(
	ctx context.Context,
	in contract.ApplyInput,
	name string,
	template cfn.Template,
) (contract.ChangeResult, error) {
	identity, err := s.reader.Owner.Certain(ctx)
	if err != nil {
		return contract.ChangeResult{}, err
	}
	out, err := s.cfn.CreateStack(ctx, &cloudformation.CreateStackInput{
		StackName: &name, TemplateBody: aws.String(string(template.Body)), ClientRequestToken: &in.Token,
		RoleARN: s.reader.ServiceRole(),
		Tags: stack.TagList(
			identity.Tags(in.Application.Kind),
		), Capabilities: []types.Capability{types.CapabilityCapabilityIam},
		EnableTerminationProtection: aws.Bool(true), OnFailure: types.OnFailureRollback,
	})
	if err != nil {
		return contract.ChangeResult{}, awserr.Wrap(err, "create stack %s", name)
	}
	return contract.ChangeResult{StackID: aws.ToString(out.StackId)}, nil
}

func (s *Stacks) update(
	ctx context.Context,
	in contract.ApplyInput,
	stack types.Stack,
	template cfn.Template,
) (contract.ChangeResult, error) {
	id := aws.ToString(stack.StackId)
	if status := string(stack.StackStatus); lifecycle.InProgress(status) {
		mine, err := s.reader.Began(ctx, id, in.Token) // The answer may have been lost.
		if err == nil && !mine {
			err = fmt.Errorf(
				"update stack %s: it is %s because of another operation; wait until that has ended, then try again",
				id, status,
			)
		}
		return contract.ChangeResult{StackID: id}, err
	}
	_, err := s.cfn.UpdateStack(ctx, &cloudformation.UpdateStackInput{
		StackName: &id, TemplateBody: aws.String(string(template.Body)), ClientRequestToken: &in.Token,
		RoleARN:      s.reader.ServiceRole(),
		Capabilities: []types.Capability{types.CapabilityCapabilityIam},
	})
	if awserr.NothingToUpdate(err) {
		return contract.ChangeResult{StackID: id, Unchanged: true}, nil
	}
	if err != nil && awserr.Code(err) != "TokenAlreadyExistsException" {
		return contract.ChangeResult{}, awserr.Wrap(err, "update stack %s", id)
	}
	return contract.ChangeResult{StackID: id}, nil
}

// Describe reads the application stack; an empty status means that there is none.
func (s *Stacks) Describe(ctx context.Context, in perch.ApplicationInput) (perch.ApplicationResult, error) {
	name, err := s.name(in)
	if err != nil {
		return perch.ApplicationResult{}, err
	}
	described, found, err := s.reader.Describe(ctx, name)
	if err != nil || !found {
		return perch.ApplicationResult{Stack: name, Outputs: map[string]string{}}, err
	}
	return perch.ApplicationResult{
		Stack:   name,
		Status:  string(described.StackStatus),
		Outputs: stack.Outputs(described),
	}, nil
}

func (s *Stacks) name(in perch.ApplicationInput) (string, error) {
	if in.Project != s.policy.Project {
		return "", awserr.Final(
			perch.ErrorInvalid,
			"this worker serves project %q, not %q; ask the worker of that project",
			s.policy.Project,
			in.Project,
		)
	}
	if in.Kind != perch.KindStaging && in.Kind != perch.KindProduction {
		return "", awserr.Final(perch.ErrorInvalid, "there is no application %q: use staging or production", in.Kind)
	}
	return perch.ApplicationStackName(in.Project, in.Kind), nil
}

// Owns reports whether the stack's tags show that it belongs to the project.
func (s *Stacks) Owns(ctx context.Context, described types.Stack) bool {
	return s.reader.Owner.Current(ctx).Owns(stack.Tags(described))
}

// foreign returns an error that says why the stack does not belong to the project, and what to do.
func (s *Stacks) foreign(ctx context.Context, described types.Stack) error {
	for _, other := range stack.OtherRepositories(s.reader.Owner.Current(ctx), described) {
		return awserr.Final(perch.ErrorInvalid, "%s", other)
	}
	return awserr.Final(
		perch.ErrorInvalid,
		"stack %s exists and does not have this project's tags: Perch does not manage it and did not change it; "+
			"delete that stack or choose another project name",
		aws.ToString(described.StackName),
	)
}
