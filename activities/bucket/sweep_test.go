package bucket

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
	"golang.org/x/time/rate"

	"perch/activities/pulse"
)

// pile is a bucket without a network, in the time of a synctest bubble: it lists a page in 0.1 s
// and deletes in 0.05 s and one millisecond a key.
type pile struct {
	mu      sync.Mutex
	deleted []bool
	left    int
	// listed and sent count versions. most is the largest number of versions that were listed and
	// not yet deleted at a time.
	listed, sent, most int
	requests           int
	limit              *rate.Limiter
	// perKey is how long the deletion of a key takes; 0 means a millisecond.
	perKey time.Duration
	// whole means that the limit rejects whole requests and not single keys.
	whole bool
	// reject may fail a request as a whole.
	reject func() error
}

func newPile(n int) *pile { return &pile{deleted: make([]bool, n), left: n} }

// limited limits the pile to perSecond deletions a second, and to atOnce at a time after a rest.
func (p *pile) limited(perSecond, atOnce int) *pile {
	p.limit = rate.NewLimiter(rate.Limit(perSecond), atOnce)
	p.limit.AllowN(time.Now(), atOnce)
	return p
}

func (p *pile) emptying() *emptying {
	e := &emptying{bucket: "pile", page: p.page, remove: p.remove, deny: func(context.Context) error { return nil }}
	e.progress.Store(&bucketBeat{})
	e.moved.Store(time.Now().UnixNano())
	return e
}

func (p *pile) page(ctx context.Context, from marker) listing {
	if err := pulse.Pause(ctx, 100*time.Millisecond); err != nil {
		return listing{err: err}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.requests++
	at := 0
	if from.key != "" {
		_, _ = fmt.Sscanf(from.key, "%d", &at)
		at++
	}
	var out listing
	for ; at < len(p.deleted); at++ {
		if p.deleted[at] {
			continue
		}
		if len(out.found) == deleteBatch {
			out.next = &marker{key: out.found[deleteBatch-1].key, version: "v"}
			break
		}
		out.found = append(out.found, identity{fmt.Sprintf("%07d", at), "v"})
	}
	p.listed += len(out.found)
	p.most = max(p.most, p.listed-(len(p.deleted)-p.left))
	return out
}

func (p *pile) remove(ctx context.Context, batch []identity) deletion {
	if err := pulse.Pause(
		ctx, 50*time.Millisecond+time.Duration(len(batch))*max(time.Millisecond, p.perKey),
	); err != nil {
		return deletion{err: err}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.requests++
	p.sent += len(batch)
	if p.reject != nil {
		if err := p.reject(); err != nil {
			return deletion{err: err}
		}
	}
	allowed := len(batch)
	if p.limit != nil {
		if allowed = max(0, min(allowed, int(p.limit.Tokens()))); p.whole && allowed < len(batch) {
			allowed = 0
		}
		p.limit.AllowN(time.Now(), allowed)
	}
	if allowed == 0 {
		return deletion{err: apiError("SlowDown")}
	}
	for _, id := range batch[:allowed] {
		at := 0
		_, _ = fmt.Sscanf(id.key, "%d", &at)
		if !p.deleted[at] {
			p.deleted[at] = true
			p.left--
		}
	}
	var slow []types.Error
	for _, id := range batch[allowed:] {
		slow = append(slow, types.Error{Key: &id.key, VersionId: &id.version, Code: ptr("SlowDown")})
	}
	return judge(slow)
}

func ptr(text string) *string { return &text }

func apiError(code string) error {
	return &smithy.GenericAPIError{Code: code, Message: "Please try again."}
}

func TestS38AStormOfSlowDownCostsLittle(t *testing.T) {
	const n, limit = 100000, 3500
	for _, c := range []struct {
		name  string
		share float64
		// whole means that the limit rejects whole requests.
		whole  bool
		atOnce int
		// requests is how many requests one full request may become at most.
		requests float64
	}{
		{"of single keys", 0.9, false, deleteBatch, 1.5},
		{"of whole requests", 0.8, true, limit, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPile(n).limited(limit, c.atOnce)
				p.whole = c.whole
				start := time.Now()
				if err := p.emptying().sweep(t.Context(), marker{}); err != nil || p.left > 0 {
					t.Fatalf("%d left, error %v", p.left, err)
				}
				seconds := time.Since(start).Seconds()
				share := n / seconds / limit
				t.Logf("%.1f s, %.0f %% of the limit, %d requests", seconds, 100*share, p.requests)
				if share < c.share {
					t.Errorf("%.0f %% of the limit, want %.0f %%", 100*share, 100*c.share)
				}
				if most := 2 * n / deleteBatch * c.requests; float64(p.requests) > most {
					t.Errorf("%d requests, want at most %.0f", p.requests, most)
				}
			})
		})
	}
}

func TestS38AStormThatLastsAMinuteEndsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		p := newPile(20000)
		p.reject = func() error {
			if since := time.Since(start); since > 2*time.Second && since < time.Minute {
				return apiError("SlowDown")
			}
			return nil
		}
		if err := p.emptying().sweep(t.Context(), marker{}); err != nil || p.left > 0 {
			t.Fatalf("%d left, error %v", p.left, err)
		}
		if p.requests > 4*42 {
			t.Errorf("%d requests where 42 would do without the storm", p.requests)
		}
	})
}

