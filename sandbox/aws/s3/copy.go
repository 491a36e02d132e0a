package s3

import (
	"crypto/md5"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"

	"perch/sandbox/aws/wire"
)

// copySource parses the x-amz-copy-source header: `[/]bucket/key[?versionId=id]`, with a
// URL-encoded key.
func copySource(header http.Header) (bucket, key, id string, err error) {
	source := header.Get("x-amz-copy-source")
	path, query, _ := strings.Cut(strings.TrimPrefix(source, "/"), "?")
	path, unescaped := url.PathUnescape(path)
	values, parsed := url.ParseQuery(query)
	bucket, key, ok := strings.Cut(path, "/")
	if errors.Join(unescaped, parsed) != nil || !ok || key == "" {
		return "", "", "", invalidArgument(
			"Copy Source must mention the source bucket and key: sourcebucket/sourcekey", "x-amz-copy-source", source,
		)
	}
	return bucket, key, values.Get("versionId"), nil
}

// openSource opens the version that a copy reads.
func (s *Service) openSource(r *request, w http.ResponseWriter) (found *version, body io.ReadSeekCloser, err error) {
	name, key, id, err := copySource(r.Header)
	if err != nil {
		return nil, nil, err
	}
	err = s.withBucket(name, func(b *bucket) (err error) {
		r.addTagKeys(b)
		action := "s3:GetObject"
		if id != "" {
			action = "s3:GetObjectVersion"
		}
		if err := s.checkPolicy(b, action, key); err != nil {
			return err
		}
		if err := r.checkRoleOn(action, name, key); err != nil {
			return err
		}
		if found, err = b.findReadable(key, id); err != nil {
			return err
		}
		if b.settings.Versioning != "" {
			w.Header().Set("x-amz-copy-source-version-id", found.ID)
		}
		body, err = s.blobs.open(found.Blob)
		return err
	})
	return found, body, err
}

func (s *Service) copyObject(w http.ResponseWriter, r *request) error {
	end, err := s.beginConditional(r)
	if err != nil {
		return err
	}
	defer end()
	found, body, err := s.openSource(r, w)
	if err != nil {
		return err
	}
	defer body.Close()
	if err := checkCopyConditions(r.Header, found); err != nil {
		return err
	}
	replace := r.Header.Get("x-amz-metadata-directive") == "REPLACE"
	name, key, id, _ := copySource(r.Header)
	if name == r.bucket && key == r.key && id == "" && !replace && r.Header.Get("x-amz-storage-class") == "" {
		return invalidRequest("This copy request is illegal because it is trying to copy an object to itself without " +
			"changing the object's metadata, " +
			"storage class, website redirect location or encryption attributes.")
	}
	v, err := draftVersion(r.Header)
	if err != nil {
		return err
	}
	if !replace {
		v.Headers = found.Headers
	}
	if r.Header.Get("x-amz-tagging-directive") != "REPLACE" {
		if len(found.Tags) > 0 {
			if err := r.checkRoleOn("s3:GetObjectTagging", name, key); err != nil {
				return err
			}
		}
		v.Tags = found.Tags
	}
	v.Checksum = checksum{Algorithm: r.Header.Get("x-amz-checksum-algorithm"), Type: fullObject}
	if v.Checksum.Algorithm == "" {
		v.Checksum.Algorithm = found.Checksum.Algorithm
	}
	if v.Blob, v.Size, v.ETag, err = s.storeCopy(body, &v.Checksum); err != nil {
		return err
	}
	if err := s.storeVersion(w, r, v); err != nil {
		return err
	}
	nodes := append(
		[]wire.Node{wire.T("LastModified", formatTime(v.Modified)), wire.T("ETag", quote(v.ETag))},
		v.Checksum.nodes()...,
	)
	return reply(w, "CopyObjectResult", nodes...)
}

// storeCopy stores the bytes of another object as a new blob. It sets sum to their checksum, with
// the algorithm in sum or, if that is empty, S3's default.
func (s *Service) storeCopy(body io.Reader, sum *checksum) (blob string, size int64, etag string, err error) {
	if sum.Algorithm == "" {
		sum.Algorithm = defaultAlgorithm
	}
	newSum := algorithms[sum.Algorithm]
	if newSum == nil {
		return "", 0, "", unsupportedAlgorithm()
	}
	digest, check := md5.New(), newSum()
	blob, size, err = s.blobs.put(io.TeeReader(body, io.MultiWriter(digest, check)))
	sum.Value = encodeSum(check)
	return blob, size, hex.EncodeToString(digest.Sum(nil)), err
}

// checkCopyConditions checks the x-amz-copy-source-if-* headers against the source. If one of them
// does not hold, the copy fails with 412.
func checkCopyConditions(header http.Header, found *version) error {
	conditions := http.Header{}
	for _, name := range []string{"If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since"} {
		if value := header.Get("x-amz-copy-source-" + name); value != "" {
			conditions.Set(name, value)
		}
	}
	if checkPreconditions(conditions, found) != nil {
		return preconditionFailed("x-amz-copy-source-If")
	}
	return nil
}
