package run

import (
	"testing"
	"testing/synctest"
	"time"
)

// lasting takes all the time that a worker may take to stop.
type lasting struct{}

func (lasting) Stop() { time.Sleep(stopTimeout) }

func TestWorkersStopWithinTheTimeOfOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		stop(lasting{}, lasting{})
		if took := time.Since(began); took != stopTimeout {
			t.Errorf("two workers stopped in %s, and docker-compose.yml kills them after 30s", took)
		}
	})
}
