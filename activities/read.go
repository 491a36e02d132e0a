package activities

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"

	"perch"
	"perch/activities/awserr"
	"perch/activities/leftovers"
	"perch/activities/stack"
)

// ListEnvironments lists the project's environments by branch.
func (s *Stacks) ListEnvironments(ctx context.Context, in perch.ListInput) (perch.ListResult, error) {
	if err := s.Serves(in.Project); err != nil {
		return perch.ListResult{}, err
	}
	all, err := s.List(ctx)
	if err != nil {
		return perch.ListResult{}, err
	}
	result := perch.ListResult{Environments: []perch.EnvironmentStatus{}, OtherRepositories: all.OtherRepositories}
	for _, o := range all.Ours {
		result.Environments = append(result.Environments, o.Status())
	}
	slices.SortFunc(result.Environments, func(a, b perch.EnvironmentStatus) int { return cmp.Compare(a.Branch, b.Branch) })
	records, err := s.removals.All(ctx, all)
	result.Leftovers = leftovers.Summarize(records, all.Exists, all.Lives, time.Now())
	return result, err
}

// DescribeEnvironment describes one branch's environment and its resources.
func (s *Stacks) DescribeEnvironment(ctx context.Context, in perch.StatusInput) (perch.StatusResult, error) {
	if err := s.Serves(in.Environment.Project); err != nil {
		return perch.StatusResult{}, err
	}
	described, found, err := s.Describe(ctx, in.Environment.StackName())
	if err != nil {
		return perch.StatusResult{}, err
	}
	left, err := s.leftoversOf(ctx, in.Environment, aws.ToString(described.StackId))
	if err != nil || !found {
		return perch.StatusResult{Leftovers: left}, err
	}
	state := s.State(ctx, in.Environment, described)
	if others := stack.OtherRepositories(s.Owner.Current(ctx), described); !state.Ours && len(others) > 0 {
		return perch.StatusResult{OtherRepositories: others, Leftovers: left}, nil
	}
	if !state.Ours {
		return perch.StatusResult{}, awserr.Final(perch.ErrorInvalid, "%s", state.Conflict.Reason)
	}
	status := stack.Owned{Environment: in.Environment, Kind: state.Kind, Stack: described}.Status()
	status.Resources, err = s.resources(ctx, state.StackID)
	return perch.StatusResult{Environment: &status, Leftovers: left}, err
}

// leftoversOf are what removals of the environment left; stackID is its stack of today.
func (s *Stacks) leftoversOf(ctx context.Context, environment perch.Environment, stackID string) ([]perch.Leftover, error) {
	records, err := s.removals.Of(ctx, environment)
	return leftovers.SummarizeBeside(records, stackID), err
}

func (s *Stacks) resources(ctx context.Context, stackID string) ([]perch.ResourceStatus, error) {
	resources := []perch.ResourceStatus{}
	pages := cloudformation.NewListStackResourcesPaginator(s.cfn, &cloudformation.ListStackResourcesInput{StackName: &stackID})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, awserr.Wrap(err, "list resources of stack %s", stackID)
		}
		for _, r := range page.StackResourceSummaries {
			resources = append(resources, perch.ResourceStatus{Type: aws.ToString(r.ResourceType), LogicalID: aws.ToString(r.LogicalResourceId), Status: string(r.ResourceStatus)})
		}
	}
	return resources, nil
}
