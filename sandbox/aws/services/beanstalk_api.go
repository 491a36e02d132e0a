package services

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"perch/sandbox/aws/resource"
	"perch/sandbox/aws/wire"
)

// event is an event in the result of DescribeEvents.
type event struct {
	Time                                   time.Time
	Application, Environment, ID, Severity string
	Message                                string
}

// maxEvents is the maximum number of events that are stored (AWS keeps them for six weeks).
const maxEvents = 2000

func (s *Service) addEvent(rec *record, severity, message string) {
	s.state.Events = append(s.state.Events, event{
		Time: s.config.Now().UTC(), Application: rec.Scope, Environment: rec.Name, ID: rec.Hidden["EnvironmentId"],
		Severity: severity, Message: message,
	})
	if extra := len(s.state.Events) - maxEvents; extra > 0 {
		s.state.Events = slices.Delete(s.state.Events, 0, extra)
	}
}

var beanstalkActions = map[string]action{
	"DescribeApplications":          describeApplications,
	"DescribeApplicationVersions":   describeVersions,
	"DescribeEnvironments":          describeEnvironments,
	"DescribeEvents":                describeEvents,
	"DescribeConfigurationSettings": describeSettings,
	"DescribeEnvironmentHealth":     describeHealth,
	"DescribeEnvironmentResources":  describeEnvironmentResources,
	"ListAvailableSolutionStacks":   listSolutionStacks,
	"CheckDNSAvailability":          checkDNS,
	"ListTagsForResource":           listBeanstalkTags,
	"TerminateEnvironment":          callTerminateEnvironment,
	"UpdateEnvironment":             callUpdateEnvironment,
	"CreateStorageLocation":         createStorageLocation,
}

func beanstalkInvalid(format string, args ...any) *wire.Error {
	return wire.Errorf(http.StatusBadRequest, "InvalidParameterValue", format, args...)
}

func describeApplications(s *Service, f form) ([]wire.Node, error) {
	names := f.list("ApplicationNames")
	var found []*record
	for _, app := range s.recordsOf(typeApplication) {
		if matchesFilter(names, app.Name) {
			found = append(found, app)
		}
	}
	return []wire.Node{listNode("Applications", "member", found, func(app *record) []wire.Node {
		return s.applicationNodes(app)
	})}, nil
}

func (s *Service) applicationNodes(app *record) []wire.Node {
	names := func(kind string) (names []string) {
		for _, rec := range s.recordsOf(kind) {
			if rec.Scope == app.Name {
				names = append(names, rec.Name)
			}
		}
		return names
	}
	return omitEmpty(
		wire.T("ApplicationArn", app.ARN), wire.T("ApplicationName", app.Name),
		wire.T("Description", app.Properties.text("Description")),
		textNodes("ConfigurationTemplates", "member", names(typeTemplate)), textNodes(
			"Versions", "member", names(typeVersion),
		),
		wire.T("DateCreated", isoTime(app.Created)), wire.T("DateUpdated", isoTime(app.Updated)),
		wire.N("ResourceLifecycleConfig", lifecycleNodes(app.Properties.child("ResourceLifecycleConfig"))...))
}

func lifecycleNodes(config properties) []wire.Node {
	rule := func(name string, keys ...string) wire.Node {
		node, source := wire.N(name), config.child("VersionLifecycleConfig").child(name)
		for _, key := range keys {
			node.Children = append(node.Children, omitEmpty(wire.T(key, source.text(key)))...)
		}
		return node
	}
	return omitEmpty(wire.T("ServiceRole", config.text("ServiceRole")), wire.N("VersionLifecycleConfig", omitEmpty(
		rule("MaxCountRule", "Enabled", "MaxCount", "DeleteSourceFromS3"),
		rule("MaxAgeRule", "Enabled", "MaxAgeInDays", "DeleteSourceFromS3"))...))
}

