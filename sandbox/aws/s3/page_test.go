package s3

import (
	"fmt"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// model lists a bucket's versions in the order of listings: by key, then newest first.
type model []keyedVersion

func (m model) lines() []string {
	var lines []string
	for _, v := range m {
		lines = append(lines, v.key+" "+v.ID)
	}
	return lines
}

// fillRandomly changes a bucket with random puts, deletions and changes of versioning.
func fillRandomly(t *rapid.T, s *Service, b *bucket) {
	keys := rapid.SampledFrom([]string{
		"a", "a/b", "a/b/c", "a/c", "a//", "/", "/a", "a\n", "a\x01b", "ä", "z", "日本", "a0", "b",
	})
	put := func(v *version, key string) {
		b.numberVersion(s, v)
		if err := s.commit(record{Op: opPut, Bucket: b.name, Key: key, Version: v}); err != nil {
			t.Fatal(err)
		}
	}
	for range rapid.IntRange(0, 40).Draw(t, "actions") {
		switch key := keys.Draw(t, "key"); rapid.IntRange(0, 5).Draw(t, "action") {
		case 0:
			state := rapid.SampledFrom([]string{versioningEnabled, versioningSuspended}).Draw(t, "state")
			next := *b.settings
			next.Versioning = state
			_ = s.commit(record{Op: opBucket, Bucket: b.name, Settings: &next})
		case 1:
			done, err := s.planDeletion(b, key, "", false)
			if err != nil {
				t.Fatal(err)
			}
			_ = s.commit(done.change...)
		default:
			put(&version{}, key)
		}
	}
}

func (b *bucket) model() model {
	var all model
	for key, e := range b.index.entries {
		for _, v := range e.versions {
			all = append(all, keyedVersion{key, v})
		}
	}
	sort.Slice(all, func(i, j int) bool {
		if all[i].key != all[j].key {
			return all[i].key < all[j].key
		}
		return all[i].Seq > all[j].Seq
	})
	return all
}

func newTestBucket(t *rapid.T) (*Service, *bucket) {
	s, err := New(Config{Account: testAccount, Region: testRegion})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.makeBucket(testBucket, newSettings()); err != nil {
		t.Fatal(err)
	}
	return s, s.buckets[testBucket]
}

// readPages reads all pages of versions, each with a random limit, and returns their entries as
// lines. It calls each after every page.
func readPages(t *rapid.T, b *bucket, prefix, delimiter string, each func(versionPage)) (lines []string) {
	page := versionPage{truncated: true}
	for n := 0; page.truncated; n++ {
		if n > 1000 {
			t.Fatal("the listing does not end")
		}
		scope := scope{
			prefix: prefix, delimiter: delimiter, marker: page.lastKey, inclusive: page.lastID != "",
			limit: rapid.IntRange(1, 7).Draw(t, "limit"),
		}
		var afterMarker versionFilter
		if scope.inclusive {
			var err error
			if afterMarker, err = b.versionsAfter(page.lastKey, page.lastID); err != nil {
				t.Fatal(err)
			}
		}
		page = b.versions(scope, afterMarker)
		if got := len(page.versions) + len(page.prefixes); got > scope.limit || page.truncated && got < scope.limit {
			t.Fatalf("page of %d entries, limit %d, truncated %v", got, scope.limit, page.truncated)
		}
		for _, v := range page.versions {
			lines = append(lines, v.key+" "+v.ID)
		}
		for _, prefix := range page.prefixes {
			lines = append(lines, prefix+" common")
		}
		each(page)
	}
	return lines
}

func TestPagesOfVersionsListEachVersionOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, b := newTestBucket(t)
		fillRandomly(t, s, b)
		lines := readPages(t, b, "", "", func(versionPage) {})
		if diff := cmp.Diff(b.model().lines(), lines); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestPagesOfVersionsObeyPrefixAndDelimiter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, b := newTestBucket(t)
		fillRandomly(t, s, b)
		prefix := rapid.SampledFrom([]string{"", "a", "a/", "a/b", "/"}).Draw(t, "prefix")
		delimiter := rapid.SampledFrom([]string{"/", "b", "//"}).Draw(t, "delimiter")
		var want []string
		for _, v := range b.model() {
			rest, ok := strings.CutPrefix(v.key, prefix)
			head, _, rolled := strings.Cut(rest, delimiter)
			line := v.key + " " + v.ID
			if rolled {
				line = prefix + head + delimiter + " common"
			}
			if ok && !slices.Contains(want, line) {
				want = append(want, line)
			}
		}
		got := readPages(t, b, prefix, delimiter, func(versionPage) {})
		slices.Sort(want)
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestDeletingPageByPageLeavesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, b := newTestBucket(t)
		fillRandomly(t, s, b)
		before := b.model().lines()
		removed := readPages(t, b, "", "", func(page versionPage) {
			for _, v := range page.versions {
				done, err := s.planDeletion(b, v.key, v.ID, false)
				if err != nil {
					t.Fatal(err)
				}
				_ = s.commit(done.change...)
			}
		})
		if diff := cmp.Diff(before, removed); diff != "" || !b.isEmpty() {
			t.Fatalf("left %v: %s", b.model().lines(), diff)
		}
	})
}

