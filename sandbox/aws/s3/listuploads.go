package s3

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"perch/sandbox/aws/wire"
)

// uploadPage is one page of a bucket's uploads: by key, then by the time they began.
type uploadPage struct {
	uploads         []*upload
	prefixes        []string
	truncated       bool
	lastKey, lastID string
}

// byKey are the bucket's uploads, the oldest of each key first, and their keys, sorted.
func (b *bucket) byKey() (keys []string, uploads map[string][]*upload) {
	uploads = map[string][]*upload{}
	for _, u := range b.uploads {
		uploads[u.Key] = append(uploads[u.Key], u)
	}
	for key, all := range uploads {
		keys = append(keys, key)
		slices.SortFunc(all, func(a, b *upload) int { return int(a.Seq) - int(b.Seq) })
	}
	slices.Sort(keys)
	return keys, uploads
}

// uploadsIn is the page of b behind the scope's marker; within the marker's own key it begins with the uploads younger than after.
func (b *bucket) uploadsIn(s scope, after uint64) uploadPage {
	var page uploadPage
	if s.limit == 0 {
		return page
	}
	keys, uploads := b.byKey()
	full := func() bool {
		page.truncated = len(page.uploads)+len(page.prefixes) == s.limit
		return page.truncated
	}
	s.walk(keys, func(string) bool { return true }, func(name string, common bool) bool {
		if common {
			if full() {
				return false
			}
			page.prefixes = append(page.prefixes, name)
			page.lastKey, page.lastID = name, ""
			return true
		}
		for _, u := range uploads[name] {
			if s.inclusive && name == s.marker && u.Seq <= after {
				continue
			}
			if full() {
				return false
			}
			page.uploads = append(page.uploads, u)
			page.lastKey, page.lastID = name, u.ID
		}
		return true
	})
	return page
}

func (s *Service) listUploads(w http.ResponseWriter, r *request) error {
	l := listing{scope: scope{prefix: r.query.Get("prefix"), delimiter: r.query.Get("delimiter"), marker: r.query.Get("key-marker")}}
	var err error
	if l.encode, err = r.encoder(); err != nil {
		return err
	}
	if l.limit, err = r.pageLimit("max-uploads", "maxUploads"); err != nil {
		return err
	}
	id := r.query.Get("upload-id-marker")
	after := uint64(0)
	// S3 ignores an upload-id-marker without a key-marker (AWS docs: ListMultipartUploads).
	if id != "" && l.marker != "" {
		l.inclusive = true
		if after, l.inclusive = sequenceOf(id); !l.inclusive {
			return invalidArgument("Invalid uploadId marker", "upload-id-marker", id)
		}
	}
	var page uploadPage
	if err := s.with(r.bucket, func(b *bucket) error { page = b.uploadsIn(l.scope, after); return nil }); err != nil {
		return err
	}
	return reply(w, "ListMultipartUploadsResult", s.uploadNodes(r, l, page)...)
}

func (s *Service) uploadNodes(r *request, l listing, page uploadPage) []wire.Node {
	nodes := []wire.Node{wire.T("Bucket", r.bucket), wire.T("KeyMarker", l.encode(l.marker)), wire.T("UploadIdMarker", r.query.Get("upload-id-marker"))}
	if page.truncated {
		nodes = append(nodes, wire.T("NextKeyMarker", l.encode(page.lastKey)), wire.T("NextUploadIdMarker", page.lastID))
	}
	nodes = append(nodes, wire.T("Prefix", l.encode(l.prefix)))
	if l.delimiter != "" {
		nodes = append(nodes, wire.T("Delimiter", l.encode(l.delimiter)))
	}
	if kind := r.query.Get("encoding-type"); kind != "" {
		nodes = append(nodes, wire.T("EncodingType", kind))
	}
	nodes = append(nodes, wire.T("MaxUploads", strconv.Itoa(l.limit)), wire.T("IsTruncated", strconv.FormatBool(page.truncated)))
	for _, u := range page.uploads {
		nodes = append(nodes, wire.N("Upload", wire.T("Key", l.encode(u.Key)), wire.T("UploadId", u.ID), s.owner("Initiator"), s.owner("Owner"),
			wire.T("StorageClass", u.Draft.storageClass()), wire.T("Initiated", stamp(u.Initiated))))
	}
	return append(nodes, l.commonPrefixes(page.prefixes)...)
}

func (s *Service) listParts(w http.ResponseWriter, r *request) error {
	limit, err := r.pageLimit("max-parts", "maxParts")
	if err != nil {
		return err
	}
	after := 0
	if text := r.query.Get("part-number-marker"); text != "" {
		if after, err = strconv.Atoi(text); err != nil || after < 0 {
			return invalidArgument("Argument partNumberMarker must be an integer between 0 and 2147483647", "part-number-marker", text)
		}
	}
	var u *upload
	var parts []*part
	err = s.withUpload(r, func(_ *bucket, found *upload) error {
		u, parts = found, found.sorted()
		return nil
	})
	if err != nil {
		return err
	}
	parts = slices.DeleteFunc(parts, func(p *part) bool { return p.Number <= after })
	truncated := len(parts) > limit
	parts = parts[:min(len(parts), limit)]
	next := 0
	if len(parts) > 0 {
		next = parts[len(parts)-1].Number
	}
	nodes := []wire.Node{wire.T("Bucket", r.bucket), wire.T("Key", r.key), wire.T("UploadId", u.ID), s.owner("Initiator"), s.owner("Owner"),
		wire.T("StorageClass", u.Draft.storageClass()), wire.T("PartNumberMarker", strconv.Itoa(after)), wire.T("NextPartNumberMarker", strconv.Itoa(next)),
		wire.T("MaxParts", strconv.Itoa(limit)), wire.T("IsTruncated", strconv.FormatBool(truncated))}
	for _, p := range parts {
		nodes = append(nodes, p.node(u.Algorithm != ""))
	}
	return reply(w, "ListPartsResult", nodes...)
}

func (p *part) node(withChecksum bool) wire.Node {
	nodes := []wire.Node{wire.T("PartNumber", strconv.Itoa(p.Number)), wire.T("LastModified", stamp(p.Modified)), wire.T("ETag", quote(p.ETag)),
		wire.T("Size", strconv.FormatInt(p.Size, 10))}
	if withChecksum {
		nodes = append(nodes, wire.T("Checksum"+strings.ToUpper(p.Checksum.Algorithm), p.Checksum.Value))
	}
	return wire.N("Part", nodes...)
}
