package activities

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/elasticbeanstalk"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"perch"
	"perch/activities/awserr"
	"perch/activities/contract"
	"perch/activities/stack"
	"perch/cfn"
	"perch/lifecycle"
)

// Applications are the activities around the application stack, which the project's environments share.
type Applications struct {
	policy    *perch.Policy
	stacks    *Stacks
	s3        *s3.Client
	beanstalk *elasticbeanstalk.Client
	// buckets has the artifact bucket of each application stack, by the stack's name.
	buckets sync.Map
}

// ApplyApplication creates or updates the application stack. The stack has no artifact bucket before it exists, so the template
// travels in the request: it is small.
func (a *Applications) ApplyApplication(ctx context.Context, in contract.ApplyInput) (contract.ChangeResult, error) {
	name, err := a.name(in.Application)
	if err != nil {
		return contract.ChangeResult{}, err
	}
	described, found, err := a.stacks.Describe(ctx, name)
	if err != nil {
		return contract.ChangeResult{}, err
	}
	if found && !a.ours(ctx, described) {
		return contract.ChangeResult{}, a.foreign(ctx, described)
	}
	earlier, err := a.earlierRole(ctx, in.Application.Kind, stack.Outputs(described)[cfn.OutputEarlierProfile])
	if err != nil {
		return contract.ChangeResult{}, err
	}
	made := cfn.ApplicationInput{
		Project: in.Application.Project, Kind: in.Application.Kind, Policy: *a.policy, EarlierRole: earlier,
	}
	if err := a.settleDatabase(ctx, name, &made); err != nil {
		return contract.ChangeResult{}, err
	}
	template, err := cfn.Application(made)
	if err != nil {
		return contract.ChangeResult{}, awserr.Final(perch.ErrorInvalid, "render template of %s: %v", name, err)
	}
	if !found {
		return a.create(ctx, in, name, template)
	}
	return a.update(ctx, in, described, template)
}

// settleDatabase decides the version of the shared instance as that of an environment's own database.
func (a *Applications) settleDatabase(ctx context.Context, stack string, made *cfn.ApplicationInput) error {
	if made.Policy.SharedDatabase == nil {
		return nil
	}
	running, err := a.stacks.runningDatabase(ctx, stack, cfn.SharedDatabaseID)
	if err != nil {
		return err
	}
	settled := *made.Policy.SharedDatabase
	made.Policy.SharedDatabase, made.ExtendedSupport = &settled, running.extended
	settled.Version, err = running.version(settled.Version)
	return err
}

// earlierRole reports whether an environment of the application of kind may still have profile, the
// instance profile that all of them shared in earlier versions. A stack that does not say which
// profile it has, as one in its creation, may have that one.
func (a *Applications) earlierRole(ctx context.Context, kind perch.Kind, profile string) (bool, error) {
	if profile == "" {
		return false, nil
	}
	all, err := a.stacks.List(ctx)
	return slices.ContainsFunc(all.Ours, func(o stack.Owned) bool {
		outputs := stack.Outputs(o.Stack)
		used := outputs[cfn.OutputProfile]
		custom := outputs[cfn.OutputCustomURL] != ""
		return o.Kind.Application() == kind && !custom && (used == "" || used == profile)
	}), err
}

func (a *Applications) create(ctx context.Context, in contract.ApplyInput, name string, template cfn.Template) (contract.ChangeResult, error) {
	identity, err := a.stacks.Owner.Certain(ctx)
	if err != nil {
		return contract.ChangeResult{}, err
	}
	out, err := a.stacks.cfn.CreateStack(ctx, &cloudformation.CreateStackInput{
		StackName: &name, TemplateBody: aws.String(string(template.Body)), ClientRequestToken: &in.Token, RoleARN: a.stacks.ServiceRole(),
		Tags: stack.TagList(identity.Tags(in.Application.Kind)), Capabilities: []types.Capability{types.CapabilityCapabilityIam},
		EnableTerminationProtection: aws.Bool(true), OnFailure: types.OnFailureRollback,
	})
	if err != nil {
		return contract.ChangeResult{}, awserr.Wrap(err, "create stack %s", name)
	}
	return contract.ChangeResult{StackID: aws.ToString(out.StackId)}, nil
}

