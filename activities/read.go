package activities

import (
	"cmp"
	"context"
	"encoding/json"
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
	left, more := leftovers.Shown(leftovers.Summarize(leftovers.Listed(cards), all.Exists, all.Lives, time.Now()))
	result := perch.ListResult{
		At: s.now().UTC(), Environments: []perch.EnvironmentStatus{}, OtherRepositories: all.OtherRepositories,
		Leftovers: left,
	}
	known := cards.Known()
	for _, o := range all.Ours {
		status := o.Status()
		s.enterOutlook(ctx, &status, stack.Listed(o.Stack), known, result.At)
		result.Environments = append(result.Environments, status)
	}
	slices.SortFunc(
		result.Environments, func(a, b perch.EnvironmentStatus) int { return cmp.Compare(a.Branch, b.Branch) },
	)
	result.Warnings = warnings(cards, problem, cards.Enter(result.Environments))
	if more > 0 {
		notListed := fmt.Sprintf("%d more removals have left something, which is not listed", more)
		result.Warnings = append(result.Warnings, notListed)
	}
	return result, ctx.Err()
}

// enterOutlook adds to an environment's status when it expires, what pins it, and what it has cost.
func (s *Stacks) enterOutlook(
	ctx context.Context, status *perch.EnvironmentStatus, found lifecycle.Found, cards lifecycle.KnownCards,
	at time.Time,
) {
	lifecycle.EnterOutlook(status, found, cards, s.policy, s.Owner.Current(ctx).ID, at)
}

// warnings says which cards could not be read, and which environments have no card. problem says
// why no card could be read; it is nil if some were. Its callers work without cards.
func warnings(cards card.Listing, problem error, missing []string) []string {
	if problem != nil {
		return []string{
			"what is left over, pull requests, last reports, expiry and pins are not known: " + problem.Error(),
		}
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

// namedBranches is how many branches a warning names at most.
const namedBranches = 5

// DescribeEnvironment describes one branch's environment and its resources.
func (s *Stacks) DescribeEnvironment(ctx context.Context, in perch.StatusInput) (perch.StatusResult, error) {
	result, _, err := s.describe(ctx, in.Environment)
	return result, err
}

// ReadPage is like DescribeEnvironment, and also returns the environment's card. The card is empty
// if there is none that can be read.
func (s *Stacks) ReadPage(
	ctx context.Context, environment perch.Environment,
) (result perch.StatusResult, card perch.Card, err error) {
	result, cards, err := s.describe(ctx, environment)
	if err != nil || len(cards.Cards) == 0 {
		return result, perch.Card{}, err
	}
	return result, cards.Cards[0], nil
}

const (
	// listedLives is how many lives ReadHistory reads.
	listedLives = 200
	// ListHistory sends at most sentLives lives through Temporal, each with at most sentEntries
	// entries of its timeline, and at most sentBytes bytes of JSON. Temporal's limit for a result
	// is 2 MB (Temporal docs: Defaults).
	sentLives, sentEntries, sentBytes = 50, 10, 1 << 20
)

// ListHistory is like ReadHistory, shortened for Temporal.
func (s *Stacks) ListHistory(ctx context.Context, in perch.HistoryInput) (perch.HistoryResult, error) {
	if err := s.Serves(in.Project); err != nil {
		return perch.HistoryResult{}, err
	}
	lives, warnings, err := s.readLives(ctx, in.Branch, sentLives)
	for i := range lives {
		lives[i].Log, lives[i].Timeline = nil, lives[i].Timeline[:min(sentEntries, len(lives[i].Timeline))]
	}
	size := 0
	fitting := slices.DeleteFunc(slices.Clone(lives), func(life perch.Life) bool {
		data, err := json.Marshal(life)
		if err != nil || size+len(data) > sentBytes {
			return true
		}
		size += len(data)
		return false
	})
	if len(fitting) < len(lives) && !slices.Contains(warnings, moreExist) {
		warnings = append(warnings, moreExist)
	}
	return perch.HistoryResult{Lives: fitting, Warnings: warnings}, err
}

// ReadHistory reads the lives of environments that have ended, newest first. If branch is not
// empty, it reads only those of that branch. warnings are sentences about records that cannot be
// read or are not listed.
func (s *Stacks) ReadHistory(ctx context.Context, branch string) (lives []perch.Life, warnings []string, err error) {
	return s.readLives(ctx, branch, listedLives)
}

// moreExist is the warning that some records are not listed.
const moreExist = "there are more records than are listed here"

// readLives reads a limited number of lives, and warns if there are more.
func (s *Stacks) readLives(
	ctx context.Context, branch string, most int,
) (lives []perch.Life, warnings []string, err error) {
	slug := ""
	if branch != "" {
		environment, err := perch.NewEnvironment(s.policy.Project, branch)
		if err != nil {
			return nil, nil, awserr.Final(perch.ErrorInvalid, "%v", err)
		}
		slug = environment.Slug
	}
	lives, warnings, err = s.cards.Lives(ctx, slug, most+1)
	for i := range lives {
		lives[i].Leftovers, _ = leftovers.Shown(lives[i].Leftovers)
	}
	if len(lives) > most {
		lives, warnings = lives[:most], append(warnings, moreExist)
	}
	return lives, warnings, err
}

// describe returns the result of DescribeEnvironment, with the environment's card.
func (s *Stacks) describe(
	ctx context.Context, environment perch.Environment,
) (perch.StatusResult, card.Listing, error) {
	if err := s.Serves(environment.Project); err != nil {
		return perch.StatusResult{}, card.Listing{}, err
	}
	described, found, err := s.Describe(ctx, environment.StackName())
	if err != nil {
		return perch.StatusResult{}, card.Listing{}, err
	}
	cards, problem := s.cards.ListOf(ctx, environment)
	left, _ := leftovers.Shown(leftovers.SummarizeBeside(leftovers.Listed(cards), aws.ToString(described.StackId)))
	result := perch.StatusResult{
		At:        s.now().UTC(),
		Leftovers: left,
		Warnings:  warnings(cards, problem, nil),
	}
	said := cards.FullReport(environment)
	if !found {
		result.LastReport = said
		return result, cards, ctx.Err()
	}
	state := s.State(ctx, environment, described)
	if others := stack.OtherRepositories(s.Owner.Current(ctx), described); !state.Ours && len(others) > 0 {
		result.OtherRepositories = others
		return result, cards, nil
	}
	if !state.Ours {
		return perch.StatusResult{}, card.Listing{}, awserr.Final(perch.ErrorInvalid, "%s", state.Conflict.Reason)
	}
	shown := []perch.EnvironmentStatus{
		stack.Owned{Environment: environment, Kind: state.Kind, Stack: described}.Status(),
	}
	s.enterOutlook(ctx, &shown[0], stack.Listed(described), cards.Known(), result.At)
	result.Warnings = warnings(cards, problem, cards.Enter(shown))
	shown[0].LastReport = said
	result.Environment = &shown[0]
	result.Environment.Resources, err = s.Resources(ctx, state.StackID)
	return result, cards, err
}
