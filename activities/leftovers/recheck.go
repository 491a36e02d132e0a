package leftovers

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"perch"
	"perch/activities/card"
	"perch/activities/contract"
	"perch/activities/pulse"
	"perch/activities/stack"
	"perch/lifecycle"
)

// Rechecked is the result of a new look at what earlier removals left.
type Rechecked struct {
	// Left has the removals that left something that still exists.
	Left []perch.Leftover
	// Outdated are the environments whose cards differ from what was seen. Only a run that has the
	// environment's workflow ID may correct them.
	Outdated []perch.Environment
}

// RecheckLeftovers checks which leftovers of earlier removals of the project's environments still
// exist. It changes nothing. In a dry run it only returns what the cards say. With an error it also
// returns what it has seen so far.
func (v *Verifier) RecheckLeftovers(ctx context.Context, in perch.CleanupInput) (seen Rechecked, err error) {
	_, stop := pulse.Start(ctx, perch.Progress{Status: "CHECKING LEFTOVERS", Since: time.Now().UTC()})
	defer stop()
	all, err := v.Stacks.List(ctx)
	if err != nil {
		return seen, err
	}
	listing, err := v.Records.List(ctx, all)
	if err != nil {
		return seen, err
	}
	records, now := Listed(listing), time.Now()
	if !in.DryRun {
		seen.Outdated = unclosed(listing, all, now)
	}
	for _, left := range Summarize(records, all.Exists, all.Lives, now) {
		if !in.DryRun && left.Branch != "" {
			check, found, err := v.lookAgain(ctx, records, left)
			if err != nil {
				return seen, err
			}
			if !found.isRecorded(check.record) && !slices.Contains(seen.Outdated, check.record.Environment) {
				seen.Outdated = append(seen.Outdated, check.record.Environment)
			}
			if left.Resources = found.all(); len(left.Resources) == 0 {
				continue
			}
		}
		seen.Left = append(seen.Left, left)
	}
	return seen, nil
}

// unclosed returns environments without a stack and without a record whose card is wrong: it says
// that the removal failed, or it should have been deleted after the removal. The run that should
// have corrected the card could not.
func unclosed(listing card.Listing, all stack.All, now time.Time) (environments []perch.Environment) {
	for _, c := range listing.Cards {
		told := c.State.Phase == perch.PhaseGone && !c.Undelivered() // The sweep of reports handles the others.
		over := len(c.Removals) == 0 && !all.Lives(c.Environment.Branch) &&
			now.Sub(c.State.At) >= lifecycle.ReportsAfter
		if over && (c.RemovalFailed() || told) {
			environments = append(environments, c.Environment)
		}
	}
	return environments
}

// Recheck checks which leftovers of earlier removals of one environment still exist, and corrects
// its card. gone is true if nothing is left of the environment.
func (v *Verifier) Recheck(ctx context.Context, environment perch.Environment) (gone bool, err error) {
	bucket, err := v.Records.Bucket(ctx)
	if err != nil || bucket == "" {
		return false, err
	}
	described, exists, err := v.Stacks.Describe(ctx, environment.StackName())
	if err != nil {
		return false, err
	}
	records, err := v.Records.Of(ctx, environment)
	if err != nil {
		return false, err
	}
	remaining := len(records)
	for _, left := range SummarizeBeside(records, aws.ToString(described.StackId)) {
		if left.Branch == "" {
			continue // The card cannot be read. A person must act.
		}
		check, found, err := v.lookAgain(ctx, records, left)
		if err != nil {
			return false, err
		}
		past := pastRemovals{environment, bucket, []Record{check.record}, check.record.Contents}
		if err := v.conclude(ctx, past, check.in, found); err != nil {
			return false, err
		}
		if len(found.all()) == 0 {
			remaining--
		}
	}
	if exists || remaining > 0 {
		return false, nil
	}
	seen, err := v.Look(ctx, contract.VerifyInput{Environment: environment, SharedDatabase: true})
	return err == nil && len(seen.Left) == 0, err
}

// recheck is a record, with the input of the look that it leads to.
type recheck struct {
	record Record
	in     contract.VerifyInput
}

// lookAgain looks once for what the record of one stack names. If the branch has a new environment,
// resources that are known only by name belong to that one, and are left out.
func (v *Verifier) lookAgain(
	ctx context.Context, records []Record, left perch.Leftover,
) (recheck, FoundLeftovers, error) {
	record := records[slices.IndexFunc(records, func(r Record) bool { return r.StackID == left.StackID })]
	in := contract.VerifyInput{Environment: record.Environment, StackID: left.StackID, Contents: record.Contents}
	in.Known = record.Known // No service can confirm these. Only another removal can.
	if left.Again {
		in.Contents.Environments, in.Contents.Logs, in.Contents.Records = nil, nil, nil
		database := contract.SharedDatabase(in.Environment.DatabaseName())
		in.Known = slices.DeleteFunc(slices.Clone(in.Known), func(name string) bool { return name == database })
	}
	seen, err := v.Look(ctx, in)
	if err != nil {
		return recheck{}, FoundLeftovers{}, err
	}
	for _, name := range record.Leftovers {
		there, err := v.stillThere(ctx, name)
		if err != nil {
			return recheck{}, FoundLeftovers{}, err
		}
		if there && !slices.Contains(seen.Left, name) {
			seen.Left = append(seen.Left, name)
		}
	}
	return recheck{record, in}, seen, nil
}

// stillThere looks up a leftover whose name begins with its ARN. Its tags do not distinguish it
// from a resource of the branch's next environment.
func (v *Verifier) stillThere(ctx context.Context, name string) (bool, error) {
	full, _, _ := strings.Cut(name, " ")
	if !arn.IsARN(full) {
		return false, nil
	}
	state, err := v.lookUps.presence(ctx, full)
	return state == presenceThere, err
}

// all returns everything that was seen, confirmed or not.
func (f FoundLeftovers) all() []string { return slices.Concat(f.Left, f.Unconfirmed) }

// isRecorded reports whether the record says what was seen. A record without leftovers was never
// verified, so the card must change even if nothing was seen.
func (f FoundLeftovers) isRecorded(record Record) bool {
	seen, recorded := f.all(), slices.Concat(record.Leftovers, record.Unconfirmed)
	slices.Sort(seen)
	slices.Sort(recorded)
	return len(seen) > 0 && slices.Equal(seen, recorded)
}
