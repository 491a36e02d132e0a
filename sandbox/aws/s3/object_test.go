package s3

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/go-cmp/cmp"
)

func (b *fixture) put(key, body string) *sdk.PutObjectOutput {
	b.t.Helper()
	return must(b.PutObject(
		b.ctx, &sdk.PutObjectInput{Bucket: aws.String(testBucket), Key: &key, Body: strings.NewReader(body)},
	))(b.t)
}

func (b *fixture) get(key, version string) (string, error) {
	in := &sdk.GetObjectInput{Bucket: aws.String(testBucket), Key: &key}
	if version != "" {
		in.VersionId = &version
	}
	out, err := b.GetObject(b.ctx, in)
	if err != nil {
		return "", err
	}
	defer out.Body.Close()
	body, err := io.ReadAll(out.Body)
	return string(body), err
}

func (b *fixture) delete(key, version string) *sdk.DeleteObjectOutput {
	b.t.Helper()
	in := &sdk.DeleteObjectInput{Bucket: aws.String(testBucket), Key: &key}
	if version != "" {
		in.VersionId = &version
	}
	return must(b.DeleteObject(b.ctx, in))(b.t)
}

// listed returns all versions and markers in the bucket, each as text: the key, the id, and
// `marker` for a marker.
func (b *fixture) listed() []string {
	b.t.Helper()
	out := must(b.ListObjectVersions(b.ctx, &sdk.ListObjectVersionsInput{Bucket: aws.String(testBucket)}))(b.t)
	var lines []string
	for _, v := range out.Versions {
		lines = append(lines, *v.Key+" "+*v.VersionId)
	}
	for _, m := range out.DeleteMarkers {
		lines = append(lines, *m.Key+" "+*m.VersionId+" marker")
	}
	return lines
}

