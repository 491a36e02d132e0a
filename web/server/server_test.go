package server

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"perch"
	"perch/client"
)

// slow is a Temporal that accepts a hint only when it is released.
type slow struct {
	temporal
	asked, release chan struct{}
}

func (s *slow) RequestLook(ctx context.Context, e perch.Environment, hint perch.Hint) (client.Run, error) {
	close(s.asked)
	<-s.release
	return s.temporal.RequestLook(ctx, e, hint)
}

// address finds the address in the first line of the log.
type address chan string

func (a address) Write(line []byte) (int, error) {
	if _, rest, found := strings.Cut(string(line), "address="); found {
		found, _, _ := strings.Cut(rest, " ")
		a <- found
	}
	return len(line), nil
}

func TestADeliveryThatIsBeingHandledEndsBeforeTheServerStops(t *testing.T) {
	r, f := newReceiver()
	held := &slow{temporal: *f, asked: make(chan struct{}), release: make(chan struct{})}
	listening := make(address, 1)
	r.Temporal, r.Logger = held, slog.New(slog.NewTextHandler(listening, nil))
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx, "127.0.0.1:0", parts{receiver: r, reach: r.Temporal, logger: r.Logger}) }()
	at := <-listening
	if err := check(t.Context(), at); err != nil {
		t.Error(err)
	}
	answer := make(chan int, 1)
	go func() {
		request := delivery("push", push)
		out, err := http.NewRequest(http.MethodPost, "http://"+at+"/webhooks/github", request.Body)
		if err != nil {
			answer <- 0
			return
		}
		out.Header = request.Header
		response, err := http.DefaultClient.Do(out)
		if err != nil {
			answer <- 0
			return
		}
		response.Body.Close()
		answer <- response.StatusCode
	}()
	<-held.asked
	stop()
	close(held.release)
	if status := <-answer; status != http.StatusAccepted {
		t.Errorf("the delivery was answered %d", status)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if err := check(t.Context(), at); err == nil || !strings.Contains(err.Error(), "no perch-web listens") {
		t.Errorf("it still answers: %v", err)
	}
}
