package s3

import (
	"slices"
	"sort"
	"time"

	"golang.org/x/time/rate"
)

// Versioning states of a bucket; a bucket begins without one.
const (
	versioningEnabled   = "Enabled"
	versioningSuspended = "Suspended"
)

// settings are what a bucket is configured to be. A change replaces them as a whole.
type settings struct {
	Created    time.Time
	Versioning string            `json:",omitempty"`
	Tags       map[string]string `json:",omitempty"`
	// Policy is the policy document as it was put.
	Policy       string        `json:",omitempty"`
	PublicAccess *publicAccess `json:",omitempty"`
	Encryption   *encryption   `json:",omitempty"`
	Ownership    string        `json:",omitempty"`
	ObjectLock   bool          `json:",omitempty"`
	// Kept are further CloudFormation properties. Of them only AbacStatus counts: with it the
	// bucket's tags are condition keys.
	Kept map[string]any `json:",omitempty"`
	// Origin names the creation that made the bucket, so that CloudFormation's second attempt knows
	// its own.
	Origin string `json:",omitempty"`
}

// newSettings are those of a bucket that says nothing else: closed to the public, encrypted, owned
// by its owner (the defaults of buckets made since April 2023, AWS docs: "Default settings for new
// S3 buckets").
func newSettings() *settings {
	return &settings{
		Created: now(),
		PublicAccess: &publicAccess{
			BlockPublicAcls: true, IgnorePublicAcls: true, BlockPublicPolicy: true, RestrictPublicBuckets: true,
		},
		Encryption: &encryption{Algorithm: "AES256"},
		Ownership:  ownerEnforced,
	}
}

// bucket is one bucket: settings, versions and uploads that are not complete.
type bucket struct {
	name     string
	settings *settings
	index    index
	uploads  map[string]*upload
	policy   *policy
	// deletes is what Limits.Deletes leaves.
	deletes *rate.Limiter
}

func (b *bucket) empty() bool { return len(b.index.entries) == 0 }

// find is the version that a reader gets: the newest if id is empty, else the one with this id. Its
// errors are those of GetObject.
func (b *bucket) find(key, id string) (*version, error) {
	e := b.index.get(key)
	if id == "" {
		if e == nil {
			return nil, noSuchKey(key, nil)
		}
		if v := e.latest(); v.Marker {
			return nil, noSuchKey(key, v)
		}
		return e.latest(), nil
	}
	v, err := b.lookup(key, id)
	switch {
	case err != nil:
		return nil, err
	case v == nil:
		return nil, noSuchVersion(key, id)
	case v.Marker:
		return nil, markerNotAllowed(v)
	}
	return v, nil
}

// lookup is the version or marker with this id, nil if there is none. An id that cannot be one is
// an error.
func (b *bucket) lookup(key, id string) (*version, error) {
	sequence, ok := sequenceOf(id)
	if id != nullVersion && !ok {
		return nil, invalidVersion("versionId", id)
	}
	e := b.index.get(key)
	if e == nil {
		return nil, nil
	}
	if id == nullVersion {
		return e.null(), nil
	}
	if at := e.position(sequence); at < len(e.versions) && e.versions[at].ID == id {
		return e.versions[at], nil
	}
	return nil, nil
}

// position is the index of the oldest version that is not older than sequence.
func (e *entry) position(sequence uint64) int {
	return sort.Search(len(e.versions), func(i int) bool { return e.versions[i].Seq >= sequence })
}

// null is the entry's null version, nil if it has none. There is never more than one.
func (e *entry) null() *version {
	for _, v := range slices.Backward(e.versions) {
		if v.ID == nullVersion {
			return v
		}
	}
	return nil
}

// add puts v on top of the key's versions and returns the null version that it replaces, if any.
func (b *bucket) add(key string, v *version) (replaced *version) {
	e := b.index.put(key)
	if v.ID == nullVersion {
		if replaced = e.null(); replaced != nil {
			e.drop(replaced.Seq)
		}
	}
	e.versions = append(e.versions, v)
	return replaced
}

// remove takes one version away and returns it.
func (b *bucket) remove(key string, sequence uint64) *version {
	e := b.index.get(key)
	if e == nil {
		return nil
	}
	v := e.drop(sequence)
	if len(e.versions) == 0 {
		b.index.remove(key)
	}
	return v
}

func (e *entry) drop(sequence uint64) *version {
	at := e.position(sequence)
	if at == len(e.versions) || e.versions[at].Seq != sequence {
		return nil
	}
	v := e.versions[at]
	e.versions = slices.Delete(e.versions, at, at+1)
	return v
}