func describeVersions(s *Service, f form) ([]wire.Node, error) {
	labels := f.list("VersionLabels")
	var found []*record
	for _, version := range s.recordsOf(typeVersion) {
		if app := f.Get("ApplicationName"); (app == "" || app == version.Scope) && matchesFilter(labels, version.Name) {
			found = append(found, version)
		}
	}
	return []wire.Node{listNode("ApplicationVersions", "member", found, func(version *record) []wire.Node {
		bundle := version.Properties.child("SourceBundle")
		return omitEmpty(
			wire.T("ApplicationVersionArn", version.ARN), wire.T("ApplicationName", version.Scope),
			wire.T("VersionLabel", version.Name),
			wire.T("Description", version.Properties.text("Description")), wire.T("Status", version.Status),
			wire.N(
				"SourceBundle",
				omitEmpty(wire.T("S3Bucket", bundle.text("S3Bucket")), wire.T("S3Key", bundle.text("S3Key")))...,
			),
			wire.T("DateCreated", isoTime(version.Created)), wire.T("DateUpdated", isoTime(version.Updated)))
	})}, nil
}

// describeEnvironments lists environments. Unless IncludeDeleted is false, it includes those that
// were terminated within the last hour.
func describeEnvironments(s *Service, f form) ([]wire.Node, error) {
	back := s.config.Now().Add(-showTerminated)
	if since, err := time.Parse(time.RFC3339, f.Get("IncludedDeletedBackTo")); err == nil && since.After(back) {
		back = since
	}
	names, ids := f.list("EnvironmentNames"), f.list("EnvironmentIds")
	var found []*record
	for _, env := range s.state.Records {
		hidden := env.isDeleted() && (f.Get("IncludeDeleted") == "false" || env.Ended.Before(back))
		if env.Type != typeEnvironment || hidden {
			continue
		}
		app, label := f.Get("ApplicationName"), f.Get("VersionLabel")
		if (app == "" || app == env.Scope) && (label == "" || label == env.Properties.text("VersionLabel")) &&
			matchesFilter(names, env.Name) && matchesFilter(ids, env.Hidden["EnvironmentId"]) {
			found = append(found, env)
		}
	}
	page, next := paged(found, f.Get("NextToken"), f.Get("MaxRecords"), 1000)
	nodes := listNode("Environments", "member", page, s.environmentNodes)
	return append([]wire.Node{nodes}, omitEmpty(wire.T("NextToken", next))...), nil
}

func (s *Service) environmentNodes(env *record) []wire.Node {
	tier := env.Properties.child("Tier")
	health := "NoData"
	if env.Health == "Green" {
		health = "Ok"
	}
	busy := env.Status == "Launching" || env.Status == "Updating"
	return omitEmpty(
		wire.T(
			"EnvironmentName",
			env.Name,
		),
		wire.T("EnvironmentId", env.Hidden["EnvironmentId"]),
		wire.T("ApplicationName", env.Scope),
		wire.T("VersionLabel", env.Properties.text("VersionLabel")),
		wire.T("SolutionStackName", s.platform(env)),
		wire.T(
			"PlatformArn",
			s.platformARN(s.platform(env)),
		),
		wire.T("TemplateName", env.Properties.text("TemplateName")),
		wire.T("Description", env.Properties.text("Description")),
		wire.T("EndpointURL", env.Attributes["EndpointURL"]),
		wire.T("CNAME", env.Hidden["CNAME"]),
		wire.T("DateCreated", isoTime(env.Created)),
		wire.T("DateUpdated", isoTime(env.Updated)),
		wire.T("Status", env.Status),
		wire.T("AbortableOperationInProgress", strconv.FormatBool(busy)),
		wire.T("Health", env.Health),
		wire.T("HealthStatus", health),
		wire.T("EnvironmentArn", env.ARN),
		wire.N(
			"Tier",
			wire.T("Name", tier.textOr("Name", "WebServer")),
			wire.T("Type", tier.textOr("Type", "Standard")),
			wire.T("Version", tier.textOr("Version", "1.0")),
		),
	)
}

