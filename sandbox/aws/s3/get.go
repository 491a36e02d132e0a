package s3

import (
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// getObject handles GetObject and HeadObject.
func (s *Service) getObject(w http.ResponseWriter, r *request) error {
	var found *version
	var body io.ReadSeekCloser
	err := s.withBucket(r.bucket, func(b *bucket) (err error) {
		if found, err = b.findReadable(r.key, r.query.Get("versionId")); err != nil {
			return r.hideMissingKey(err)
		}
		b.writeVersionID(w.Header(), found)
		b.writeEncryption(w.Header())
		body, err = s.blobs.open(found.Blob)
		return err
	})
	if err != nil {
		return err
	}
	defer body.Close()
	if err := checkPreconditions(r.Header, found); err != nil {
		return err
	}
	part, status, err := r.selectSpan(found)
	if err != nil {
		return err
	}
	found.writeHeaders(w.Header(), r)
	if status == http.StatusPartialContent {
		w.Header().Set("Content-Range", part.header(found.Size))
	}
	w.Header().Set("Content-Length", strconv.FormatInt(part.length, 10))
	w.WriteHeader(status)
	if r.Method == http.MethodHead {
		return nil
	}
	if _, err := body.Seek(part.start, io.SeekStart); err == nil {
		_, _ = io.CopyN(w, body, part.length)
	}
	return nil
}

// writeHeaders sets the headers that describe the object.
func (v *version) writeHeaders(header http.Header, r *request) {
	for name, value := range v.Headers {
		if strings.HasPrefix(name, metaPrefix) {
			header[name] = []string{value}
		} else {
			header.Set(name, value)
		}
	}
	for _, name := range []string{
		"content-type", "content-language", "expires", "cache-control", "content-disposition", "content-encoding",
	} {
		if value := r.query.Get("response-" + name); value != "" {
			header.Set(name, value)
		}
	}
	header.Set("ETag", quote(v.ETag))
	header.Set("Last-Modified", v.Modified.Format(http.TimeFormat))
	header.Set("Accept-Ranges", "bytes")
	v.writeTagCount(header)
	if v.Hold && r.checkRole("s3:GetObjectLegalHold") == nil {
		header.Set("x-amz-object-lock-legal-hold", "ON")
	}
	if v.Mode != "" && r.checkRole("s3:GetObjectRetention") == nil {
		header.Set("x-amz-object-lock-mode", v.Mode)
		header.Set("x-amz-object-lock-retain-until-date", formatTime(v.Until))
	}
	if r.query.Has("partNumber") && len(v.Parts) > 0 {
		header.Set("x-amz-mp-parts-count", strconv.Itoa(len(v.Parts)))
	}
	if r.Header.Get("x-amz-checksum-mode") == "ENABLED" && r.Header.Get("Range") == "" && !r.query.Has("partNumber") {
		v.Checksum.writeHeaders(header)
	}
}

// checkPreconditions checks the conditional headers against the object, in the order and
// combination of RFC 9110, as S3 does.
func checkPreconditions(header http.Header, v *version) error {
	if match := header.Get("If-Match"); match != "" {
		if !etagListed(match, v.ETag) {
			return preconditionFailed("If-Match")
		}
	} else if since, err := http.ParseTime(header.Get("If-Unmodified-Since")); err == nil && v.Modified.After(since) {
		return preconditionFailed("If-Unmodified-Since")
	}
	notModified := false
	if match := header.Get("If-None-Match"); match != "" {
		notModified = etagListed(match, v.ETag)
	} else if since, err := http.ParseTime(header.Get("If-Modified-Since")); err == nil {
		notModified = !v.Modified.After(since)
	}
	if notModified {
		return failf(http.StatusNotModified, "NotModified", "Not Modified").
			withHeader("ETag", quote(v.ETag)).withHeader("Last-Modified", v.Modified.Format(http.TimeFormat))
	}
	return nil
}

// etagListed reports whether a list of entity tags, or `*`, includes this one.
func etagListed(list, etag string) bool {
	listed := strings.Split(list, ",")
	return slices.ContainsFunc(listed, func(one string) bool {
		one = strings.TrimSpace(one)
		return one == "*" || strings.Trim(one, `"`) == etag
	})
}

// span is a range of bytes.
type span struct{ start, length int64 }

func (p span) header(size int64) string {
	return "bytes " + strconv.FormatInt(p.start, 10) + "-" + strconv.FormatInt(p.start+p.length-1, 10) + "/" +
		strconv.FormatInt(size, 10)
}

// selectSpan returns the range of bytes that the request selects by part number or by range, and
// the status of the response.
func (r *request) selectSpan(v *version) (span, int, error) {
	if number := r.query.Get("partNumber"); number != "" {
		return v.partSpan(number)
	}
	part, ok, err := parseRange(r.Header.Get("Range"), v.Size)
	if err != nil || !ok {
		return span{0, v.Size}, http.StatusOK, err
	}
	return part, http.StatusPartialContent, nil
}

func (v *version) partSpan(text string) (span, int, error) {
	parts := v.Parts
	if len(parts) == 0 {
		parts = []int64{v.Size}
	}
	number, err := strconv.Atoi(text)
	if err != nil || number < 1 || number > maxPartNumber {
		return span{}, 0, invalidPartNumber(text)
	}
	if number > len(parts) {
		return span{}, 0, failf(
			http.StatusRequestedRangeNotSatisfiable, "InvalidPartNumber", "The requested partnumber is not satisfiable",
		).
			with("PartNumberRequested", text).with("ActualPartCount", strconv.Itoa(len(parts)))
	}
	part := span{length: parts[number-1]}
	for _, size := range parts[:number-1] {
		part.start += size
	}
	if v.Size == 0 {
		return part, http.StatusOK, nil
	}
	return part, http.StatusPartialContent, nil
}

// parseRange reads a Range header with one range. S3 ignores a header that it does not understand,
// or with several ranges.
func parseRange(header string, size int64) (part span, ok bool, err error) {
	text, found := strings.CutPrefix(header, "bytes=")
	first, last, dash := strings.Cut(text, "-")
	if !found || !dash {
		return span{}, false, nil
	}
	start, startErr := strconv.ParseInt(first, 10, 64)
	end, endErr := strconv.ParseInt(last, 10, 64)
	switch {
	case first == "" && endErr == nil:
		start, end = max(size-end, 0), size-1
		if last == "0" {
			start = size
		}
	case startErr == nil && last == "":
		end = size - 1
	case startErr != nil || endErr != nil || end < start:
		return span{}, false, nil
	}
	if start >= size {
		return span{}, false,
			failf(http.StatusRequestedRangeNotSatisfiable, "InvalidRange", "The requested range is not satisfiable").
				with("RangeRequested", header).with("ActualObjectSize", strconv.FormatInt(size, 10)).
				withHeader("Content-Range", "bytes */"+strconv.FormatInt(size, 10))
	}
	end = min(end, size-1)
	return span{start, end - start + 1}, true, nil
}
