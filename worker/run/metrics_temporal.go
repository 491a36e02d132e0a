package run

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.temporal.io/sdk/client"
)

// temporalLabels are the tags of the Temporal SDK's metrics that are kept; every metric has all of them, those that do not concern it empty.
// Attributes of single runs are never among the SDK's tags.
var temporalLabels = []string{"task_queue", "worker_type", "poller_type", "workflow_type", "activity_type", "operation", "failure_reason", "status_code"}

// temporalMetrics is the client.MetricsHandler that shows the SDK's own metrics (temporal_*) beside ours: task slots, latencies, and the failures of
// workflow tasks, which are the only sign of a run that cannot be replayed.
type temporalMetrics struct {
	vectors *temporalVectors
	tags    prometheus.Labels
}

// temporalVectors are the metrics that the SDK has asked for so far, by name.
type temporalVectors struct {
	registerer prometheus.Registerer

	mu       sync.Mutex
	counters map[string]*prometheus.CounterVec
	gauges   map[string]*prometheus.GaugeVec
	timers   map[string]*prometheus.HistogramVec
}

func newTemporalMetrics(registerer prometheus.Registerer) *temporalMetrics {
	tags := prometheus.Labels{}
	for _, name := range temporalLabels {
		tags[name] = ""
	}
	return &temporalMetrics{tags: tags, vectors: &temporalVectors{
		registerer: registerer, counters: map[string]*prometheus.CounterVec{},
		gauges: map[string]*prometheus.GaugeVec{}, timers: map[string]*prometheus.HistogramVec{},
	}}
}

// WithTags is client.MetricsHandler's.
func (m *temporalMetrics) WithTags(tags map[string]string) client.MetricsHandler {
	merged := make(prometheus.Labels, len(m.tags))
	for name, value := range m.tags {
		if newer, given := tags[name]; given {
			value = newer
		}
		merged[name] = value
	}
	return &temporalMetrics{vectors: m.vectors, tags: merged}
}

// Counter is client.MetricsHandler's.
func (m *temporalMetrics) Counter(name string) client.MetricsCounter {
	v := m.vectors
	vector := known(v, v.counters, name, func() *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: "Of the Temporal SDK."}, temporalLabels)
	})
	return temporalCounter{vector.With(m.tags)}
}

// Gauge is client.MetricsHandler's.
func (m *temporalMetrics) Gauge(name string) client.MetricsGauge {
	v := m.vectors
	vector := known(v, v.gauges, name, func() *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: "Of the Temporal SDK."}, temporalLabels)
	})
	return temporalGauge{vector.With(m.tags)}
}

// Timer is client.MetricsHandler's. Its unit is the second.
func (m *temporalMetrics) Timer(name string) client.MetricsTimer {
	v := m.vectors
	vector := known(v, v.timers, name, func() *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: "Of the Temporal SDK, in seconds."}, temporalLabels)
	})
	return temporalTimer{vector.With(m.tags)}
}

// known is the vector called name, made and registered at its first use.
func known[V prometheus.Collector](v *temporalVectors, vectors map[string]V, name string, fresh func() V) V {
	v.mu.Lock()
	defer v.mu.Unlock()
	vector, ok := vectors[name]
	if !ok {
		vector = fresh()
		vectors[name] = vector
		_ = v.registerer.Register(vector) // A name that is taken is counted and not shown: no metric is worth a worker.
	}
	return vector
}

type temporalCounter struct{ to prometheus.Counter }

// Inc is client.MetricsCounter's.
func (c temporalCounter) Inc(n int64) { c.to.Add(float64(n)) }

type temporalGauge struct{ to prometheus.Gauge }

// Update is client.MetricsGauge's.
func (g temporalGauge) Update(value float64) { g.to.Set(value) }

type temporalTimer struct{ to prometheus.Observer }

// Record is client.MetricsTimer's.
func (t temporalTimer) Record(d time.Duration) { t.to.Observe(d.Seconds()) }
