package services

import (
	"reflect"

	"perch/sandbox/aws/resource"
)

// mustBeReady rejects an operation while another one is in progress. Beanstalk does that for every
// update and every termination (the sentence is from aws/aws-elastic-beanstalk-cli, strings.py).
func mustBeReady(rec *record) error {
	if rec.Status == "Ready" {
		return nil
	}
	return invalid(
		beanstalk, "Environment named %s is in an invalid state for this operation. Must be Ready.", rec.Name,
	)
}

// acceptsUpdate reports whether r repeats the update in progress, as the endpoint does after a
// restart. Any other update needs an environment that is Ready.
func acceptsUpdate(rec *record, r resource.Request) (repeated bool, err error) {
	if rec.Status == "Updating" && reflect.DeepEqual(rec.Properties, properties(r.Properties)) {
		return true, nil
	}
	if err := mustBeReady(rec); err != nil {
		return false, err
	}
	return false, fixedOptions(rec.Properties, r.Properties)
}

// fixedOptions rejects an update of options that can only be set at the creation (AWS docs: General
// options for all environments, aws:elasticbeanstalk:environment and aws:ec2:instances). The
// sentences are not AWS's.
func fixedOptions(before, after properties) error {
	for _, fixed := range [][2]string{
		{nsEnvironment, "LoadBalancerIsShared"}, {nsEnvironment, "LoadBalancerType"},
		{nsBalancer, "SharedLoadBalancer"},
		{"aws:ec2:instances", "SupportedArchitectures"},
	} {
		was, is := settingOf(before, fixed[0], fixed[1]), settingOf(after, fixed[0], fixed[1])
		if was != "" && is != "" && was != is {
			return invalid(
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

// rejectEnvironment rejects a termination unless the environment is Ready, or is already being
// terminated.
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
	for _, env := range s.of(typeEnvironment) {
		busy := env.Status == "Launching" || env.Status == "Updating"
		if busy && !env.Until.IsZero() && !now.Before(env.Until) {
			settleEnvironment(s, env)
		}
	}
}
