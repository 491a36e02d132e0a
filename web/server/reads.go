package server

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"perch/readapi"
)

// sameFor is how long all viewers get the same answer of the worker.
const sameFor = time.Second

// sharedAnswers asks the worker once for all viewers who ask the same question at the same time.
type sharedAnswers struct {
	asking singleflight.Group

	mu    sync.Mutex
	known map[string]knownAnswer
}

type knownAnswer struct {
	value any
	at    time.Time
}

func newSharedAnswers() *sharedAnswers { return &sharedAnswers{known: map[string]knownAnswer{}} }

// forget has the worker asked again.
func (s *sharedAnswers) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.known)
}

func (s *sharedAnswers) find(key string) (any, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, ok := s.known[key]
	return found.value, ok && time.Since(found.at) < sameFor
}

func (s *sharedAnswers) keep(key string, value any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for other, answer := range s.known {
		if time.Since(answer.at) >= sameFor {
			delete(s.known, other)
		}
	}
	s.known[key] = knownAnswer{value, time.Now()}
}

// askOnce is the answer for key. A viewer who leaves does not end the question, which others share.
func askOnce[T any](
	ctx context.Context, s *sharedAnswers, key string, ask func(context.Context) (T, error),
) (answer T, err error) {
	if found, ok := s.find(key); ok {
		return found.(T), nil
	}
	result := s.asking.DoChan(key, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), pageTimeout)
		defer cancel()
		found, err := ask(ctx)
		if err == nil {
			s.keep(key, found)
		}
		return found, err
	})
	select {
	case <-ctx.Done():
		return answer, ctx.Err()
	case got := <-result:
		if got.Err != nil {
			return answer, got.Err
		}
		return got.Val.(T), nil
	}
}

// askOverview is the overview, which the Dashboard remembers.
func (d *Dashboard) askOverview(ctx context.Context) (readapi.Overview, error) {
	return askOnce(ctx, d.answers, "overview", func(ctx context.Context) (readapi.Overview, error) {
		overview, err := d.Worker.Overview(ctx)
		if err == nil {
			d.mu.Lock()
			d.overview = &overview
			d.mu.Unlock()
		}
		return overview, err
	})
}

// lastOverview is the overview that the worker answered last; nil if it has not answered.
func (d *Dashboard) lastOverview() *readapi.Overview {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.overview
}

func (d *Dashboard) askPage(ctx context.Context, branch string) (readapi.Page, error) {
	return askOnce(ctx, d.answers, "page "+branch, func(ctx context.Context) (readapi.Page, error) {
		return known(d.Worker.Page(ctx, branch))
	})
}

// askFreshPage is the current page, by which an action is decided.
func (d *Dashboard) askFreshPage(ctx context.Context, branch string) (readapi.Page, error) {
	ctx, cancel := context.WithTimeout(ctx, pageTimeout)
	defer cancel()
	return known(d.Worker.FreshPage(ctx, branch))
}

// known is the page, or an error if there is nothing to show.
func known(found readapi.Page, err error) (readapi.Page, error) {
	if err == nil && nothingKnown(found) {
		err = &readapi.Error{Status: http.StatusNotFound, Sentence: fmt.Sprintf("%s has no environment.", found.Branch)}
	}
	return found, err
}

// nothingKnown reports whether there is nothing to show of a branch: no stack, no run and no
// leftover.
func nothingKnown(found readapi.Page) bool {
	return found.Environment.Status == "" && found.Run.RunID == "" && len(found.Status.Leftovers) == 0 &&
		len(found.Status.OtherRepositories) == 0
}

func (d *Dashboard) askHistory(ctx context.Context) (readapi.History, error) {
	return askOnce(
		ctx, d.answers, "history",
		func(ctx context.Context) (readapi.History, error) { return d.Worker.History(ctx, "") },
	)
}

// askLogs is nil if the worker has no lines in time: the page is shown without them.
func (d *Dashboard) askLogs(ctx context.Context, branch string) *readapi.Logs {
	ctx, cancel := context.WithTimeout(ctx, logsTimeout)
	defer cancel()
	logs, err := askOnce(ctx, d.answers, "logs "+branch, func(ctx context.Context) (readapi.Logs, error) {
		return d.Worker.Logs(ctx, branch, logsSince, logsLines)
	})
	if err != nil {
		return nil
	}
	return &logs
}

// fingerprint identifies the content of the page of branch, or of all environments if branch is
// empty. Values that change with the clock alone are not part of it.
func (d *Dashboard) fingerprint(ctx context.Context, branch string) (string, error) {
	var seen any
	if branch == "" {
		overview, err := d.askOverview(ctx)
		if err != nil {
			return "", err
		}
		overview.At, overview.Environments = "", append([]readapi.Environment{}, overview.Environments...)
		for i := range overview.Environments {
			overview.Environments[i].USDSoFar = 0
		}
		seen = overview
	} else {
		found, err := d.askPage(ctx, branch)
		var answered *readapi.Error
		if errors.As(err, &answered) && answered.Status == http.StatusNotFound {
			return "none", nil
		}
		if err != nil {
			return "", err
		}
		found.At, found.USDSoFar = "", 0
		seen = found
	}
	data, err := json.Marshal(seen)
	if err != nil {
		return "", fmt.Errorf("compare what there is to see: %w", err)
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:8]), nil
}
