package run

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	commonpb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/grpc"
)

// temporalHealth answers CheckHealth with an error or nil.
type temporalHealth struct{ err error }

func (h temporalHealth) CheckHealth(context.Context, *client.CheckHealthRequest) (*client.CheckHealthResponse, error) {
	return &client.CheckHealthResponse{}, h.err
}

func TestReadyzSaysWhatIsMissing(t *testing.T) {
	unreachable := errors.New("connection refused")
	tests := map[string]struct {
		temporal health
		polls    func(*polls, *time.Time)
		status   int
		body     string
	}{
		"not connected yet":        {status: 503, body: "not connected to Temporal yet"},
		"Temporal does not answer": {temporal: temporalHealth{unreachable}, polls: pollAll, status: 503, body: "reach Temporal: connection refused"},
		"nothing listens where Temporal was": {
			temporal: temporalHealth{errors.New(`health check error: connection error: desc = "transport: Error while dialing: dial tcp 127.0.0.1:1: connect: connection refused"`)},
			polls:    pollAll, status: 503, body: "reach Temporal: no Temporal answers at 127.0.0.1:1 (connection refused): start it there, or set TEMPORAL_ADDRESS",
		},
		"no poll yet": {temporal: temporalHealth{}, status: 503, body: "task queue perch-shop is not polled for workflow tasks yet"},
		"one queue not polled": {temporal: temporalHealth{}, status: 503, body: "task queue perch-shop-waits is not polled for activities yet", polls: func(p *polls, _ *time.Time) {
			p.begin(poll{"perch-shop", workflowTasks})
			p.begin(poll{"perch-shop", activityTasks})
		}},
		"all polls open": {temporal: temporalHealth{}, polls: pollAll, status: 200, body: "ready"},
		"a poll that failed and is tried again": {temporal: temporalHealth{}, status: 503, body: "poll task queue perch-shop for activities: connection refused", polls: func(p *polls, now *time.Time) {
			pollAll(p, now)
			p.end(poll{"perch-shop", activityTasks}, unreachable)
			p.begin(poll{"perch-shop", activityTasks})
		}},
		"a poll that failed and then stays open": {temporal: temporalHealth{}, status: 200, body: "ready", polls: func(p *polls, now *time.Time) {
			pollAll(p, now)
			p.end(poll{"perch-shop", activityTasks}, unreachable)
			p.begin(poll{"perch-shop", activityTasks})
			*now = now.Add(pollAccepted)
		}},
		"a poll that failed and then went well": {temporal: temporalHealth{}, status: 200, body: "ready", polls: func(p *polls, now *time.Time) {
			pollAll(p, now)
			p.end(poll{"perch-shop", activityTasks}, unreachable)
			p.begin(poll{"perch-shop", activityTasks})
			p.end(poll{"perch-shop", activityTasks}, nil)
		}},
		"no poll for too long": {temporal: temporalHealth{}, status: 503, body: "perch-shop-waits was last polled for activities at 2026-01-02T03:04:05Z", polls: func(p *polls, now *time.Time) {
			pollAll(p, now)
			p.end(poll{"perch-shop-waits", activityTasks}, nil)
			*now = now.Add(pollGap + time.Second)
		}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
			o := newOperations("shop")
			o.polls.now = func() time.Time { return now }
			if test.temporal != nil {
				o.connected(test.temporal)
			}
			if test.polls != nil {
				test.polls(o.polls, &now)
			}
			status, body := get(t, o, "/readyz")
			if status != test.status || !strings.Contains(body, test.body) {
				t.Errorf("got %d %q, want %d and %q in it", status, body, test.status, test.body)
			}
		})
	}
}

func TestHealthzAnswersBeforeTemporalDoes(t *testing.T) {
	if status, body := get(t, newOperations("shop"), "/healthz"); status != 200 || body != "alive\n" {
		t.Errorf("got %d %q", status, body)
	}
}

func TestPollsAreNotedByQueueAndKind(t *testing.T) {
	p := newPolls(time.Now)
	invoke := func(request any, err error) {
		t.Helper()
		got := p.intercept(t.Context(), "method", request, nil, nil, func(context.Context, string, any, any, *grpc.ClientConn, ...grpc.CallOption) error { return err })
		if !errors.Is(got, err) {
			t.Errorf("got %v, want the call's own %v", got, err)
		}
	}
	invoke(&workflowservice.PollWorkflowTaskQueueRequest{TaskQueue: &commonpb.TaskQueue{Name: "perch-shop"}}, nil)
	invoke(&workflowservice.PollActivityTaskQueueRequest{TaskQueue: &commonpb.TaskQueue{Name: "perch-shop"}}, nil)
	invoke(&workflowservice.PollActivityTaskQueueRequest{TaskQueue: &commonpb.TaskQueue{Name: "perch-shop-waits"}}, nil)
	invoke(&workflowservice.GetSystemInfoRequest{}, errors.New("of no interest"))
	if err := p.missing(pollsOf("shop")); err != nil {
		t.Errorf("all are polled, and got %v", err)
	}
	invoke(&workflowservice.PollWorkflowTaskQueueRequest{TaskQueue: &commonpb.TaskQueue{Name: "sticky", NormalName: "perch-shop"}}, errors.New("no such namespace"))
	if err := p.missing(pollsOf("shop")); err == nil || !strings.Contains(err.Error(), "no such namespace") {
		t.Errorf("got %v, want the failure of the sticky queue", err)
	}
}

func TestCheckAsksAWorkerThatListens(t *testing.T) {
	o := newOperations("shop")
	stop, err := o.listen("127.0.0.1:0", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	stop() // Only to see that it stops; the port was any.
	server := httptest.NewServer(o.handler())
	defer server.Close()
	address := server.Listener.Addr().String()

	var stderr strings.Builder
	if code := Main(t.Context(), []string{"--check", address}, io.Discard, &stderr, func(string) string { return "" }); code != 1 || !strings.Contains(stderr.String(), "is not ready: the worker is not connected to Temporal yet") {
		t.Errorf("got exit code %d, %q", code, stderr.String())
	}
	o.connected(temporalHealth{})
	pollAll(o.polls, nil)
	if code := Main(t.Context(), []string{"--check", address}, io.Discard, io.Discard, func(string) string { return "" }); code != 0 {
		t.Errorf("got exit code %d of a worker that is ready", code)
	}
	server.Close()
	stderr.Reset()
	if code := Main(t.Context(), []string{"--check", address}, io.Discard, &stderr, func(string) string { return "" }); code != 1 || !strings.Contains(stderr.String(), "no worker listens at "+address+" (connection refused): start one with --listen") {
		t.Errorf("got exit code %d, %q", code, stderr.String())
	}
}

func TestAnAddressInUseIsAnErrorThatSaysSo(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	err = Run(t.Context(), Config{Policy: shop(), Listen: taken.Addr().String(), Logger: slog.New(slog.DiscardHandler)})
	if err == nil || !strings.Contains(err.Error(), taken.Addr().String()) || !strings.Contains(err.Error(), "--listen") {
		t.Errorf("got %v", err)
	}
}

func pollAll(p *polls, _ *time.Time) {
	for _, which := range pollsOf("shop") {
		p.begin(which)
	}
}

func get(t *testing.T, o *operations, path string) (status int, body string) {
	t.Helper()
	recorder := httptest.NewRecorder()
	o.handler().ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, path, nil))
	return recorder.Code, recorder.Body.String()
}
