package s3

import (
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

func md5Hex(text string) string {
	sum := md5.Sum([]byte(text))
	return hex.EncodeToString(sum[:])
}

func md5Base64(text string) string {
	sum := md5.Sum([]byte(text))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// deleteAll deletes all objects with one DeleteObjects.
func (b *fixture) deleteAll(quiet bool, objects ...types.ObjectIdentifier) *sdk.DeleteObjectsOutput {
	b.t.Helper()
	return must(b.DeleteObjects(
		b.ctx,
		&sdk.DeleteObjectsInput{Bucket: aws.String(testBucket), Delete: &types.Delete{Objects: objects, Quiet: &quiet}},
	))(b.t)
}

func TestDeleteObjectsReportsTheResultOfEachKey(t *testing.T) {
	b := newFixture(t, versioningEnabled)
	version := b.put("a", "1").VersionId
	out := b.deleteAll(false,
		types.ObjectIdentifier{Key: aws.String("a")},
		types.ObjectIdentifier{Key: aws.String("a"), VersionId: version},
		types.ObjectIdentifier{Key: aws.String("absent"), VersionId: aws.String(newID(7))},
		types.ObjectIdentifier{Key: aws.String("a"), VersionId: aws.String("nonsense")},
	)
	if len(out.Deleted) != 3 || len(out.Errors) != 1 || *out.Errors[0].Code != "NoSuchVersion" {
		t.Fatalf("%+v", out)
	}
	marker, removed, absent := out.Deleted[0], out.Deleted[1], out.Deleted[2]
	if !*marker.DeleteMarker || marker.VersionId != nil || len(*marker.DeleteMarkerVersionId) != 32 {
		t.Errorf("marker %+v", marker)
	}
	if *removed.VersionId != *version || removed.DeleteMarker != nil || *absent.Key != "absent" {
		t.Errorf("removed %+v, absent %+v", removed, absent)
	}
	out = b.deleteAll(true, types.ObjectIdentifier{Key: aws.String("a"), VersionId: marker.DeleteMarkerVersionId})
	if len(out.Deleted) != 0 || len(b.listed()) != 0 {
		t.Errorf("quiet response %+v, left %v", out, b.listed())
	}
}

func TestDeleteObjectsRejectsWhatAWSRejects(t *testing.T) {
	b := newFixture(t, "")
	objects := make([]types.ObjectIdentifier, 1001)
	for i := range objects {
		objects[i].Key = aws.String(fmt.Sprint(i))
	}
	_, err := b.DeleteObjects(
		b.ctx, &sdk.DeleteObjectsInput{Bucket: aws.String(testBucket), Delete: &types.Delete{Objects: objects}},
	)
	wantCode(t, err, "MalformedXML", 400)
	for name, test := range map[string]struct{ body, md5, code string }{
		"no checksum":  {body: "<Delete><Object><Key>a</Key></Object></Delete>", code: "InvalidRequest"},
		"no objects":   {body: "<Delete></Delete>", md5: md5Base64("<Delete></Delete>"), code: "MalformedXML"},
		"another root": {body: "<Remove></Remove>", md5: md5Base64("<Remove></Remove>"), code: "MalformedXML"},
		"a control character": {
			body: "<Delete>\x01</Delete>", md5: md5Base64("<Delete>\x01</Delete>"), code: "MalformedXML",
		},
		"more than one element": {
			body: "<Delete/><Delete/>", md5: md5Base64("<Delete/><Delete/>"), code: "MalformedXML",
		},
		"another body's digest": {body: "<Delete/>", md5: md5Base64(""), code: "BadDigest"},
	} {
		request := must(http.NewRequest(http.MethodPost, b.url+"/"+testBucket+
			"?delete", strings.NewReader(test.body)))(t)
		if test.md5 != "" {
			request.Header.Set("Content-MD5", test.md5)
		}
		response := must(http.DefaultClient.Do(request))(t)
		body := string(must(io.ReadAll(response.Body))(t))
		_ = response.Body.Close()
		if !strings.Contains(body, "<Code>"+test.code+"</Code>") {
			t.Errorf("%s: response is %d %s, want %s", name, response.StatusCode, body, test.code)
		}
	}
}

func TestObjectLockProtectsOnlyLockedVersions(t *testing.T) {
	b := newFixture(t, "")
	must(b.CreateBucket(b.ctx, &sdk.CreateBucketInput{
		Bucket: aws.String("locked-bucket"), ObjectLockEnabledForBucket: aws.Bool(true),
		CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: testRegion},
	}))(t)
	put := func(in sdk.PutObjectInput) *string {
		in.Bucket, in.Body = aws.String("locked-bucket"), strings.NewReader("x")
		return must(b.PutObject(b.ctx, &in))(t).VersionId
	}
	held := put(sdk.PutObjectInput{
		Key: aws.String("held"), ObjectLockLegalHoldStatus: types.ObjectLockLegalHoldStatusOn,
	})
	until := aws.Time(time.Now().Add(time.Hour))
	retained := put(sdk.PutObjectInput{
		Key: aws.String("retained"), ObjectLockMode: types.ObjectLockModeGovernance, ObjectLockRetainUntilDate: until,
	})
	free := put(sdk.PutObjectInput{Key: aws.String("free")})
	objects := []types.ObjectIdentifier{
		{Key: aws.String("held"), VersionId: held}, {Key: aws.String("retained"), VersionId: retained},
		{Key: aws.String("free"), VersionId: free},
	}
	out := must(b.DeleteObjects(b.ctx, &sdk.DeleteObjectsInput{
		Bucket: aws.String("locked-bucket"), Delete: &types.Delete{Objects: objects, Quiet: aws.Bool(true)},
	}))(t)
	if len(out.Errors) != 2 || *out.Errors[0].Code != "AccessDenied" || *out.Errors[0].Key != "held" ||
		*out.Errors[1].Key != "retained" {
		t.Errorf("errors are %+v, want AccessDenied for held and retained", out.Errors)
	}
	_, err := b.DeleteObject(
		b.ctx, &sdk.DeleteObjectInput{Bucket: aws.String("locked-bucket"), Key: aws.String("held"), VersionId: held},
	)
	wantCode(t, err, "AccessDenied", 403)
	must(b.DeleteObject(b.ctx, &sdk.DeleteObjectInput{
		Bucket: aws.String("locked-bucket"), Key: aws.String("retained"), VersionId: retained,
		BypassGovernanceRetention: aws.Bool(true),
	}))(t)
}

func TestHeadObjectReturnsTheObjectLock(t *testing.T) {
	b := newFixture(t, "")
	bucket, until := aws.String("locked-bucket"), time.Now().Add(time.Hour).UTC().Truncate(time.Second)
	must(b.CreateBucket(b.ctx, &sdk.CreateBucketInput{
		Bucket: bucket, ObjectLockEnabledForBucket: aws.Bool(true),
		CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: testRegion},
	}))(t)
	in := &sdk.PutObjectInput{
		Bucket: bucket, Key: aws.String("a"), Body: strings.NewReader("a"),
		ObjectLockLegalHoldStatus: types.ObjectLockLegalHoldStatusOn,
		ObjectLockMode:            types.ObjectLockModeCompliance, ObjectLockRetainUntilDate: &until,
	}
	must(b.PutObject(b.ctx, in))(t)
	head := must(b.HeadObject(b.ctx, &sdk.HeadObjectInput{Bucket: bucket, Key: aws.String("a")}))(t)
	if head.ObjectLockMode != "COMPLIANCE" || head.ObjectLockLegalHoldStatus != "ON" ||
		!aws.ToTime(head.ObjectLockRetainUntilDate).Equal(until) {
		t.Errorf(
			"HEAD says %s, %s, %v", head.ObjectLockMode, head.ObjectLockLegalHoldStatus, head.ObjectLockRetainUntilDate,
		)
	}
	in.Bucket, in.Body = aws.String(testBucket), strings.NewReader("a")
	_, err := b.PutObject(b.ctx, in)
	wantCode(t, err, "InvalidRequest", 400)
	locked := must(b.GetObjectLockConfiguration(b.ctx, &sdk.GetObjectLockConfigurationInput{Bucket: bucket}))(t)
	if locked.ObjectLockConfiguration.ObjectLockEnabled != "Enabled" {
		t.Errorf("the bucket's lock is %+v", locked.ObjectLockConfiguration)
	}
	_, err = b.GetObjectLockConfiguration(b.ctx, &sdk.GetObjectLockConfigurationInput{Bucket: aws.String(testBucket)})
	wantCode(t, err, "ObjectLockConfigurationNotFoundError", 404)
}
