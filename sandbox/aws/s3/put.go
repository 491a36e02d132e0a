package s3

import (
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// keptHeaders are the headers that S3 stores with the object and returns unchanged.
var keptHeaders = []string{
	"content-type", "cache-control", "content-disposition", "content-encoding", "content-language", "expires",
	"x-amz-storage-class", "x-amz-website-redirect-location",
}

const metaPrefix = "x-amz-meta-"

// maxMeta is the maximum size of an object's user-defined metadata, in bytes of names and values
// (AWS docs: "Working with object metadata").
const maxMeta = 2 << 10

// objectHeaders returns the headers that belong to the object.
func objectHeaders(header http.Header) (map[string]string, error) {
	kept, meta := map[string]string{}, 0
	for _, name := range keptHeaders {
		if value := header.Get(name); value != "" {
			kept[name] = value
		}
	}
	for name, values := range header {
		name = strings.ToLower(name)
		if strings.HasPrefix(name, metaPrefix) {
			kept[name] = strings.Join(values, ",")
			meta += len(name) - len(metaPrefix) + len(kept[name])
		}
	}
	if meta > maxMeta {
		return nil, failf(
			http.StatusBadRequest, "MetadataTooLarge", "Your metadata headers exceed the maximum allowed metadata size",
		).
			with("Size", fmt.Sprint(meta)).with("MaxSizeAllowed", fmt.Sprint(maxMeta))
	}
	if kept["content-type"] == "" {
		kept["content-type"] = "binary/octet-stream"
	}
	removeChunked(kept)
	return kept, nil
}

// removeChunked removes aws-chunked from the object's content encoding, because only the transfer
// has that encoding.
func removeChunked(kept map[string]string) {
	var encodings []string
	for encoding := range strings.SplitSeq(kept["content-encoding"], ",") {
		if encoding = strings.TrimSpace(encoding); encoding != "aws-chunked" && encoding != "" {
			encodings = append(encodings, encoding)
		}
	}
	delete(kept, "content-encoding")
	if len(encodings) > 0 {
		kept["content-encoding"] = strings.Join(encodings, ",")
	}
}

func (v *version) storageClass() string {
	if class := v.Headers["x-amz-storage-class"]; class != "" {
		return class
	}
	return "STANDARD"
}

// draftVersion returns a new version with the values from the request's headers. It does not store
// the version.
func draftVersion(header http.Header) (*version, error) {
	headers, err := objectHeaders(header)
	if err != nil {
		return nil, err
	}
	tags, err := headerTags(header)
	if err != nil {
		return nil, err
	}
	v := &version{Headers: headers, Tags: tags, Hold: header.Get("x-amz-object-lock-legal-hold") == "ON"}
	return v, v.setRetention(header)
}

// receiveBody stores a request's body as a blob, and verifies it. The returned intake has the size,
// hashes and checksum.
func (s *Service) receiveBody(r *request) (blob string, in *intake, err error) {
	claim, err := statedChecksum(r.Header)
	if err != nil {
		return "", nil, err
	}
	if in, err = newIntake(r, claim); err != nil {
		return "", nil, err
	}
	blob, _, err = s.blobs.put(in)
	if err == nil {
		if err = in.verify(); err != nil {
			s.blobs.remove(blob)
		}
	}
	return blob, in, err
}

func (s *Service) putObject(w http.ResponseWriter, r *request) error {
	end, err := s.beginConditional(r)
	if err != nil {
		return err
	}
	defer end()
	v, err := draftVersion(r.Header)
	if err != nil {
		return err
	}
	var in *intake
	if v.Blob, in, err = s.receiveBody(r); err != nil {
		return err
	}
	v.Size, v.Checksum = in.size, in.claim
	v.ETag = hex.EncodeToString(in.md5.Sum(nil))
	if err := s.storeVersion(w, r, v); err != nil {
		return err
	}
	w.Header().Set("ETag", quote(v.ETag))
	v.Checksum.writeHeaders(w.Header())
	return nil
}

// storeVersion checks whether v may be stored, makes it the newest version of its key, and writes
// the version and encryption headers. If it fails, it removes v's blob.
//
// It commits the changes in also together with the new version, or not at all.
func (s *Service) storeVersion(w http.ResponseWriter, r *request, v *version, also ...record) error {
	err := s.withBucket(r.bucket, func(b *bucket) error {
		if err := s.checkStorable(b, r, v); err != nil {
			return err
		}
		b.numberVersion(s, v)
		b.writeVersionID(w.Header(), v)
		b.writeEncryption(w.Header())
		return s.commit(append(also, record{Op: opPut, Bucket: b.name, Key: r.key, Version: v})...)
	})
	if err != nil {
		s.blobs.remove(v.Blob)
	}
	return err
}

// checkStorable checks whether v may be stored. It runs under the same lock as the write, so that a
// policy which was set just before applies.
func (s *Service) checkStorable(b *bucket, r *request, v *version) error {
	if err := s.checkPolicy(b, "s3:PutObject", r.key); err != nil {
		return err
	}
	if len(v.Tags) > 0 {
		if err := r.checkRole("s3:PutObjectTagging"); err != nil {
			return err
		}
	}
	if acl := r.Header.Get(
		"x-amz-acl",
	); acl != "" && acl != "bucket-owner-full-control" && b.settings.Ownership == ownerEnforced {
		return failf(http.StatusBadRequest, "AccessControlListNotSupported", "The bucket does not allow ACLs")
	}
	if v.Hold || v.Mode != "" {
		if err := requireObjectLock(b); err != nil {
			return err
		}
	}
	if id := r.query.Get("uploadId"); id != "" && b.uploads[id] == nil {
		return noSuchUpload(id)
	}
	return s.checkConditions(b, r)
}

// numberVersion sets the sequence number, id and time of a new version.
func (b *bucket) numberVersion(s *Service, v *version) {
	v.Seq, v.Modified, v.ID = s.nextSequence(), now(), nullVersion
	if b.settings.Versioning == versioningEnabled {
		v.ID = newID(v.Seq)
	}
}

// writeVersionID writes the version's id to the header, if the bucket has versioning.
func (b *bucket) writeVersionID(header http.Header, v *version) {
	if b.settings.Versioning != "" {
		header.Set("x-amz-version-id", v.ID)
	}
}

func (b *bucket) writeEncryption(header http.Header) {
	byDefault := b.settings.Encryption
	header.Set("x-amz-server-side-encryption", byDefault.Algorithm)
	if byDefault.KMSKey != "" {
		header.Set("x-amz-server-side-encryption-aws-kms-key-id", byDefault.KMSKey)
	}
}

// joinBlobs concatenates several blobs into one, and also writes their bytes to sum.
func (s *Service) joinBlobs(names []string, sum io.Writer) (blob string, size int64, err error) {
	var readers []io.Reader
	for _, name := range names {
		body, err := s.blobs.open(name)
		if err != nil {
			return "", 0, err
		}
		defer body.Close()
		readers = append(readers, body)
	}
	return s.blobs.put(io.TeeReader(io.MultiReader(readers...), sum))
}
