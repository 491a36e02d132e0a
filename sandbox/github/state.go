package github

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
)

// state is what was written to the repository outside Git.
type state struct {
	// Last is the last id that was assigned.
	Last         int64           `json:"last"`
	PullRequests []*PullRequest  `json:"pull_requests"`
	Comments     []*Comment      `json:"comments"`
	Deployments  []*Deployment   `json:"deployments"`
	Statuses     []*CommitStatus `json:"statuses"`
}

func (s *state) next() int64 {
	s.Last++
	return s.Last
}

func (s *Server) load() error {
	if s.config.File == "" {
		return nil
	}
	data, err := os.ReadFile(s.config.File)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = json.Unmarshal(data, &s.state)
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", s.config.File, err)
	}
	return nil
}

// save stores the state in the file, which is never incomplete.
func (s *Server) save() error {
	if s.config.File == "" {
		return nil
	}
	data, err := json.MarshalIndent(s.state, "", " ")
	if err == nil {
		err = os.WriteFile(s.config.File+".new", data, 0o600)
	}
	if err == nil {
		err = os.Rename(s.config.File+".new", s.config.File)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", s.config.File, err)
	}
	return nil
}

// stamp formats a time as GitHub does.
func stamp(at time.Time) string { return at.UTC().Format(time.RFC3339) }
