package s3

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/go-cmp/cmp"
)

func createBucket(c *sdk.Client, t *testing.T, name, location string) error {
	in := &sdk.CreateBucketInput{Bucket: &name}
	if location != "" {
		in.CreateBucketConfiguration = &types.CreateBucketConfiguration{
			LocationConstraint: types.BucketLocationConstraint(location),
		}
	}
	_, err := c.CreateBucket(t.Context(), in)
	return err
}

func TestCreateBucketSucceedsAndFailsAsInAWS(t *testing.T) {
	b := newFixture(t, "")
	if err := createBucket(b.Client, t, "fresh-bucket", testRegion); err != nil {
		t.Fatal(err)
	}
	wantCode(t, createBucket(b.Client, t, "fresh-bucket", testRegion), "BucketAlreadyOwnedByYou", 409)
	wantCode(t, createBucket(b.Client, t, "elsewhere", ""), "IllegalLocationConstraintException", 400)
	wantCode(t, createBucket(b.Client, t, "elsewhere", "eu-west-1"), "IllegalLocationConstraintException", 400)
	for _, name := range []string{"UPPER", "under_score", "two..dots", "192.168.1.1", "-dash"} {
		wantCode(t, createBucket(b.Client, t, name, testRegion), "InvalidBucketName", 400)
	}
	head := must(b.HeadBucket(b.ctx, &sdk.HeadBucketInput{Bucket: aws.String("fresh-bucket")}))(t)
	if *head.BucketRegion != testRegion {
		t.Errorf("region %s", *head.BucketRegion)
	}
	_, err := b.HeadBucket(b.ctx, &sdk.HeadBucketInput{Bucket: aws.String("absent")})
	wantCode(t, err, "NotFound", 404)
}

func TestBucketsAreListedInPages(t *testing.T) {
	b := newFixture(t, "")
	for _, name := range []string{"bucket-c", "bucket-a", "bucket-b"} {
		if err := b.service.makeBucket(name, newSettings()); err != nil {
			t.Fatal(err)
		}
	}
	var names []string
	pages := sdk.NewListBucketsPaginator(
		b, &sdk.ListBucketsInput{MaxBuckets: aws.Int32(2), Prefix: aws.String("bucket-")},
	)
	for pages.HasMorePages() {
		for _, found := range must(pages.NextPage(b.ctx))(t).Buckets {
			names = append(names, *found.Name)
		}
	}
	if diff := cmp.Diff([]string{"bucket-a", "bucket-b", "bucket-c"}, names); diff != "" {
		t.Error(diff)
	}
}

func TestABucketIsDeletedOnlyIfEmpty(t *testing.T) {
	b := newFixture(t, versioningEnabled)
	b.put("a", "1")
	marker := b.delete("a", "").VersionId
	for _, v := range must(b.ListObjectVersions(b.ctx, &sdk.ListObjectVersionsInput{Bucket: aws.String(testBucket)}))(
		t,
	).Versions {
		b.delete("a", *v.VersionId)
	}
	_, err := b.DeleteBucket(b.ctx, &sdk.DeleteBucketInput{Bucket: aws.String(testBucket)})
	wantCode(t, err, "BucketNotEmpty", 409)
	b.delete("a", *marker)
	must(b.DeleteBucket(b.ctx, &sdk.DeleteBucketInput{Bucket: aws.String(testBucket)}))(t)
	_, err = b.ListObjectVersions(b.ctx, &sdk.ListObjectVersionsInput{Bucket: aws.String(testBucket)})
	wantCode(t, err, "NoSuchBucket", 404)
}

