package card

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"golang.org/x/sync/errgroup"

	"perch"
	"perch/activities/awserr"
	"perch/activities/stack"
	"perch/lifecycle"
)

// parallelReads is how many cards List reads at a time.
const parallelReads = 8

// Listing has the cards of a project.
type Listing struct {
	// Cards are ordered by their branch's slug.
	Cards []perch.Card
	// Unreadable has the cards that cannot be parsed, and those that were set aside because they
	// could not be.
	Unreadable []*UnreadableError
}

// List reads all cards, with one call to list them and one call for each. all has the stacks that
// the caller has just listed. Without an application stack there are no cards.
func (s *Store) List(ctx context.Context, all stack.All) (Listing, error) {
	bucket := s.BucketIn(ctx, all)
	if bucket == "" {
		return Listing{}, nil
	}
	return s.listIn(ctx, bucket)
}

// ListAll is like List, for a caller that has not listed the stacks.
func (s *Store) ListAll(ctx context.Context) (Listing, error) {
	bucket, err := s.Bucket(ctx)
	if errors.Is(err, ErrNoPlace) {
		return Listing{}, nil
	}
	if err != nil {
		return Listing{}, err
	}
	return s.listIn(ctx, bucket)
}

func (s *Store) listIn(ctx context.Context, bucket string) (Listing, error) {
	keys, err := s.keys(ctx, bucket, prefix)
	if err != nil {
		return Listing{}, err
	}
	objects := make([]object, len(keys))
	group, reading := errgroup.WithContext(ctx)
	group.SetLimit(parallelReads)
	for i, key := range keys {
		group.Go(func() (err error) {
			objects[i], err = s.get(reading, bucket, key)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return Listing{}, err
	}
	return sorted(objects), nil
}

// sorted separates the cards that can be parsed from the others, and sorts them by slug. It leaves
// out a card that was deleted after it was listed.
func sorted(objects []object) (listing Listing) {
	for _, read := range objects {
		if read.etag == "" {
			continue
		}
		card, err := read.parse()
		var unreadable *UnreadableError
		if errors.As(err, &unreadable) {
			listing.Unreadable = append(listing.Unreadable, unreadable)
			continue
		}
		listing.Cards = append(listing.Cards, card)
	}
	slices.SortFunc(listing.Cards, func(a, b perch.Card) int {
		return strings.Compare(a.Environment.Slug, b.Environment.Slug)
	})
	return listing
}

// ListOf returns the card of one environment, with those of its cards that were set aside.
func (s *Store) ListOf(ctx context.Context, environment perch.Environment) (listing Listing, err error) {
	card, found, err := s.Read(ctx, environment)
	var unreadable *UnreadableError
	switch {
	case errors.As(err, &unreadable):
		listing.Unreadable = append(listing.Unreadable, unreadable)
	case err != nil:
		return Listing{}, err
	case found:
		listing.Cards = append(listing.Cards, card)
	}
	aside, err := s.aside(ctx, environment)
	listing.Unreadable = append(listing.Unreadable, aside...)
	return listing, err
}

// Warnings says which environments have a card that cannot be read. It also says which have a new
// card that replaced an unreadable one, as long as the old one is still in the bucket.
func (l Listing) Warnings() (sentences []string) {
	aside := map[string]bool{}
	for _, each := range l.Unreadable {
		if each.isAside() {
			aside[each.Slug] = true
		} else {
			sentences = append(sentences, each.Error())
		}
	}
	for _, card := range l.Cards {
		if card.Warning != "" && aside[card.Environment.Slug] {
			sentences = append(sentences, card.Warning)
		}
	}
	return sentences
}

// Known returns the cards in the form that the rules of expiry and cleanup take. It names the cards
// that cannot be read.
func (l Listing) Known() lifecycle.KnownCards {
	known := lifecycle.KnownCards{BySlug: map[string]perch.Card{}, Unreadable: map[string]string{}}
	for _, card := range l.Cards {
		known.BySlug[card.Environment.Slug] = card
	}
	for _, each := range l.Unreadable {
		if !each.isAside() {
			known.Unreadable[each.Slug] = each.Error()
		}
	}
	return known
}

// Enter adds to the statuses what the environments' cards say, and returns the branches that have
// no card.
func (l Listing) Enter(statuses []perch.EnvironmentStatus) (missing []string) {
	known := map[string]perch.Card{}
	for _, each := range l.Unreadable {
		if !each.isAside() {
			known[each.Slug] = perch.Card{}
		}
	}
	for _, card := range l.Cards {
		known[card.Environment.Slug] = card
	}
	for i, status := range statuses {
		card, found := known[status.Slug]
		if !found {
			missing = append(missing, status.Branch)
		}
		statuses[i].PullRequests, statuses[i].LastReport = card.PullRequests, card.LastReport()
		statuses[i].Message = card.Message
	}
	return missing
}

// FullReport returns the last report of a run of the environment; nil if it is not known.
func (l Listing) FullReport(e perch.Environment) *perch.LastReport {
	for _, card := range l.Cards {
		if card.Environment.Slug == e.Slug {
			return card.FullReport()
		}
	}
	return nil
}

// aside lists the cards of an environment that could not be parsed and were set aside. It does not
// read them.
func (s *Store) aside(ctx context.Context, environment perch.Environment) (aside []*UnreadableError, err error) {
	bucket, err := s.Bucket(ctx)
	if errors.Is(err, ErrNoPlace) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	keys, err := s.keys(ctx, bucket, asidePrefix+environment.Slug+"-")
	for _, key := range keys {
		if slug := slugOf(key); slug == environment.Slug {
			aside = append(aside, &UnreadableError{Bucket: bucket, Key: key, Slug: slug, Reason: "it was kept aside"})
		}
	}
	return aside, err
}

// keys lists the keys of all objects with a prefix.
func (s *Store) keys(ctx context.Context, bucket, prefix string) (keys []string, err error) {
	pages := s3.NewListObjectsV2Paginator(s.s3, &s3.ListObjectsV2Input{Bucket: &bucket, Prefix: &prefix})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, awserr.Wrap(err, "list cards in bucket %s", bucket)
		}
		for _, listed := range page.Contents {
			keys = append(keys, aws.ToString(listed.Key))
		}
	}
	return keys, nil
}
