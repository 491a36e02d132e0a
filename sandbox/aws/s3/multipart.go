package s3

import (
	"encoding/hex"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"perch/sandbox/aws/wire"
)

const (
	maxPartNumber = 10000
	// minPart is the minimum size, in bytes, of every part except the last (AWS docs: "Amazon S3
	// multipart upload limits").
	minPart = 5 << 20
)

// upload is an incomplete multipart upload.
type upload struct {
	Seq       uint64
	ID        string
	Key       string
	Initiated time.Time
	// Draft is the object that the upload will create, without its bytes.
	Draft *version
	// Algorithm and Type are those of the checksum in the client's CreateMultipartUpload; empty if
	// there is none.
	Algorithm string `json:",omitempty"`
	Type      string `json:",omitempty"`
	parts     map[int]*part
}

// part is one uploaded part.
type part struct {
	Number   int
	Blob     string
	Size     int64
	ETag     string
	Checksum checksum
	Modified time.Time
}

// blobs returns the blobs of the parts with the numbers, or of all parts if no number is given.
func (u *upload) blobs(numbers ...int) []string {
	var names []string
	for number, p := range u.parts {
		if len(numbers) == 0 || slices.Contains(numbers, number) {
			names = append(names, p.Blob)
		}
	}
	return names
}

func noSuchUpload(id string) *failure {
	return failf(http.StatusNotFound, "NoSuchUpload", "The specified upload does not exist. The upload ID may be "+
		"invalid, or the upload may have been aborted or completed.").
		with("UploadId", id)
}

func invalidPartNumber(text string) *failure {
	return invalidArgument("Part number must be an integer between 1 and 10000, inclusive", "partNumber", text)
}

// withUpload calls f with the upload that has the request's id and key, while it holds mu.
func (s *Service) withUpload(r *request, f func(b *bucket, u *upload) error) error {
	return s.withBucket(r.bucket, func(b *bucket) error {
		id := r.query.Get("uploadId")
		u := b.uploads[id]
		if u == nil || u.Key != r.key {
			return noSuchUpload(id)
		}
		return f(b, u)
	})
}

func (s *Service) createUpload(w http.ResponseWriter, r *request) error {
	v, err := draftVersion(r.Header)
	if err != nil {
		return err
	}
	u := &upload{
		Key: r.key, Initiated: now(), Draft: v, Algorithm: r.Header.Get("x-amz-checksum-algorithm"),
		Type: r.Header.Get("x-amz-checksum-type"),
	}
	if u.Algorithm != "" && algorithms[u.Algorithm] == nil {
		return unsupportedAlgorithm()
	}
	if u.Type == "" && u.Algorithm != "" {
		u.Type = map[bool]string{true: fullObject, false: composite}[u.Algorithm == defaultAlgorithm]
	}
	err = s.withBucket(r.bucket, func(b *bucket) error {
		if err := s.checkStorable(b, r, v); err != nil {
			return err
		}
		u.Seq = s.nextSequence()
		u.ID = newID(u.Seq)
		b.writeEncryption(w.Header())
		return s.commit(record{Op: opUpload, Bucket: b.name, Upload: u})
	})
	if err != nil {
		return err
	}
	if u.Algorithm != "" {
		w.Header().Set("x-amz-checksum-algorithm", u.Algorithm)
		w.Header().Set("x-amz-checksum-type", u.Type)
	}
	return reply(
		w, "InitiateMultipartUploadResult", wire.T("Bucket", r.bucket), wire.T("Key", r.key), wire.T("UploadId", u.ID),
	)
}

func (r *request) partNumber() (int, error) {
	text := r.query.Get("partNumber")
	number, err := strconv.Atoi(text)
	if err != nil || number < 1 || number > maxPartNumber {
		return 0, invalidPartNumber(text)
	}
	return number, nil
}

func (s *Service) uploadPart(w http.ResponseWriter, r *request) error {
	number, err := r.partNumber()
	if err != nil {
		return err
	}
	if err := s.withUpload(r, func(*bucket, *upload) error { return nil }); err != nil {
		return err
	}
	blob, in, err := s.receiveBody(r)
	if err != nil {
		return err
	}
	p := &part{
		Number: number, Blob: blob, Size: in.size, ETag: hex.EncodeToString(in.md5.Sum(nil)), Checksum: in.claim,
		Modified: now(),
	}
	if err := s.storePart(w, r, p); err != nil {
		return err
	}
	w.Header().Set("ETag", quote(p.ETag))
	p.Checksum.writeHeaders(w.Header())
	w.Header().Del("x-amz-checksum-type")
	return nil
}

func (s *Service) storePart(w http.ResponseWriter, r *request, p *part) error {
	err := s.withUpload(r, func(b *bucket, u *upload) error {
		if err := s.checkPolicy(b, "s3:PutObject", r.key); err != nil {
			return err
		}
		if u.Algorithm != "" && u.Algorithm != p.Checksum.Algorithm {
			return invalidRequest(
				"Checksum Type mismatch occurred, expected checksum Type: %s, actual checksum Type: %s",
				strings.ToLower(u.Algorithm), strings.ToLower(p.Checksum.Algorithm),
			)
		}
		b.writeEncryption(w.Header())
		return s.commit(record{Op: opPart, Bucket: b.name, UploadID: u.ID, Part: p})
	})
	if err != nil {
		s.blobs.remove(p.Blob)
	}
	return err
}

func (s *Service) uploadPartCopy(w http.ResponseWriter, r *request) error {
	number, err := r.partNumber()
	if err != nil {
		return err
	}
	found, body, err := s.openSource(r, w)
	if err != nil {
		return err
	}
	defer body.Close()
	run, ok, err := parseRange(r.Header.Get("x-amz-copy-source-range"), found.Size)
	if err != nil {
		return err
	}
	if !ok {
		run = span{0, found.Size}
	}
	if _, err := body.Seek(run.start, io.SeekStart); err != nil {
		return err
	}
	p := &part{Number: number, Modified: now()}
	if err := s.withUpload(
		r, func(_ *bucket, u *upload) error { p.Checksum.Algorithm = u.Algorithm; return nil },
	); err != nil {
		return err
	}
	if p.Blob, p.Size, p.ETag, err = s.storeCopy(io.LimitReader(body, run.length), &p.Checksum); err != nil {
		return err
	}
	if err := s.storePart(w, r, p); err != nil {
		return err
	}
	return reply(w, "CopyPartResult", wire.T("LastModified", formatTime(p.Modified)), wire.T("ETag", quote(p.ETag)))
}

func (s *Service) abortUpload(w http.ResponseWriter, r *request) error {
	return noContent(w, s.withUpload(r, func(b *bucket, u *upload) error {
		return s.commit(record{Op: opEnd, Bucket: b.name, UploadID: u.ID})
	}))
}
