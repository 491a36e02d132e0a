package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"
)

const (
	// headerTimeout bounds the reading of a request's headers, and deliveryTimeout of its body and
	// its handling. GitHub ends a delivery after 10 seconds (GitHub docs: Best practices for using
	// webhooks).
	headerTimeout   = 5 * time.Second
	deliveryTimeout = 8 * time.Second
	// reachTimeout is how long Temporal may take to say that it is there.
	reachTimeout = 3 * time.Second
	// stopTimeout lets deliveries that are being handled end.
	stopTimeout = 10 * time.Second
)

// Handler answers:
//
//	POST /webhooks/github  a delivery of GitHub
//	/healthz               200 as long as the process answers
//	/readyz                200 if Temporal can be reached, else 503 and a sentence that says why not
func (r *Receiver) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /webhooks/github", r.receive)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "alive") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, request *http.Request) {
		ctx, cancel := context.WithTimeout(request.Context(), reachTimeout)
		defer cancel()
		if err := r.Temporal.Reach(ctx); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ready")
	})
	return mux
}

// serve answers at address until ctx is over, and then lets deliveries end.
func serve(ctx context.Context, address string, r *Receiver) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("listen for webhooks: %w; give another address as --listen", err)
	}
	server := &http.Server{
		Handler: r.Handler(), ReadHeaderTimeout: headerTimeout, ReadTimeout: deliveryTimeout, WriteTimeout: 2 * deliveryTimeout,
		ErrorLog: slog.NewLogLogger(r.Logger.Handler(), slog.LevelWarn),
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	r.Logger.Info("perch-web receives webhooks",
		"address", listener.Addr().String(), "project", r.Project, "repository", r.RepositoryID)
	select {
	case err := <-ended:
		return fmt.Errorf("receive webhooks: %w", err)
	case <-ctx.Done():
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	if err := server.Shutdown(stop); err != nil {
		return fmt.Errorf("stop: %w; a delivery was cut off, and GitHub shows it as failed", err)
	}
	return nil
}

// check asks the perch-web that listens at address whether it is ready, and returns why not. Images
// without a shell have nothing else to ask with.
func check(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, reachTimeout+2*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/readyz", nil)
	if err != nil {
		return usageError{fmt.Errorf("ask perch-web at %s: %w; give the address of its --listen", address, err)}
	}
	response, err := http.DefaultClient.Do(request)
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("no perch-web listens at %s (connection refused): start one with --listen %s", address, address)
	case err != nil:
		return fmt.Errorf("ask perch-web at %s: %w", address, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 4096))
	if err != nil {
		return fmt.Errorf("ask perch-web at %s: %w", address, err)
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("perch-web at %s is not ready: %s", address, strings.TrimSpace(string(body)))
	}
	return nil
}
