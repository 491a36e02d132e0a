package cloudformation

import (
	"time"

	"perch/cfn/forecast"
)

// Pauses between the steps of an operation, in seconds, as recorded.
const (
	beforeFirst    = 2.7
	beforeCreate   = 0.8
	beforeNext     = 0.4
	beforeEnd      = 0.9
	beforeDeletion = 1.3
	betweenTrials  = 181
)

// timesOf is how long a resource type takes: what `perch plan` estimates by, too.
func timesOf(kind string) forecast.Times {
	times, _ := forecast.Typical(kind)
	return times
}

// scaled is a number of AWS's seconds on this endpoint's clock.
func (s *Service) scaled(seconds float64) time.Duration {
	return time.Duration(seconds / s.config.Speed * float64(time.Second))
}
