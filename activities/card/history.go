package card

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"path"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"perch"
	"perch/activities/awserr"
)

// historyPrefix is where the artifact bucket keeps the last cards of environments that are gone.
const historyPrefix = "history/"

// historyKey is one for each life of an environment: history/SLUG/UUID.json, with the UUID of its
// stack.
func historyKey(card perch.Card) string {
	return historyPrefix + card.Environment.Slug + "/" + path.Base(card.StackID) + suffix
}

// LastLife is the last card of the environment's life that ended last; false if there is none.
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
		return perch.Card{}, false, awserr.Wrap(err, "list the history of branch %s in bucket %s", environment.Branch, bucket)
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
		return perch.Card{}, false, &UnreadableError{Bucket: bucket, Key: read.key, Slug: environment.Slug, Reason: err.Error()}
	}
	return last, true, nil
}

// KeepHistory copies the last card of an environment that is gone to its history. The same life
// again is the same object. A card without a stack says nothing of a life.
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
		Bucket: &bucket, Key: aws.String(historyKey(card)), Body: bytes.NewReader(body), ContentType: aws.String("application/json"),
	})
	return awserr.Wrap(err, "write the history of branch %s to bucket %s", card.Environment.Branch, bucket)
}