func TestHeartbeatsSayThatS3Throttles(t *testing.T) {
	for name, c := range map[string]struct {
		code string
		want string
	}{
		"slow down":       {"SlowDown", "S3 throttles the requests, so it takes longer"},
		"another failure": {"InternalError", ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPile(5)
				failures := 0
				p.reject = func() error {
					if failures++; failures == 1 {
						return apiError(c.code)
					}
					return nil
				}
				e := p.emptying()
				if err := e.sweep(t.Context(), marker{}); err != nil || p.left > 0 {
					t.Fatalf("%d left, error %v", p.left, err)
				}
				if got := e.currentBeat(time.Now()).Reason; got != c.want {
					t.Errorf("reason %q, want %q", got, c.want)
				}
				if got := e.currentBeat(time.Now().Add(throttledFor)).Reason; got != "" {
					t.Errorf("reason %q after S3 has not throttled for %s", got, throttledFor)
				}
			})
		})
	}
}

func TestS39AMillionVersionsOverTwoWorkersAreSentOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 1_000_000
		p := newPile(n)
		life, die := context.WithCancel(t.Context())
		first := p.emptying()
		p.reject = func() error {
			if p.left <= n*4/10 {
				die()
			}
			return life.Err()
		}
		if err := first.sweep(life, marker{}); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		p.reject = nil
		beat := first.progress.Load()
		second := p.emptying()
		second.progress.Store(beat)
		if err := second.sweep(t.Context(), marker{beat.KeyMarker, beat.VersionMarker}); err != nil || p.left > 0 {
			t.Fatalf("%d left, error %v", p.left, err)
		}
		if p.sent > n*101/100 || second.progress.Load().Done != n {
			t.Errorf("%d sent, %d counted", p.sent, second.progress.Load().Done)
		}
		if p.requests > 2*n/deleteBatch+2*mostRequests+maxOpen {
			t.Errorf("%d requests", p.requests)
		}
		if p.most > maxQueued+2*deleteBatch+mostRequests*deleteBatch+maxOpen*deleteBatch {
			t.Errorf("%d versions were listed and not deleted at a time", p.most)
		}
	})
}

func TestAFailureThatNeverPassesEndsWithItsReason(t *testing.T) {
	for code, fail := range map[string]func(p *pile){
		"InternalError": func(p *pile) { p.reject = func() error { return apiError("InternalError") } },
		"SlowDown":      func(p *pile) { p.limit = rate.NewLimiter(0, 0) },
	} {
		synctest.Test(t, func(t *testing.T) {
			p := newPile(3)
			fail(p)
			start := time.Now()
			err := p.emptying().sweep(t.Context(), marker{})
			if err == nil || !strings.Contains(err.Error(), code) ||
				!strings.Contains(err.Error(), "delete objects of bucket pile") {
				t.Errorf("error %v", err)
			}
			if waited := time.Since(start); waited < stuckAfter || waited > stuckAfter+2*backoffMost {
				t.Errorf("gave up after %s", waited)
			}
		})
	}
}

func TestAKeyThatNeverPassesIsNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPile(2500)
		e := p.emptying()
		e.remove = func(ctx context.Context, batch []identity) deletion {
			var kept []identity
			var failed []types.Error
			for _, id := range batch {
				if id.key == "0000042" {
					failed = append(failed, types.Error{
						Key: &id.key, VersionId: &id.version, Code: ptr("InternalError"),
						Message: ptr("Please try again."),
					})
					continue
				}
				kept = append(kept, id)
			}
			if d := p.remove(ctx, kept); len(kept) > 0 && d.err != nil {
				return d
			}
			return judge(failed)
		}
		err := e.sweep(t.Context(), marker{})
		if err == nil || !strings.Contains(err.Error(), `"0000042" version v (InternalError: Please try again.)`) {
			t.Error(err)
		}
		if e.progress.Load().KeyMarker != "" {
			t.Errorf("the heartbeat has %q, which comes after a key that is not deleted", e.progress.Load().KeyMarker)
		}
	})
}

func TestAPageThatEndsWhereItBeganIsAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPile(10)
		e := p.emptying()
		e.page = func(context.Context, marker) listing { return listing{next: &marker{"k", "v"}} }
		err := e.sweep(t.Context(), marker{})
		if err == nil || !strings.Contains(err.Error(), "ends at the same place again") {
			t.Error(err)
		}
	})
}

func TestRequestsAtATimeReachTheLimitHoweverLongTheyTake(t *testing.T) {
	for perKey, most := range map[time.Duration]float64{time.Millisecond: 33, 2800 * time.Microsecond: 50} {
		synctest.Test(t, func(t *testing.T) {
			p := newPile(100000).limited(3500, 3500)
			p.perKey = perKey
			start := time.Now()
			if err := p.emptying().sweep(t.Context(), marker{}); err != nil || p.left > 0 {
				t.Fatalf("%d left, error %v", p.left, err)
			}
			seconds := time.Since(start).Seconds()
			t.Logf("%s a key: %.1f s, %d requests", perKey, seconds, p.requests)
			if seconds > most {
				t.Errorf("%s a key: %.1f s, want at most %.0f", perKey, seconds, most)
			}
		})
	}
}
