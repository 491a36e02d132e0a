package s3

import (
	"net/http"
	"slices"
	"strconv"

	"perch/sandbox/aws/wire"
)

// versionPage is one page of a bucket's versions and markers, sorted together.
type versionPage struct {
	versions  []listedVersion
	prefixes  []string
	truncated bool
	// lastKey and lastID are the last entry on the page; lastID is empty after a common prefix.
	lastKey, lastID string
}

type listedVersion struct {
	keyedVersion
	latest bool
}

// versionFilter reports whether a version of the marker's key comes after the version marker in the
// listing.
type versionFilter func(v *version) bool

// versions returns the page of b that begins after the scope's marker. If the scope is inclusive,
// the page begins within the marker's key, with the versions that afterMarker accepts.
func (b *bucket) versions(s scope, afterMarker versionFilter) versionPage {
	var page versionPage
	if s.limit == 0 {
		return page
	}
	all := func(string) bool { return true }
	s.walk(b.index.keys(), all, func(name string, common bool) bool {
		if common {
			return page.addPrefix(name, s.limit)
		}
		versions := b.index.get(name).versions
		for i, v := range slices.Backward(versions) {
			if s.inclusive && name == s.marker && !afterMarker(v) {
				continue
			}
			if !page.add(listedVersion{keyedVersion{name, v}, i == len(versions)-1}, s.limit) {
				return false
			}
		}
		return true
	})
	return page
}

func (p *versionPage) full(limit int) bool {
	p.truncated = len(p.versions)+len(p.prefixes) == limit
	return p.truncated
}

func (p *versionPage) addPrefix(prefix string, limit int) bool {
	if p.full(limit) {
		return false
	}
	p.prefixes = append(p.prefixes, prefix)
	p.lastKey, p.lastID = prefix, ""
	return true
}

func (p *versionPage) add(v listedVersion, limit int) bool {
	if p.full(limit) {
		return false
	}
	p.versions = append(p.versions, v)
	p.lastKey, p.lastID = v.key, v.ID
	return true
}

// versionsAfter returns the filter for version-id-marker. The marker's version may have been
// removed, but its id still contains its position. The id of a null version does not contain it, so
// if that version was removed, the page has all versions of the key.
func (b *bucket) versionsAfter(key, id string) (versionFilter, error) {
	if id != nullVersion {
		sequence, ok := sequenceOf(id)
		if !ok {
			return nil, invalidVersion("version-id-marker", id)
		}
		return func(v *version) bool { return v.Seq < sequence }, nil
	}
	if e := b.index.get(key); e != nil {
		if v := e.findNull(); v != nil {
			return func(other *version) bool { return other.Seq < v.Seq }, nil
		}
	}
	return func(*version) bool { return true }, nil
}

func (s *Service) listVersions(w http.ResponseWriter, r *request) error {
	l, err := r.listing()
	if err != nil {
		return err
	}
	l.marker = r.query.Get("key-marker")
	id := r.query.Get("version-id-marker")
	l.inclusive = id != ""
	if l.inclusive && l.marker == "" {
		return invalidArgument("A version-id marker cannot be specified without a key marker.", "version-id-marker", id)
	}
	var page versionPage
	err = s.withBucket(r.bucket, func(b *bucket) error {
		var afterMarker versionFilter
		if l.inclusive {
			if afterMarker, err = b.versionsAfter(l.marker, id); err != nil {
				return err
			}
		}
		page = b.versions(l.scope, afterMarker)
		return nil
	})
	if err != nil {
		return err
	}
	nodes := append(l.headNodes(r), wire.T("KeyMarker", l.encode(l.marker)), wire.T("VersionIdMarker", id))
	if page.truncated {
		nodes = append(nodes, wire.T("NextKeyMarker", l.encode(page.lastKey)))
		if page.lastID != "" {
			nodes = append(nodes, wire.T("NextVersionIdMarker", page.lastID))
		}
	}
	nodes = append(nodes, wire.T("IsTruncated", strconv.FormatBool(page.truncated)))
	for _, v := range page.versions {
		nodes = append(nodes, s.versionNode(l, v))
	}
	return reply(w, "ListVersionsResult", append(nodes, l.commonPrefixes(page.prefixes)...)...)
}

func (s *Service) versionNode(l listing, v listedVersion) wire.Node {
	nodes := []wire.Node{
		wire.T("Key", l.encode(v.key)), wire.T("VersionId", v.ID), wire.T("IsLatest", strconv.FormatBool(v.latest)),
	}
	if v.Marker {
		return wire.N(
			"DeleteMarker", append(nodes, wire.T("LastModified", formatTime(v.Modified)), s.owner("Owner"))...,
		)
	}
	nodes = append(nodes, v.listedNodes()...)
	return wire.N("Version", append(nodes, s.owner("Owner"), wire.T("StorageClass", v.storageClass()))...)
}
