package activities

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"perch"
	"perch/activities/awserr"
	"perch/activities/card"
	"perch/activities/leftovers"
	"perch/activities/stack"
	"perch/lifecycle"
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
	cards, problem := s.cards.List(ctx, all)
	result := perch.ListResult{
		At: s.now().UTC(), Environments: []perch.EnvironmentStatus{}, OtherRepositories: all.OtherRepositories,
		Leftovers: leftovers.Summarize(leftovers.Listed(cards), all.Exists, all.Lives, time.Now()),
	}
	known := cards.Known()
	for _, o := range all.Ours {
		status := o.Status()
		s.enterOutlook(ctx, &status, stack.Listed(o.Stack), known, result.At)
		result.Environments = append(result.Environments, status)
	}
	slices.SortFunc(result.Environments, func(a, b perch.EnvironmentStatus) int { return cmp.Compare(a.Branch, b.Branch) })
	result.Warnings = warnings(cards, problem, cards.Enter(result.Environments))
	return result, ctx.Err()
}

// enterOutlook adds to an environment's status when it expires, what pins it and what it has cost.
func (s *Stacks) enterOutlook(
	ctx context.Context, status *perch.EnvironmentStatus, found lifecycle.Found, cards lifecycle.KnownCards,
	at time.Time,
) {
	lifecycle.EnterOutlook(status, found, cards, s.policy, s.Owner.Current(ctx).ID, at)
}

// warnings say which cards could not be read, and which branches of environments have none. problem
// is why none could be read, nil mostly. What shows cards to people goes on without them.
func warnings(cards card.Listing, problem error, missing []string) []string {
	if problem != nil {
		return []string{"what is left over, pull requests, last reports, expiry and pins are not known: " + problem.Error()}
	}
	sentences := cards.Warnings()
	if len(missing) == 0 {
		return sentences
	}
	branches := strings.Join(missing[:min(len(missing), namedBranches)], ", ")
	if more := len(missing) - namedBranches; more > 0 {
		branches += fmt.Sprintf(" and %d more", more)
	}
	return append(sentences, "there is no card of "+branches+
		": pull requests, the last report, expiry and pins are not known until the next `perch up`")
}

// namedBranches is how many branches a warning names.
const namedBranches = 5

// DescribeEnvironment describes one branch's environment and its resources.
func (s *Stacks) DescribeEnvironment(ctx context.Context, in perch.StatusInput) (perch.StatusResult, error) {
	if err := s.Serves(in.Environment.Project); err != nil {
		return perch.StatusResult{}, err
	}
	described, found, err := s.Describe(ctx, in.Environment.StackName())
	if err != nil {
		return perch.StatusResult{}, err
	}
	cards, problem := s.cards.ListOf(ctx, in.Environment)
	result := perch.StatusResult{
		At:        s.now().UTC(),
		Leftovers: leftovers.SummarizeBeside(leftovers.Listed(cards), aws.ToString(described.StackId)),
		Warnings:  warnings(cards, problem, nil),
	}
	if !found {
		return result, ctx.Err()
	}
	state := s.State(ctx, in.Environment, described)
	if others := stack.OtherRepositories(s.Owner.Current(ctx), described); !state.Ours && len(others) > 0 {
		result.OtherRepositories = others
		return result, nil
	}
	if !state.Ours {
		return perch.StatusResult{}, awserr.Final(perch.ErrorInvalid, "%s", state.Conflict.Reason)
	}
	shown := []perch.EnvironmentStatus{stack.Owned{Environment: in.Environment, Kind: state.Kind, Stack: described}.Status()}
	s.enterOutlook(ctx, &shown[0], stack.Listed(described), cards.Known(), result.At)
	result.Warnings = warnings(cards, problem, cards.Enter(shown))
	result.Environment = &shown[0]
	result.Environment.Resources, err = s.Resources(ctx, state.StackID)
	return result, err
}
