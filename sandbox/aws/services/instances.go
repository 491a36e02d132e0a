package services

import (
	"slices"
	"strconv"
	"strings"
)

const nsGroup = "aws:autoscaling:asg"

// scale gives the environment the minimum number of instances of its Auto Scaling group. An
// instance is only an id to which commands can be sent; nothing runs on it.
func (s *Service) scale(env *record) {
	wanted := 1
	if s.option(env, nsEnvironment, "EnvironmentType") != "SingleInstance" {
		if least, err := strconv.Atoi(s.option(env, nsGroup, "MinSize")); err == nil {
			wanted = least
		}
	}
	ids := instances(env)
	for len(ids) < wanted {
		ids = append(ids, "i-0"+random(hexDigits, 16))
	}
	env.Hidden["instances"] = strings.Join(ids[:max(wanted, 0)], " ")
}

// instances returns the ids of the environment's instances.
func instances(env *record) []string { return strings.Fields(env.Hidden["instances"]) }

// hostOf returns the environment to which the instance belongs; nil if there is none.
func (s *Service) hostOf(instance string) *record {
	for _, env := range s.of(typeEnvironment) {
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
	if env := s.hostOf(instance); env != nil {
		return env.Tags
	}
	return nil
}