func (s *Service) platform(env *record) string {
	byARN := s.solutionStack(env.Properties.text("PlatformArn"))
	if stack := env.Properties.textOr("SolutionStackName", byARN); stack != "" {
		return stack
	}
	if template := s.template(env.Scope, env.Properties.text("TemplateName")); template != nil {
		return template.Properties.text("SolutionStackName")
	}
	return ""
}

// environment returns the environment with the name or id in a request.
func (s *Service) environment(f form) (*record, error) {
	for _, env := range s.recordsOf(typeEnvironment) {
		if env.Name == f.Get("EnvironmentName") ||
			env.Hidden["EnvironmentId"] == f.Get("EnvironmentId") && f.Get("EnvironmentId") != "" {
			return env, nil
		}
	}
	if id := f.Get("EnvironmentId"); id != "" {
		return nil, beanstalkInvalid("No Environment found for EnvironmentId = '%s'.", id)
	}
	return nil, beanstalkInvalid("No Environment found for EnvironmentName = '%s'.", f.Get("EnvironmentName"))
}

// callTerminateEnvironment handles the API call, which terminates an environment without its stack.
// The environment is terminated at once.
func callTerminateEnvironment(s *Service, f form) ([]wire.Node, error) {
	env, err := s.environment(f)
	if err != nil {
		return nil, err
	}
	if err := mustBeReady(env); err != nil {
		return nil, beanstalkInvalid("%s", err.Error())
	}
	terminateEnvironment(s, env)
	nodes := s.environmentNodes(env)
	removeEnvironment(s, env, resource.Request{})
	return nodes, s.saveState()
}

// describeEvents lists events, newest first.
func describeEvents(s *Service, f form) ([]wire.Node, error) {
	since, _ := time.Parse(time.RFC3339, f.Get("StartTime"))
	matches := func(parameter, value string) bool { return f.Get(parameter) == "" || f.Get(parameter) == value }
	var found []event
	for _, e := range slices.Backward(s.state.Events) {
		if !e.Time.Before(since) && matches("ApplicationName", e.Application) &&
			matches("EnvironmentName", e.Environment) &&
			matches("EnvironmentId", e.ID) && matches("Severity", e.Severity) {
			found = append(found, e)
		}
	}
	page, next := paged(found, f.Get("NextToken"), f.Get("MaxRecords"), 1000)
	nodes := listNode("Events", "member", page, func(e event) []wire.Node {
		return []wire.Node{
			wire.T("EventDate", isoTime(e.Time)), wire.T("Message", e.Message),
			wire.T("ApplicationName", e.Application), wire.T("EnvironmentName", e.Environment),
			wire.T("Severity", e.Severity),
		}
	})
	return append([]wire.Node{nodes}, omitEmpty(wire.T("NextToken", next))...), nil
}

func describeSettings(s *Service, f form) ([]wire.Node, error) {
	rec := s.template(f.Get("ApplicationName"), f.Get("TemplateName"))
	if f.Get("TemplateName") == "" {
		env, err := s.environment(f)
		if err != nil {
			return nil, err
		}
		rec = env
	}
	if rec == nil {
		return nil, beanstalkInvalid("No Configuration Template named '%s' found.", f.Get("TemplateName"))
	}
	settings := func(rec *record) []wire.Node {
		named := wire.T("EnvironmentName", rec.Name)
		if rec.Type == typeTemplate {
			named = wire.T("TemplateName", rec.Name)
		}
		return omitEmpty(wire.T("SolutionStackName", s.platform(rec)), wire.T("ApplicationName", rec.Scope), named,
			wire.T("DeploymentStatus", map[bool]string{true: "deployed", false: "pending"}[rec.Status == "Ready"]),
			wire.T("DateCreated", isoTime(rec.Created)), wire.T("DateUpdated", isoTime(rec.Updated)),
			listNode("OptionSettings", "member", s.options(rec), func(o option) []wire.Node {
				return []wire.Node{
					wire.T("Namespace", o.Namespace), wire.T("OptionName", o.Name), wire.T("Value", o.Value),
				}
			}))
	}
	return []wire.Node{listNode("ConfigurationSettings", "member", []*record{rec}, settings)}, nil
}

