package leftovers

import (
	"context"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"perch"
	"perch/activities/contract"
)

// pastRemovals has the records of one environment's removals, of those that have ended and of the
// one that is ending now.
type pastRemovals struct {
	environment perch.Environment
	bucket      string
	records     []Record
	// contents is what the records and the stacks name. If there are records, nothing else is
	// looked for or recorded, because the input of an activity could name anything.
	contents perch.StackContents
}

// stackOf returns the id of the stack whose removal recorded a resource.
func (p pastRemovals) stackOf(resource contract.Orphan) string {
	for _, record := range p.records {
		if record.Contents.Names(resource.Type, resource.PhysicalID) {
			return record.StackID
		}
	}
	return ""
}

// recall collects what must no longer exist: what removals of the environment have recorded, and
// what its stack still names. It uses the input's contents only if there is no place for records.
// It leaves out the record of another stack that still exists, because that stack's removal checks
// it.
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
		if !arn.IsARN(record.StackID) { // The card cannot be read. A person must act.
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

// named returns what the stack names, if no record has it, and what its updates left behind. A
// record is more complete: it was written before the deletion began. An endpoint other than AWS may
// not list the resources of a deleted stack.
func (v *Verifier) named(
	ctx context.Context, stackID string, records []Record,
) (contents perch.StackContents, err error) {
	recorded := slices.ContainsFunc(records, func(r Record) bool { return r.StackID == stackID })
	switch {
	case stackID == "":
		return contents, nil
	case recorded:
		return contents, v.Stacks.AddDropped(ctx, stackID, &contents)
	}
	return v.namedBy(ctx, stackID)
}

// namedBy returns what a stack names, and what its template and its updates left behind.
func (v *Verifier) namedBy(ctx context.Context, stackID string) (perch.StackContents, error) {
	contents, err := v.Stacks.Contents(ctx, contract.StackInput{StackID: stackID})
	if err != nil {
		return contents, err
	}
	return contents, v.Stacks.AddDropped(ctx, stackID, &contents)
}

// conclude removes the removals from the card if nothing is left, and deletes what Admit stored for
// the environment. Otherwise it records what is left or may be left. One record then replaces those
// of all removals of the environment.
func (v *Verifier) conclude(
	ctx context.Context, past pastRemovals, in contract.VerifyInput, seen FoundLeftovers,
) error {
	if past.bucket == "" {
		return nil
	}
	var left *perch.Removal
	if len(seen.Left)+len(seen.Unconfirmed) > 0 {
		if left = past.combine(in, seen); left.StackID == "" {
			return nil // Its tags showed it, and show it to the next look.
		}
	}
	var over []string
	for _, record := range past.records {
		over = append(over, record.StackID)
	}
	if err := v.Records.Conclude(ctx, past.environment, over, left); err != nil {
		return err
	}
	if len(seen.Left) > 0 || in.StackID == "" {
		return nil
	}
	return v.Retract(ctx, past.bucket, past.environment)
}

// combine returns one removal that replaces all of them, with what was seen.
func (p pastRemovals) combine(in contract.VerifyInput, seen FoundLeftovers) *perch.Removal {
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
