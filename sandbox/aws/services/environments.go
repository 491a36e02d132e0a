package services

import (
	"slices"
	"strings"
)

// Environment is an Elastic Beanstalk environment, or an Auto Scaling group of a custom template,
// with the host name under which the sandbox serves its page.
type Environment struct {
	// Host is the host name that leads to the environment, without a port.
	Host string
	// Name is the environment's name.
	Name string
	// Status is Beanstalk's status: Launching, Updating, Ready, Terminating.
	Status string
	// Health is Beanstalk's colour: Green, Grey.
	Health string
	// Options are the app's environment variables (namespace
	// aws:elasticbeanstalk:application:environment).
	Options map[string]string
	// HealthPath is the path of the load balancer's health check; `/` and empty mean the start
	// page.
	HealthPath string
	// Guarded means that the environment has a secret SEED_TOKEN. SeedToken is its value; empty if
	// it cannot be read. No page shows it.
	Guarded   bool
	SeedToken string
}

// Environments returns the Elastic Beanstalk environments with the host names that lead to them:
// those in the rules of a shared load balancer, or else the names of the DNS records that point to
// the environment. It leaves out environments without a host name, and includes the Auto Scaling
// groups of custom templates.
func (s *Service) Environments() []Environment {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.endOperations()
	var all []Environment
	for _, env := range s.recordsOf(typeEnvironment) {
		options := s.options(env)
		guarded, token := s.seedToken(options)
		for _, host := range s.hostNames(env, options) {
			all = append(all, Environment{
				Host: host, Name: env.Name, Status: env.Status, Health: env.Health,
				Options: options.variables(), HealthPath: options.healthPath(), Guarded: guarded, SeedToken: token,
			})
		}
	}
	return append(all, s.scalingGroups()...)
}

func (s *Service) hostNames(env *record, options options) []string {
	var hosts []string
	for _, option := range options {
		if strings.HasPrefix(option.Namespace, nsRule) && option.Name == "HostHeaders" {
			hosts = append(hosts, splitList(option.Value)...)
		}
	}
	if len(hosts) > 0 {
		return hosts
	}
	targets := []string{domainName(env.Hidden["CNAME"]), domainName(env.Attributes["EndpointURL"])}
	for _, set := range s.state.Sets {
		if s.isAmbiguousRecord(set, env) {
			continue
		}
		points := slices.ContainsFunc(append(set.Values, set.Alias), func(value string) bool {
			return value != "" && slices.Contains(targets, domainName(strings.TrimPrefix(value, "dualstack.")))
		})
		if points && set.Type != "TXT" {
			hosts = append(hosts, strings.TrimSuffix(set.Name, "."))
		}
	}
	return hosts
}

// isAmbiguousRecord reports whether a record set leads to env's address but may be for another
// environment. If all load balancers have the same DNS name, or all instances the same address,
// only the records in the environment's stack show which environment is meant.
func (s *Service) isAmbiguousRecord(set recordSet, env *record) bool {
	endpoint := domainName(env.Attributes["EndpointURL"])
	sameName := s.config.LoadBalancerDNS != "" && endpoint == domainName(s.config.LoadBalancerDNS)
	if !sameName && endpoint != domainName(loopback) {
		return false
	}
	return !slices.ContainsFunc(s.recordsOf(typeRecordSet), func(rec *record) bool {
		return rec.Stack == env.Stack && domainName(rec.Properties.text("Name")) == set.Name
	})
}

func (o options) variables() map[string]string {
	variables := map[string]string{}
	for _, option := range o {
		if option.Namespace == nsApplicationEV {
			variables[option.Name] = composeValue(option.Value)
		}
	}
	return variables
}

// composeValue returns the value that an app gets for an environment variable. Beanstalk writes the
// value unchanged into a file `.env`, and Compose parses that file (Compose docs: "Syntax for
// environment files"). Spaces at the ends, quotes around the value, and everything after ` #` are
// lost.
func composeValue(value string) string {
	value = strings.TrimSpace(value)
	for _, quote := range []string{`"`, "'"} {
		if inner, ok := strings.CutPrefix(value, quote); ok {
			before, _, closed := strings.Cut(inner, quote)
			if closed {
				return before
			}
		}
	}
	if strings.HasPrefix(value, "#") {
		return ""
	}
	value, _, _ = strings.Cut(value, " #")
	return strings.TrimSpace(value)
}

// healthPath returns the path of the load balancer's health check, from one of the two options that
// set it; `/` if neither is set.
func (o options) healthPath() string {
	for _, option := range o {
		if strings.HasPrefix(option.Namespace, "aws:elasticbeanstalk:environment:process:") &&
			option.Name == "HealthCheckPath" {
			return option.Value
		}
	}
	if path := o.value("aws:elasticbeanstalk:application", "Application Healthcheck URL"); path != "" {
		return path[max(strings.IndexByte(path, '/'), 0):]
	}
	return "/"
}

// seedToken returns the value of the environment's secret SEED_TOKEN, as its instances would read
// it.
func (s *Service) seedToken(options options) (guarded bool, token string) {
	arn := options.value(nsSecrets, "SEED_TOKEN")
	if secret, err := s.secret(arn); err == nil {
		return true, secret.Hidden["value"]
	}
	if parameter, err := s.parameter(arn); err == nil {
		return true, parameter.Attributes["Value"]
	}
	return arn != "", ""
}

// Resources returns the tagged resources that exist now, with their tags.
func (s *Service) Resources() []Tagged {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.taggedResources(s.config.Now())
}
