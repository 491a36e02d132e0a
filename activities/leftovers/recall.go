package leftovers

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"perch"
	"perch/activities/contract"
	"perch/activities/pulse"
)

// pastRemovals are the records of the removals of one environment that are over, or that end now.
type pastRemovals struct {
	environment perch.Environment
	bucket      string
	records     []Record
	// contents are what the records and the stacks name. Nothing else is looked for or recorded
	// where there are records: an input may name anything.
	contents perch.StackContents
}

// stackOf is the stack whose removal recorded a resource.
func (p pastRemovals) stackOf(resource contract.Orphan) string {
	for _, record := range p.records {
		if record.Contents.Names(resource.Type, resource.PhysicalID) {
			return record.StackID
		}
	}
	return ""
}

// recall reads what removals of the environment have recorded, and what its stack still names. That
// is what must be gone. The input's contents count only if there is no place for records. The
// record of a stack that still exists is for the removal of that stack.
func (v *Verifier) recall(ctx context.Context, in *contract.VerifyInput) (past pastRemovals, err error) {
	past.environment = in.Environment
	if past.bucket, err = v.Records.Bucket(ctx); err != nil {
		return past, err
	}
	if err := v.Records.KeepAside(ctx, in.Environment); err != nil {
		return past, err
	}
	records, err := v.Records.Of(ctx, in.Environment)
	if err != nil {
		return past, err
	}
	if past.contents, err = v.named(ctx, in.StackID, records); err != nil {
		return past, err
	}
	for _, record := range records {
		if !arn.IsARN(record.StackID) { // It cannot be read, and stays until a person has.
			in.Known = append(in.Known, record.Leftovers...)
			continue
		}
		if record.StackID != in.StackID {
			life, err := v.life(ctx, record.StackID)
			if err != nil {
				return past, err
			}
			if life.exists {
				continue
			}
			past.contents.Add(life.contents)
		}
		past.contents.Add(record.Contents)
		past.records = append(past.records, record)
	}
	if past.bucket != "" {
		in.Contents = perch.StackContents{}
	}
	in.Contents.Add(past.contents)
	return past, nil
}

// named is what the stack names, if no record does, and what its updates have left behind. The
// record was written when the stack was last whole; an endpoint other than AWS may not tell what a
// deleted stack held.
func (v *Verifier) named(ctx context.Context, stackID string, records []Record) (contents perch.StackContents, err error) {
	recorded := slices.ContainsFunc(records, func(r Record) bool { return r.StackID == stackID })
	switch {
	case stackID == "":
		return contents, nil
	case recorded:
		return contents, v.Stacks.AddDropped(ctx, stackID, &contents)
	}
	return v.namedBy(ctx, stackID)
}

// namedBy is what a stack names, and what its template and its updates have left behind.
func (v *Verifier) namedBy(ctx context.Context, stackID string) (perch.StackContents, error) {
	contents, err := v.Stacks.Contents(ctx, contract.StackInput{StackID: stackID})
	if err != nil {
		return contents, err
	}
	return contents, v.Stacks.AddDropped(ctx, stackID, &contents)
}

// conclude takes the removals out of the card, and deletes what was admitted, if nothing is left.
// Otherwise it records what is, or may be, and one record then covers all removals of the
// environment. finished says which card is deleted when nothing is left.
func (v *Verifier) conclude(
	ctx context.Context, past pastRemovals, in contract.VerifyInput, seen Sight, finished func(perch.Card) bool,
) error {
	if past.bucket == "" {
		return nil
	}
	var left *perch.Removal
	if len(seen.Left)+len(seen.Unconfirmed) > 0 {
		if left = past.combine(in, seen); left.StackID == "" {
			return nil // It was found by its tags, and the next look finds it by them.
		}
	}
	var over []string
	for _, record := range past.records {
		over = append(over, record.StackID)
	}
	if err := v.Records.Conclude(ctx, past.environment, over, left, finished); err != nil {
		return err
	}
	if len(seen.Left) > 0 || in.StackID == "" {
		return nil
	}
	return v.Retract(ctx, past.bucket, past.environment)
}

