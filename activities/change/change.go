// Package change changes stacks. It also changes what CloudFormation leaves in their environments.
//
// Before each change it verifies that the stack belongs to the environment and that the change is
// admitted. Before a deletion it looks for everything that would make the deletion fail.
package change

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"perch"
	"perch/activities/application"
	"perch/activities/awserr"
	"perch/activities/beanstalk"
	"perch/activities/contract"
	"perch/activities/leftovers"
	"perch/activities/stack"
)

// Config has what a Changer needs.
type Config struct {
	Policy       *perch.Policy
	Stacks       *stack.Reader
	Applications *application.Stacks
	Beanstalk    *beanstalk.Client
	Removals     *leftovers.Records
}

// Changer changes stacks.
type Changer struct {
	Config

	cfn *cloudformation.Client
	s3  *s3.Client
	rds *rds.Client
}

// New returns a Changer for the account and region of cfg.
func New(cfg aws.Config, config Config) *Changer {
	return &Changer{config, cloudformation.NewFromConfig(cfg), s3.NewFromConfig(cfg), rds.NewFromConfig(cfg)}
}

// Create asks CloudFormation to create the environment's stack. If the stack exists already and has
// the environment's tags, an earlier attempt may have created it, and Create adopts it. A stack of
// that name with other tags is a conflict.
func (c *Changer) Create(ctx context.Context, in contract.ChangeInput) (contract.ChangeResult, error) {
	identity, err := c.Stacks.Owner.Certain(ctx)
	if err != nil {
		return contract.ChangeResult{}, err
	}
	template, err := c.Applications.AdmittedTemplate(ctx, in.Environment, in.Kind, in.Template)
	if err != nil {
		return contract.ChangeResult{}, err
	}
	switch full, err := c.full(ctx, in.Environment); {
	case err != nil:
		return contract.ChangeResult{}, err
	case full:
		return contract.ChangeResult{Rejection: c.limit("there are as many")}, nil
	}
	out, err := c.cfn.CreateStack(ctx, &cloudformation.CreateStackInput{
		StackName: aws.String(
			in.Environment.StackName(),
		), TemplateURL: &template.URL, Tags: stack.TagList(in.Environment.Tags(identity, in.Kind)),
		ClientRequestToken: &in.Token, RoleARN: c.Stacks.ServiceRole(),
		EnableTerminationProtection: aws.Bool(in.Kind != perch.KindBranch),
		Parameters:                  template.Parameters, Capabilities: template.Capabilities,
	})
	var id string
	switch {
	case awserr.AlreadyExists(err):
		if id, err = c.adopt(ctx, in.Environment); err != nil {
			return contract.ChangeResult{}, err
		}
		mine, err := c.Stacks.Began(ctx, id, in.Token)
		if err != nil || !mine {
			// beyondLimit is only for a stack that this request created. Another run's stack was
			// admitted and may be in use.
			return contract.ChangeResult{StackID: id}, err
		}
	case err != nil:
		return contract.ChangeResult{}, awserr.Wrap(err, "create stack %s", in.Environment.StackName())
	default:
		id = aws.ToString(out.StackId)
	}
	rejection, err := c.beyondLimit(ctx, id)
	return contract.ChangeResult{StackID: id, Rejection: rejection}, err
}

func (c *Changer) adopt(ctx context.Context, environment perch.Environment) (string, error) {
	stack, found, err := c.Stacks.Describe(ctx, environment.StackName())
	if err != nil {
		return "", err
	}
	if !found {
		return "", fmt.Errorf("create stack %s: it exists already and is not visible yet", environment.StackName())
	}
	state := c.Stacks.State(ctx, environment, stack)
	if state.Ours {
		return state.StackID, nil
	}
	return "", awserr.Final(perch.ErrorInvalid, "%s", state.Conflict.Reason)
}

