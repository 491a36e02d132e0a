package run

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
	exporter "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/opentelemetry"
)

// newTemporalMetrics shows the Temporal SDK's own metrics (temporal_*) beside ours: task slots,
// latencies in seconds, and the failures of workflow tasks, which are the only sign of a run that
// cannot be replayed. Their names stay as the SDK's reference has them.
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
		OnError: func(error) {}, // No metric is worth a worker.
	}), nil
}
