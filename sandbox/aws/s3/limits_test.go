package s3

import (
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

func TestDeletesOverTheLimitAreRejectedKeyByKeyThenAsAWhole(t *testing.T) {
	b := newFixture(t, "")
	b.service.config.Limits.Deletes = 0.001
	var doomed []types.ObjectIdentifier
	for i := range 3 {
		key := fmt.Sprint(i)
		b.put(key, "x")
		doomed = append(doomed, types.ObjectIdentifier{Key: aws.String(key)})
	}
	out := b.deleteAll(true, doomed...)
	if len(out.Errors) != 2 || *out.Errors[0].Code != "SlowDown" || *out.Errors[0].Key != "1" {
		t.Errorf("errors %+v", out.Errors)
	}
	_, err := b.DeleteObjects(
		b.ctx, &sdk.DeleteObjectsInput{Bucket: aws.String(testBucket), Delete: &types.Delete{Objects: doomed[1:]}},
	)
	wantCode(t, err, "SlowDown", 503)
}

func TestFailKeyMakesSingleKeysFail(t *testing.T) {
	b := newFixture(t, "")
	b.service.config.FailKey = func(bucket, key string) (string, string) {
		if bucket == testBucket && key == "bad" {
			return "InternalError", "We encountered an internal error. Please try again."
		}
		return "", ""
	}
	b.put("bad", "x")
	b.put("good", "x")
	out := b.deleteAll(
		true, types.ObjectIdentifier{Key: aws.String("bad")}, types.ObjectIdentifier{Key: aws.String("good")},
	)
	if len(out.Errors) != 1 || *out.Errors[0].Key != "bad" || *out.Errors[0].Code != "InternalError" {
		t.Errorf("errors %+v", out.Errors)
	}
}