func TestPutBucketTaggingKeepsTheTagsOfCloudFormation(t *testing.T) {
	b := newFixture(t, "")
	name := aws.String(testBucket)
	_, err := b.GetBucketTagging(b.ctx, &sdk.GetBucketTaggingInput{Bucket: name})
	wantCode(t, err, "NoSuchTagSet", 404)
	stack := types.Tag{Key: aws.String("aws:cloudformation:stack-name"), Value: aws.String("shop-login")}
	branch := types.Tag{Key: aws.String("branch"), Value: aws.String("feature/login & <co>")}
	put := func(tags ...types.Tag) error {
		_, err := b.PutBucketTagging(
			b.ctx, &sdk.PutBucketTaggingInput{Bucket: name, Tagging: &types.Tagging{TagSet: tags}},
		)
		return err
	}
	wantCode(t, put(stack), "InvalidTag", 400)
	if err := b.service.changeSettings(testBucket, func(next *settings) error {
		next.Tags = map[string]string{*stack.Key: *stack.Value}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	wantCode(t, put(branch), "InvalidTag", 400)
	wantCode(t, put(branch, branch, stack), "InvalidTag", 400)
	if err := put(branch, stack); err != nil {
		t.Fatal(err)
	}
	want := map[string]map[string]string{testBucket: {*stack.Key: *stack.Value, *branch.Key: *branch.Value}}
	if diff := cmp.Diff(want, b.service.Tags()); diff != "" {
		t.Error(diff)
	}
	if err := put(stack); err != nil {
		t.Fatal(err)
	}
	left := must(b.GetBucketTagging(b.ctx, &sdk.GetBucketTaggingInput{Bucket: name}))(t)
	if len(left.TagSet) != 1 || *left.TagSet[0].Key != *stack.Key {
		t.Errorf("left %+v", left.TagSet)
	}
}

func TestEachVersionHasSeparateTags(t *testing.T) {
	b := newFixture(t, versioningEnabled)
	tagged := &sdk.PutObjectInput{
		Bucket: aws.String(testBucket), Key: aws.String("a"), Body: strings.NewReader("1"), Tagging: aws.String("k=v"),
	}
	older := must(b.PutObject(b.ctx, tagged))(t).VersionId
	b.put("a", "2")
	count := func(version *string) int {
		return len(must(b.GetObjectTagging(
			b.ctx, &sdk.GetObjectTaggingInput{Bucket: aws.String(testBucket), Key: aws.String("a"), VersionId: version},
		))(t).TagSet)
	}
	if count(older) != 1 || count(nil) != 0 {
		t.Errorf("%d tags on the older version, %d on the newest", count(older), count(nil))
	}
}

func TestVersioningIsUnsetUntilItIsPut(t *testing.T) {
	b := newFixture(t, "")
	name := aws.String(testBucket)
	if status := must(b.GetBucketVersioning(b.ctx, &sdk.GetBucketVersioningInput{Bucket: name}))(t).
		Status; status != "" {
		t.Errorf("versioning begins %q", status)
	}
	must(b.PutBucketVersioning(b.ctx, &sdk.PutBucketVersioningInput{
		Bucket: name, VersioningConfiguration: &types.VersioningConfiguration{Status: "Enabled"},
	}))(t)
	if status := must(b.GetBucketVersioning(b.ctx, &sdk.GetBucketVersioningInput{Bucket: name}))(t).
		Status; status != "Enabled" {
		t.Errorf("versioning is %q", status)
	}
}

func TestUnsupportedRequestsAreRejected(t *testing.T) {
	b := newFixture(t, "")
	b.put("a", "1")
	_, err := b.GetBucketAcl(b.ctx, &sdk.GetBucketAclInput{Bucket: aws.String(testBucket)})
	wantCode(t, err, "NotImplemented", 501)
	_, err = b.GetObjectAttributes(b.ctx, &sdk.GetObjectAttributesInput{
		Bucket: aws.String(testBucket), Key: aws.String("a"), ObjectAttributes: []types.ObjectAttributes{"ETag"},
	})
	wantCode(t, err, "NotImplemented", 501)
	_, err = b.PutObject(b.ctx, &sdk.PutObjectInput{
		Bucket: aws.String(testBucket), Key: aws.String("a"), Body: strings.NewReader(""), ACL: "public-read",
	})
	wantCode(t, err, "AccessControlListNotSupported", 400)
	_, err = b.HeadBucket(
		b.ctx, &sdk.HeadBucketInput{Bucket: aws.String(testBucket), ExpectedBucketOwner: aws.String("999999999999")},
	)
	wantCode(t, err, "Forbidden", 403)
}

func TestErrorsHaveTheFormatOfS3(t *testing.T) {
	b := newFixture(t, "")
	response := must(http.Get(b.url + "/absent/key"))(t)
	defer response.Body.Close()
	body := string(must(io.ReadAll(response.Body))(t))
	id, host := response.Header.Get("x-amz-request-id"), response.Header.Get("x-amz-id-2")
	want := `<?xml version="1.0" encoding="UTF-8"?>` + "\n" +
		`<Error><Code>NoSuchBucket</Code><Message>The specified bucket does not exist</Message>` +
		`<BucketName>absent</BucketName><RequestId>` + id + `</RequestId><HostId>` + host + `</HostId></Error>`
	if body != want || id == "" || host == "" || response.Header.Get("Content-Type") != "application/xml" {
		t.Errorf("%v\n%s", response.Header, body)
	}
}
