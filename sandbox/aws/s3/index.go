package s3

import (
	"slices"
	"strings"
)

// index holds a bucket's keys, sorted by their bytes. Keys that are added or removed are only
// sorted for the next listing, so a bucket with many thousand keys fills and empties in linear
// time.
type index struct {
	entries map[string]*entry
	// ordered is sorted and may contain removed keys. fresh is not sorted and has no removed keys.
	ordered []string
	fresh   []string
}

// entry is one key with at least one version, oldest first.
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
