package bucket

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"perch/activities/awserr"
)

// DenyWritesID is the Sid of the statement that denies writes to a bucket while Perch empties it.
// If a bucket policy has this statement, an environment's removal has begun to empty the bucket.
const DenyWritesID = "PerchEmptiesThisBucket"

// bucketPolicy is a bucket policy. Its statements stay as their author wrote them.
type bucketPolicy struct {
	members    map[string]json.RawMessage
	statements []json.RawMessage
}

// readPolicy parses a bucket policy; an empty document has no statements.
func readPolicy(document string) (bucketPolicy, error) {
	p := bucketPolicy{members: map[string]json.RawMessage{"Version": json.RawMessage(`"2012-10-17"`)}}
	if document == "" {
		return p, nil
	}
	if err := json.Unmarshal([]byte(document), &p.members); err != nil {
		return p, err
	}
	statement := p.members["Statement"]
	if json.Unmarshal(statement, &p.statements) != nil {
		p.statements = []json.RawMessage{statement} // IAM also accepts a single statement without a list.
	}
	return p, nil
}

// deniesWrites reports whether the policy has Perch's statement.
func (p *bucketPolicy) deniesWrites() bool { return slices.ContainsFunc(p.statements, isDenyWrites) }

func isDenyWrites(statement json.RawMessage) bool {
	var named struct{ Sid string }
	return json.Unmarshal(statement, &named) == nil && named.Sid == DenyWritesID
}

// denyWrites adds Perch's statement for the bucket. It replaces an earlier one.
func (p *bucketPolicy) denyWrites(partition, bucket string) {
	p.allowWrites()
	p.statements = append(p.statements, fmt.Appendf(nil,
		`{"Sid":%q,"Effect":"Deny","Principal":"*","Action":"s3:PutObject","Resource":"arn:%s:s3:::%s/*"}`,
		DenyWritesID, partition, bucket))
}

// allowWrites removes Perch's statement and no other.
func (p *bucketPolicy) allowWrites() { p.statements = slices.DeleteFunc(p.statements, isDenyWrites) }

func (p *bucketPolicy) document() (string, error) {
	statements, err := json.Marshal(p.statements)
	if err != nil {
		return "", err
	}
	p.members["Statement"] = statements
	document, err := json.Marshal(p.members)
	return string(document), err
}

// policyOf reads a bucket's policy.
func policyOf(ctx context.Context, client *s3.Client, bucket, account string) (bucketPolicy, error) {
	out, err := client.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: &bucket, ExpectedBucketOwner: &account})
	if awserr.HasCode(err, "NoSuchBucketPolicy") {
		return readPolicy("")
	}
	if err != nil {
		return bucketPolicy{}, err
	}
	return readPolicy(aws.ToString(out.Policy)) // S3 accepts only policies that are JSON.
}

// Closed reports whether the bucket's policy has the statement with which an Emptier denies writes.
// The bucket must belong to account.
func Closed(ctx context.Context, client *s3.Client, bucket, account string) (bool, error) {
	policy, err := policyOf(ctx, client, bucket, account)
	return err == nil && policy.deniesWrites(), err
}

// Reopen removes Perch's statement from the bucket's policy. If the policy has no other statement,
// Reopen deletes the policy.
func Reopen(ctx context.Context, client *s3.Client, bucket, account string) error {
	policy, err := policyOf(ctx, client, bucket, account)
	if err != nil || !policy.deniesWrites() {
		return awserr.Wrap(err, "read the policy of bucket %s", bucket)
	}
	policy.allowWrites()
	if len(policy.statements) == 0 {
		_, err = client.DeleteBucketPolicy(ctx, &s3.DeleteBucketPolicyInput{Bucket: &bucket})
		return awserr.Wrap(err, "allow writes to bucket %s", bucket)
	}
	document, err := policy.document()
	if err == nil {
		_, err = client.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: &bucket, Policy: &document})
	}
	return awserr.Wrap(err, "allow writes to bucket %s", bucket)
}

// denyWrites prevents that the app, which may still run, fills the bucket again, and that
// unfinished uploads become objects. Other statements of the bucket's policy stay. If
// CloudFormation has deleted the policy meanwhile, with its AWS::S3::BucketPolicy, denyWrites
// writes it again.
func (e *emptying) denyWrites(ctx context.Context) error {
	var policy bucketPolicy
	err := e.persist(ctx, func(ctx context.Context) (err error) {
		policy, err = policyOf(ctx, e.s3, e.bucket, e.account)
		return err
	})
	if err != nil || policy.deniesWrites() {
		return awserr.Wrap(err, "read the policy of bucket %s", e.bucket)
	}
	policy.denyWrites(e.partition, e.bucket)
	document, err := policy.document()
	if err == nil {
		err = e.persist(ctx, func(ctx context.Context) error {
			_, err := e.s3.PutBucketPolicy(
				ctx, &s3.PutBucketPolicyInput{Bucket: &e.bucket, Policy: &document, ExpectedBucketOwner: &e.account},
			)
			return err
		})
	}
	return awserr.Wrap(err, "deny writes to bucket %s", e.bucket)
}

// ClosedAmong returns the named buckets whose policy has Perch's statement.
func ClosedAmong(ctx context.Context, client *s3.Client, names []string, account string) (closed []string, err error) {
	for _, name := range names {
		shut, err := Closed(ctx, client, name, account)
		if awserr.HasCode(err, "NoSuchBucket") {
			continue // It was deleted by hand. The stack's next update reports that.
		}
		if err != nil {
			return nil, awserr.Wrap(err, "read the policy of bucket %s", name)
		}
		if shut {
			closed = append(closed, name)
		}
	}
	return closed, nil
}
