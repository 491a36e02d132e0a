package card

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"perch/activities/activitytest"
)

// These values say what happens at one S3 call of a writer. 0 means that it works.
const (
	// callIsLost: the request arrives, and its answer does not.
	callIsLost = iota + 1
	// callNeverArrives: neither does.
	callNeverArrives
	// callConflicts: S3 answers 409.
	callConflicts
	// writerDiesBefore and writerDiesAfter: the writer ends before or after the call, and never
	// acts again.
	writerDiesBefore
	writerDiesAfter
	// otherWrites and otherDeletes: a second writer comes first.
	otherWrites
	otherDeletes
	// fates is one more than the last of them.
	fates
)

// faultyNetwork is what is between a writer and S3.
type faultyNetwork struct {
	fate func() int
	die  context.CancelFunc
	// write and drop are what a second writer does.
	write, drop func()
}

func (n *faultyNetwork) RoundTrip(r *http.Request) (*http.Response, error) {
	fate := n.fate()
	switch fate {
	case writerDiesBefore:
		n.die()
		return nil, r.Context().Err()
	case callNeverArrives:
		return nil, errors.New("connection refused")
	case otherWrites:
		n.write()
	case otherDeletes:
		n.drop()
	case callConflicts:
		if r.Method == http.MethodPut || r.Method == http.MethodDelete {
			return conflict(r), nil
		}
	}
	out, err := http.DefaultTransport.RoundTrip(r)
	if err == nil && (fate == callIsLost || fate == writerDiesAfter) {
		_ = out.Body.Close()
		err = errors.New("connection reset by peer")
	}
	if fate == writerDiesAfter {
		n.die()
	}
	return out, err
}

func conflict(r *http.Request) *http.Response {
	body := "<Error><Code>ConditionalRequestConflict</Code><Message>The conditional request cannot " +
		"succeed.</Message></Error>"
	return &http.Response{
		StatusCode: http.StatusConflict, Request: r, Header: http.Header{"Content-Type": {"application/xml"}},
		Body: io.NopCloser(strings.NewReader(body)), ProtoMajor: 1, ProtoMinor: 1,
	}
}

// TestNoWriteIsLostAndNoneIsAppliedTwice runs two writers. One of them is behind a network that
// loses requests and answers, and is killed between calls. A write that was reported as done is in
// the card once, and any other write at most once.
func TestNoWriteIsLostAndNoneIsAppliedTwice(t *testing.T) {
	w := newWorld(t, true)
	calm := w.store(nil)
	story := 0
	rapid.Check(t, func(t *rapid.T) {
		story++
		environment := activitytest.Environment("shop", fmt.Sprint("story-", story))
		// done are the writes that were said to be done since the card was deleted last, tried the
		// others.
		var done, tried []string
		writes := 0
		write := func(ctx context.Context, s *Store) {
			writes++
			name := fmt.Sprint(writes)
			tried = append(tried, name)
			if _, err := s.Update(ctx, environment, readied(name)); err == nil {
				done = append(done, name)
			} else if s == calm {
				t.Fatalf("the second writer: %v", err)
			}
		}
		drop := func(ctx context.Context, s *Store) {
			before := slices.Clone(done)
			deleted, err := s.DeleteIf(ctx, environment, always)
			if s == calm && (err != nil || !deleted) {
				t.Fatalf("the second writer deletes: %t, %v", deleted, err)
			}
			// What another has written meanwhile may be there or not, as after a deletion that was
			// not heard of.
			done = slices.DeleteFunc(done, func(name string) bool { return slices.Contains(before, name) || s != calm })
		}
		for range rapid.IntRange(1, 4).Draw(t, "acts") {
			ctx, die := context.WithCancel(context.Background())
			network := &faultyNetwork{
				fate: func() int { return rapid.IntRange(0, fates-1).Draw(t, "fate") }, die: die,
				write: func() { write(context.Background(), calm) },
				drop:  func() { drop(context.Background(), calm) },
			}
			s := w.store(network)
			s.bucket = w.bucket
			if rapid.IntRange(0, 3).Draw(t, "act") == 0 {
				drop(ctx, s)
			} else {
				write(ctx, s)
			}
			die()
		}
		card, _, err := calm.Read(context.Background(), environment)
		if err != nil {
			t.Fatal(err)
		}
		counts := map[string]int{}
		for _, name := range strings.Fields(commits(card)) {
			counts[name]++
		}
		for _, name := range tried {
			if counts[name] > 1 || counts[name] == 0 && slices.Contains(done, name) {
				t.Fatalf(
					"write %s is %d times in the card %q; said to be done: %v", name, counts[name], commits(card), done,
				)
			}
		}
	})
}
