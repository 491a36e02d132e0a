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
	// headerTimeout is the time limit for reading a request's headers. deliveryTimeout is the limit
	// for reading its body and handling it. GitHub ends a delivery after 10 seconds (GitHub docs:
	// Best practices for using webhooks).
	headerTimeout   = 5 * time.Second
	deliveryTimeout = 8 * time.Second
	// reachTimeout is the time limit for Temporal's response to a health check.
	reachTimeout = 3 * time.Second
	// stopTimeout is how long a stopping server waits for deliveries in progress.
	stopTimeout = 10 * time.Second
)

// reacher lists the methods of a client that the readiness check uses.
type reacher interface {
	Reach(ctx context.Context) error
}

// parts are the parts that one process serves. receiver or dashboard may be nil.
type parts struct {
	receiver  *Receiver
	dashboard *Dashboard
	reach     reacher
	logger    *slog.Logger
}

// Handler answers:
//
//	POST /webhooks/github  a delivery of GitHub
//	/healthz               200 as long as the process answers
//	/readyz                200 if Temporal can be reached, else 503 and a sentence that says why not
func (r *Receiver) Handler() http.Handler {
	return parts{receiver: r, reach: r.Temporal, logger: r.Logger}.handler()
}

// handler serves all parts. For a part that is not configured, it responds with how to configure
// it.
func (p parts) handler() http.Handler {
	mux := http.NewServeMux()
	missing := func(sentence string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { http.Error(w, sentence, http.StatusNotFound) }
	}
	if p.receiver != nil {
		mux.HandleFunc("POST /webhooks/github", p.receiver.receive)
	} else {
		mux.HandleFunc("POST /webhooks/github", missing("This perch-web receives no webhooks: set "+
			"PERCH_WEBHOOK_SECRET and PERCH_REPOSITORY_ID."))
	}
	if p.dashboard != nil {
		mux.Handle("/", p.dashboard)
	} else {
		mux.HandleFunc("/{$}", missing("This perch-web has no dashboard: set PERCH_READ_API, PERCH_READ_TOKEN and "+
			"PERCH_PUBLIC_URL."))
	}
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "alive") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, request *http.Request) {
		ctx, cancel := context.WithTimeout(request.Context(), reachTimeout)
		defer cancel()
		if err := p.reach.Reach(ctx); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ready")
	})
	return mux
}

// serve listens at address until ctx ends. It then waits for deliveries and actions in progress.
func serve(ctx context.Context, address string, p parts) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("listen: %w; give another address as --listen", err)
	}
	server := &http.Server{
		Handler: p.handler(), ReadHeaderTimeout: headerTimeout, ReadTimeout: deliveryTimeout,
		WriteTimeout: 2 * deliveryTimeout,
		ErrorLog:     slog.NewLogLogger(p.logger.Handler(), slog.LevelWarn),
	}
	if p.dashboard != nil {
		server.RegisterOnShutdown(p.dashboard.Close)
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	p.sayParts(listener.Addr().String())
	select {
	case err := <-ended:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	if err := server.Shutdown(stop); err != nil {
		return fmt.Errorf("stop: %w; a delivery was cut off, and GitHub shows it as failed, or an action was", err)
	}
	return nil
}

// sayParts logs which parts are served at address.
func (p parts) sayParts(address string) {
	if p.receiver != nil {
		p.logger.Info("perch-web receives webhooks",
			"address", address, "project", p.receiver.Project, "repository", p.receiver.RepositoryID)
	}
	if p.dashboard != nil {
		p.logger.Info("perch-web shows the dashboard",
			"address", address, "project", p.dashboard.Project, "url", p.dashboard.PublicURL.String())
	}
}

// check asks the perch-web at address whether it is ready, and returns an error if not. It is the
// health check of images without a shell.
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
		return fmt.Errorf(
			"no perch-web listens at %s (connection refused): start one with --listen %s", address, address,
		)
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
