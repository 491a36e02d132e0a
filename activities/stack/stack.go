// Package stack reads CloudFormation stacks and waits for their operations. It changes nothing.
//
// An account may make five DescribeStacks calls a second. So all waits share one Poller, and
// listings at the same time share one read. Reads of CloudFormation are eventually consistent, so a
// Wait trusts a stack's status only if the events of its operation confirm it.
package stack

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"perch"
	"perch/activities/awserr"
	"perch/activities/contract"
	"perch/activities/share"
	"perch/cfn"
	"perch/lifecycle"
)

// recentListAge is how old the result of RecentList may be.
const recentListAge = 5 * time.Second

// Source returns the id of the repository that a stack's tags must name.
type Source interface {
	// RepositoryID returns the repository's id, which stays the same after a rename; empty if the
	// source has no ids.
	RepositoryID(ctx context.Context) (string, error)
}

// Reader reads stacks.
type Reader struct {
	// Owner distinguishes the project's stacks from others.
	Owner *Owner
	// Poller reads the stacks that callers wait for.
	Poller *Poller
	// StaleReads is how long a read may contradict what was just done.
	StaleReads time.Duration

	policy *perch.Policy
	cfn    *cloudformation.Client
	// listing lists the stacks once for all callers at the same time.
	listing *share.Reader[All]
}

// NewReader returns a Reader. interval is how often a wait reads its stack.
func NewReader(cfg aws.Config, policy *perch.Policy, source Source, interval time.Duration) *Reader {
	client := cloudformation.NewFromConfig(cfg)
	r := &Reader{
		Owner: NewOwner(policy, source), Poller: NewPoller(client, interval), StaleReads: staleReads,
		policy: policy, cfn: client,
	}
	r.listing = share.New(r.readAll)
	return r
}

// Describe reads a stack by its name or id.
func (r *Reader) Describe(ctx context.Context, nameOrID string) (types.Stack, bool, error) {
	out, err := r.cfn.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &nameOrID})
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
		stack.Tags, err = r.proposedTags(ctx, aws.ToString(stack.StackId))
	}
	return stack, true, err
}

// State returns a workflow's view of the environment's stack.
func (r *Reader) State(ctx context.Context, environment perch.Environment, stack types.Stack) contract.StackState {
	identity, name, tags := r.Owner.Current(ctx), aws.ToString(stack.StackName), Tags(stack)
	owner, kind, ours := perch.Owned(identity, name, tags)
	outputs := Outputs(stack)
	url, endpoint := cfn.Address(outputs)
	state := contract.StackState{
		StackID: aws.ToString(stack.StackId), Status: string(stack.StackStatus),
		Ours: ours && owner == environment, Kind: kind, Protected: aws.ToBool(stack.EnableTerminationProtection),
		Template: outputs[cfn.OutputTemplate], Commit: outputs[cfn.OutputCommit], URL: url, Endpoint: endpoint,
	}
	if !state.Ours {
		state.Conflict = lifecycle.Foreign(environment, OtherRepositories(identity, stack))
	}
	return state
}

// DescribeStack reads the environment's stack. If the stack does not exist, that is not an error,
// and the status is empty. But if the caller knows its id, the stack must be found: CloudFormation
// shows even deleted stacks by their id for 90 days. So that read was stale, and DescribeStack
// returns an error that is retried.
func (r *Reader) DescribeStack(ctx context.Context, in contract.StackInput) (contract.StackState, error) {
	name := in.StackID
	if name == "" {
		name = in.Environment.StackName()
	}
	described, found, err := r.Describe(ctx, name)
	switch {
	case err != nil:
		return contract.StackState{}, err
	case !found && in.StackID != "":
		return contract.StackState{}, fmt.Errorf("describe stack %s: it is not visible yet", in.StackID)
	case !found:
		return contract.StackState{}, nil
	}
	state := r.State(ctx, in.Environment, described)
	if !state.Ours { // The caller learns only that the stack exists.
		state = contract.StackState{StackID: state.StackID, Status: state.Status, Conflict: state.Conflict}
	}
	return state, nil
}

// ServiceRole returns the role that CloudFormation uses; nil if it uses the worker's permissions.
func (r *Reader) ServiceRole() *string {
	if r.policy.ServiceRole == "" {
		return nil
	}
	return &r.policy.ServiceRole
}

// OtherRepositories returns the other repositories that the tags of stacks of this project name.
func OtherRepositories(identity perch.Identity, stacks ...types.Stack) []perch.OtherRepository {
	return perch.InOtherRepositories(identity, func(yield func(string, map[string]string) bool) {
		for _, stack := range stacks {
			if !yield(aws.ToString(stack.StackName), Tags(stack)) {
				return
			}
		}
	})
}

// Each calls visit for every stack of the account and region that is not deleted, page by page.
func (r *Reader) Each(ctx context.Context, visit func(types.Stack)) error {
	count := 0
	for pages := cloudformation.NewDescribeStacksPaginator(
		r.cfn, &cloudformation.DescribeStacksInput{},
	); pages.HasMorePages(); count++ {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return awserr.Wrap(err, "list stacks")
		}
		for _, stack := range page.Stacks {
			visit(stack)
		}
	}
	r.Poller.Learn(count)
	return nil
}

