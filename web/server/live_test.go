package server

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"perch/readapi"
)

// eventPatience is how long to wait for an event. Only a failing test waits that long.
const eventPatience = time.Minute

// watch opens the events of a page, and returns its lines until the test or the server ends it.
func (p *person) watch(path string) (*http.Response, <-chan string) {
	p.t.Helper()
	answer, err := p.raw(http.MethodGet, path, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	lines := make(chan string, 1000)
	go func() {
		defer close(lines)
		defer answer.Body.Close()
		for scanner := bufio.NewScanner(answer.Body); scanner.Scan(); {
			lines <- scanner.Text()
		}
	}()
	return answer, lines
}

// await reads lines until one has the prefix begins. It returns false if the lines end before.
func await(t *testing.T, lines <-chan string, begins string) bool {
	t.Helper()
	end := time.After(eventPatience)
	for {
		select {
		case line, open := <-lines:
			if strings.HasPrefix(line, begins) {
				return true
			}
			if !open {
				return false
			}
		case <-end:
			t.Fatalf("no line begins with %q", begins)
		}
	}
}

// looked waits until the worker has been read for every open page, so that the server notices later
// changes. The first read may belong to a look that began before a page was opened, and the second
// to one that has not read every page yet.
func (s *site) looked(t *testing.T, question string) {
	t.Helper()
	before, end := s.worker.times(question), time.After(eventPatience)
	for {
		next := s.worker.nextQuestion()
		if s.worker.times(question) >= before+3 {
			return
		}
		select {
		case <-next:
		case <-end:
			t.Fatal("the worker is not read")
		}
	}
}

func TestViewersHearWhatChangesOnTheirPage(t *testing.T) {
	s := newSite(t, signedInLocally)
	answer, all := s.visitor(t).watch("/events")
	_, one := s.visitor(t).watch("/events?branch=feature%2Flogin")
	_, other := s.visitor(t).watch("/events?branch=main")
	if got := answer.Header.Get("Content-Type") + answer.Header.Get("X-Accel-Buffering"); got != "text/event-streamno" {
		t.Errorf("the headers are %v", answer.Header)
	}
	s.looked(t, readapi.PathPage)
	s.worker.change(func(w *worker) {
		w.overview.At, w.overview.Environments[0].Status = "2026-11-28T12:00:05Z", "UPDATE_IN_PROGRESS"
	})
	if !await(t, all, "event: changed") || !await(t, one, "event: changed") {
		t.Error("the connection has ended")
	}
	s.Dashboard.Close()
	for line := range other {
		if line == "event: changed" {
			t.Error("the page that has not changed is said to have")
		}
	}
}

func TestWhatChangesByTheClockAloneIsNotAnEvent(t *testing.T) {
	s := newSite(t, signedInLocally)
	before, err := s.fingerprint(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	s.worker.change(func(w *worker) {
		w.overview.At, w.overview.Environments[0].USDSoFar = "2026-11-28T12:10:00Z", 3.5
	})
	s.answers.forget()
	if after, err := s.fingerprint(t.Context(), ""); err != nil || after != before {
		t.Errorf("%s became %s, %v", before, after, err)
	}
	s.worker.change(func(w *worker) { w.overview.Environments[0].USDPerDay = 4 })
	s.answers.forget()
	if after, err := s.fingerprint(t.Context(), ""); err != nil || after == before {
		t.Errorf("%s is still %s, %v", before, after, err)
	}
}

func TestAViewerWhoComesBackHearsWhatWasMissed(t *testing.T) {
	for name, others := range map[string]bool{"alone": false, "with others": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLive(func(context.Context, string) (string, error) { return "new", nil })
				defer l.close()
				if others {
					other, _ := l.join("ben", "", "")
					defer l.leave(other)
					synctest.Wait()
				}
				for known, want := range map[string]string{"old": "new", "new": "", "": ""} {
					back, _ := l.join("ana", "", known)
					synctest.Wait()
					var heard string
					select {
					case heard = <-back.changed:
					default:
					}
					if heard != want {
						t.Errorf("a page with the fingerprint %q hears %q, not %q", known, heard, want)
					}
					l.leave(back)
				}
			})
		})
	}
}

func TestTheNumberOfViewersIsLimitedAndWithoutThemNothingIsRead(t *testing.T) {
	s := newSite(t, signedInLocally)
	var joined []*watcher
	for i := range mostViewers {
		one, ok := s.live.join(fmt.Sprint("person-", i/mostConnections), "", "")
		if !ok {
			t.Fatal("there is no room")
		}
		joined = append(joined, one)
	}
	status, body := s.visitor(t).send(http.MethodGet, "/events", nil)
	wantAnswer(t, status, body, http.StatusServiceUnavailable, "Too many people watch")
	for _, one := range joined {
		s.live.leave(one)
	}
	if s.live.stop != nil || len(s.live.seen) != 0 {
		t.Error("the worker is still read")
	}
}

func TestTheWorkerIsAskedForSoManyPagesAndNotForMore(t *testing.T) {
	s := newSite(t, signedInLocally)
	for i := range mostPages {
		if _, ok := s.live.join(fmt.Sprint("person-", i/mostPagesOfOne), fmt.Sprint("topic-", i), ""); !ok {
			t.Fatal("there is no room")
		}
	}
	if _, ok := s.live.join("somebody", "topic-0", ""); !ok {
		t.Error("a page that is watched cannot be watched by another person")
	}
	status, body := s.visitor(t).send(http.MethodGet, "/events?branch=one-more", nil)
	wantAnswer(t, status, body, http.StatusServiceUnavailable, "Too many people watch")
	status, body = s.visitor(t).send(http.MethodGet, "/events?branch=a..b", nil)
	wantAnswer(t, status, body, http.StatusBadRequest, "names no branch")
}

func TestOnePersonLeavesRoomForOthers(t *testing.T) {
	for name, c := range map[string]struct {
		branch string
		most   int
	}{
		"pages": {"topic-%d", mostPagesOfOne}, "connections": {"topic", mostConnections},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLive(func(context.Context, string) (string, error) { return "", nil })
			defer l.close()
			branch := func(i int) string { return strings.ReplaceAll(c.branch, "%d", fmt.Sprint(i)) }
			for i := range c.most {
				if _, ok := l.join("ana", branch(i), ""); !ok {
					t.Fatalf("there is no room for %d", i+1)
				}
			}
			if _, ok := l.join("ana", branch(c.most), ""); ok {
				t.Error("one person may have more")
			}
			if _, ok := l.join("ben", branch(c.most), ""); !ok {
				t.Error("there is no room for another person")
			}
		})
	}
}

func TestTheConnectionsOfViewersEndWithTheServer(t *testing.T) {
	s := newSite(t, signedInLocally)
	_, lines := s.visitor(t).watch("/events")
	await(t, lines, ": watching")
	s.Dashboard.Close()
	if await(t, lines, "event:") {
		t.Error("it heard an event")
	}
}
