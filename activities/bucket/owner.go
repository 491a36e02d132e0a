package bucket

import (
	"context"
	"errors"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"perch"
	"perch/activities/awserr"
)

// StackIDTag is the tag that CloudFormation puts on a stack's buckets.
const StackIDTag = "aws:cloudformation:stack-id"

// check returns an error unless the bucket has the id of the stack, or of a stack that is
// nested in it. It also finds the bucket's region.
func (e *emptying) check(ctx context.Context) error {
	out, err := e.tags(ctx)
	if region := regionOf(err); region != "" && region != e.s3.Options().Region {
		e.s3 = s3.New(e.s3.Options(), func(o *s3.Options) {
			o.Region = region
			// A client changes its own ExpressCredentials. The new client must not share them with
			// the old one.
			o.ExpressCredentials = nil
		})
		out, err = e.tags(ctx)
	}
	if err != nil && !awserr.HasCode(err, "NoSuchTagSet") {
		return awserr.Wrap(err, "read tags of bucket %s", e.bucket)
	}
	owner := ""
	if out != nil {
		for _, tag := range out.TagSet {
			if aws.ToString(tag.Key) == StackIDTag {
				owner = aws.ToString(tag.Value)
			}
		}
	}
	return e.checkOwner(ctx, owner)
}

func (e *emptying) tags(ctx context.Context) (out *s3.GetBucketTaggingOutput, err error) {
	err = e.persist(ctx, func(ctx context.Context) error {
		out, err = e.s3.GetBucketTagging(
			ctx, &s3.GetBucketTaggingInput{Bucket: &e.bucket, ExpectedBucketOwner: &e.account},
		)
		return err
	})
	return out, err
}

// regionOf returns the bucket's region, which S3 names in a header if a request went to another
// region (AWS docs: "Request routing"): with status 301 PermanentRedirect, 307 TemporaryRedirect or
// 400 AuthorizationHeaderMalformed. The SDK follows none of them.
func regionOf(err error) string {
	var response *smithyhttp.ResponseError
	if !errors.As(err, &response) || response.Response == nil {
		return ""
	}
	switch response.HTTPStatusCode() {
	case http.StatusMovedPermanently, http.StatusTemporaryRedirect, http.StatusBadRequest:
		return response.Response.Header.Get("X-Amz-Bucket-Region")
	}
	return ""
}

func (e *emptying) checkOwner(ctx context.Context, owner string) error {
	if owner == e.stackID {
		return nil
	}
	if nested, err := e.nested(ctx, owner); nested || err != nil {
		return err
	}
	return awserr.Final(
		perch.ErrorInvalid,
		"bucket %s does not have the tag %s=%s: it does not belong to this stack and was not emptied",
		e.bucket, StackIDTag, e.stackID,
	)
}

// nested reports whether the stack with this id is nested in the emptied bucket's stack. Buckets of
// a nested stack have the id of the nested stack.
func (e *emptying) nested(ctx context.Context, id string) (bool, error) {
	if id == "" {
		return false, nil
	}
	out, err := e.cfn.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &id})
	if awserr.UnknownStack(err) {
		return false, nil
	}
	if err != nil {
		return false, awserr.Wrap(err, "describe stack %s, whose bucket %s is", id, e.bucket)
	}
	return len(out.Stacks) == 1 && aws.ToString(out.Stacks[0].RootId) == e.stackID, nil
}
