package activities

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/elasticbeanstalk"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"perch"
	"perch/activities/awserr"
	"perch/cfn"
	"perch/lifecycle"
)

// Stacks are the activities that act on CloudFormation stacks.
type Stacks struct {
	policy *perch.Policy
	cfn    *cloudformation.Client
	// objects reads the parameters of bring-your-own templates.
	objects *s3.Client
	rds     *rds.Client
	poller  *poller
	// listing lists the environments for all who want them at the same time.
	listing *shared[allStacks]
	// apps knows what Admit allowed, and where; removals has the records of what removals left.
	apps     *Applications
	removals *removalRecords
	// owner tells the project's stacks from others.
	owner *ownership
	// staleReads is how long a read may contradict what was just done.
	staleReads time.Duration
}

// NewStacks makes the activities that act on stacks. interval is how often waits look at what they wait for.
func NewStacks(cfg aws.Config, policy *perch.Policy, source Source, interval time.Duration) *Stacks {
	client, objects := cloudformation.NewFromConfig(cfg), s3.NewFromConfig(cfg)
	s := &Stacks{
		policy: policy, owner: &ownership{policy: policy, source: source}, cfn: client, objects: objects,
		rds:    rds.NewFromConfig(cfg),
		poller: newPoller(client, interval), staleReads: staleReads,
	}
	s.apps = &Applications{policy: policy, stacks: s, s3: objects, beanstalk: elasticbeanstalk.NewFromConfig(cfg)}
	s.removals = &removalRecords{apps: s.apps, s3: objects}
	s.listing = &shared[allStacks]{read: s.list}
	return s
}

// DescribeStack reads the environment's stack. A stack that does not exist is no error: its status is empty. Only one whose id is known must
// be there: CloudFormation shows even deleted ones by their id for 90 days, so that is a stale read, and for a retry.
func (s *Stacks) DescribeStack(ctx context.Context, in StackInput) (StackState, error) {
	name := in.StackID
	if name == "" {
		name = in.Environment.StackName()
	}
	stack, found, err := s.describe(ctx, name)
	switch {
	case err != nil:
		return StackState{}, err
	case !found && in.StackID != "":
		return StackState{}, fmt.Errorf("describe stack %s: it cannot be seen yet", in.StackID)
	case !found:
		return StackState{}, nil
	}
	state := s.state(ctx, in.Environment, stack)
	if !state.Ours { // Of a stack that is not this in.Environment's nothing is told but that it is there.
		state = StackState{StackID: state.StackID, Status: state.Status, Conflict: state.Conflict}
	}
	return state, nil
}

func (s *Stacks) describe(ctx context.Context, nameOrID string) (types.Stack, bool, error) {
	out, err := s.cfn.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &nameOrID})
	switch {
	case awserr.UnknownStack(err):
		return types.Stack{}, false, nil
	case err != nil:
		return types.Stack{}, false, awserr.Wrap(err, "describe stack %s", nameOrID)
	case len(out.Stacks) != 1:
		return types.Stack{}, false, fmt.Errorf("describe stack %s: got %d stacks, want one", nameOrID, len(out.Stacks))
	}
	stack := out.Stacks[0]
	if stack.StackStatus == types.StackStatusReviewInProgress && len(stack.Tags) == 0 {
		stack.Tags, err = s.proposedTags(ctx, aws.ToString(stack.StackId))
	}
	return stack, true, err
}

func (s *Stacks) state(ctx context.Context, environment perch.Environment, stack types.Stack) StackState {
	identity, name, tags := s.owner.current(ctx), aws.ToString(stack.StackName), stackTags(stack)
	owner, kind, ours := perch.Owned(identity, name, tags)
	outputs := stackOutputs(stack)
	url, endpoint := cfn.Address(outputs)
	state := StackState{
		StackID: aws.ToString(stack.StackId), Status: string(stack.StackStatus),
		Ours: ours && owner == environment, Kind: kind, Protected: aws.ToBool(stack.EnableTerminationProtection),
		Template: outputs[cfn.OutputTemplate], Commit: outputs[cfn.OutputCommit], URL: url, Endpoint: endpoint,
	}
	if !state.Ours {
		state.Conflict = lifecycle.Foreign(environment, inOthers(identity, stack))
	}
	return state
}

