package services

import (
	"slices"
	"strconv"
	"strings"
)

const nsGroup = "aws:autoscaling:asg"

// scale gives the environment as many instances as its Auto Scaling group has at least. They are
// ids that commands can be sent to; nothing runs on them.
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

// instances are the ids of the environment's instances.
func instances(env *record) []string { return strings.Fields(env.Hidden["instances"]) }

// hostOf is the environment that the instance belongs to, or nil.
func (s *Service) hostOf(instance string) *record {
	for _, env := range s.of(typeEnvironment) {
		if slices.Contains(instances(env), instance) {
			return env
		}
	}
	return nil
}

// InstanceTags are the tags of an instance: those of its environment, which Elastic Beanstalk
// passes on.
func (s *Service) InstanceTags(instance string) map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if env := s.hostOf(instance); env != nil {
		return env.Tags
	}
	return nil
}