func TestDeletingSomeVersionsRemovesExactlyThose(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, b := newTestBucket(t)
		fillRandomly(t, s, b)
		var keep []string
		for _, v := range b.model() {
			if rapid.Bool().Draw(t, "keep") {
				keep = append(keep, v.key+" "+v.ID)
				continue
			}
			done, err := s.planDeletion(b, v.key, v.ID, false)
			if err != nil {
				t.Fatal(err)
			}
			_ = s.commit(done.change...)
		}
		if diff := cmp.Diff(keep, b.model().lines()); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestPagesOfObjectsListEachCurrentObjectOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, b := newTestBucket(t)
		fillRandomly(t, s, b)
		delimiter := rapid.SampledFrom([]string{"", "/"}).Draw(t, "delimiter")
		var want []string
		for key, e := range b.index.entries {
			if head, _, rolled := strings.Cut(key, "/"); rolled && delimiter != "" {
				key = head + "/"
			}
			if !e.latest().Marker && !slices.Contains(want, key) {
				want = append(want, key)
			}
		}
		slices.Sort(want)
		var got []string
		for page := (objectPage{truncated: true}); page.truncated; {
			page = b.objects(scope{
				delimiter: delimiter, marker: page.last, limit: rapid.IntRange(1, 4).Draw(t, "limit"),
			})
			for _, o := range page.objects {
				got = append(got, o.key)
			}
			got = append(got, page.prefixes...)
		}
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestVersionIDsContainTheirSequenceNumber(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sequence := rapid.Uint64().Draw(t, "sequence")
		id := newID(sequence)
		if got, ok := sequenceOf(id); len(id) != 32 || !ok || got != sequence {
			t.Fatalf("id %q for %d contains %d, %v", id, sequence, got, ok)
		}
		other := []byte(id)
		at := rapid.IntRange(0, len(other)-1).Draw(t, "at")
		other[at] = '!'
		if _, ok := sequenceOf(string(other)); ok {
			t.Fatalf("%q is accepted as an id", other)
		}
	})
}

func TestTheIndexIsSortedAndLeavesOutRemovedKeys(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var i index
		want := map[string]bool{}
		for range rapid.IntRange(0, 60).Draw(t, "actions") {
			key := fmt.Sprint(rapid.IntRange(0, 9).Draw(t, "key"))
			switch rapid.IntRange(0, 2).Draw(t, "action") {
			case 0:
				i.put(key)
				want[key] = true
			case 1:
				i.remove(key)
				delete(want, key)
			default:
				i.keys()
			}
		}
		var sorted []string
		for key := range want {
			sorted = append(sorted, key)
		}
		slices.Sort(sorted)
		if !slices.Equal(i.keys(), sorted) {
			t.Fatalf("keys %v, want %v", i.keys(), sorted)
		}
	})
}