// inOthers is the other repository that the stack's tags name; empty if they name none.
func inOthers(identity perch.Identity, stacks ...types.Stack) []perch.OtherRepository {
	return perch.InOtherRepositories(identity, func(yield func(string, map[string]string) bool) {
		for _, stack := range stacks {
			if !yield(aws.ToString(stack.StackName), stackTags(stack)) {
				return
			}
		}
	})
}

// each calls visit for every stack of the account and region that is not deleted, page by page.
func (s *Stacks) each(ctx context.Context, visit func(types.Stack)) error {
	count := 0
	for pages := cloudformation.NewDescribeStacksPaginator(s.cfn, &cloudformation.DescribeStacksInput{}); pages.HasMorePages(); count++ {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return awserr.Wrap(err, "list stacks")
		}
		for _, stack := range page.Stacks {
			visit(stack)
		}
	}
	s.poller.learn(count)
	return nil
}

// allStacks are the stacks of the account and region: the project's environments, and all others by name. It is not to be changed.
type allStacks struct {
	ours   []owned
	others map[string]types.Stack
	// otherRepositories group those of the others that are the project's under another repository.
	otherRepositories []perch.OtherRepository
}

// exists reports whether a stack with this id is among them.
func (all allStacks) exists(stackID string) bool {
	for _, o := range all.ours {
		if aws.ToString(o.stack.StackId) == stackID {
			return true
		}
	}
	for _, stack := range all.others {
		if aws.ToString(stack.StackId) == stackID {
			return true
		}
	}
	return false
}

// lives reports whether the branch has a stack among them.
func (all allStacks) lives(branch string) bool {
	return slices.ContainsFunc(all.ours, func(o owned) bool { return o.environment.Branch == branch })
}

// environments lists the stacks as they were at some time after the call.
func (s *Stacks) environments(ctx context.Context) (allStacks, error) { return s.listing.get(ctx) }

func (s *Stacks) list(ctx context.Context) (allStacks, error) {
	all, identity := allStacks{others: map[string]types.Stack{}}, s.owner.current(ctx)
	err := s.each(ctx, func(stack types.Stack) {
		name := aws.ToString(stack.StackName)
		if e, kind, ours := perch.Owned(identity, name, stackTags(stack)); ours {
			all.ours = append(all.ours, owned{e, kind, stack})
		} else {
			all.others[name] = stack
		}
	})
	all.otherRepositories = inOthers(identity, slices.Collect(maps.Values(all.others))...)
	return all, err
}

type owned struct {
	environment perch.Environment
	kind        perch.Kind
	stack       types.Stack
}

func (o owned) status() perch.EnvironmentStatus {
	outputs := stackOutputs(o.stack)
	url, _ := cfn.Address(outputs)
	return perch.EnvironmentStatus{
		Branch: o.environment.Branch, Slug: o.environment.Slug, Stack: o.environment.StackName(), Kind: o.kind,
		Status: string(o.stack.StackStatus), URL: url, Commit: outputs[cfn.OutputCommit], Updated: changed(o.stack),
	}
}

func changed(stack types.Stack) time.Time {
	if stack.LastUpdatedTime != nil {
		return stack.LastUpdatedTime.UTC()
	}
	return aws.ToTime(stack.CreationTime).UTC()
}

func stackTags(stack types.Stack) map[string]string { return tagMap(stack.Tags) }

func tagMap(list []types.Tag) map[string]string {
	tags := make(map[string]string, len(list))
	for _, tag := range list {
		tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	return tags
}

func stackOutputs(stack types.Stack) map[string]string {
	outputs := make(map[string]string, len(stack.Outputs))
	for _, output := range stack.Outputs {
		outputs[aws.ToString(output.OutputKey)] = aws.ToString(output.OutputValue)
	}
	return outputs
}
