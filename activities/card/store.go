// Package card reads and writes cards: what Perch remembers of each environment, one JSON object
// per environment in the artifact bucket of the staging application.
//
// Only two writers are allowed to write a card: activities of the run that holds the environment's
// workflow ID, and a worker that delivers a late message to Slack. So two writes at the same time
// are rare. They happen if a worker that was believed dead is still alive, or if cleanup writes.
// Every write is conditional and has a write ID, so no write is lost and none is applied twice,
// no matter what happens to a request or its answer.
package card

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"perch"
	"perch/activities/awserr"
	"perch/activities/pulse"
	"perch/activities/stack"
	"perch/cfn"
)

// ErrNoPlace means that there is no application stack, and so no bucket for cards.
var ErrNoPlace = errors.New("there is no application stack for kind staging, and so no artifact bucket that cards " +
	"are kept in; run `perch application up --kind staging`")

// UnreadableError means that a card cannot be parsed.
type UnreadableError struct {
	Bucket, Key string
	// Slug is the environment's slug, taken from the key.
	Slug string
	// Reason says what is wrong with the card.
	Reason string
}

// Error implements error.
func (e *UnreadableError) Error() string {
	return fmt.Sprintf("the card s3://%s/%s cannot be read: %s", e.Bucket, e.Key, e.Reason)
}

// isAside reports whether the card was set aside because it could not be parsed. A new card has
// replaced it.
func (e *UnreadableError) isAside() bool { return strings.HasPrefix(e.Key, asidePrefix) }

const (
	// writeAttempts is how often Update and DeleteIf try before they return the last error.
	writeAttempts = 10
	// rememberedWrites is how many write IDs a card keeps. A writer that got no answer finds its
	// write by the ID, even if others have written since.
	rememberedWrites = 20
	// longestPause is the longest wait between two attempts.
	longestPause = time.Second
)

// Store reads and writes the cards of a project. Its methods may be called concurrently.
type Store struct {
	policy *perch.Policy
	stacks *stack.Reader
	s3     *s3.Client
	// pause is the wait before the second attempt of a write. It doubles with each further attempt.
	pause time.Duration

	mu sync.Mutex
	// bucket is the artifact bucket; empty if it is not known yet.
	bucket string
	// lives has the history records that were read, by their keys.
	lives map[string]pastLife
}

// NewStore returns a Store of the policy's project.
func NewStore(cfg aws.Config, policy *perch.Policy, stacks *stack.Reader) *Store {
	return &Store{
		policy: policy, stacks: stacks, s3: s3.NewFromConfig(cfg), pause: 20 * time.Millisecond,
		lives: map[string]pastLife{},
	}
}

// Read reads the card of an environment. found is false if the environment has no card, or if there
// is no application stack. The error is an *UnreadableError if the card cannot be parsed.
func (s *Store) Read(ctx context.Context, environment perch.Environment) (card perch.Card, found bool, err error) {
	bucket, err := s.Bucket(ctx)
	if errors.Is(err, ErrNoPlace) {
		return perch.Card{}, false, nil
	}
	if err != nil {
		return perch.Card{}, false, err
	}
	read, err := s.get(ctx, bucket, key(environment.Slug))
	if err != nil || read.etag == "" {
		return perch.Card{}, false, err
	}
	card, err = read.parse()
	return card, err == nil, err
}

// Update reads an environment's card, calls change with it, writes it, and returns what it wrote.
// If there is no card, change gets a card that has only the environment. Update may call change
// more than once, each time with the card as last read. If change returns an error, Update writes
// nothing and returns that error.
//
// If the card cannot be parsed, Update copies it to cards/unreadable/ and begins a new one, whose
// Warning says so. The error is ErrNoPlace if there is no application stack.
func (s *Store) Update(
	ctx context.Context, environment perch.Environment, change func(*perch.Card) error,
) (written perch.Card, err error) {
	id := rand.Text()
	err = s.attempt(ctx, func(bucket string) (done bool, err error) {
		read, card, err := s.current(ctx, bucket, environment)
		if err != nil {
			return false, err
		}
		if wrote(card, id) {
			written = card
			return true, nil
		}
		if err := change(&card); err != nil {
			return true, err
		}
		card.Environment = environment
		card.EarlierWrites = remember(card)
		card.WriteID = id
		if err := s.put(ctx, bucket, read, card); err != nil {
			return false, err
		}
		written = card
		return true, nil
	})
	return written, err
}

