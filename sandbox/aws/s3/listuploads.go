package s3

import (
	"net/http"
	"slices"
	"strconv"

	"perch/sandbox/aws/wire"
)

// uploadPage is one page of a bucket's uploads, sorted by key, then by age, oldest first.
type uploadPage struct {
	uploads         []*upload
	prefixes        []string
	truncated       bool
	lastKey, lastID string
}

// byKey returns the keys with uploads, sorted, and the uploads of each key, oldest first.
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

// uploadsIn returns the page of b that begins after the scope's marker. For the key that equals the
// marker, it has only the uploads whose sequence number is greater than after.
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
	l := listing{scope: scope{
		prefix: r.query.Get("prefix"), delimiter: r.query.Get("delimiter"), marker: r.query.Get("key-marker"),
	}}
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
	err = s.withBucket(r.bucket, func(b *bucket) error {
		page = b.uploadsIn(l.scope, after)
		return nil
	})
	if err != nil {
		return err
	}
	return reply(w, "ListMultipartUploadsResult", s.uploadNodes(r, l, page)...)
}

func (s *Service) uploadNodes(r *request, l listing, page uploadPage) []wire.Node {
	nodes := []wire.Node{
		wire.T("Bucket", r.bucket), wire.T("KeyMarker", l.encode(l.marker)),
		wire.T("UploadIdMarker", r.query.Get("upload-id-marker")),
	}
	if page.truncated {
		nodes = append(
			nodes, wire.T("NextKeyMarker", l.encode(page.lastKey)), wire.T("NextUploadIdMarker", page.lastID),
		)
	}
	nodes = append(nodes, wire.T("Prefix", l.encode(l.prefix)))
	if l.delimiter != "" {
		nodes = append(nodes, wire.T("Delimiter", l.encode(l.delimiter)))
	}
	if kind := r.query.Get("encoding-type"); kind != "" {
		nodes = append(nodes, wire.T("EncodingType", kind))
	}
	nodes = append(
		nodes, wire.T("MaxUploads", strconv.Itoa(l.limit)), wire.T("IsTruncated", strconv.FormatBool(page.truncated)),
	)
	for _, u := range page.uploads {
		nodes = append(nodes, wire.N("Upload", wire.T(
			"Key", l.encode(u.Key),
		), wire.T("UploadId", u.ID), s.owner("Initiator"), s.owner("Owner"),
			wire.T("StorageClass", u.Draft.storageClass()), wire.T("Initiated", formatTime(u.Initiated))))
	}
	return append(nodes, l.commonPrefixes(page.prefixes)...)
}
