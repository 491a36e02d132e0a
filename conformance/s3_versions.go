package conformance

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
)

var versionAssumptions = []Assumption{
	{
		Name: "s3/pages-of-1000",
		Sentence: "ListObjectVersions returns at most 1000 entries and the markers of the next page. All pages " +
			"together list every version and delete marker once.",
		Source:   storageAPI + "API_ListObjectVersions.html",
		ReliedOn: "activities/bucket/list.go", Minutes: 3, check: checkPages,
	},
	{
		Name: "s3/page-after-a-version",
		Sentence: "ListObjectVersions with KeyMarker and VersionIdMarker continues after that version, with older " +
			"versions of the same key.",
		Source:   storageAPI + "API_ListObjectVersions.html",
		ReliedOn: "activities/bucket/list.go", Minutes: 2, check: checkPageAfterVersion,
	},
	{
		Name:     "s3/newest-version-first",
		Sentence: "ListObjectVersions lists the versions of a key newest first.",
		Source:   storageAPI + "API_ListObjectVersions.html",
		ReliedOn: "activities/bucket/list.go", Minutes: 2, check: checkNewestFirst,
	},
	{
		Name: "s3/delete-marker",
		Sentence: "DeleteObject without a version id adds a delete marker. The bucket is then not empty, and " +
			"DeleteBucket fails with BucketNotEmpty.",
		Source:   "https://docs.aws.amazon.com/AmazonS3/latest/userguide/DeleteMarker.html",
		ReliedOn: "activities/bucket/delete.go", Minutes: 2, check: checkDeleteMarker,
	},
	{
		Name: "s3/null-version",
		Sentence: "An object in a bucket without versioning has the version id `null`. DeleteObjects with that " +
			"version id deletes it.",
		Source:   "https://docs.aws.amazon.com/AmazonS3/latest/userguide/versioning-workflows.html",
		ReliedOn: "activities/bucket/list.go", Minutes: 2, check: checkNullVersion,
	},
	{
		Name:     "s3/delete-again",
		Sentence: "DeleteObjects reports no error for a version that is already deleted.",
		Source:   storageAPI + "API_DeleteObjects.html",
		ReliedOn: "activities/bucket/delete.go", Minutes: 2, check: checkDeleteAgain,
	},
	{
		Name:     "s3/delete-at-most-1000",
		Sentence: "DeleteObjects with 1001 keys fails with MalformedXML.",
		Source:   storageAPI + "API_DeleteObjects.html",
		ReliedOn: "activities/bucket/list.go", Minutes: 2, check: checkDeleteLimit,
	},
	{
		Name:     "s3/versioned-bucket-keeps-its-stack",
		Sentence: "CloudFormation cannot delete a bucket that still has versions, even if its objects are deleted.",
		Source:   "https://github.com/aws-cloudformation/cloudformation-coverage-roadmap (bucket deletion)",
		ReliedOn: "activities/bucket.go", Minutes: 3, check: checkVersionsKeepStack,
	},
}

func checkPages(ctx context.Context, w *World) error {
	const count = 1003
	bucket, err := w.createBucket(ctx, true)
	if err != nil {
		return err
	}
	if err := w.addDeleteMarkers(ctx, bucket, count); err != nil {
		return err
	}
	first, ids, err := w.listVersions(ctx, &s3.ListObjectVersionsInput{Bucket: &bucket, MaxKeys: aws.Int32(count)})
	if err != nil {
		return err
	}
	if len(ids) != 1000 || !aws.ToBool(first.IsTruncated) || aws.ToString(first.NextKeyMarker) == "" {
		return differencef("the first page has %d entries, truncated %v, next key %q", len(ids),
			aws.ToBool(first.IsTruncated), aws.ToString(first.NextKeyMarker))
	}
	_, rest, err := w.listVersions(ctx, &s3.ListObjectVersionsInput{
		Bucket: &bucket, KeyMarker: first.NextKeyMarker, VersionIdMarker: first.NextVersionIdMarker,
	})
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	for _, id := range append(ids, rest...) {
		seen[aws.ToString(id.Key)] = true
	}
	if len(rest) != count-1000 || len(seen) != count {
		return differencef(
			"the second page has %d entries, and both pages have %d keys; want %d and %d", len(rest), len(seen),
			count-1000, count,
		)
	}
	return nil
}

// threeVersions writes three versions of one key, and returns their ids, oldest first.
func (w *World) threeVersions(ctx context.Context) (bucket string, ids [3]string, err error) {
	if bucket, err = w.createBucket(ctx, true); err != nil {
		return "", ids, err
	}
	for i := range ids {
		if ids[i], err = w.putObject(ctx, bucket, "object", fmt.Sprint(i)); err != nil {
			return "", ids, err
		}
	}
	return bucket, ids, nil
}

