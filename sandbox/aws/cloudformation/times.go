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

// timesOf returns how long operations on a resource type take. `perch plan` estimates with the same
// times.
func timesOf(kind string) forecast.Times {
	times, _ := forecast.Typical(kind)
	return times
}

// scaled converts a number of AWS's seconds to the endpoint's speed.
func (s *Service) scaled(seconds float64) time.Duration {
	return time.Duration(seconds / s.config.Speed * float64(time.Second))
}
