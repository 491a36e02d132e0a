package bucket

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"perch/activities/awserr"
)

const (
	// maxSweeps is how often Perch lists a bucket from its beginning before it concludes that
	// something keeps filling it.
	maxSweeps = 10
	// The lister waits while maxQueued versions are not yet in a request, or maxOpen pages are not
	// yet deleted completely. Both limit the memory of an attempt.
	maxQueued = 2 * deleteBatch
	maxOpen   = 64
)

// emptying is one attempt to empty one bucket.
type emptying struct {
	s3                 *s3.Client
	cfn                *cloudformation.Client
	bucket, stackID    string
	partition, account string
	// page, remove and deny are the methods listVersions, deleteKeys and denyWrites; tests replace
	// them.
	page   func(context.Context, marker) listing
	remove func(context.Context, []identity) deletion
	deny   func(context.Context) error
	// progress is the content of the next heartbeat.
	progress atomic.Pointer[bucketBeat]
	// moved is when a call last succeeded, and throttled when S3 last throttled one, both in
	// nanoseconds since 1970.
	moved, throttled atomic.Int64
}

// sweep empties the bucket, first from a place on, and then from its beginning, until a listing of
// the whole bucket is empty. That listing proves that nothing is left.
func (e *emptying) sweep(ctx context.Context, from marker) error {
	pace := newPace()
	var last identity
	for range maxSweeps {
		if err := e.deny(ctx); err != nil {
			return err
		}
		s := &sweeper{emptying: e, pace: pace, outcomes: make(chan outcome)}
		if err := s.run(ctx, from); err != nil {
			return err
		}
		if s.found == 0 && from == (marker{}) {
			return nil
		}
		from, last = marker{}, s.last
	}
	return fmt.Errorf(
		"empty bucket %s: %d listings in a row were not empty, the last had %q: stop what writes to it", e.bucket,
		maxSweeps, last.key,
	)
}

// sweeper deletes what one listing shows. It runs one lister, and as many requests to delete as the
// pace allows. Only the goroutine in run uses its fields.
type sweeper struct {
	*emptying
	pace     *pace
	pages    chan listing
	outcomes chan outcome
	// queue has the versions to delete. Versions that failed and are tried again are at its end.
	queue []task
	// open has the first page that is not completely deleted, and all pages after it.
	open  []*openPage
	found int
	last  identity
	// listed is set after the last page. err is the first error; after an error no request begins.
	listed bool
	err    error
}

type task struct {
	identity
	page *openPage
}

type openPage struct {
	left int
	next *marker
}

type outcome struct {
	tasks []task
	round int
	deletion
}

func (s *sweeper) run(ctx context.Context, from marker) error {
	lister, cancel := context.WithCancel(ctx)
	defer cancel()
	s.pages = make(chan listing)
	go s.list(lister, from, s.pages)
	s.reached(from)
	done := ctx.Done()
	for {
		s.send(ctx)
		if s.over() {
			return s.err
		}
		select {
		case page, ok := <-s.wanted():
			s.take(page, ok)
		case o := <-s.outcomes:
			s.settle(o)
		case <-s.pace.ready(time.Now()):
		case <-done:
			done = nil
			s.fail(ctx.Err())
		}
	}
}

func (s *sweeper) over() bool {
	return s.pace.requests == 0 && (s.err != nil || s.listed && len(s.queue) == 0)
}

func (s *sweeper) fail(err error) {
	if s.err == nil {
		s.err = err
	}
}

// wanted returns the channel of the next page; nil while there is enough to do.
func (s *sweeper) wanted() <-chan listing {
	if s.listed || s.err != nil || len(s.queue) >= maxQueued || len(s.open) >= maxOpen {
		return nil
	}
	return s.pages
}

func (s *sweeper) take(page listing, ok bool) {
	if !ok {
		s.listed = true
		return
	}
	if page.err != nil {
		s.fail(page.err)
		return
	}
	open := &openPage{left: len(page.found), next: page.next}
	s.open = append(s.open, open)
	for _, id := range page.found {
		s.queue = append(s.queue, task{id, open})
		s.last = id
	}
	s.found += len(page.found)
	s.listed = page.next == nil
	s.finish(0)
}

// send starts requests while there are full ones and the pace allows more.
func (s *sweeper) send(ctx context.Context) {
	for s.err == nil {
		n := s.ready()
		if n == 0 || !s.pace.admits(time.Now()) {
			return
		}
		tasks := s.queue[:n:n]
		s.queue = s.queue[n:]
		o := outcome{tasks: tasks, round: s.pace.sent(n, time.Now())}
		go func() {
			batch := make([]identity, len(tasks))
			for i, t := range tasks {
				batch[i] = t.identity
			}
			o.deletion = s.remove(ctx, batch)
			s.outcomes <- o
		}()
	}
}

// ready returns how many versions the next request takes; 0 if it is better to wait for more
// versions, which fill the request.
func (s *sweeper) ready() int {
	n := 0
	for n < len(s.queue) && n < s.pace.size {
		if !writable(s.queue[n].key) {
			return max(n, 1)
		}
		n++
	}
	if n < s.pace.size && s.wanted() != nil {
		return 0
	}
	return n
}

// settle counts what a request deleted, and puts the rest back into the queue.
func (s *sweeper) settle(o outcome) {
	again := s.failed(o)
	deleted := len(o.tasks) - len(again)
	throttled := o.slow || slow(o.err)
	s.noteThrottling(throttled)
	s.pace.finished(len(o.tasks), deleted, throttled, o.round, time.Now())
	if deleted > 0 {
		s.moved.Store(time.Now().UnixNano())
	}
	for _, t := range o.tasks {
		t.page.left--
	}
	for _, t := range again {
		t.page.left++
	}
	s.queue = append(s.queue, again...)
	s.finish(deleted)
}

// failed returns the tasks of a request that were not deleted. If some of them can never be
// deleted, it records the error.
func (s *sweeper) failed(o outcome) []task {
	switch {
	case o.err != nil && (!passing(o.err) || s.stuck()):
		s.fail(awserr.Wrap(o.err, "delete objects of bucket %s", s.bucket))
		return o.tasks
	case o.err != nil:
		return o.tasks
	case len(o.final) > 0:
		s.fail(s.impossible(o.final))
	case len(o.passing) > 0 && s.stuck():
		s.fail(fmt.Errorf(
			"delete objects of bucket %s: nothing has been deleted for %s, the last failure is %s", s.bucket,
			stuckAfter, o.passing[0],
		))
	}
	failures := map[identity]bool{}
	for _, f := range append(o.final, o.passing...) {
		failures[f.identity] = true
	}
	var again []task
	for _, t := range o.tasks {
		if failures[t.identity] {
			again = append(again, t)
		}
	}
	return again
}

// finish counts deleted versions, and moves the place before which everything is deleted.
func (s *sweeper) finish(deleted int) {
	next := *s.progress.Load()
	next.Done += deleted
	for len(s.open) > 0 && s.open[0].left == 0 {
		if at := s.open[0].next; at != nil {
			next.KeyMarker, next.VersionMarker = at.key, at.version
		}
		s.open = s.open[1:]
	}
	s.progress.Store(&next)
}

// reached records where a sweep begins.
func (s *sweeper) reached(from marker) {
	next := *s.progress.Load()
	next.KeyMarker, next.VersionMarker = from.key, from.version
	s.progress.Store(&next)
}