// Update asks CloudFormation to update the stack to the template. An update that would change
// nothing is not an error.
func (c *Changer) Update(ctx context.Context, in contract.ChangeInput) (contract.ChangeResult, error) {
	state, err := c.Stacks.OwnStack(ctx, in.Stack())
	if err != nil {
		return contract.ChangeResult{}, err
	}
	template, err := c.Applications.AdmittedTemplate(ctx, in.Environment, state.Kind, in.Template)
	if err != nil {
		return contract.ChangeResult{}, err
	}
	_, err = c.cfn.UpdateStack(ctx, &cloudformation.UpdateStackInput{
		StackName: &in.StackID, TemplateURL: &template.URL, ClientRequestToken: &in.Token,
		RoleARN:    c.Stacks.ServiceRole(),
		Parameters: template.Parameters, Capabilities: template.Capabilities,
	})
	out, failure := c.begun(ctx, in, err, "update")
	if failure != nil && awserr.NothingToUpdate(err) {
		return contract.ChangeResult{StackID: in.StackID, Unchanged: true}, nil
	}
	return out, failure
}

// Delete asks CloudFormation to delete the stack. It uses the stack's id, because a stack that was
// created again under the same name has another id.
func (c *Changer) Delete(ctx context.Context, in contract.ChangeInput) (contract.ChangeResult, error) {
	state, err := c.Stacks.OwnStack(ctx, in.Stack())
	if err == nil {
		err = c.Stacks.MayDelete(in.Environment, state)
	}
	if err != nil {
		return contract.ChangeResult{}, err
	}
	_, err = c.cfn.DeleteStack(ctx, &cloudformation.DeleteStackInput{
		StackName: &in.StackID, RetainResources: in.Retain, DeletionMode: deletionMode(in.Force),
		ClientRequestToken: &in.Token, RoleARN: c.Stacks.ServiceRole(),
	})
	return c.begun(ctx, in, err, "delete")
}

// CancelUpdate rolls back the update in progress. Only a removal needs that, so CancelUpdate
// rejects stacks that may not be deleted.
func (c *Changer) CancelUpdate(ctx context.Context, in contract.ChangeInput) (contract.ChangeResult, error) {
	state, err := c.Stacks.OwnStack(ctx, in.Stack())
	if err == nil {
		err = c.Stacks.MayDelete(in.Environment, state)
	}
	if err != nil {
		return contract.ChangeResult{}, err
	}
	_, err = c.cfn.CancelUpdateStack(
		ctx,
		&cloudformation.CancelUpdateStackInput{StackName: &in.StackID, ClientRequestToken: &in.Token},
	)
	if awserr.Says(err, "ValidationError", "cannot be called from current stack status") {
		err = nil // The update has ended. The run reads the stack again.
	}
	return c.begun(ctx, in, err, "cancel the update of")
}

// ContinueRollback continues the rollback of an update that got stuck.
func (c *Changer) ContinueRollback(ctx context.Context, in contract.ChangeInput) (contract.ChangeResult, error) {
	if _, err := c.Stacks.OwnStack(ctx, in.Stack()); err != nil {
		return contract.ChangeResult{}, err
	}
	_, err := c.cfn.ContinueUpdateRollback(ctx, &cloudformation.ContinueUpdateRollbackInput{
		StackName: &in.StackID, ClientRequestToken: &in.Token, RoleARN: c.Stacks.ServiceRole(),
		ForceRollback: optional(in.Force),
	})
	return c.begun(ctx, in, err, "continue the rollback of")
}

// RollBack rolls back a failed update whose resources were left as they were.
func (c *Changer) RollBack(ctx context.Context, in contract.ChangeInput) (contract.ChangeResult, error) {
	if _, err := c.Stacks.OwnStack(ctx, in.Stack()); err != nil {
		return contract.ChangeResult{}, err
	}
	_, err := c.cfn.RollbackStack(
		ctx,
		&cloudformation.RollbackStackInput{
			StackName:          &in.StackID,
			ClientRequestToken: &in.Token,
			RoleARN:            c.Stacks.ServiceRole(),
		},
	)
	return c.begun(ctx, in, err, "roll back")
}