// All has the stacks of the account and region: the project's environments, and all others by name.
// Callers share it and must not change it.
type All struct {
	Ours   []Owned
	Others map[string]types.Stack
	// OtherRepositories groups those of Others that belong to the project under another repository.
	OtherRepositories []perch.OtherRepository
}

// Exists reports whether the listing has a stack with this id.
func (all All) Exists(stackID string) bool {
	for _, o := range all.Ours {
		if aws.ToString(o.Stack.StackId) == stackID {
			return true
		}
	}
	for _, stack := range all.Others {
		if aws.ToString(stack.StackId) == stackID {
			return true
		}
	}
	return false
}

// Lives reports whether the listing has a stack of the branch.
func (all All) Lives(branch string) bool {
	return slices.ContainsFunc(all.Ours, func(o Owned) bool { return o.Environment.Branch == branch })
}

// List lists the stacks. It never returns a result that was read before the call.
func (r *Reader) List(ctx context.Context) (All, error) { return r.listing.Get(ctx) }

// RecentList lists the stacks, too, but its result may be as old as recentListAge.
func (r *Reader) RecentList(ctx context.Context) (All, error) {
	return r.listing.Recent(ctx, recentListAge)
}

// readAll reads all pages of the listing.
func (r *Reader) readAll(ctx context.Context) (All, error) {
	all, identity := All{Others: map[string]types.Stack{}}, r.Owner.Current(ctx)
	err := r.Each(ctx, func(stack types.Stack) {
		name := aws.ToString(stack.StackName)
		if e, kind, ours := perch.Owned(identity, name, Tags(stack)); ours {
			all.Ours = append(all.Ours, Owned{e, kind, stack})
		} else {
			all.Others[name] = stack
		}
	})
	all.OtherRepositories = OtherRepositories(identity, slices.Collect(maps.Values(all.Others))...)
	return all, err
}

// Owned is an environment of the project, with its stack.
type Owned struct {
	Environment perch.Environment
	Kind        perch.Kind
	Stack       types.Stack
}

// Status describes the environment.
func (o Owned) Status() perch.EnvironmentStatus {
	outputs := Outputs(o.Stack)
	url, _ := cfn.Address(outputs)
	switch o.Stack.StackStatus {
	case types.StackStatusDeleteInProgress, types.StackStatusDeleteFailed:
		url = "" // The environment may no longer answer.
	}
	return perch.EnvironmentStatus{
		Branch: o.Environment.Branch, Slug: o.Environment.Slug, Stack: o.Environment.StackName(), Kind: o.Kind,
		Status: string(o.Stack.StackStatus), StatusReason: failureReason(o.Stack), URL: url,
		Commit: outputs[cfn.OutputCommit], Updated: changed(o.Stack),
	}
}

// failureReason returns CloudFormation's reason for a stack's status if that is a failure or a
// rollback.
func failureReason(stack types.Stack) string {
	status := string(stack.StackStatus)
	if !strings.Contains(status, "FAILED") && !strings.Contains(status, "ROLLBACK") {
		return ""
	}
	return aws.ToString(stack.StackStatusReason)
}

// Listed returns a stack in the form that the rules take.
func Listed(stack types.Stack) lifecycle.Found {
	return lifecycle.Found{
		ID: aws.ToString(stack.StackId), Name: aws.ToString(stack.StackName), Tags: Tags(stack),
		Status: string(stack.StackStatus), StatusReason: aws.ToString(stack.StackStatusReason),
		Protected: aws.ToBool(stack.EnableTerminationProtection), Commit: Outputs(stack)[cfn.OutputCommit],
		Created: aws.ToTime(stack.CreationTime).UTC(), Changed: changed(stack),
	}
}

// changed returns when the stack was created or last updated.
func changed(stack types.Stack) time.Time {
	if stack.LastUpdatedTime != nil {
		return stack.LastUpdatedTime.UTC()
	}
	return aws.ToTime(stack.CreationTime).UTC()
}

// Tags returns the stack's tags by their keys.
func Tags(stack types.Stack) map[string]string { return TagMap(stack.Tags) }

// TagMap returns the tags by their keys.
func TagMap(list []types.Tag) map[string]string {
	tags := make(map[string]string, len(list))
	for _, tag := range list {
		tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	return tags
}

// Outputs returns the stack's outputs by their keys.
func Outputs(stack types.Stack) map[string]string {
	outputs := make(map[string]string, len(stack.Outputs))
	for _, output := range stack.Outputs {
		outputs[aws.ToString(output.OutputKey)] = aws.ToString(output.OutputValue)
	}
	return outputs
}

// TagList returns tags in the form that CloudFormation takes, sorted by key.
func TagList(tags map[string]string) []types.Tag {
	var list []types.Tag
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		list = append(list, types.Tag{Key: aws.String(key), Value: aws.String(tags[key])})
	}
	return list
}