// combine is one removal for all of them, with what was seen.
func (p pastRemovals) combine(in contract.VerifyInput, seen Sight) *perch.Removal {
	all := &perch.Removal{
		StackID: in.StackID, Begun: time.Now().UTC(), Contents: p.contents,
		Leftovers: seen.Left, Known: in.Known, Unconfirmed: seen.Unconfirmed,
	}
	for _, record := range p.records {
		if record.Begun.Before(all.Begun) {
			all.Begun = record.Begun
		}
		if in.StackID == "" {
			all.StackID = record.StackID
		}
	}
	return all
}

// unfinished is a card that the run which removes its environment still needs.
func unfinished(perch.Card) bool { return false }

// RecheckLeftovers looks again for what earlier removals of the project's environments left, and
// returns what is still there, by stack. A record whose resources are gone is deleted; a dry run
// changes nothing.
func (v *Verifier) RecheckLeftovers(ctx context.Context, in perch.CleanupInput) (contract.RecheckResult, error) {
	_, stop := pulse.Start(ctx, perch.Progress{Status: "CHECKING LEFTOVERS", Since: time.Now().UTC()})
	defer stop()
	all, err := v.Stacks.List(ctx)
	if err != nil {
		return contract.RecheckResult{}, err
	}
	bucket := v.Records.BucketIn(ctx, all)
	records, err := v.Records.All(ctx, all)
	if err != nil {
		return contract.RecheckResult{}, err
	}
	var result contract.RecheckResult
	for _, left := range Summarize(records, all.Exists, all.Lives, time.Now()) {
		if !in.DryRun && left.Branch != "" {
			if left.Resources, err = v.recheck(ctx, bucket, records, left); err != nil {
				return contract.RecheckResult{}, err
			}
			if len(left.Resources) == 0 {
				continue
			}
		}
		result.Failed = append(result.Failed, perch.CleanupFailure{Stack: left.Stack, Error: left.Sentence()})
	}
	return result, nil
}

// recheck looks once for what the record of one stack names, and corrects the record. If the branch
// has an environment again, what has only a name is that one's.
func (v *Verifier) recheck(
	ctx context.Context, bucket string, records []Record, left perch.Leftover,
) ([]string, error) {
	i := slices.IndexFunc(records, func(r Record) bool { return r.StackID == left.StackID })
	in := contract.VerifyInput{Environment: records[i].Environment, StackID: left.StackID, Contents: records[i].Contents}
	in.Known = records[i].Known // No service tells of these; only another removal can.
	if left.Again {
		in.Contents.Environments, in.Contents.Logs, in.Contents.Records = nil, nil, nil
		database := contract.SharedDatabase(in.Environment.DatabaseName())
		in.Known = slices.DeleteFunc(slices.Clone(in.Known), func(name string) bool { return name == database })
	}
	seen, err := v.Look(ctx, in)
	if err != nil {
		return nil, err
	}
	for _, name := range records[i].Leftovers {
		there, err := v.stillThere(ctx, name)
		if err != nil {
			return nil, err
		}
		if there && !slices.Contains(seen.Left, name) {
			seen.Left = append(seen.Left, name)
		}
	}
	past := pastRemovals{in.Environment, bucket, records[i : i+1], records[i].Contents}
	err = v.conclude(ctx, past, in, seen, func(c perch.Card) bool {
		return !left.Again && c.State.Goal == perch.GoalGone && c.State.Phase == perch.PhaseFailed
	})
	return slices.Concat(seen.Left, seen.Unconfirmed), err
}

// stillThere asks for a leftover whose name begins with its ARN. The tags do not tell it from a
// resource of the branch's next environment.
func (v *Verifier) stillThere(ctx context.Context, name string) (bool, error) {
	full, _, _ := strings.Cut(name, " ")
	if !arn.IsARN(full) {
		return false, nil
	}
	state, err := v.lookUps.presence(ctx, full)
	return state == presenceThere, err
}
