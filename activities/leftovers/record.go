package leftovers

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"perch"
	"perch/activities/card"
	"perch/activities/stack"
)

// Record is a removal with the environment whose card names it.
type Record struct {
	perch.Removal

	// Environment has no branch if its card cannot be read.
	Environment perch.Environment
}

// stackNameOf returns the stack's name from its id:
// arn:aws:cloudformation:REGION:ACCOUNT:stack/NAME/UUID.
func stackNameOf(stackID string) string { return path.Base(path.Dir(stackID)) }

func (r Record) leftover() perch.Leftover {
	return perch.Leftover{
		Branch: r.Environment.Branch, Stack: stackNameOf(r.StackID), StackID: r.StackID,
		Resources: slices.Concat([]string{}, r.Leftovers, r.Unconfirmed), Since: r.Begun,
	}
}

// Records reads and writes the removals in the cards of environments. Without an application stack
// there is no place for cards, and so no records.
type Records struct{ cards *card.Store }

// NewRecords returns the Records in cards.
func NewRecords(cards *card.Store) *Records { return &Records{cards} }

// Bucket returns the artifact bucket; empty if there is no place for records.
func (r *Records) Bucket(ctx context.Context) (string, error) {
	bucket, err := r.cards.Bucket(ctx)
	if errors.Is(err, card.ErrNoPlace) {
		return "", nil
	}
	return bucket, err
}

// KeepAside sets a card that cannot be read aside, so that its key no longer changes.
func (r *Records) KeepAside(ctx context.Context, environment perch.Environment) error {
	_, _, err := r.cards.Read(ctx, environment)
	var unreadable *card.UnreadableError
	if errors.As(err, &unreadable) {
		_, err = r.cards.Update(ctx, environment, func(*perch.Card) error { return nil })
	}
	return err
}

// Begin records what a stack holds, and keeps what earlier attempts recorded. Callers must call it
// before they delete the stack.
func (r *Records) Begin(
	ctx context.Context, environment perch.Environment, stackID string, contents perch.StackContents,
) error {
	_, err := r.cards.Update(ctx, environment, func(c *perch.Card) error {
		i := slices.IndexFunc(c.Removals, func(known perch.Removal) bool { return known.StackID == stackID })
		if i < 0 {
			i = len(c.Removals)
			c.Removals = append(c.Removals, perch.Removal{StackID: stackID, Begun: time.Now().UTC()})
		}
		c.Removals[i].Contents.Add(contents)
		return nil
	})
	if errors.Is(err, card.ErrNoPlace) {
		return nil
	}
	return err
}

// Conclude removes the removals of stacks from an environment's card, and records what is left of
// them, if anything. It deletes a card that then says nothing.
func (r *Records) Conclude(
	ctx context.Context, environment perch.Environment, over []string, left *perch.Removal,
) error {
	if len(over) == 0 && left == nil {
		return nil
	}
	_, err := r.cards.Update(ctx, environment, func(c *perch.Card) error {
		c.Removals = slices.DeleteFunc(c.Removals, func(known perch.Removal) bool {
			return slices.Contains(over, known.StackID) || left != nil && known.StackID == left.StackID
		})
		if left != nil {
			c.Removals = append(c.Removals, *left)
		}
		return nil
	})
	if err != nil {
		return err
	}
	_, err = r.cards.DeleteIf(ctx, environment, perch.Card.Blank)
	return err
}

// Of returns the records of all removals of one environment. It changes nothing.
func (r *Records) Of(ctx context.Context, environment perch.Environment) ([]Record, error) {
	listing, err := r.cards.ListOf(ctx, environment)
	return Listed(listing), err
}

// List lists the cards of all environments. all has the stacks that the caller has just listed.
func (r *Records) List(ctx context.Context, all stack.All) (card.Listing, error) {
	return r.cards.List(ctx, all)
}

// Listed returns the records in cards. A card that cannot be read may name anything, so it counts
// as a leftover until a person has looked at it.
func Listed(listing card.Listing) (records []Record) {
	for _, c := range listing.Cards {
		for _, removal := range c.Removals {
			records = append(records, Record{removal, c.Environment})
		}
	}
	for _, each := range listing.Unreadable {
		records = append(records, Record{Removal: perch.Removal{
			StackID: strings.TrimSuffix(each.Key, ".json"), Leftovers: []string{fmt.Sprintf(
				"what the object %s in bucket %s names: it cannot be read; delete those resources by hand, then the "+
					"object",
				each.Key, each.Bucket)},
		}})
	}
	return records
}

// Summarize returns the leftovers that records name. It adds removals that were never verified, if
// their stacks no longer exist and if they began so long ago that no run can still work on them.
// exists reports whether a stack exists, and lives whether a branch has an environment.
func Summarize(records []Record, exists, lives func(string) bool, now time.Time) []perch.Leftover {
	var left []perch.Leftover
	for _, record := range records {
		interrupted := now.Sub(record.Begun) > LongestRemoval && !exists(record.StackID)
		if len(record.Leftovers) > 0 || interrupted {
			each := record.leftover()
			each.Again = lives(record.Environment.Branch) && !exists(record.StackID)
			left = append(left, each)
		}
	}
	slices.SortFunc(left, func(a, b perch.Leftover) int { return strings.Compare(a.StackID, b.StackID) })
	return left
}

const (
	// mostShown is how many leftovers are shown, and mostNamed how many resources of each. Results
	// contain these lists, and Temporal's limit for a result is 2 MB (Temporal docs: Defaults).
	mostShown, mostNamed = 100, 20
)

// Shown shortens the leftovers for people: it keeps the first resources of each, and says how many
// more there are. more is how many leftovers are left out.
func Shown(all []perch.Leftover) (shown []perch.Leftover, more int) {
	shown = slices.Clone(all[:min(mostShown, len(all))])
	for i, left := range shown {
		var named []string
		for _, resource := range left.Resources[:min(mostNamed, len(left.Resources))] {
			named = append(named, perch.ShortSentence(resource))
		}
		if unnamed := len(left.Resources) - len(named); unnamed > 0 {
			named = append(named, fmt.Sprintf("and %d more", unnamed))
		}
		shown[i].Resources = named
	}
	return shown, len(all) - len(shown)
}

// SummarizeBeside summarizes the records of one branch, whose environment has the stack stackID;
// empty if there is no environment.
func SummarizeBeside(records []Record, stackID string) []perch.Leftover {
	exists := func(id string) bool { return id == stackID }
	lives := func(string) bool { return stackID != "" }
	return Summarize(records, exists, lives, time.Now())
}

// LongestRemoval is longer than one attempt to delete and verify can take within the time limits of
// its activities.
const LongestRemoval = 6 * time.Hour
