package s3

import (
	"slices"
	"sort"
	"time"

	"golang.org/x/time/rate"
)

// Versioning states of a bucket. A new bucket has none.
const (
	versioningEnabled   = "Enabled"
	versioningSuspended = "Suspended"
)

// settings are a bucket's configuration. A change replaces them as a whole.
type settings struct {
	Created    time.Time
	Versioning string            `json:",omitempty"`
	Tags       map[string]string `json:",omitempty"`
	// Policy is the policy document as the client sent it.
	Policy       string        `json:",omitempty"`
	PublicAccess *publicAccess `json:",omitempty"`
	Encryption   *encryption   `json:",omitempty"`
	Ownership    string        `json:",omitempty"`
	ObjectLock   bool          `json:",omitempty"`
	// Kept has other CloudFormation properties. Only AbacStatus has an effect: if it is Enabled,
	// the bucket's tags are condition keys.
	Kept map[string]any `json:",omitempty"`
	// Origin identifies CloudFormation's Create request of the bucket, so that a repeated Create
	// returns the same bucket.
	Origin string `json:",omitempty"`
}

// newSettings returns the settings of a bucket without any configuration: public access is blocked,
// objects are encrypted, and the bucket's owner owns them (the defaults of buckets since April
// 2023, AWS docs: "Default settings for new S3 buckets").
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

// bucket is one bucket: its settings, its versions and its incomplete uploads.
type bucket struct {
	name     string
	settings *settings
	index    index
	uploads  map[string]*upload
	policy   *policy
	// deletes limits deletions to the rate Limits.Deletes.
	deletes *rate.Limiter
}

func (b *bucket) isEmpty() bool { return len(b.index.entries) == 0 }

// findReadable returns the version that GetObject reads: the newest if id is empty, otherwise the
// one with the id. It returns the errors of GetObject.
func (b *bucket) findReadable(key, id string) (*version, error) {
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
	v, err := b.findVersion(key, id)
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

// findVersion returns the version or marker with the id; nil if there is none. It returns an error
// if the id is not valid.
func (b *bucket) findVersion(key, id string) (*version, error) {
	sequence, ok := sequenceOf(id)
	if id != nullVersion && !ok {
		return nil, invalidVersion("versionId", id)
	}
	e := b.index.get(key)
	if e == nil {
		return nil, nil
	}
	if id == nullVersion {
		return e.findNull(), nil
	}
	if at := e.position(sequence); at < len(e.versions) && e.versions[at].ID == id {
		return e.versions[at], nil
	}
	return nil, nil
}

// position returns the index of the oldest version that is not older than sequence.
func (e *entry) position(sequence uint64) int {
	return sort.Search(len(e.versions), func(i int) bool { return e.versions[i].Seq >= sequence })
}

// findNull returns the entry's null version; nil if it has none. There is never more than one.
func (e *entry) findNull() *version {
	for _, v := range slices.Backward(e.versions) {
		if v.ID == nullVersion {
			return v
		}
	}
	return nil
}

// addVersion makes v the newest of the key's versions, and returns the null version that it
// replaces, if any.
func (b *bucket) addVersion(key string, v *version) (replaced *version) {
	e := b.index.put(key)
	if v.ID == nullVersion {
		if replaced = e.findNull(); replaced != nil {
			e.removeVersion(replaced.Seq)
		}
	}
	e.versions = append(e.versions, v)
	return replaced
}

// removeVersion removes one version and returns it.
func (b *bucket) removeVersion(key string, sequence uint64) *version {
	e := b.index.get(key)
	if e == nil {
		return nil
	}
	v := e.removeVersion(sequence)
	if len(e.versions) == 0 {
		b.index.remove(key)
	}
	return v
}

func (e *entry) removeVersion(sequence uint64) *version {
	at := e.position(sequence)
	if at == len(e.versions) || e.versions[at].Seq != sequence {
		return nil
	}
	v := e.versions[at]
	e.versions = slices.Delete(e.versions, at, at+1)
	return v
}
