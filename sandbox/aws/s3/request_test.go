package s3

import (
	"bufio"
	"bytes"
	"fmt"
	"hash/crc64"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/go-cmp/cmp"
)

func TestBucketAndKeyAreInThePathOrTheHost(t *testing.T) {
	for _, test := range []struct{ host, path, bucket, key string }{
		{"127.0.0.1:4566", "/", "", ""},
		{"127.0.0.1:4566", "/bucket", "bucket", ""},
		{"127.0.0.1:4566", "/bucket/", "bucket", ""},
		{"localhost:4566", "/bucket/a/b", "bucket", "a/b"},
		{"localhost:4566", "/bucket//a", "bucket", "/a"},
		{"s3.eu-central-1.amazonaws.com", "/bucket/key", "bucket", "key"},
		{"s3.localhost:4566", "/bucket/key", "bucket", "key"},
		{"bucket.s3.eu-central-1.amazonaws.com", "/key", "bucket", "key"},
		{"dotted.bucket.s3.eu-central-1.amazonaws.com", "//key", "dotted.bucket", "/key"},
		{"bucket.s3.amazonaws.com", "/", "bucket", ""},
		{"bucket.s3-eu-west-1.amazonaws.com:443", "/key", "bucket", "key"},
		{"bucket.s3.dualstack.eu-west-1.amazonaws.com", "/key", "bucket", "key"},
		{"bucket.localhost:4566", "/key", "bucket", "key"},
		{"bucket.s3.localhost", "/key", "bucket", "key"},
	} {
		if bucket, key := splitAddress(test.host, test.path); bucket != test.bucket || key != test.key {
			t.Errorf("%s%s is bucket %q, key %q", test.host, test.path, bucket, key)
		}
	}
}

func TestOperationReturnsTheNameInTheAPIReference(t *testing.T) {
	s, _ := serve(t, "")
	for _, test := range []struct{ method, target, want string }{
		{"GET", "/", "ListBuckets"},
		{"GET", "/bucket?list-type=2&prefix=a", "ListObjectsV2"},
		{"GET", "/bucket?versions&max-keys=5", "ListObjectVersions"},
		{"POST", "/bucket?delete", "DeleteObjects"},
		{"PUT", "/bucket/key?x-id=PutObject", "PutObject"},
		{"PUT", "/bucket/key?partNumber=1&uploadId=x", "UploadPart"},
		{"DELETE", "/bucket/key?versionId=x", "DeleteObject"},
		{"DELETE", "/bucket/key?uploadId=x", "AbortMultipartUpload"},
		{"GET", "/bucket?acl", ""},
		{"PATCH", "/bucket/key", ""},
	} {
		if got := s.Operation(httptest.NewRequest(test.method, "http://localhost"+test.target, nil)); got != test.want {
			t.Errorf("%s %s is %q, want %q", test.method, test.target, got, test.want)
		}
	}
}

// unusualKeys are keys that have caused bugs in clients and servers.
var unusualKeys = []string{
	"/", "//", "/leading", "a//b", "trailing/", "a b", "a+b", "a%20b", "a&b<c>\"d'", "new\nline", "tab\tcr\r",
	"bell\x07", "ä/日本語/🦜",
	"~*'()!", "?x=y#z", "a;b=c,d", "..", ".", "a/../b", "null", strings.Repeat("ü", 512),
}

func TestUnusualKeysAreStoredListedAndDeleted(t *testing.T) {
	b := newFixture(t, versioningEnabled)
	want := map[string]bool{}
	for _, key := range unusualKeys {
		b.put(key, key)
		want[key] = true
		if body, err := b.get(key, ""); err != nil || body != key {
			t.Errorf("key %q reads %q, %v", key, body, err)
		}
	}
	_, err := b.PutObject(b.ctx, &sdk.PutObjectInput{
		Bucket: aws.String(testBucket), Key: aws.String(strings.Repeat("a", 1025)), Body: strings.NewReader(""),
	})
	wantCode(t, err, "KeyTooLongError", 400)
	got := map[string]bool{}
	in := &sdk.ListObjectVersionsInput{
		Bucket: aws.String(testBucket), EncodingType: types.EncodingTypeUrl, MaxKeys: aws.Int32(4),
	}
	for more := true; more; {
		out := must(b.ListObjectVersions(b.ctx, in))(t)
		for _, v := range out.Versions {
			key := must(url.QueryUnescape(*v.Key))(t)
			got[key] = true
			b.delete(key, *v.VersionId)
		}
		more = *out.IsTruncated
		if more {
			in.KeyMarker, in.VersionIdMarker = aws.String(
				must(url.QueryUnescape(*out.NextKeyMarker))(t),
			), out.NextVersionIdMarker
		}
	}
	if diff := cmp.Diff(want, got); diff != "" || len(b.listed()) > 0 {
		t.Errorf("left %q: %s", b.listed(), diff)
	}
}

