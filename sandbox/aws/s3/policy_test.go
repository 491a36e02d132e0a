package s3

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

func (b *fixture) setPolicy(document string) error {
	_, err := b.PutBucketPolicy(b.ctx, &sdk.PutBucketPolicyInput{Bucket: aws.String(testBucket), Policy: &document})
	return err
}

const denyWrites = `{"Version":"2012-10-17","Statement":{"Effect":"Deny","Principal":{"AWS":["*"]},` +
	`"Action":"s3:put*","Resource":"arn:aws:s3:::` + testBucket + `/*"}}`

func TestAPolicyThatDeniesWritesStopsEveryKindOfWrite(t *testing.T) {
	b := newFixture(t, "")
	version := b.put("before", "1")
	started := must(b.CreateMultipartUpload(
		b.ctx, &sdk.CreateMultipartUploadInput{Bucket: aws.String(testBucket), Key: aws.String("parts")},
	))(t)
	if err := b.setPolicy(denyWrites); err != nil {
		t.Fatal(err)
	}
	_, err := b.PutObject(
		b.ctx,
		&sdk.PutObjectInput{Bucket: aws.String(testBucket), Key: aws.String("after"), Body: strings.NewReader("2")},
	)
	wantCode(t, err, "AccessDenied", 403)
	_, err = b.CopyObject(b.ctx, &sdk.CopyObjectInput{
		Bucket: aws.String(testBucket), Key: aws.String("copy"), CopySource: aws.String(testBucket + "/before"),
	})
	wantCode(t, err, "AccessDenied", 403)
	_, err = b.UploadPart(b.ctx, &sdk.UploadPartInput{
		Bucket: aws.String(testBucket), Key: aws.String("parts"), UploadId: started.UploadId, PartNumber: aws.Int32(1),
		Body: strings.NewReader("3"),
	})
	wantCode(t, err, "AccessDenied", 403)
	if body, err := b.get("before", ""); err != nil || body != "1" {
		t.Errorf("reading %v: %q, %v", version.ETag, body, err)
	}
	b.delete("before", "")
	must(b.DeleteBucketPolicy(b.ctx, &sdk.DeleteBucketPolicyInput{Bucket: aws.String(testBucket)}))(t)
	b.put("after", "2")
	_, err = b.GetBucketPolicy(b.ctx, &sdk.GetBucketPolicyInput{Bucket: aws.String(testBucket)})
	wantCode(t, err, "NoSuchBucketPolicy", 404)
}

func TestDeleteObjectsReportsDeniedKeys(t *testing.T) {
	b := newFixture(t, "")
	b.put("kept", "1")
	b.put("free", "1")
	if err := b.setPolicy(
		strings.NewReplacer("s3:put*", "s3:DeleteObject", "/*", "/kept").Replace(denyWrites),
	); err != nil {
		t.Fatal(err)
	}
	out := b.deleteAll(
		true, types.ObjectIdentifier{Key: aws.String("kept")}, types.ObjectIdentifier{Key: aws.String("free")},
	)
	if len(out.Errors) != 1 || *out.Errors[0].Key != "kept" || *out.Errors[0].Code != "AccessDenied" {
		t.Errorf("errors are %+v", out.Errors)
	}
}

func TestPutBucketPolicyRejectsInvalidPolicies(t *testing.T) {
	b := newFixture(t, "")
	for name, test := range map[string]struct{ document, code string }{
		"no JSON":           {"nonsense", "MalformedPolicy"},
		"broken JSON":       {"{", "MalformedPolicy"},
		"no statement":      {`{"Version":"2012-10-17"}`, "MalformedPolicy"},
		"another bucket":    {strings.ReplaceAll(denyWrites, testBucket, "other-bucket"), "MalformedPolicy"},
		"another service":   {strings.ReplaceAll(denyWrites, "s3:put*", "ec2:*"), "MalformedPolicy"},
		"no principal":      {strings.ReplaceAll(denyWrites, "Principal", "Princ"), "MalformedPolicy"},
		"a public bucket":   {strings.ReplaceAll(denyWrites, "Deny", "Allow"), "AccessDenied"},
		"an unknown effect": {strings.ReplaceAll(denyWrites, "Deny", "Perhaps"), "MalformedPolicy"},
	} {
		t.Run(name, func(t *testing.T) {
			status := map[string]int{"MalformedPolicy": 400, "AccessDenied": 403}[test.code]
			wantCode(t, b.setPolicy(test.document), test.code, status)
		})
	}
}

func TestOnlyUnconditionalStatementsForEveryoneDeny(t *testing.T) {
	const object = "arn:aws:s3:::b/key"
	for name, test := range map[string]struct {
		statement statement
		want      bool
	}{
		"everyone, this action": {statement{
			Effect: "Deny", Principal: "*", Action: list[string]{"s3:PutObject"},
			Resource: list[string]{"arn:aws:s3:::b/*"},
		}, true},
		"action in another case": {statement{
			Effect: "Deny", Principal: "*", Action: list[string]{"S3:putOBJECT"}, Resource: list[string]{"*"},
		}, true},
		"another action": {statement{
			Effect: "Deny", Principal: "*", Action: list[string]{"s3:GetObject"}, Resource: list[string]{"*"},
		}, false},
		"all actions but another": {statement{
			Effect: "Deny", Principal: "*", NotAction: list[string]{"s3:GetObject"}, Resource: list[string]{"*"},
		}, true},
		"the bucket, not its object": {statement{
			Effect: "Deny", Principal: "*", Action: list[string]{"*"}, Resource: list[string]{"arn:aws:s3:::b"},
		}, false},
		"all resources but this": {statement{
			Effect: "Deny", Principal: "*", Action: list[string]{"*"}, NotResource: list[string]{"arn:aws:s3:::b/k?y"},
		}, false},
		"a condition": {statement{
			Effect: "Deny", Principal: "*", Action: list[string]{"*"}, Resource: list[string]{"*"},
			Condition: map[string]any{"Bool": 1},
		}, false},
		"one principal": {statement{
			Effect: "Deny", Principal: map[string]any{"AWS": "arn:aws:iam::1:user/a"}, Action: list[string]{"*"},
			Resource: list[string]{"*"},
		}, false},
		"an Allow statement": {
			statement{Effect: "Allow", Principal: "*", Action: list[string]{"*"}, Resource: list[string]{"*"}}, false,
		},
	} {
		if got := test.statement.denies("s3:PutObject", object); got != test.want {
			t.Errorf("%s: denies returns %v", name, got)
		}
	}
}
