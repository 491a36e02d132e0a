package github

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
)

// state is the data that GitHub stores about a repository outside Git.
type state struct {
	// Last is the id that was assigned last.
	Last         int64           `json:"last"`
	PullRequests []*PullRequest  `json:"pull_requests"`
	Comments     []*Comment      `json:"comments"`
	Deployments  []*Deployment   `json:"deployments"`
	Statuses     []*CommitStatus `json:"statuses"`
}

func (s *state) nextID() int64 {
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

// save writes the state to the file. It replaces the file in one step, so that a crash cannot leave
// an incomplete one.
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

// timestamp formats a time as GitHub does.
func timestamp(at time.Time) string { return at.UTC().Format(time.RFC3339) }
