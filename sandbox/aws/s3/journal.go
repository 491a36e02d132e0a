package s3

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Kinds of change. Every change of state is one of them, applied by apply and by nothing else.
const (
	opBucket = "bucket" // a bucket's settings are new or changed
	opDrop   = "drop"   // a bucket is gone
	opPut    = "put"    // a version or marker is the newest of its key
	opAmend  = "amend"  // a version's tags, hold or retention changed
	opRemove = "remove" // a version or marker is gone
	opUpload = "upload" // a multipart upload began
	opPart   = "part"   // a part arrived
	opEnd    = "end"    // a multipart upload is over
)

// record is one change of state, one line of the journal.
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

// commit writes the changes down and makes them. The caller holds mu and has checked that they are legal.
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

// apply makes one change and returns the blobs that nothing names any more.
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
		unused = blobOf(b.add(r.Key, r.Version))
	case opAmend:
		b.amend(r.Key, r.Version)
	case opRemove:
		unused = blobOf(b.remove(r.Key, r.Seq))
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

// journal is an append-only file of records, one JSON document a line. A nil journal forgets.
type journal struct {
	file *os.File
}

// append writes the records with one call, so that a killed process leaves whole changes and at most one torn line.
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

// open replays what dir holds and goes on from there.
func (s *Service) open(dir string) error {
	blobs, err := newDirBlobs(filepath.Join(dir, "objects"))
	if err != nil {
		return err
	}
	s.blobs = blobs
	path := filepath.Join(dir, "journal.jsonl")
	replayed, err := s.replay(path)
	if err != nil {
		return err
	}
	if state := s.snapshot(); replayed > 2*len(state)+1000 {
		if err := rewrite(path, state); err != nil {
			return err
		}
	}
	if err := blobs.sweep(s.named()); err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	s.journal = &journal{file: file}
	return nil
}

// replay applies the journal's records and cuts off a last line that was not written to its end.
func (s *Service) replay(path string) (records int, err error) {
	file, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer file.Close()
	reader, whole := bufio.NewReader(file), int64(0)
	for {
		line, err := reader.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return records, os.Truncate(path, whole)
		}
		if err != nil {
			return records, err
		}
		var r record
		if err := json.Unmarshal(line, &r); err != nil {
			return records, fmt.Errorf("read record %d of %s: %w", records+1, path, err)
		}
		s.apply(r)
		records++
		whole += int64(len(line))
	}
}

// snapshot is the shortest journal that leads to the present state.
func (s *Service) snapshot() []record {
	var records []record
	for name, b := range s.buckets {
		records = append(records, record{Op: opBucket, Bucket: name, Settings: b.settings})
		for _, key := range b.index.keys() {
			for _, v := range b.index.get(key).versions {
				records = append(records, record{Op: opPut, Bucket: name, Key: key, Version: v})
			}
		}
		for id, u := range b.uploads {
			records = append(records, record{Op: opUpload, Bucket: name, Upload: u})
			for _, p := range u.parts {
				records = append(records, record{Op: opPart, Bucket: name, UploadID: id, Part: p})
			}
		}
	}
	return records
}

// named are the blobs that the state names.
func (s *Service) named() map[string]bool {
	named := map[string]bool{}
	for _, r := range s.snapshot() {
		if r.Version != nil {
			named[r.Version.Blob] = true
		}
		if r.Part != nil {
			named[r.Part.Blob] = true
		}
	}
	return named
}

func rewrite(path string, records []record) error {
	lines, err := encodeRecords(records)
	if err != nil {
		return err
	}
	if err := os.WriteFile(path+".new", lines, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