func TestEncodeURLEncodesAsS3Does(t *testing.T) {
	if got, want := encodeURL("a b/c+d~*é\n"), "a+b/c%2Bd%7E*%C3%A9%0A"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestVirtualHostedRequestsAreServed(t *testing.T) {
	b := newFixture(t, "")
	request := must(http.NewRequest(http.MethodPut, b.url+"//leading", strings.NewReader("body")))(t)
	request.Host = testBucket + ".s3." + testRegion + ".amazonaws.com"
	response := must(http.DefaultClient.Do(request))(t)
	_ = response.Body.Close()
	if data, err := b.service.Object(testBucket, "/leading"); response.StatusCode != 200 || string(data) != "body" {
		t.Errorf("response is %s with the body %q, %v", response.Status, data, err)
	}
}

func TestAPresignedURLExpires(t *testing.T) {
	b := newFixture(t, "")
	b.put("a", "1")
	presigned := must(sdk.NewPresignClient(b.Client).PresignGetObject(
		b.ctx, &sdk.GetObjectInput{Bucket: aws.String(testBucket), Key: aws.String("a")},
	))(t)
	for address, want := range map[string]int{
		presigned.URL: 200,
		b.url + "/" + testBucket + "/a?X-Amz-Date=20200101T000000Z&X-Amz-Expires=60": 403,
	} {
		response := must(http.Get(address))(t)
		_ = response.Body.Close()
		if response.StatusCode != want {
			t.Errorf("%s: status is %s, want %d", address, response.Status, want)
		}
	}
}

func TestListingsRejectInvalidParameters(t *testing.T) {
	b := newFixture(t, "")
	for _, query := range []string{
		"versions&max-keys=-1", "versions&max-keys=x", "versions&version-id-marker=null",
		"versions&key-marker=a&version-id-marker=x",
		"versions&encoding-type=base64", "list-type=2&continuation-token=x", "uploads&key-marker=a&upload-id-marker=x",
	} {
		response := must(http.Get(b.url + "/" + testBucket + "?" + query))(t)
		body := string(must(io.ReadAll(response.Body))(t))
		_ = response.Body.Close()
		if !strings.Contains(body, "<Code>InvalidArgument</Code>") {
			t.Errorf("%s: response is %s, want InvalidArgument", query, body)
		}
	}
}

func TestCRC64NVMEHasTheStandardCheckValue(t *testing.T) {
	if got := crc64.Checksum([]byte("123456789"), crc64NVME); got != 0xae8b14860a799888 {
		t.Errorf("check value is %x", got)
	}
}

// chunked writes body in chunks of the given size, with a trailer.
func chunked(body []byte, size int, trailer string) []byte {
	var out bytes.Buffer
	for len(body) > 0 {
		n := min(size, len(body))
		fmt.Fprintf(&out, "%x;chunk-signature=0\r\n%s\r\n", n, body[:n])
		body = body[n:]
	}
	fmt.Fprintf(&out, "0\r\n%s\r\n", trailer)
	return out.Bytes()
}

func TestTheTrailerOfAChunkedBodyIsChecked(t *testing.T) {
	b := newFixture(t, "")
	for name, test := range map[string]struct {
		body, length, trailer string
		status                int
	}{
		"right":        {"123456789", "9", "x-amz-checksum-crc32:y/Q5Jg==\r\n", 200},
		"wrong sum":    {"123456789", "9", "x-amz-checksum-crc32:AAAAAA==\r\n", 400},
		"wrong length": {"123456789", "8", "x-amz-checksum-crc32:y/Q5Jg==\r\n", 400},
	} {
		request := must(http.NewRequest(http.MethodPut, b.url+"/"+testBucket+
			"/key", bytes.NewReader(chunked([]byte(test.body), 4, test.trailer))))(t)
		request.Header.Set("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER")
		request.Header.Set("x-amz-decoded-content-length", test.length)
		request.Header.Set("x-amz-trailer", "x-amz-checksum-crc32")
		request.Header.Set("Content-Encoding", "aws-chunked")
		response := must(http.DefaultClient.Do(request))(t)
		_ = response.Body.Close()
		if response.StatusCode != test.status {
			t.Errorf("%s: status is %s, want %d", name, response.Status, test.status)
		}
	}
	if data, err := b.service.Object(testBucket, "key"); err != nil || string(data) != "123456789" {
		t.Errorf("the object is %q, %v", data, err)
	}
}

func FuzzChunks(f *testing.F) {
	f.Add([]byte("hello"), 3)
	f.Fuzz(func(t *testing.T, body []byte, size int) {
		if _, err := io.ReadAll(&chunkReader{source: bufio.NewReader(bytes.NewReader(body))}); err == nil &&
			len(body) == 0 {
			t.Error("an empty body was accepted as chunked")
		}
		size = max(1, size&0xfff)
		got, err := io.ReadAll(&chunkReader{source: bufio.NewReader(bytes.NewReader(chunked(body, size, "")))})
		if err != nil || !bytes.Equal(got, body) {
			t.Errorf("%q was read as %q, %v", body, got, err)
		}
	})
}

func FuzzRequests(f *testing.F) {
	f.Add("/"+testBucket+
		"/key", "<Delete><Object><Key>a</Key><VersionId>null</VersionId></Object><Quiet>true</Quiet></Delete>")
	f.Add("/"+testBucket+"?versions&key-marker=a&max-keys=1", "")
	f.Add("/%00//%ff?uploadId=1", "<Delete><Object><Key>&#1;</Key></Object></Delete>")
	f.Fuzz(func(t *testing.T, target, body string) {
		if document, err := parseDelete(body); err == nil &&
			(len(document.Objects) == 0 || len(document.Objects) > maxDelete) {
			t.Errorf("%d objects", len(document.Objects))
		}
		address, err := url.ParseRequestURI(target)
		if err != nil {
			return
		}
		s, err := New(Config{Account: testAccount, Region: testRegion})
		if err != nil {
			t.Fatal(err)
		}
		_ = s.makeBucket(testBucket, newSettings())
		for _, method := range []string{"GET", "PUT", "POST", "DELETE", "HEAD"} {
			request := httptest.NewRequest(method, "http://localhost/", strings.NewReader(body))
			request.URL, request.Host = address, "localhost"
			answer := httptest.NewRecorder()
			s.ServeHTTP(answer, request)
			if answer.Code == http.StatusInternalServerError {
				t.Errorf("%s %q: %s", method, target, answer.Body)
			}
		}
	})
}
