package services

import (
	"reflect"

	"perch/sandbox/aws/resource"
)

// mustBeReady returns an error while an operation on the environment is in progress. Beanstalk then
// rejects every update and every termination (the message is from aws/aws-elastic-beanstalk-cli,
// strings.py).
func mustBeReady(rec *record) error {
	if rec.Status == "Ready" {
		return nil
	}
	return invalidRequest(
		beanstalk, "Environment named %s is in an invalid state for this operation. Must be Ready.", rec.Name,
	)
}

// repeatsUpdate reports whether r repeats the update in progress, as CloudFormation does after a
// restart of the sandbox. Any other update requires an environment with the status Ready.
func repeatsUpdate(rec *record, r resource.Request) (repeated bool, err error) {
	if rec.Status == "Updating" && reflect.DeepEqual(rec.Properties, properties(r.Properties)) {
		return true, nil
	}
	if err := mustBeReady(rec); err != nil {
		return false, err
	}
	return false, checkFixedOptions(rec.Properties, r.Properties)
}

// checkFixedOptions rejects an update that changes an option which can only be set when the
// environment is created (AWS docs: General options for all environments,
// aws:elasticbeanstalk:environment and aws:ec2:instances). The message is not AWS's.
func checkFixedOptions(before, after properties) error {
	for _, fixed := range [][2]string{
		{nsEnvironment, "LoadBalancerIsShared"}, {nsEnvironment, "LoadBalancerType"},
		{nsBalancer, "SharedLoadBalancer"},
		{"aws:ec2:instances", "SupportedArchitectures"},
	} {
		was, is := settingOf(before, fixed[0], fixed[1]), settingOf(after, fixed[0], fixed[1])
		if was != "" && is != "" && was != is {
			return invalidRequest(
				beanstalk,
				"Configuration validation exception: Invalid option value: '%s' (Namespace: '%s', OptionName: '%s'): "+
					"The "+
					"option cannot be changed after the environment is created.",
				is,
				fixed[0],
				fixed[1],
			)
		}
	}
	return nil
}

// settingOf returns the value of an option in a template's properties; empty if it is not set.
func settingOf(p properties, namespace, name string) string {
	for _, option := range p.children("OptionSettings") {
		if option.text("Namespace") == namespace && option.text("OptionName") == name {
			return option.text("Value")
		}
	}
	return ""
}

// rejectEnvironment rejects a termination unless the environment is Ready or already terminating.
func rejectEnvironment(_ *Service, rec *record, _ bool) error {
	if rec.Status == "Terminating" {
		return nil
	}
	return mustBeReady(rec)
}

// endOperations ends the launches and updates whose time has passed. Beanstalk completes them even
// if CloudFormation has stopped waiting for them.
func (s *Service) endOperations() {
	now := s.config.Now().UTC()
	for _, env := range s.recordsOf(typeEnvironment) {
		busy := env.Status == "Launching" || env.Status == "Updating"
		if busy && !env.Until.IsZero() && !now.Before(env.Until) {
			settleEnvironment(s, env)
		}
	}
}
