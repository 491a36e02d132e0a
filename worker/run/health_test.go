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

	"go.temporal.io/sdk/client"
)

// temporalHealth answers CheckHealth with an error or nil.
type temporalHealth struct{ err error }

func (h temporalHealth) CheckHealth(context.Context, *client.CheckHealthRequest) (*client.CheckHealthResponse, error) {
	return &client.CheckHealthResponse{}, h.err
}

func TestReadyzSaysWhatIsMissing(t *testing.T) {
	rejected := errors.New(`health check error: connection error: desc = "transport: Error while dialing: dial tcp ` +
		`127.0.0.1:1: connect: connection refused"`)
	tests := map[string]struct {
		temporal health
		status   int
		body     string
	}{
		"not started yet": {status: 503, body: "the worker has not started yet"},
		"Temporal does not answer": {
			temporal: temporalHealth{errors.New("no answer")}, status: 503, body: "reach Temporal: no answer",
		},
		"nothing listens where Temporal was": {
			temporal: temporalHealth{rejected}, status: 503,
			body: "reach Temporal: no Temporal answers at 127.0.0.1:1 (connection refused): start it there, or set " +
				"TEMPORAL_ADDRESS",
		},
		"all is well": {temporal: temporalHealth{}, status: 200, body: "ready"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			o := newOperations("shop")
			if test.temporal != nil {
				o.started(test.temporal)
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
	if code := Main(
		t.Context(), []string{"--check", address}, io.Discard, &stderr, func(string) string { return "" },
	); code != 1 || !strings.Contains(stderr.String(), "is not ready: the worker has not started yet") {
		t.Errorf("got exit code %d, %q", code, stderr.String())
	}
	o.started(temporalHealth{})
	if code := Main(
		t.Context(), []string{"--check", address}, io.Discard, io.Discard, func(string) string { return "" },
	); code != 0 {
		t.Errorf("got exit code %d of a worker that is ready", code)
	}
	server.Close()
	stderr.Reset()
	if code := Main(
		t.Context(), []string{"--check", address}, io.Discard, &stderr, func(string) string { return "" },
	); code != 1 || !strings.Contains(
		stderr.String(), "no worker listens at "+address+" (connection refused): start one with --listen",
	) {
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
	if err == nil || !strings.Contains(err.Error(), taken.Addr().String()) ||
		!strings.Contains(err.Error(), "--listen") {
		t.Errorf("got %v", err)
	}
}

func get(t *testing.T, o *operations, path string) (status int, body string) {
	t.Helper()
	recorder := httptest.NewRecorder()
	o.handler().ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, path, nil))
	return recorder.Code, recorder.Body.String()
}
