package run

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"go.temporal.io/sdk/client"

	"perch"
)

// metrics has a worker's counters. The names of Perch's metrics begin with perch_, and those of the
// Temporal SDK with temporal_. All have the label project. docs/production.md lists Perch's
// metrics.
type metrics struct {
	registry     *prometheus.Registry
	runs         *prometheus.CounterVec
	stackSeconds *prometheus.HistogramVec
	verdicts     *prometheus.CounterVec
	throttles    *prometheus.CounterVec
	environments *environments
	temporal     client.MetricsHandler
}

// stackBuckets are the limits of a histogram in seconds. They range from a bucket (15) to a
// database (900), and beyond the longest wait.
var stackBuckets = []float64{15, 30, 60, 120, 240, 420, 600, 900, 1200, 1800, 2700, 3600, 5400}

func newMetrics(project string) *metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	m := &metrics{
		registry: prometheus.NewRegistry(),
		runs: counter(
			"perch_runs_total", "Runs that ended on this worker, by workflow and outcome.", "workflow", "outcome",
		),
		stackSeconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "perch_stack_seconds", Help: "How long CloudFormation took for a stack operation, by the status " +
				"that it ended in.", Buckets: stackBuckets,
		}, []string{"status"}),
		verdicts: counter("perch_cleanup_verdicts_total", "What cleanup said of environments.", "verdict"),
		throttles: counter(
			"perch_aws_throttles_total", "Calls that AWS answered with a wish for fewer calls, retries counted.",
			"service", "operation",
		),
		environments: newEnvironments(time.Now),
	}
	for _, workflow := range []string{perch.WorkflowProvision, perch.WorkflowTeardown, perch.WorkflowCleanup} {
		// increase() would miss the first failure if the series began with it.
		m.runs.WithLabelValues(workflow, string(perch.OutcomeFailed))
	}
	m.registry.MustRegister(
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	registerer := prometheus.WrapRegistererWith(prometheus.Labels{"project": project}, m.registry)
	registerer.MustRegister(m.runs, m.stackSeconds, m.verdicts, m.throttles, m.environments)
	var err error
	if m.temporal, err = newTemporalMetrics(registerer); err != nil {
		panic(err) // As MustRegister does: two metrics have one name.
	}
	return m
}
