package card

import (
	"bytes"
	"context"
	"encoding/json"
	"path"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"perch"
	"perch/activities/awserr"
)

// historyPrefix is where the artifact bucket keeps the last cards of environments that are gone.
const historyPrefix = "history/"

// historyKey is one for each life of an environment: history/SLUG/UUID.json, with the UUID of its stack.
func historyKey(card perch.Card) string {
	return historyPrefix + card.Environment.Slug + "/" + path.Base(card.StackID) + suffix
}

// KeepHistory copies the last card of an environment that is gone to its history. The same life again is the same object.
// A card without a stack says nothing of a life.
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
