package s3

import (
	"slices"
	"strings"
)

// index has a bucket's keys, in the order of their bytes. It sorts added keys only for the next
// listing, so that adding and removing many thousand keys takes linear time.
type index struct {
	entries map[string]*entry
	// ordered is sorted. fresh has the keys that were added after that, in any order. Both may
	// contain removed keys.
	ordered []string
	fresh   []string
}

// entry has the versions of one key, oldest first. There is at least one.
type entry struct {
	versions []*version
}

func (e *entry) latest() *version { return e.versions[len(e.versions)-1] }

func (i *index) get(key string) *entry { return i.entries[key] }

// put adds an entry for the key if there is none.
func (i *index) put(key string) *entry {
	e := i.entries[key]
	if e == nil {
		e = &entry{}
		if i.entries == nil {
			i.entries = map[string]*entry{}
		}
		i.entries[key] = e
		i.fresh = append(i.fresh, key)
	}
	return e
}

func (i *index) remove(key string) { delete(i.entries, key) }

// keys returns all keys, sorted. The slice is valid until the index changes.
func (i *index) keys() []string {
	if len(i.fresh) == 0 && len(i.ordered) == len(i.entries) {
		return i.ordered
	}
	slices.Sort(i.fresh)
	merged := make([]string, 0, len(i.entries))
	add := func(key string) {
		if i.entries[key] != nil && (len(merged) == 0 || merged[len(merged)-1] != key) {
			merged = append(merged, key)
		}
	}
	old, fresh := i.ordered, i.fresh
	for len(old) > 0 || len(fresh) > 0 {
		if len(fresh) == 0 || len(old) > 0 && strings.Compare(old[0], fresh[0]) <= 0 {
			add(old[0])
			old = old[1:]
		} else {
			add(fresh[0])
			fresh = fresh[1:]
		}
	}
	i.ordered, i.fresh = merged, nil
	return merged
}
