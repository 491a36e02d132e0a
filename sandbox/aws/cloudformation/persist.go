package cloudformation

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// saveAfter is the delay, in real time, with which changes of the engine are written, so that
// several are written together. Answers to calls do not wait for it.
const saveAfter = 100 * time.Millisecond

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// touch marks a stack as changed. The caller holds the lock.
func (s *Service) touch(st *stack) {
	if s.config.Data == "" {
		return
	}
	s.dirty[st.ID] = true
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *Service) keepSaving() {
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-s.wake:
		}
		_ = sleep(s.ctx, saveAfter)
		if err := s.flush(); err != nil {
			s.log.Error("save stacks", "error", err)
		}
	}
}

// flush writes every stack that has changed, each to its own file.
func (s *Service) flush() error {
	if s.config.Data == "" {
		return nil
	}
	s.saving.Lock()
	defer s.saving.Unlock()
	files := map[string][]byte{}
	var failed []error
	s.mu.Lock()
	for id := range s.dirty {
		content, err := json.Marshal(s.stacks[id])
		failed = append(failed, err)
		files[id] = content
	}
	clear(s.dirty)
	s.mu.Unlock()
	for id, content := range files {
		failed = append(failed, replaceFile(s.file(id), content))
	}
	return errors.Join(failed...)
}

func (s *Service) file(id string) string {
	return filepath.Join(s.config.Data, id[strings.LastIndex(id, "/")+1:]+".json")
}

// replaceFile writes a file so that a reader sees either the old content or the new content.
func replaceFile(path string, content []byte) error {
	temporary := path + ".new"
	if err := os.WriteFile(temporary, content, 0o644); err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(path), err)
	}
	if err := os.Rename(temporary, path); err != nil {
		return fmt.Errorf("replace %s: %w", filepath.Base(path), err)
	}
	return nil
}

func (s *Service) load() error {
	paths, err := filepath.Glob(filepath.Join(s.config.Data, "*.json"))
	if err != nil {
		return fmt.Errorf("list saved stacks: %w", err)
	}
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("read saved stack: %w", err)
		}
		st := &stack{}
		if err := json.Unmarshal(content, st); err != nil {
			return fmt.Errorf("read saved stack %s: %w; remove the file to start without it", path, err)
		}
		s.stacks[st.ID] = st
	}
	return nil
}
