package services

import (
	"slices"
	"strconv"
	"strings"
)

const nsGroup = "aws:autoscaling:asg"

// setInstances gives the environment as many instances as the MinSize of its Auto Scaling group. An
// instance is only an id to which callers can send commands; nothing runs on it.
func (s *Service) setInstances(env *record) {
	wanted := 1
	if s.option(env, nsEnvironment, "EnvironmentType") != "SingleInstance" {
		if least, err := strconv.Atoi(s.option(env, nsGroup, "MinSize")); err == nil {
			wanted = least
		}
	}
	ids := instances(env)
	for len(ids) < wanted {
		ids = append(ids, "i-0"+randomText(hexDigits, 16))
	}
	env.Hidden["instances"] = strings.Join(ids[:max(wanted, 0)], " ")
}

// instances returns the ids of the environment's instances.
func instances(env *record) []string { return strings.Fields(env.Hidden["instances"]) }

// environmentOf returns the environment to which an instance belongs; nil if there is none.
func (s *Service) environmentOf(instance string) *record {
	for _, env := range s.recordsOf(typeEnvironment) {
		if slices.Contains(instances(env), instance) {
			return env
		}
	}
	return nil
}

// InstanceTags returns the tags of an instance: those of its environment, which Elastic Beanstalk
// passes on.
func (s *Service) InstanceTags(instance string) map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if env := s.environmentOf(instance); env != nil {
		return env.Tags
	}
	return nil
}
