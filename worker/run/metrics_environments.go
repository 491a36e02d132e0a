package run

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"perch"
)

// listInterval is how often the environments are counted. Each count makes one call to AWS for
// every hundred stacks in the account.
const listInterval = time.Minute

var (
	environmentsCount = prometheus.NewDesc(
		"perch_environments", "Environments of the project, by the status of their stack.", []string{"status"}, nil,
	)
	environmentsAt = prometheus.NewDesc(
		"perch_environments_listed_timestamp_seconds",
		"When the environments were last counted, in seconds since 1970.", nil, nil,
	)
)

// environments counts the project's environments by status. Every worker exports the same numbers,
// so aggregate them by maximum and not by sum.
type environments struct {
	now func() time.Time

	mu       sync.Mutex
	byStatus map[string]int
	at       time.Time
}

func newEnvironments(now func() time.Time) *environments { return &environments{now: now} }

// lister lists the project's environments. It is implemented by activities.Stacks.
type lister interface {
	ListEnvironments(context.Context, perch.ListInput) (perch.ListResult, error)
}

// watch counts until ctx ends. If a listing fails, the previous numbers and their time remain.
func (e *environments) watch(ctx context.Context, stacks lister, project string, logger *slog.Logger) {
	ticker := time.NewTicker(listInterval)
	defer ticker.Stop()
	for {
		if err := e.count(ctx, stacks, project); err != nil && ctx.Err() == nil {
			logger.Warn("environments were not counted", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (e *environments) count(ctx context.Context, stacks lister, project string) error {
	list, err := stacks.ListEnvironments(ctx, perch.ListInput{Project: project})
	if err != nil {
		return err
	}
	byStatus := map[string]int{}
	for _, environment := range list.Environments {
		byStatus[environment.Status]++
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.byStatus, e.at = byStatus, e.now()
	return nil
}

// Describe implements prometheus.Collector.
func (e *environments) Describe(descriptions chan<- *prometheus.Desc) {
	descriptions <- environmentsCount
	descriptions <- environmentsAt
}

// Collect implements prometheus.Collector. It returns nothing before the first count.
func (e *environments) Collect(found chan<- prometheus.Metric) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.at.IsZero() {
		return
	}
	for status, count := range e.byStatus {
		found <- prometheus.MustNewConstMetric(environmentsCount, prometheus.GaugeValue, float64(count), status)
	}
	found <- prometheus.MustNewConstMetric(environmentsAt, prometheus.GaugeValue, float64(e.at.Unix()))
}
