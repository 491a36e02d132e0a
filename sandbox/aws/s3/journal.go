package s3

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
)

// Kinds of changes. Every change of the state is one of these, and only apply changes the state.
const (
	opBucket = "bucket" // A bucket was created, or its settings were changed.
	opDrop   = "drop"   // A bucket was deleted.
	opPut    = "put"    // A version or marker was added as the newest of its key.
	opRemove = "remove" // A version or marker was removed.
	opUpload = "upload" // A multipart upload began.
	opPart   = "part"   // A part was uploaded.
	opEnd    = "end"    // A multipart upload ended.
)

// record is one change of state, and one line of the journal.
type record struct {
	Op       string
	Bucket   string
	Key      string    `json:",omitempty"`
	Settings *settings `json:",omitempty"`
	Version  *version  `json:",omitempty"`
	Seq      uint64    `json:",omitempty"`
	Upload   *upload   `json:",omitempty"`
	UploadID string    `json:",omitempty"`
	Part     *part     `json:",omitempty"`
}

// commit writes the changes to the journal and applies them. The caller holds mu and has checked
// that the changes are valid.
func (s *Service) commit(records ...record) error {
	if err := s.journal.append(records); err != nil {
		return fmt.Errorf("write S3 journal: %w", err)
	}
	for _, r := range records {
		for _, blob := range s.apply(r) {
			s.blobs.remove(blob)
		}
	}
	return nil
}

// apply makes one change and returns the blobs that are no longer used.
func (s *Service) apply(r record) (unused []string) {
	if r.Op == opBucket {
		s.applySettings(r)
		return nil
	}
	b := s.buckets[r.Bucket]
	if b == nil {
		return nil
	}
	switch r.Op {
	case opDrop:
		delete(s.buckets, r.Bucket)
		for _, u := range b.uploads {
			unused = append(unused, u.blobs()...)
		}
	case opPut:
		s.sequence = max(s.sequence, r.Version.Seq)
		unused = blobOf(b.addVersion(r.Key, r.Version))
	case opRemove:
		unused = blobOf(b.removeVersion(r.Key, r.Seq))
	default:
		return s.applyUpload(b, r)
	}
	return unused
}

func (s *Service) applySettings(r record) {
	b := s.buckets[r.Bucket]
	if b == nil {
		b = &bucket{name: r.Bucket, uploads: map[string]*upload{}}
		s.buckets[r.Bucket] = b
	}
	b.settings = r.Settings
	b.policy = parsedPolicy(r.Settings.Policy)
}

func (s *Service) applyUpload(b *bucket, r record) (unused []string) {
	if r.Op == opUpload {
		s.sequence = max(s.sequence, r.Upload.Seq)
		r.Upload.parts = map[int]*part{}
		b.uploads[r.Upload.ID] = r.Upload
		return nil
	}
	u := b.uploads[r.UploadID]
	if u == nil {
		return nil
	}
	if r.Op == opPart {
		unused = u.blobs(r.Part.Number)
		u.parts[r.Part.Number] = r.Part
		return unused
	}
	delete(b.uploads, r.UploadID)
	return u.blobs()
}

func blobOf(v *version) []string {
	if v == nil || v.Blob == "" {
		return nil
	}
	return []string{v.Blob}
}

// journal is an append-only file of records, with one JSON document a line. A nil journal stores
// nothing.
type journal struct {
	file *os.File
}

// append writes all records in one write. If the process is killed, at most the last line is
// incomplete.
func (j *journal) append(records []record) error {
	if j == nil {
		return nil
	}
	lines, err := encodeRecords(records)
	if err != nil {
		return err
	}
	_, err = j.file.Write(lines)
	return err
}

func (j *journal) close() error {
	if j == nil {
		return nil
	}
	return j.file.Close()
}

func encodeRecords(records []record) ([]byte, error) {
	var lines bytes.Buffer
	encoder := json.NewEncoder(&lines)
	for _, r := range records {
		if err := encoder.Encode(r); err != nil {
			return nil, err
		}
	}
	return lines.Bytes(), nil
}
