package s3

import (
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"

	"perch/sandbox/aws/wire"
)

// objectPage is one page of a bucket's objects: their newest versions, without markers.
type objectPage struct {
	objects   []keyedVersion
	prefixes  []string
	truncated bool
	// last is the last name or common prefix on the page.
	last string
}

// keyedVersion is a version with its key.
type keyedVersion struct {
	key string
	*version
}

func (p *objectPage) count() int { return len(p.objects) + len(p.prefixes) }

// objects returns the page of b that begins after the scope's marker.
func (b *bucket) objects(s scope) objectPage {
	var page objectPage
	if s.limit == 0 {
		return page
	}
	live := func(key string) bool { return !b.index.get(key).latest().Marker }
	s.walk(b.index.keys(), live, func(name string, common bool) bool {
		if page.count() == s.limit {
			page.truncated = true
			return false
		}
		page.last = name
		if common {
			page.prefixes = append(page.prefixes, name)
		} else {
			page.objects = append(page.objects, keyedVersion{name, b.index.get(name).latest()})
		}
		return true
	})
	return page
}

// tokenPrefix distinguishes a continuation token from a key.
const tokenPrefix = "1:"

func (s *Service) listObjectsV2(w http.ResponseWriter, r *request) error {
	l, err := r.listing()
	if err != nil {
		return err
	}
	l.marker = r.query.Get("start-after")
	token := r.query.Get("continuation-token")
	if r.query.Has("continuation-token") {
		raw, err := base64.StdEncoding.DecodeString(token)
		after, ok := strings.CutPrefix(string(raw), tokenPrefix)
		if err != nil || !ok {
			return invalidArgument("The continuation token provided is incorrect", "continuation-token", token)
		}
		l.marker = after
	}
	page, err := s.readPage(r, l)
	if err != nil {
		return err
	}
	head := l.headNodes(r)
	if r.query.Has("continuation-token") {
		head = append(head, wire.T("ContinuationToken", token))
	}
	if page.truncated {
		head = append(
			head, wire.T("NextContinuationToken", base64.StdEncoding.EncodeToString([]byte(tokenPrefix+page.last))),
		)
	}
	if r.query.Has("start-after") {
		head = append(head, wire.T("StartAfter", l.encode(r.query.Get("start-after"))))
	}
	head = append(head, wire.T("KeyCount", strconv.Itoa(page.count())))
	return reply(w, "ListBucketResult", append(head, s.entryNodes(l, page, r.query.Get("fetch-owner") == "true")...)...)
}

func (s *Service) readPage(r *request, l listing) (page objectPage, err error) {
	err = s.withBucket(r.bucket, func(b *bucket) error {
		page = b.objects(l.scope)
		return nil
	})
	return page, err
}

// entryNodes returns the elements of a page's objects and common prefixes.
func (s *Service) entryNodes(l listing, page objectPage, owner bool) []wire.Node {
	nodes := []wire.Node{wire.T("IsTruncated", strconv.FormatBool(page.truncated))}
	for _, o := range page.objects {
		children := []wire.Node{wire.T("Key", l.encode(o.key))}
		children = append(children, o.listedNodes()...)
		if owner {
			children = append(children, s.owner("Owner"))
		}
		nodes = append(nodes, wire.N("Contents", append(children, wire.T("StorageClass", o.storageClass()))...))
	}
	return append(nodes, l.commonPrefixes(page.prefixes)...)
}

// listedNodes returns the elements that every listing shows for an object.
func (v *version) listedNodes() []wire.Node {
	nodes := []wire.Node{wire.T("LastModified", formatTime(v.Modified)), wire.T("ETag", quote(v.ETag))}
	if v.Checksum.Algorithm != "" {
		nodes = append(
			nodes, wire.T("ChecksumAlgorithm", v.Checksum.Algorithm), wire.T("ChecksumType", v.Checksum.Type),
		)
	}
	return append(nodes, wire.T("Size", strconv.FormatInt(v.Size, 10)))
}

func quote(etag string) string { return `"` + etag + `"` }

// listing is the scope of a listing request, and the encoding of its names.
type listing struct {
	scope
	encode func(string) string
}

func (r *request) listing() (l listing, err error) {
	if l.encode, err = r.encoder(); err != nil {
		return l, err
	}
	l.prefix, l.delimiter = r.query.Get("prefix"), r.query.Get("delimiter")
	l.limit, err = r.pageLimit("max-keys", "maxKeys")
	return l, err
}

// headNodes returns the elements of a listing that repeat the request's parameters.
func (l listing) headNodes(r *request) []wire.Node {
	nodes := []wire.Node{wire.T("Name", r.bucket), wire.T("Prefix", l.encode(l.prefix))}
	if l.delimiter != "" {
		nodes = append(nodes, wire.T("Delimiter", l.encode(l.delimiter)))
	}
	nodes = append(nodes, wire.T("MaxKeys", strconv.Itoa(l.limit)))
	if kind := r.query.Get("encoding-type"); kind != "" {
		nodes = append(nodes, wire.T("EncodingType", kind))
	}
	return nodes
}

func (l listing) commonPrefixes(prefixes []string) []wire.Node {
	var nodes []wire.Node
	for _, prefix := range prefixes {
		nodes = append(nodes, wire.N("CommonPrefixes", wire.T("Prefix", l.encode(prefix))))
	}
	return nodes
}
