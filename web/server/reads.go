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

// sameFor is how long an answer of the worker is shared among viewers.
const sameFor = time.Second

// sharedAnswers combines concurrent identical questions of viewers into one question to the worker.
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

// forget drops all answers, so that the worker is asked again.
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

// askOnce returns the answer for key. If a viewer leaves, the question continues, because others
// may share it.
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

// askOverview reads the overview from the worker and stores it in the Dashboard.
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

// lastOverview returns the last overview from the worker; nil if there was none.
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

// askFreshPage reads the current page, on which the decision about an action is based.
func (d *Dashboard) askFreshPage(ctx context.Context, branch string) (readapi.Page, error) {
	ctx, cancel := context.WithTimeout(ctx, pageTimeout)
	defer cancel()
	return known(d.Worker.FreshPage(ctx, branch))
}

// known returns the page, or an error with status 404 if there is nothing to show.
func known(found readapi.Page, err error) (readapi.Page, error) {
	if err == nil && nothingKnown(found) {
		err = &readapi.Error{Status: http.StatusNotFound, Sentence: fmt.Sprintf("%s has no environment.", found.Branch)}
	}
	return found, err
}

// nothingKnown reports whether there is nothing to show for a branch: no stack, no run and no
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

// askLogs returns nil if the worker does not answer in time. The page is then shown without log
// lines.
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

// fingerprint returns a hash of the content of the branch's page, or of the page of all
// environments if branch is empty. It leaves out At and USDSoFar, which change with every read. It
// includes Progress, which counts minutes, so the pages of a working run change every minute.
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
		return "", fmt.Errorf("hash the page's content: %w", err)
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:8]), nil
}
