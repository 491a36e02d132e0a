package server

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"
)

const (
	// mostViewers is the maximum number of watching connections. mostPages is the maximum number of
	// different pages that they watch, because the worker is read for each page at every look.
	mostViewers = 500
	mostPages   = 100
	// mostConnections and mostPagesOfOne are the same limits for one person.
	mostConnections = 50
	mostPagesOfOne  = 20
	// lookEvery is how often the worker is read for all viewers. aliveEvery is how often each
	// connection is sent a line, so that proxies do not close it as idle.
	lookEvery  = 2 * time.Second
	aliveEvery = 20 * time.Second
	// watchLife is the maximum lifetime of a connection. The browser then opens a new one
	// automatically, and the viewer's permission is checked again.
	watchLife = 10 * time.Minute
	// sendTimeout is the maximum time for sending an event to a viewer.
	sendTimeout = 10 * time.Second
)

// live notifies open pages of changes. It reads each page once for all viewers, and only while it
// is open.
type live struct {
	// see returns a fingerprint of a page's content.
	see func(ctx context.Context, branch string) (string, error)

	mu      sync.Mutex
	viewers map[*watcher]bool
	seen    map[string]string
	// stop ends the reading; nil while no page is open.
	stop   context.CancelFunc
	closed chan struct{}
	once   sync.Once
}

// watcher is the connection of a browser that shows the page of branch, or the page of all
// environments if branch is empty.
type watcher struct {
	login, branch string
	// known is the fingerprint of what the browser shows; empty if it is unknown.
	known string
	// changed receives each new fingerprint.
	changed chan string
}

// show sends the fingerprint now to the watcher if the browser shows something else. A browser that
// has just loaded its page does not say what it shows, so the first fingerprint is taken for it.
func (w *watcher) show(now string) {
	before := w.known
	w.known = now
	if before == "" || before == now {
		return
	}
	select {
	case <-w.changed: // The unread fingerprint is out of date.
	default:
	}
	w.changed <- now
}

func newLive(see func(ctx context.Context, branch string) (string, error)) *live {
	return &live{see: see, viewers: map[*watcher]bool{}, seen: map[string]string{}, closed: make(chan struct{})}
}

// close closes all connections and accepts no more.
func (l *live) close() { l.once.Do(func() { close(l.closed) }) }

// join adds a watcher for a person, unless a limit is reached. known is the fingerprint of the page
// that the browser shows; empty if it is unknown.
func (l *live) join(login, branch, known string) (joined *watcher, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	pages, connections, mine := map[string]bool{branch: true}, 0, map[string]bool{branch: true}
	for viewer := range l.viewers {
		pages[viewer.branch] = true
		if viewer.login == login {
			connections++
			mine[viewer.branch] = true
		}
	}
	if len(l.viewers) >= mostViewers || len(pages) > mostPages ||
		connections >= mostConnections || len(mine) > mostPagesOfOne {
		return nil, false
	}
	joined = &watcher{login: login, branch: branch, known: known, changed: make(chan string, 1)}
	l.viewers[joined] = true
	if now := l.seen[branch]; now != "" {
		joined.show(now)
	}
	if l.stop == nil {
		ctx, stop := context.WithCancel(context.Background())
		l.stop = stop
		go l.look(ctx)
	}
	return joined, true
}

func (l *live) leave(left *watcher) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.viewers, left)
	if len(l.viewers) == 0 && l.stop != nil {
		l.stop()
		l.stop = nil
		clear(l.seen)
	}
}

// look reads the watched pages at regular intervals until ctx ends.
func (l *live) look(ctx context.Context) {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		for _, branch := range l.watched() {
			if now, err := l.see(ctx, branch); err == nil && ctx.Err() == nil {
				l.tell(branch, now)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-l.closed:
			return
		case <-ticker.C:
		}
	}
}

// watched returns the branches of the pages that browsers show.
func (l *live) watched() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	found, branches := map[string]bool{}, []string{}
	for viewer := range l.viewers {
		if !found[viewer.branch] {
			found[viewer.branch] = true
			branches = append(branches, viewer.branch)
		}
	}
	return branches
}

// tell sends the fingerprint now to the page's watchers that show something else.
func (l *live) tell(branch, now string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seen[branch] = now
	for viewer := range l.viewers {
		if viewer.branch == branch {
			viewer.show(now)
		}
	}
}

// serveEvents sends the event `changed` whenever the page of the query's branch changes. Without a
// branch, it watches the page of all environments.
func (d *Dashboard) serveEvents(w http.ResponseWriter, r *http.Request) *trouble {
	frame, failed := d.reader(r)
	if failed != nil {
		return failed
	}
	branch := r.URL.Query().Get("branch")
	if branch != "" {
		if _, failed := branchOf(r); failed != nil {
			return failed
		}
	}
	joined, ok := d.live.join(frame.Viewer.Login, branch, r.Header.Get("Last-Event-ID"))
	if !ok {
		w.Header().Set("Retry-After", "60")
		return &trouble{
			status: http.StatusServiceUnavailable, title: "Too many viewers",
			sentence: "Too many people watch this dashboard, or you have too many of its pages open. " +
				"Reload the page to see what is new.",
			back: "/", backText: "All environments",
		}
	}
	defer d.live.leave(joined)
	connection := http.NewResponseController(w)
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // nginx passes events on at once.
	send := func(text string, args ...any) bool {
		if connection.SetWriteDeadline(time.Now().Add(sendTimeout)) != nil {
			return false
		}
		_, err := fmt.Fprintf(w, text, args...)
		return err == nil && connection.Flush() == nil
	}
	alive, end := time.NewTicker(aliveEvery), time.After(watchLife)
	defer alive.Stop()
	for open := send("retry: 3000\n: watching\n\n"); open; {
		select {
		case now := <-joined.changed:
			open = send("id: %s\nevent: changed\ndata: %s\n\n", now, now)
		case <-alive.C:
			open = send(": alive\n\n")
		case <-d.live.closed:
			return nil
		case <-end:
			return nil
		case <-r.Context().Done():
			return nil
		}
	}
	return nil
}
