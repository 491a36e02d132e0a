package s3

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// openState reads the state from dir, and opens the journal for further changes.
func (s *Service) openState(dir string) error {
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
		if err := rewriteJournal(path, state); err != nil {
			return err
		}
	}
	if err := blobs.removeUnused(s.usedBlobs()); err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	s.journal = &journal{file: file}
	return nil
}

// replay applies the journal's records, and removes an incomplete last line.
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

// snapshot returns the shortest list of records that leads to the current state.
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

// usedBlobs returns the names of the blobs that the state uses.
func (s *Service) usedBlobs() map[string]bool {
	used := map[string]bool{}
	for _, r := range s.snapshot() {
		if r.Version != nil {
			used[r.Version.Blob] = true
		}
		if r.Part != nil {
			used[r.Part.Blob] = true
		}
	}
	return used
}

func rewriteJournal(path string, records []record) error {
	lines, err := encodeRecords(records)
	if err != nil {
		return err
	}
	if err := os.WriteFile(path+".new", lines, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