func describeHealth(s *Service, f form) ([]wire.Node, error) {
	env, err := s.environment(f)
	if err != nil {
		return nil, err
	}
	status := "NoData"
	if env.Health == "Green" {
		status = "Ok"
	}
	return []wire.Node{
		wire.T("EnvironmentName", env.Name), wire.T("HealthStatus", status), wire.T("Status", env.Status),
		wire.T("Color", env.Health), wire.N("Causes"), wire.T("RefreshedAt", isoTime(s.config.Now())),
	}, nil
}

func describeEnvironmentResources(s *Service, f form) ([]wire.Node, error) {
	env, err := s.environment(f)
	if err != nil {
		return nil, err
	}
	var balancers []string
	if s.option(env, nsEnvironment, "EnvironmentType") != "SingleInstance" {
		for _, balancer := range s.recordsOf(typeLoadBalancer) {
			if balancer.Attributes["DNSName"] == env.Attributes["EndpointURL"] {
				balancers = append(balancers, balancer.ARN)
			}
		}
	}
	return []wire.Node{wire.N("EnvironmentResources", wire.T("EnvironmentName", env.Name),
		wire.N("AutoScalingGroups"), listNode(
			"Instances", "member", instances(env), func(id string) []wire.Node { return []wire.Node{wire.T("Id", id)} },
		),
		wire.N("LaunchConfigurations"), wire.N("LaunchTemplates"),
		listNode(
			"LoadBalancers", "member", balancers,
			func(arn string) []wire.Node { return []wire.Node{wire.T("Name", arn)} },
		),
		wire.N("Triggers"), wire.N("Queues"))}, nil
}

func listSolutionStacks(*Service, form) ([]wire.Node, error) {
	details := listNode("SolutionStackDetails", "member", solutionStacks, func(name string) []wire.Node {
		return []wire.Node{
			wire.T("SolutionStackName", name), textNodes("PermittedFileTypes", "member", []string{"zip"}),
		}
	})
	return []wire.Node{textNodes("SolutionStacks", "member", solutionStacks), details}, nil
}

func checkDNS(s *Service, f form) ([]wire.Node, error) {
	prefix := f.Get("CNAMEPrefix")
	if n := len(prefix); n < 4 || n > 63 {
		return nil, beanstalkInvalid(
			"Value %s at 'CNAMEPrefix' failed to satisfy constraint: Member must have length between 4 and 63", prefix,
		)
	}
	return []wire.Node{
		wire.T("Available", strconv.FormatBool(!s.cnameTaken(prefix, nil))),
		wire.T("FullyQualifiedCNAME", s.cname(prefix)),
	}, nil
}

func listBeanstalkTags(s *Service, f form) ([]wire.Node, error) {
	arn := f.Get("ResourceArn")
	for _, rec := range s.state.Records {
		if rec.ARN == arn && !rec.isDeleted() && strings.HasPrefix(rec.Type, "AWS::ElasticBeanstalk::") {
			return []wire.Node{wire.T("ResourceArn", arn), tagNodes("ResourceTags", "member", rec.Tags)}, nil
		}
	}
	return nil, wire.Errorf(http.StatusBadRequest, "ResourceNotFoundException", "Resource not found for arn '%s'.", arn)
}

// paged returns one page of items, and the token of the next page if there is one. token is the
// token from the previous page. size is the number of items that the caller requested, and most is
// the maximum.
func paged[E any](items []E, token, size string, most int) (page []E, next string) {
	from, _ := strconv.Atoi(token)
	from = min(max(from, 0), len(items))
	n, err := strconv.Atoi(size)
	if err != nil || n < 1 || n > most {
		n = most
	}
	to := min(from+n, len(items))
	if to < len(items) {
		next = strconv.Itoa(to)
	}
	return items[from:to], next
}
