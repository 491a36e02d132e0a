package card

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"golang.org/x/sync/errgroup"

	"perch"
	"perch/activities/awserr"
	"perch/lifecycle"
)

// historyPrefix is where the artifact bucket keeps the last cards of removed environments.
const historyPrefix = "history/"

// historyKey returns the key of the card's record: history/SLUG/UUID.json, with the UUID of the
// stack. So each stack of an environment has a record.
func historyKey(card perch.Card) string {
	return historyPrefix + card.Environment.Slug + "/" + path.Base(card.StackID) + suffix
}

// LastLife returns the last card of the environment's previous life, which ended when its stack was
// deleted. found is false if there was none.
func (s *Store) LastLife(ctx context.Context, environment perch.Environment) (last perch.Card, found bool, err error) {
	bucket, err := s.Bucket(ctx)
	if errors.Is(err, ErrNoPlace) {
		return perch.Card{}, false, nil
	}
	if err != nil {
		return perch.Card{}, false, err
	}
	listed, err := s.s3.ListObjectsV2(ctx, &s3.ListObjectsV2Input{
		Bucket: &bucket, Prefix: aws.String(historyPrefix + environment.Slug + "/"),
	})
	if err != nil {
		return perch.Card{}, false, awserr.Wrap(
			err, "list the history of branch %s in bucket %s", environment.Branch, bucket,
		)
	}
	if len(listed.Contents) == 0 {
		return perch.Card{}, false, nil
	}
	newest := slices.MaxFunc(listed.Contents, func(a, b types.Object) int {
		return aws.ToTime(a.LastModified).Compare(aws.ToTime(b.LastModified))
	})
	read, err := s.get(ctx, bucket, aws.ToString(newest.Key))
	if err != nil || read.etag == "" {
		return perch.Card{}, false, err
	}
	if err := json.Unmarshal(read.body, &last); err != nil {
		return perch.Card{}, false, &UnreadableError{
			Bucket: bucket, Key: read.key, Slug: environment.Slug, Reason: err.Error(),
		}
	}
	return last, true, nil
}

// pastLife is the record of a life, with the ETag that its object had when it was read.
type pastLife struct {
	etag string
	life perch.Life
}

// Lives returns the records of lives that have ended, newest first and at most most of them. If
// slug is not empty, they are those of one environment. warnings are sentences about records that
// cannot be read. A record that was read before is not read again.
func (s *Store) Lives(ctx context.Context, slug string, most int) (lives []perch.Life, warnings []string, err error) {
	bucket, err := s.Bucket(ctx)
	if errors.Is(err, ErrNoPlace) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	newest, err := s.newestRecords(ctx, bucket, slug, most)
	if err != nil {
		return nil, nil, err
	}
	read := make([]pastLife, len(newest))
	problems := make([]string, len(newest))
	group, reading := errgroup.WithContext(ctx)
	group.SetLimit(parallelReads)
	for i, listed := range newest {
		group.Go(func() (err error) {
			read[i], problems[i], err = s.readLife(reading, bucket, listed)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, nil, err
	}
	for i := range newest {
		switch {
		case problems[i] != "":
			warnings = append(warnings, problems[i])
		case read[i].etag != "":
			lives = append(lives, read[i].life)
		}
	}
	slices.SortStableFunc(lives, func(a, b perch.Life) int { return b.Ended.Compare(a.Ended) })
	return lives, warnings, nil
}

// newestRecords lists the records that were written last.
func (s *Store) newestRecords(ctx context.Context, bucket, slug string, most int) (records []types.Object, err error) {
	under := historyPrefix
	if slug != "" {
		under += slug + "/"
	}
	pages := s3.NewListObjectsV2Paginator(s.s3, &s3.ListObjectsV2Input{Bucket: &bucket, Prefix: &under})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, awserr.Wrap(err, "list the history in bucket %s", bucket)
		}
		records = append(records, page.Contents...)
	}
	slices.SortStableFunc(records, func(a, b types.Object) int {
		return aws.ToTime(b.LastModified).Compare(aws.ToTime(a.LastModified))
	})
	return records[:min(most, len(records))], nil
}

// readLife reads a record. problem says why it cannot be parsed. If the record was deleted after it
// was listed, past has no ETag.
func (s *Store) readLife(
	ctx context.Context, bucket string, listed types.Object,
) (past pastLife, problem string, err error) {
	key := aws.ToString(listed.Key)
	s.mu.Lock()
	past, known := s.lives[key]
	s.mu.Unlock()
	if known && past.etag == aws.ToString(listed.ETag) {
		return past, "", nil
	}
	read, err := s.get(ctx, bucket, key)
	if err != nil || read.etag == "" {
		return pastLife{}, "", err
	}
	var card perch.Card
	err = json.Unmarshal(read.body, &card)
	if err == nil && card.Environment == (perch.Environment{}) {
		err = errors.New("it names no environment")
	}
	if err != nil {
		return pastLife{}, fmt.Sprintf("the record s3://%s/%s cannot be read: %v", bucket, key, err), nil
	}
	past = pastLife{read.etag, lifecycle.PastLife(card)}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.lives) >= rememberedLives {
		clear(s.lives)
	}
	s.lives[key] = past
	return past, "", nil
}

// rememberedLives is the number of records that a Store keeps in memory at most.
const rememberedLives = 1000

// KeepHistory copies the last card of a removed environment to its history. A second call for the
// same stack writes the same object again. A card without a stack has no history.
func (s *Store) KeepHistory(ctx context.Context, card perch.Card) error {
	if card.StackID == "" {
		return nil
	}
	bucket, err := s.Bucket(ctx)
	if err != nil {
		return err
	}
	body, err := json.Marshal(card)
	if err != nil {
		return awserr.Final(perch.ErrorInvalid, "write the history of branch %s: %v", card.Environment.Branch, err)
	}
	_, err = s.s3.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &bucket, Key: aws.String(historyKey(card)), Body: bytes.NewReader(body),
		ContentType: aws.String("application/json"),
	})
	return awserr.Wrap(err, "write the history of branch %s to bucket %s", card.Environment.Branch, bucket)
}
