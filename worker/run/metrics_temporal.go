package run

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
	exporter "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/opentelemetry"
)

// newTemporalMetrics exports the Temporal SDK's metrics (temporal_*): task slots, latencies in
// seconds, and failures of workflow tasks. Those failures are the only sign of a run that cannot be
// replayed. The names are those in the SDK's reference.
func newTemporalMetrics(registerer prometheus.Registerer) (client.MetricsHandler, error) {
	reader, err := exporter.New(
		exporter.WithRegisterer(registerer), exporter.WithoutUnits(), exporter.WithoutCounterSuffixes(),
		exporter.WithoutScopeInfo(), exporter.WithoutTargetInfo(),
	)
	if err != nil {
		return nil, fmt.Errorf("show the Temporal SDK's metrics: %w", err)
	}
	seconds := metric.NewView(metric.Instrument{Kind: metric.InstrumentKindHistogram}, metric.Stream{
		Aggregation: metric.AggregationExplicitBucketHistogram{Boundaries: prometheus.DefBuckets},
	})
	provider := metric.NewMeterProvider(metric.WithReader(reader), metric.WithView(seconds))
	return opentelemetry.NewMetricsHandler(opentelemetry.MetricsHandlerOptions{
		Meter: provider.Meter("temporal-sdk-go"), UseMonotonicCounters: true,
		OnError: func(error) {}, // An error of a metric must not stop the worker.
	}), nil
}