// deletionMode returns no mode for an ordinary deletion. CloudFormation accepts the forced mode
// only after an ordinary deletion has failed.
func deletionMode(force bool) types.DeletionMode {
	if force {
		return types.DeletionModeForceDeleteStack
	}
	return ""
}

// optional returns nil for false, so that the parameter is left out: older endpoints do not know
// it.
func optional(on bool) *bool {
	if !on {
		return nil
	}
	return &on
}

// begun converts the answer to a call that changes the stack. If the answer to an earlier attempt
// was lost, CloudFormation rejects the repeated call because the first one is in progress. The
// stack's events show that, and then begun returns no error.
func (c *Changer) begun(
	ctx context.Context,
	in contract.ChangeInput,
	err error,
	verb string,
) (contract.ChangeResult, error) {
	if err == nil || awserr.Code(err) == "TokenAlreadyExistsException" {
		return contract.ChangeResult{StackID: in.StackID}, nil
	}
	if awserr.Code(err) == "ValidationError" {
		before, failure := c.Stacks.Began(ctx, in.StackID, in.Token)
		if before {
			return contract.ChangeResult{StackID: in.StackID}, nil
		}
		if failure != nil {
			return contract.ChangeResult{}, failure
		}
	}
	return contract.ChangeResult{}, awserr.Wrap(err, "%s stack %s", verb, in.StackID)
}

// beyondLimit counts the environments again after a creation, because several requests may have
// been admitted at the same time. It ranks the stacks by creation time and then by id. If the new
// stack's rank is beyond the limit, it returns a rejection and the stack must be deleted again; nil
// if the stack may stay.
func (c *Changer) beyondLimit(ctx context.Context, id string) (*perch.Rejection, error) {
	found, err := c.Stacks.List(ctx)
	if err != nil {
		return nil, err
	}
	all := slices.Clone(found.Ours)
	slices.SortFunc(all, func(a, b stack.Owned) int {
		if c := aws.ToTime(a.Stack.CreationTime).Compare(aws.ToTime(b.Stack.CreationTime)); c != 0 {
			return c
		}
		return strings.Compare(aws.ToString(a.Stack.StackId), aws.ToString(b.Stack.StackId))
	})
	rank := slices.IndexFunc(all, func(o stack.Owned) bool { return aws.ToString(o.Stack.StackId) == id })
	if rank < 0 {
		// The listing may also lack stacks that were created at the same time.
		return nil, fmt.Errorf("count environments: stack %s was created and is not listed yet", id)
	}
	if rank < c.Policy.MaxEnvironments {
		return nil, nil
	}
	return c.limit("this one came after them"), nil
}

// full reports whether there are as many environments as the policy allows, and this environment
// has no stack. Admit has checked that, but anyone who can reach Temporal can have many branches
// admitted before any stack exists. Most often Admit's listing is recent enough. full reads this
// environment's stack by its name, because an earlier attempt may have created it, and the listing
// may not show it yet.
func (c *Changer) full(ctx context.Context, environment perch.Environment) (bool, error) {
	for _, list := range []func(context.Context) (stack.All, error){c.Stacks.RecentList, c.Stacks.List} {
		found, err := list(ctx)
		if err != nil || len(found.Ours) < c.Policy.MaxEnvironments {
			return false, err
		}
	}
	_, exists, err := c.Stacks.Describe(ctx, environment.StackName())
	return !exists, err
}

// limit returns the rejection of a creation beyond the policy's limit.
func (c *Changer) limit(why string) *perch.Rejection {
	return perch.Reject("the policy allows %d environments at a time and %s; remove one with `perch down BRANCH`, "+
		"or raise `max_environments` in the policy", c.Policy.MaxEnvironments, why)
}
