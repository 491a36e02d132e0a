package run

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.temporal.io/sdk/client"

	"perch/activities"
	"perch/dial"
)

const (
	// reachTimeout is the time limit for Temporal's response to a health check.
	reachTimeout = 3 * time.Second
	// requestTimeout is the time limit for reading a request, which consists only of headers.
	requestTimeout = 5 * time.Second
)

// operations serves health checks and metrics to the people who run the worker:
//
//	/healthz  200 as long as the process answers
//	/readyz   200 when this worker has started and Temporal is reachable, else 503 and what is missing
//	/metrics  Prometheus text
type operations struct {
	metrics *metrics

	mu       sync.Mutex
	temporal health
}

// health lists the methods of a Temporal client that the readiness check uses.
type health interface {
	CheckHealth(context.Context, *client.CheckHealthRequest) (*client.CheckHealthResponse, error)
}

func newOperations(project string) *operations {
	return &operations{metrics: newMetrics(project)}
}

// attach adds counters to the clients that are created from cfg.
func (o *operations) attach(cfg Config) Config {
	cfg.AWS = o.metrics.countThrottles(cfg.AWS)
	if cfg.Temporal.MetricsHandler == nil {
		cfg.Temporal.MetricsHandler = o.metrics.temporal
	}
	cfg.Temporal.Interceptors = append(slices.Clone(cfg.Temporal.Interceptors), &counting{metrics: o.metrics})
	return cfg
}

// started records that this worker now polls its task queues through the connection.
func (o *operations) started(temporal health) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.temporal = temporal
}

// watch counts the environments until stop is called. If there is no address for metrics, it does
// nothing.
func (o *operations) watch(ctx context.Context, cfg Config, branches activities.Source) (stop func()) {
	if cfg.Listen == "" {
		return func() {}
	}
	stacks := activities.NewStacks(cfg.AWS, cfg.Policy, branches, cfg.Interval)
	return inBackground(ctx, func(ctx context.Context) {
		o.metrics.environments.watch(ctx, stacks, cfg.Policy.Project, cfg.Logger)
	})
}

func (o *operations) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "alive") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		if err := o.ready(r.Context()); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ready")
	})
	mux.Handle("GET /metrics", promhttp.HandlerFor(o.metrics.registry, promhttp.HandlerOpts{}))
	return mux
}

// ready explains why this worker does not receive work; nil if it does.
func (o *operations) ready(ctx context.Context) error {
	o.mu.Lock()
	temporal := o.temporal
	o.mu.Unlock()
	if temporal == nil {
		return errors.New("the worker has not started yet")
	}
	ctx, cancel := context.WithTimeout(ctx, reachTimeout)
	defer cancel()
	if _, err := temporal.CheckHealth(ctx, &client.CheckHealthRequest{}); err != nil {
		return fmt.Errorf("reach Temporal: %w", dial.Plain(err))
	}
	return nil
}

// listen serves at address until stop is called. If address is empty, it does nothing.
func (o *operations) listen(address string, logger *slog.Logger) (stop func(), err error) {
	if address == "" {
		return func() {}, nil
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen for health checks and metrics: %w; give another address as --listen", err)
	}
	server := &http.Server{
		Handler: o.handler(), ReadHeaderTimeout: requestTimeout,
		ErrorLog: slog.NewLogLogger(logger.Handler(), slog.LevelWarn),
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			logger.Error("health checks and metrics are no longer answered", "error", err)
		}
	}()
	logger.Info("answering /healthz, /readyz and /metrics", "address", listener.Addr().String())
	return func() { _ = server.Close(); <-ended }, nil
}
