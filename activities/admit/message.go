package admit

import (
	"context"
	"sync"
	"time"

	"perch"
)

const (
	// longestMessageCall is how long the source may take to return a commit's message. A request
	// does not wait longer for it.
	longestMessageCall = 5 * time.Second
	// rememberedMessages is how many messages are kept in memory, because a request that waits for
	// its image is admitted more than once.
	rememberedMessages = 100
)

// messages keeps what the source said about commits. It is safe for concurrent use.
type messages struct {
	mu       sync.Mutex
	byCommit map[string]perch.CommitMessage
}

// of returns the message of a commit, if it is in memory.
func (m *messages) of(commit string) (said perch.CommitMessage, found bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	said, found = m.byCommit[commit]
	return said, found
}

func (m *messages) remember(commit string, said perch.CommitMessage) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.byCommit == nil || len(m.byCommit) >= rememberedMessages {
		m.byCommit = map[string]perch.CommitMessage{}
	}
	m.byCommit[commit] = said
}

// message returns what the source says about a commit; nil if the source does not answer. It fails
// no request.
func (a *Admitter) message(ctx context.Context, commit string) *perch.CommitMessage {
	if said, found := a.messages.of(commit); found {
		return &said
	}
	ctx, stop := context.WithTimeout(ctx, longestMessageCall)
	defer stop()
	said, err := a.Branches.Message(ctx, commit)
	if err != nil {
		return nil
	}
	a.messages.remember(commit, said)
	return &said
}