func checkPageAfterVersion(ctx context.Context, w *World) error {
	bucket, ids, err := w.threeVersions(ctx)
	if err != nil {
		return err
	}
	_, rest, err := w.listVersions(ctx, &s3.ListObjectVersionsInput{Bucket: &bucket, KeyMarker: aws.String("object"),
		VersionIdMarker: &ids[2]})
	if err != nil {
		return err
	}
	if len(rest) != 2 || aws.ToString(rest[0].VersionId) != ids[1] || aws.ToString(rest[1].VersionId) != ids[0] {
		return differencef("after the newest of 3 versions the listing has %d, want the 2 older ones", len(rest))
	}
	return nil
}

func checkNewestFirst(ctx context.Context, w *World) error {
	bucket, ids, err := w.threeVersions(ctx)
	if err != nil {
		return err
	}
	out, all, err := w.listVersions(ctx, &s3.ListObjectVersionsInput{Bucket: &bucket})
	if err != nil {
		return err
	}
	if len(all) != 3 {
		return differencef("%d versions are listed, want 3", len(all))
	}
	for i, v := range out.Versions {
		if aws.ToString(v.VersionId) != ids[2-i] || aws.ToBool(v.IsLatest) != (i == 0) {
			return differencef("entry %d of the listing is not the version that was written %d before the newest", i, i)
		}
	}
	return nil
}

func checkDeleteMarker(ctx context.Context, w *World) error {
	bucket, err := w.createBucket(ctx, true)
	if err != nil {
		return err
	}
	if _, err := w.putObject(ctx, bucket, "object", "1"); err != nil {
		return err
	}
	_, err = w.storage.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &bucket, Key: aws.String("object")})
	if err := wantAccepted("DeleteObject", err); err != nil {
		return err
	}
	out, _, err := w.listVersions(ctx, &s3.ListObjectVersionsInput{Bucket: &bucket})
	if err != nil {
		return err
	}
	if len(out.Versions) != 1 || len(out.DeleteMarkers) != 1 {
		return differencef("%d versions and %d delete markers are listed, want one of each", len(out.Versions),
			len(out.DeleteMarkers))
	}
	_, err = w.storage.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: &bucket})
	return wantRejected("DeleteBucket", err, "BucketNotEmpty", "")
}

func checkNullVersion(ctx context.Context, w *World) error {
	bucket, err := w.createBucket(ctx, false)
	if err != nil {
		return err
	}
	if _, err := w.putObject(ctx, bucket, "object", "1"); err != nil {
		return err
	}
	_, ids, err := w.listVersions(ctx, &s3.ListObjectVersionsInput{Bucket: &bucket})
	if err != nil {
		return err
	}
	if len(ids) != 1 || aws.ToString(ids[0].VersionId) != "null" {
		return differencef("the listing has %d versions; want one with the id null", len(ids))
	}
	if err := w.deleteVersions(ctx, bucket, ids); err != nil {
		return err
	}
	_, ids, err = w.listVersions(ctx, &s3.ListObjectVersionsInput{Bucket: &bucket})
	if err == nil && len(ids) > 0 {
		err = differencef("the listing still has the object after its version null was deleted")
	}
	return err
}

func checkDeleteAgain(ctx context.Context, w *World) error {
	bucket, err := w.createBucket(ctx, true)
	if err != nil {
		return err
	}
	version, err := w.putObject(ctx, bucket, "object", "1")
	if err != nil {
		return err
	}
	ids := []s3types.ObjectIdentifier{{Key: aws.String("object"), VersionId: &version}}
	for _, call := range []string{"DeleteObjects", "DeleteObjects again"} {
		out, err := w.storage.DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: &bucket,
			Delete: &s3types.Delete{Objects: ids}})
		if err := wantAccepted(call, err); err != nil {
			return err
		}
		if len(out.Errors) > 0 {
			return differencef("%s reports %s", call, aws.ToString(out.Errors[0].Code))
		}
	}
	return nil
}

func checkDeleteLimit(ctx context.Context, w *World) error {
	bucket, err := w.createBucket(ctx, false)
	if err != nil {
		return err
	}
	ids := make([]s3types.ObjectIdentifier, 1001)
	for i := range ids {
		ids[i].Key = aws.String(fmt.Sprint(i))
	}
	_, err = w.storage.DeleteObjects(
		ctx, &s3.DeleteObjectsInput{Bucket: &bucket, Delete: &s3types.Delete{Objects: ids}},
	)
	return wantRejected("DeleteObjects", err, "MalformedXML", "")
}

func checkVersionsKeepStack(ctx context.Context, w *World) error {
	bucket, err := w.createBucket(ctx, true)
	if err != nil {
		return err
	}
	if _, err := w.putObject(ctx, bucket, "object", "1"); err != nil {
		return err
	}
	if _, err := w.storage.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &bucket,
		Key: aws.String("object")}); err != nil {
		return wantAccepted("DeleteObject", err)
	}
	return w.deleteStack(ctx, w.created[0], types.StackStatusDeleteFailed)
}
