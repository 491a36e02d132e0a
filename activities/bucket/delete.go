package bucket

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"perch"
	"perch/activities/awserr"
)

// keyFailure says why S3 did not delete one version.
type keyFailure struct {
	identity
	code, message string
}

func (f keyFailure) String() string {
	return fmt.Sprintf("%q version %s (%s: %s)", f.key, f.version, f.code, f.message)
}

// deletion is the outcome of one request to delete: the failures of single keys, or err if the
// whole request failed.
type deletion struct {
	passing []keyFailure
	final   []keyFailure
	slow    bool
	err     error
}

// deleteKeys deletes up to deleteBatch versions in one request.
func (e *emptying) deleteKeys(ctx context.Context, batch []identity) deletion {
	if len(batch) == 1 && !writable(batch[0].key) {
		return e.deleteOne(ctx, batch[0])
	}
	objects := make([]types.ObjectIdentifier, len(batch))
	for i, id := range batch {
		objects[i] = types.ObjectIdentifier{Key: &batch[i].key, VersionId: present(id.version)}
	}
	out, err := e.s3.DeleteObjects(ctx, &s3.DeleteObjectsInput{
		Bucket: &e.bucket, ExpectedBucketOwner: &e.account,
		Delete: &types.Delete{Objects: objects, Quiet: aws.Bool(true)},
	})
	if err != nil {
		return deletion{err: err}
	}
	return judge(out.Errors)
}

// deleteOne deletes a version whose key an XML document cannot contain. The URL of a request can.
func (e *emptying) deleteOne(ctx context.Context, id identity) deletion {
	_, err := e.s3.DeleteObject(ctx, &s3.DeleteObjectInput{
		Bucket: &e.bucket, ExpectedBucketOwner: &e.account, Key: &id.key, VersionId: present(id.version),
	})
	if err == nil || passing(err) || awserr.Denied(err) || awserr.HasCode(err, "NoSuchBucket") {
		return deletion{err: err}
	}
	return judge([]types.Error{{
		Key: &id.key, VersionId: &id.version, Code: aws.String(awserr.Code(err)),
		Message: aws.String(awserr.Sentence(err)),
	}})
}

// judge sorts the failures of single keys by their codes. Their texts are only for people.
func judge(failures []types.Error) deletion {
	var v deletion
	for _, f := range failures {
		failure := keyFailure{
			identity{aws.ToString(f.Key), aws.ToString(f.VersionId)}, aws.ToString(f.Code), aws.ToString(f.Message),
		}
		switch {
		case passingCode(failure.code):
			v.passing = append(v.passing, failure)
			v.slow = v.slow || slowCodes[failure.code]
		case failure.code == "NoSuchKey" || failure.code == "NoSuchVersion":
		default:
			v.final = append(v.final, failure)
		}
	}
	return v
}

// writable reports whether XML 1.0 can represent every character of key (W3C, "Extensible Markup
// Language 1.0", production Char). The SDK would write U+FFFD for the others, and S3 would report
// that it deleted a key of that name.
func writable(key string) bool {
	for _, r := range key {
		if r < 0x20 && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF {
			return false
		}
	}
	return utf8.ValidString(key)
}

// maxNamed is the number of keys that an error names at most.
const maxNamed = 5

// impossible returns the error for keys that cannot be deleted, no matter how often Perch tries.
func (e *emptying) impossible(failures []keyFailure) error {
	named := make([]string, 0, maxNamed)
	for _, f := range failures[:min(len(failures), maxNamed)] {
		named = append(named, f.String())
	}
	more := ""
	if n := len(failures) - len(named); n > 0 {
		more = fmt.Sprintf(" and %d more", n)
	}
	kind := perch.ErrorInvalid
	if failures[0].code == "AccessDenied" {
		kind = perch.ErrorDenied
	}
	return awserr.Final(kind, "bucket %s cannot be emptied: %s%s; lift the lock or the denial, or delete the "+
		"versions by hand, and try again; or leave the bucket behind with `perch down --force`", e.bucket,
		strings.Join(named, ", "), more)
}