func TestGetObjectReturnsWhatPutObjectStored(t *testing.T) {
	b := newFixture(t, "")
	_, err := b.PutObject(b.ctx, &sdk.PutObjectInput{
		Bucket: aws.String(testBucket), Key: aws.String("page.html"), Body: strings.NewReader("<p>hello</p>"),
		ContentType: aws.String("text/html"), CacheControl: aws.String("no-store"), ContentEncoding: aws.String("gzip"),
		Metadata: map[string]string{"origin": "seed"}, ChecksumAlgorithm: types.ChecksumAlgorithmCrc32,
		Tagging: aws.String("team=web&stage=a%20b"),
	})
	if err != nil {
		t.Fatal(err)
	}
	out := must(b.GetObject(b.ctx, &sdk.GetObjectInput{
		Bucket: aws.String(testBucket), Key: aws.String("page.html"), ChecksumMode: types.ChecksumModeEnabled,
	}))(t)
	body, _ := io.ReadAll(out.Body)
	got := []any{
		string(body), *out.ContentType, *out.CacheControl, *out.ContentEncoding, out.Metadata, *out.TagCount, *out.ETag,
		aws.ToString(out.ChecksumCRC32),
	}
	want := []any{
		"<p>hello</p>", "text/html", "no-store", "gzip", map[string]string{"origin": "seed"}, int32(2),
		quote(md5Hex("<p>hello</p>")), "0q77RA==",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	data, err := b.service.Object(testBucket, "page.html")
	if err != nil || string(data) != "<p>hello</p>" {
		t.Errorf("Object read %q, %v", data, err)
	}
}

func TestGetObjectReturnsARangeAsAWSDoes(t *testing.T) {
	b := newFixture(t, "")
	b.put("digits", "0123456789")
	for _, test := range []struct{ header, body, contentRange string }{
		{"bytes=2-4", "234", "bytes 2-4/10"},
		{"bytes=7-", "789", "bytes 7-9/10"},
		{"bytes=-3", "789", "bytes 7-9/10"},
		{"bytes=5-500", "56789", "bytes 5-9/10"},
		{"bytes=0-1,4-5", "0123456789", ""},
		{"lines=1-2", "0123456789", ""},
	} {
		out := must(b.GetObject(
			b.ctx, &sdk.GetObjectInput{Bucket: aws.String(testBucket), Key: aws.String("digits"), Range: &test.header},
		))(t)
		body, _ := io.ReadAll(out.Body)
		if string(body) != test.body || aws.ToString(out.ContentRange) != test.contentRange {
			t.Errorf("%s: body %q, Content-Range %q", test.header, body, aws.ToString(out.ContentRange))
		}
	}
	_, err := b.GetObject(
		b.ctx,
		&sdk.GetObjectInput{Bucket: aws.String(testBucket), Key: aws.String("digits"), Range: aws.String("bytes=10-")},
	)
	wantCode(t, err, "InvalidRange", 416)
}

func TestDeleteObjectDependsOnVersioning(t *testing.T) {
	t.Run("without versioning, DeleteObject deletes the object", func(t *testing.T) {
		b := newFixture(t, "")
		b.put("a", "1")
		out := b.delete("a", "")
		if out.VersionId != nil || out.DeleteMarker != nil || len(b.listed()) != 0 {
			t.Errorf("%+v, left %v", out, b.listed())
		}
	})
	t.Run("with versioning, DeleteObject adds a marker, which can be deleted", func(t *testing.T) {
		b := newFixture(t, versioningEnabled)
		first := *b.put("a", "1").VersionId
		marker := b.delete("a", "")
		if len(first) != 32 || !*marker.DeleteMarker {
			t.Fatalf("version %s, marker %+v", first, marker)
		}
		_, err := b.get("a", "")
		wantCode(t, err, "NoSuchKey", 404)
		_, err = b.get("a", *marker.VersionId)
		wantCode(t, err, "MethodNotAllowed", 405)
		if body, err := b.get("a", first); err != nil || body != "1" {
			t.Errorf("old version is %q, %v", body, err)
		}
		if undone := b.delete("a", *marker.VersionId); !*undone.DeleteMarker || *undone.VersionId != *marker.VersionId {
			t.Errorf("the deletion of the marker returns %+v", undone)
		}
		if body, err := b.get("a", ""); err != nil || body != "1" {
			t.Errorf("after the marker was deleted: %q, %v", body, err)
		}
	})
	t.Run("with suspended versioning, DeleteObject replaces only the null version", func(t *testing.T) {
		b := newFixture(t, "")
		b.put("a", "before versioning")
		b.setVersioning(versioningEnabled)
		kept := *b.put("a", "kept").VersionId
		b.setVersioning(versioningSuspended)
		b.put("a", "null again")
		if diff := cmp.Diff([]string{"a null", "a " + kept}, b.listed()); diff != "" {
			t.Error(diff)
		}
		if out := b.delete("a", ""); *out.VersionId != nullVersion || !*out.DeleteMarker {
			t.Errorf("the deletion returns %+v, want a null marker", out)
		}
		if diff := cmp.Diff([]string{"a " + kept, "a null marker"}, b.listed()); diff != "" {
			t.Error(diff)
		}
	})
}

func TestGetObjectRejectsMissingVersionIDs(t *testing.T) {
	b := newFixture(t, versioningEnabled)
	b.put("a", "1")
	absent := newID(99)
	_, err := b.get("a", absent)
	wantCode(t, err, "NoSuchVersion", 404)
	_, err = b.get("a", "not-an-id")
	wantCode(t, err, "InvalidArgument", 400)
	b.delete("a", absent)
	if len(b.listed()) != 1 {
		t.Errorf("left %v", b.listed())
	}
}

func TestPutObjectRejectsWrongChecksums(t *testing.T) {
	b := newFixture(t, "")
	in := &sdk.PutObjectInput{
		Bucket: aws.String(testBucket), Key: aws.String("a"), Body: bytes.NewReader([]byte("abc")),
	}
	in.ContentMD5 = aws.String("1B2M2Y8AsgTpgAmY7PhCfg==")
	_, err := b.PutObject(b.ctx, in)
	wantCode(t, err, "BadDigest", 400)
	in.ContentMD5, in.Body = aws.String("nonsense"), strings.NewReader("abc")
	_, err = b.PutObject(b.ctx, in)
	wantCode(t, err, "InvalidDigest", 400)
	in.ContentMD5, in.Body, in.ChecksumSHA256 = nil, strings.NewReader(
		"abc",
	), aws.String("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=")
	_, err = b.PutObject(b.ctx, in)
	wantCode(t, err, "BadDigest", 400)
	if left := b.listed(); len(left) != 0 {
		t.Errorf("stored %v", left)
	}
}

func TestCopyObjectCopiesAVersion(t *testing.T) {
	b := newFixture(t, versioningEnabled)
	must(b.PutObject(b.ctx, &sdk.PutObjectInput{
		Bucket: aws.String(testBucket), Key: aws.String("dir/a b+c"), Body: strings.NewReader("first"),
		ContentType: aws.String("text/plain"), Tagging: aws.String("k=v"),
	}))(t)
	first := *b.put("dir/a b+c", "second").VersionId
	source := testBucket + "/dir/a%20b%2Bc"
	must(b.CopyObject(b.ctx, &sdk.CopyObjectInput{
		Bucket: aws.String(testBucket), Key: aws.String("copy"), CopySource: aws.String(source + "?versionId=" + first),
	}))(t)
	if body, err := b.get("copy", ""); err != nil || body != "second" {
		t.Errorf("copy is %q, %v", body, err)
	}
	_, err := b.CopyObject(b.ctx, &sdk.CopyObjectInput{
		Bucket: aws.String(testBucket), Key: aws.String("copy"), CopySource: aws.String(testBucket + "/copy"),
	})
	wantCode(t, err, "InvalidRequest", 400)
	_, err = b.CopyObject(b.ctx, &sdk.CopyObjectInput{
		Bucket: aws.String(testBucket), Key: aws.String("x"), CopySource: aws.String(testBucket + "/absent"),
	})
	wantCode(t, err, "NoSuchKey", 404)
}

func TestGetObjectChecksItsConditions(t *testing.T) {
	b := newFixture(t, "")
	etag := *b.put("a", "1").ETag
	_, err := b.GetObject(
		b.ctx, &sdk.GetObjectInput{Bucket: aws.String(testBucket), Key: aws.String("a"), IfNoneMatch: &etag},
	)
	wantCode(t, err, "NotModified", 304)
	_, err = b.GetObject(
		b.ctx,
		&sdk.GetObjectInput{Bucket: aws.String(testBucket), Key: aws.String("a"), IfMatch: aws.String(`"other"`)},
	)
	wantCode(t, err, "PreconditionFailed", 412)
}