func (a *Applications) update(ctx context.Context, in contract.ApplyInput, stack types.Stack, template cfn.Template) (contract.ChangeResult, error) {
	id := aws.ToString(stack.StackId)
	if status := string(stack.StackStatus); lifecycle.InProgress(status) {
		mine, err := a.stacks.Began(ctx, id, in.Token) // The answer may have been lost.
		if err == nil && !mine {
			err = fmt.Errorf("update stack %s: it is %s, and another operation does not bring it to this template; wait for the end of that", id, status)
		}
		return contract.ChangeResult{StackID: id}, err
	}
	_, err := a.stacks.cfn.UpdateStack(ctx, &cloudformation.UpdateStackInput{
		StackName: &id, TemplateBody: aws.String(string(template.Body)), ClientRequestToken: &in.Token, RoleARN: a.stacks.ServiceRole(),
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

// DescribeApplication reads the application stack; an empty status means that there is none.
func (a *Applications) DescribeApplication(ctx context.Context, in perch.ApplicationInput) (perch.ApplicationResult, error) {
	name, err := a.name(in)
	if err != nil {
		return perch.ApplicationResult{}, err
	}
	described, found, err := a.stacks.Describe(ctx, name)
	if err != nil || !found {
		return perch.ApplicationResult{Stack: name, Outputs: map[string]string{}}, err
	}
	return perch.ApplicationResult{Stack: name, Status: string(described.StackStatus), Outputs: stack.Outputs(described)}, nil
}

func (a *Applications) name(in perch.ApplicationInput) (string, error) {
	if in.Project != a.policy.Project {
		return "", awserr.Final(perch.ErrorInvalid, "this worker serves project %q, not %q; ask the worker of that project", a.policy.Project, in.Project)
	}
	if in.Kind != perch.KindStaging && in.Kind != perch.KindProduction {
		return "", awserr.Final(perch.ErrorInvalid, "there is no application %q: use staging or production", in.Kind)
	}
	return perch.ApplicationStackName(in.Project, in.Kind), nil
}

func (a *Applications) ours(ctx context.Context, described types.Stack) bool {
	return a.stacks.Owner.Current(ctx).Owns(stack.Tags(described))
}

// foreign says why the stack is not the project's, and what to do.
func (a *Applications) foreign(ctx context.Context, described types.Stack) error {
	for _, other := range stack.OtherRepositories(a.stacks.Owner.Current(ctx), described) {
		return awserr.Final(perch.ErrorInvalid, "%s", other)
	}
	return awserr.Final(perch.ErrorInvalid, "stack %s exists and does not carry this project's tags: Perch does not manage it and left it alone; "+
		"delete that stack or choose another project name", aws.ToString(described.StackName))
}

// outputs are what the environments of kind need of the application stack. Without one nothing can be made.
func (a *Applications) outputs(ctx context.Context, kind perch.Kind) (cfn.ApplicationOutputs, error) {
	stack, found, err := a.stacks.Describe(ctx, perch.ApplicationStackName(a.policy.Project, kind))
	if err != nil {
		return cfn.ApplicationOutputs{}, err
	}
	return a.read(ctx, stack, found, kind)
}

// outputsIn are the same outputs, from a list of all stacks.
func (a *Applications) outputsIn(ctx context.Context, all stack.All, kind perch.Kind) (cfn.ApplicationOutputs, error) {
	stack, found := all.Others[perch.ApplicationStackName(a.policy.Project, kind)]
	return a.read(ctx, stack, found, kind)
}

func (a *Applications) read(ctx context.Context, described types.Stack, found bool, kind perch.Kind) (cfn.ApplicationOutputs, error) {
	name := perch.ApplicationStackName(a.policy.Project, kind)
	if found && !a.ours(ctx, described) {
		return cfn.ApplicationOutputs{}, a.foreign(ctx, described)
	}
	if !found || len(described.Outputs) == 0 {
		return cfn.ApplicationOutputs{}, awserr.Final(perch.ErrorInvalid, "there is no application stack %s yet: make it with `perch application up --kind %s`, then try again", name, kind.Application())
	}
	outputs, err := cfn.ParseApplicationOutputs(stack.Outputs(described))
	if err != nil {
		return cfn.ApplicationOutputs{}, awserr.Final(perch.ErrorInvalid, "read outputs of stack %s: %v; run `perch application up --kind %s`", name, err, kind.Application())
	}
	return outputs, nil
}
