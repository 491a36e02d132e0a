package s3

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// fillDir starts a service with its state in dir, fills a bucket with every kind of state, and
// closes the service. It returns the state.
func fillDir(t *testing.T, dir string) []record {
	t.Helper()
	service, server := serve(t, dir)
	b := &fixture{client(server.URL), t, t.Context(), service, server.URL}
	wanted := newSettings()
	wanted.Tags = map[string]string{"branch": "feature/login"}
	if err := service.makeBucket(testBucket, wanted); err != nil {
		t.Fatal(err)
	}
	b.put("first\n&", "null version")
	b.setVersioning(versioningEnabled)
	b.put("first\n&", "newer")
	b.delete("first\n&", "")
	b.delete("gone", *b.put("gone", "removed").VersionId)
	b.uploadPart("big", b.beginUpload("big"), 1, []byte("part"))
	if err := b.setPolicy(denyWrites); err != nil {
		t.Fatal(err)
	}
	if err := service.Close(); err != nil {
		t.Fatal(err)
	}
	return service.snapshot()
}

func reopen(t *testing.T, dir string) *Service {
	t.Helper()
	s, err := New(Config{Account: testAccount, Region: testRegion, Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

var sameRecords = cmp.Options{cmp.AllowUnexported(record{}), cmpopts.IgnoreUnexported(upload{}), cmpopts.EquateEmpty()}

func TestStateSurvivesARestart(t *testing.T) {
	dir := t.TempDir()
	before := fillDir(t, dir)
	s := reopen(t, dir)
	if diff := cmp.Diff(before, s.snapshot(), sameRecords); diff != "" {
		t.Error(diff)
	}
	if data, err := s.Object(testBucket, "big"); err == nil {
		t.Errorf("an incomplete upload can be read: %q", data)
	}
	files, _ := os.ReadDir(filepath.Join(dir, "objects"))
	if len(files) != 3 {
		t.Errorf("%d blobs, want two versions and a part", len(files))
	}
}

func TestAnIncompleteLastLineIsRemoved(t *testing.T) {
	dir := t.TempDir()
	before := fillDir(t, dir)
	path := filepath.Join(dir, "journal.jsonl")
	whole := must(os.ReadFile(path))(t)
	torn := append(whole, []byte(`{"Op":"drop","Bucket":"`+testBucket)...)
	if err := os.WriteFile(path, torn, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "objects", "ORPHAN"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s := reopen(t, dir)
	if diff := cmp.Diff(before, s.snapshot(), sameRecords); diff != "" {
		t.Error(diff)
	}
	if err := s.makeBucket("after-the-crash", newSettings()); err != nil {
		t.Fatal(err)
	}
	if _, ok := reopen(t, dir).buckets["after-the-crash"]; !ok {
		t.Error("the change after the incomplete line is lost")
	}
	if _, err := os.Stat(filepath.Join(dir, "objects", "ORPHAN")); err == nil {
		t.Error("an unused blob still exists")
	}
}

func TestABrokenJournalIsRejected(t *testing.T) {
	dir := t.TempDir()
	fillDir(t, dir)
	path := filepath.Join(dir, "journal.jsonl")
	whole := must(os.ReadFile(path))(t)
	if err := os.WriteFile(path, append([]byte("nonsense\n"), whole...), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := New(Config{Dir: dir}); err == nil || !strings.Contains(err.Error(), "read record 1 of "+path) {
		t.Errorf("error is %v", err)
	}
}

func TestALongJournalIsRewrittenAtStartup(t *testing.T) {
	dir := t.TempDir()
	s := reopen(t, dir)
	for range 1100 {
		if err := s.commit(record{Op: opBucket, Bucket: testBucket, Settings: newSettings()}); err != nil {
			t.Fatal(err)
		}
	}
	_ = s.Close()
	again := reopen(t, dir)
	lines := strings.Count(string(must(os.ReadFile(filepath.Join(dir, "journal.jsonl")))(t)), "\n")
	if lines != 1 || again.buckets[testBucket] == nil {
		t.Errorf("%d lines", lines)
	}
}

func TestAClosedServiceRejectsChanges(t *testing.T) {
	s := reopen(t, t.TempDir())
	_ = s.Close()
	if err := s.makeBucket(testBucket, newSettings()); err == nil || s.buckets[testBucket] != nil {
		t.Errorf("error is %v", err)
	}
}