// DeleteIf deletes an environment's card if unneeded returns true for it. deleted reports whether
// the environment has no card now. A card with removals is never deleted, because it names what
// they left behind.
func (s *Store) DeleteIf(
	ctx context.Context, environment perch.Environment, unneeded func(perch.Card) bool,
) (deleted bool, err error) {
	err = s.attempt(ctx, func(bucket string) (done bool, err error) {
		read, card, err := s.current(ctx, bucket, environment)
		if err != nil {
			return false, err
		}
		if read.etag == "" {
			deleted = true
			return true, nil
		}
		if len(card.Removals) > 0 || !unneeded(card) {
			return true, nil
		}
		err = s.drop(ctx, bucket, read)
		deleted = err == nil
		return deleted, err
	})
	if errors.Is(err, ErrNoPlace) {
		return true, nil
	}
	return deleted, err
}

// current reads the object and the card that a write changes. If the card cannot be parsed, current
// sets it aside and returns a new one.
func (s *Store) current(
	ctx context.Context, bucket string, environment perch.Environment,
) (read object, card perch.Card, err error) {
	if read, err = s.get(ctx, bucket, key(environment.Slug)); err != nil {
		return object{}, perch.Card{}, err
	}
	if read.etag == "" {
		return read, perch.Card{Environment: environment}, nil
	}
	card, err = read.parse()
	var unreadable *UnreadableError
	if errors.As(err, &unreadable) {
		kept, err := s.keepAside(ctx, read)
		return read, perch.Card{
			Environment: environment,
			Warning: fmt.Sprintf("%v; it was kept as %s and a new one begun: "+
				"read there what an earlier removal has left, then delete that object", unreadable, kept),
		}, err
	}
	return read, card, err
}

// attempt calls try until it is done. Each try reads the card again, so it sees the card as it is
// after a lost answer, or after another write was first.
func (s *Store) attempt(ctx context.Context, try func(bucket string) (done bool, err error)) error {
	pause := s.pause
	for n := 1; ; n++ {
		bucket, err := s.Bucket(ctx)
		if err != nil {
			return err
		}
		done, err := try(bucket)
		switch {
		case done || err != nil && !mayRepeat(err) || n == writeAttempts:
			return err
		case awserr.HasCode(err, "NoSuchBucket"):
			s.forgetPlace(bucket)
		}
		if err := pulse.Pause(ctx, pause); err != nil {
			return err
		}
		pause = min(2*pause, longestPause)
	}
}

// Bucket returns the name of the artifact bucket. It looks the name up only once, because the name
// changes only when the application stack is created again. The error is ErrNoPlace if there is
// none.
func (s *Store) Bucket(ctx context.Context) (string, error) {
	s.mu.Lock()
	known := s.bucket
	s.mu.Unlock()
	if known != "" {
		return known, nil
	}
	described, found, err := s.stacks.Describe(ctx, perch.ApplicationStackName(s.policy.Project, perch.KindStaging))
	if err != nil {
		return "", err
	}
	bucket := s.bucketOf(ctx, described)
	if !found || bucket == "" {
		return "", ErrNoPlace
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bucket = bucket
	return bucket, nil
}

// BucketIn finds the same bucket in a list of all stacks; it returns an empty name if there is
// none.
func (s *Store) BucketIn(ctx context.Context, all stack.All) string {
	return s.bucketOf(ctx, all.Others[perch.ApplicationStackName(s.policy.Project, perch.KindStaging)])
}

// bucketOf returns the artifact bucket of an application stack; empty if the stack does not belong
// to the project.
func (s *Store) bucketOf(ctx context.Context, application types.Stack) string {
	if !s.stacks.Owner.Current(ctx).Owns(stack.Tags(application)) {
		return ""
	}
	return stack.Outputs(application)[cfn.OutputArtifacts]
}

// forgetPlace forgets a bucket that no longer exists.
func (s *Store) forgetPlace(bucket string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bucket == bucket {
		s.bucket = ""
	}
}

// wrote reports whether the card contains the write with this ID.
func wrote(card perch.Card, id string) bool {
	return card.WriteID == id || slices.Contains(card.EarlierWrites, id)
}

// remember returns the write IDs that the card's next version keeps, newest first.
func remember(card perch.Card) []string {
	if card.WriteID == "" {
		return card.EarlierWrites
	}
	ids := append([]string{card.WriteID}, card.EarlierWrites...)
	return ids[:min(len(ids), rememberedWrites)]
}
