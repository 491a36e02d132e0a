package services

import (
	"reflect"

	"perch/sandbox/aws/resource"
)

// mustBeReady rejects an operation while another one is in progress. Beanstalk does so for every update and
// every termination (the sentence is from aws/aws-elastic-beanstalk-cli, strings.py).
func mustBeReady(rec *record) error {
	if rec.Status == "Ready" {
		return nil
	}
	return invalid(beanstalk, "Environment named %s is in an invalid state for this operation. Must be Ready.", rec.Name)
}

// acceptsUpdate reports whether r repeats the update in progress, which the endpoint asks for again after a
// restart. Any other update needs an environment that is Ready.
func acceptsUpdate(rec *record, r resource.Request) (repeated bool, err error) {
	if rec.Status == "Updating" && reflect.DeepEqual(rec.Properties, properties(r.Properties)) {
		return true, nil
	}
	return false, mustBeReady(rec)
}

// refuseEnvironment rejects a termination unless the environment is Ready, or is being terminated already.
func refuseEnvironment(_ *Service, rec *record, _ bool) error {
	if rec.Status == "Terminating" {
		return nil
	}
	return mustBeReady(rec)
}

// endOperations ends the launches and updates whose time is over: Beanstalk carries them out to the end even if
// CloudFormation has turned away from them.
func (s *Service) endOperations() {
	now := s.config.Now().UTC()
	for _, env := range s.of(typeEnvironment) {
		busy := env.Status == "Launching" || env.Status == "Updating"
		if busy && !env.Until.IsZero() && !now.Before(env.Until) {
			settleEnvironment(s, env)
		}
	}
}
