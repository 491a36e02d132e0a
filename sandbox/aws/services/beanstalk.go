package services

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"time"

	"perch/sandbox/aws/resource"
)

const (
	typeApplication = "AWS::ElasticBeanstalk::Application"
	typeVersion     = "AWS::ElasticBeanstalk::ApplicationVersion"
	typeTemplate    = "AWS::ElasticBeanstalk::ConfigurationTemplate"
	typeEnvironment = "AWS::ElasticBeanstalk::Environment"

	beanstalk = "ElasticBeanstalk"

	// showTerminated is how long listings show a terminated environment (AWS docs: about an hour).
	showTerminated = time.Hour
)

// solutionStacks are the results of ListAvailableSolutionStacks, newest first within each platform
// branch.
var solutionStacks = []string{
	"64bit Amazon Linux 2023 v4.13.8 running Docker",
	"64bit Amazon Linux 2023 v4.7.3 running Docker",
	"64bit Amazon Linux 2023 v4.7.2 running Docker",
	"64bit Amazon Linux 2023 v4.6.0 running Docker",
	"64bit Amazon Linux 2023 v4.7.3 running ECS",
	"64bit Amazon Linux 2023 v4.7.3 running Python 3.13",
	"64bit Amazon Linux 2023 v4.7.3 running Python 3.12",
	"64bit Amazon Linux 2023 v6.6.5 running Node.js 22",
	"64bit Amazon Linux 2023 v4.6.2 running Ruby 3.4",
	"64bit Amazon Linux 2023 v4.7.1 running PHP 8.4",
	"64bit Amazon Linux 2023 v4.6.3 running Corretto 21",
	"64bit Amazon Linux 2023 v4.4.1 running Go 1",
	"64bit Amazon Linux 2 v4.3.2 running Docker",
	"64bit Amazon Linux 2 v3.11.2 running Python 3.8",
}

var beanstalkKinds = map[string]kind{
	typeApplication: {
		service: beanstalk, nameProperty: "ApplicationName", limit: 100, prepare: prepareApplication,
		rejectDelete: rejectApplication,
	},
	typeVersion:  {service: beanstalk, limit: 100, prepare: prepareVersion, rejectDelete: rejectVersion},
	typeTemplate: {service: beanstalk, limit: 100, prepare: prepareTemplate},
	typeEnvironment: {
		service: beanstalk, nameProperty: "EnvironmentName", limit: 40, prepare: prepareEnvironment,
		saved: environmentSaved, settle: settleEnvironment,
		repeated: repeatsUpdate, beforeUpdate: retainOptions, rejectDelete: rejectEnvironment,
		beginDelete: terminateEnvironment, finishDelete: removeEnvironment,
	},
}

func prepareApplication(s *Service, rec *record) error {
	if other := s.findByName(typeApplication, rec.Name); other != nil && other != rec {
		return handlerError(
			beanstalk, http.StatusBadRequest, "AlreadyExists", "Application %s already exists.", rec.Name,
		)
	}
	rec.ARN = s.arn("elasticbeanstalk", "application/"+rec.Name)
	return nil
}

func rejectApplication(s *Service, rec *record, _ bool) error {
	for _, env := range s.recordsOf(typeEnvironment) {
		if env.Scope == rec.Name {
			return invalidRequest(
				beanstalk, "Unable to delete application %s because it has a running environment: %s", rec.Name,
				env.Name,
			)
		}
	}
	return nil
}

// application returns the application with the name in the properties.
func (s *Service) application(p properties) (*record, error) {
	name := p.text("ApplicationName")
	if app := s.findByName(typeApplication, name); app != nil {
		return app, nil
	}
	return nil, invalidRequest(beanstalk, "No Application named '%s' found.", name)
}

func prepareVersion(s *Service, rec *record) error {
	app, err := s.application(rec.Properties)
	if err != nil {
		return err
	}
	rec.Scope = app.Name
	bundle := rec.Properties.child("SourceBundle")
	bucket, key := bundle.text("S3Bucket"), bundle.text("S3Key")
	if s.config.ObjectExists != nil && rec.ID == "" && !s.config.ObjectExists(bucket, key) {
		return invalidRequest(
			beanstalk, "Unable to download from S3 location (Bucket: %s  Key: %s). Reason: Not Found", bucket, key,
		)
	}
	rec.ARN, rec.Status = s.arn("elasticbeanstalk", "applicationversion/"+app.Name+"/"+rec.Name), "UNPROCESSED"
	return nil
}

func rejectVersion(s *Service, rec *record, _ bool) error {
	for _, env := range s.recordsOf(typeEnvironment) {
		if env.Scope == rec.Scope && env.Properties.text("VersionLabel") == rec.Name {
			return invalidRequest(
				beanstalk,
				"Unable to delete application version %s because it is associated with a running environment: %s",
				rec.Name, env.Name,
			)
		}
	}
	return nil
}

func prepareTemplate(s *Service, rec *record) error {
	app, err := s.application(rec.Properties)
	if err != nil {
		return err
	}
	if err := s.checkPlatform(rec.Properties); err != nil {
		return err
	}
	rec.Scope, rec.ARN = app.Name, s.arn("elasticbeanstalk", "configurationtemplate/"+app.Name+"/"+rec.Name)
	rec.Attributes["TemplateName"] = rec.Name
	return nil
}

// platformARN returns the ARN of a solution stack's platform version.
func (s *Service) platformARN(solutionStack string) string {
	system, rest, _ := strings.Cut(solutionStack, " v")
	version, name, _ := strings.Cut(rest, " running ")
	return "arn:aws:elasticbeanstalk:" + s.config.Region + "::platform/" + name + " running on " + system + "/" +
		version
}

// solutionStack returns the solution stack with a platform version's ARN; empty if the ARN is
// unknown.
func (s *Service) solutionStack(arn string) string {
	for _, stack := range solutionStacks {
		if s.platformARN(stack) == arn {
			return stack
		}
	}
	return ""
}

func (s *Service) checkPlatform(p properties) error {
	if arn := p.text("PlatformArn"); arn != "" && s.solutionStack(arn) == "" {
		return invalidRequest(beanstalk, "Platform version '%s' does not exist.", arn)
	}
	if stack := p.text("SolutionStackName"); stack != "" && !slices.Contains(solutionStacks, stack) {
		return invalidRequest(beanstalk, "No Solution Stack named '%s' found.", stack)
	}
	return nil
}

// option is one value in an environment's configuration.
type option struct{ Namespace, Name, Value string }

type options []option

// settings returns everything that was set for an environment, each setting before those that it
// overrides. The environment's OptionSettings override retained options, and these override the
// settings of its saved configuration (TemplateName).
func (s *Service) settings(rec *record) (all options) {
	add := func(settings []properties) {
		for _, setting := range settings {
			all = append(all, option{setting.text("Namespace"), setting.text("OptionName"), setting.text("Value")})
		}
	}
	for _, template := range s.recordsOf(typeTemplate) {
		if template.Scope == rec.Scope && template.Name == rec.Properties.text("TemplateName") {
			add(template.Properties.children("OptionSettings"))
		}
	}
	all = append(all, rec.Retained...)
	add(rec.Properties.children("OptionSettings"))
	slices.Reverse(all)
	return all
}

// options returns the settings of an environment that apply, sorted by namespace and name.
func (s *Service) options(rec *record) options {
	sorted := s.settings(rec)
	compareNames := func(a, b option) int {
		return cmp.Or(strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name))
	}
	slices.SortStableFunc(sorted, compareNames)
	return slices.CompactFunc(sorted, func(a, b option) bool { return compareNames(a, b) == 0 })
}

// option returns the value of one setting; empty if it is not set.
func (s *Service) option(rec *record, namespace, name string) string {
	return s.settings(rec).value(namespace, name)
}

// value returns the value of one setting; empty if it is not set.
func (o options) value(namespace, name string) string {
	for _, option := range o {
		if option.Namespace == namespace && option.Name == name {
			return option.Value
		}
	}
	return ""
}

func prepareEnvironment(s *Service, rec *record) error {
	app, err := s.application(rec.Properties)
	if err != nil {
		return err
	}
	rec.Scope = app.Name
	if err := s.checkEnvironment(rec, app); err != nil {
		return err
	}
	if err := s.requireAddress(rec); err != nil {
		return err
	}
	if err := s.requireRules(rec); err != nil {
		return err
	}
	if rec.ID == "" {
		s.setEnvironmentIDs(rec)
		rec.Status, rec.Health = "Launching", "Grey"
	} else {
		rec.Status, rec.Health = "Updating", "Grey"
	}
	s.setInstances(rec)
	if err := s.deployBundle(rec); err != nil {
		return err
	}
	return s.setEndpoint(rec)
}

func (s *Service) checkEnvironment(rec, app *record) error {
	if n := len(rec.Name); n < 4 || n > 40 {
		return invalidRequest(
			beanstalk,
			"Value %s at 'EnvironmentName' failed to satisfy constraint: Member must have length between 4 and 40",
			rec.Name,
		)
	}
	if other := s.findByName(typeEnvironment, rec.Name); other != nil && other != rec {
		return handlerError(
			beanstalk, http.StatusBadRequest, "AlreadyExists", "Environment %s already exists.", rec.Name,
		)
	}
	for key, value := range rec.Tags {
		if value == rec.Name {
			return invalidRequest(beanstalk, "Tag '%s' is not valid. Values cannot match the environment name.", key)
		}
	}
	if label := rec.Properties.text("VersionLabel"); label != "" && s.version(app.Name, label) == nil {
		return invalidRequest(beanstalk, "No Application Version named '%s' found.", label)
	}
	if template := rec.Properties.text("TemplateName"); template != "" && s.template(app.Name, template) == nil {
		return invalidRequest(beanstalk, "No Configuration Template named '%s' found.", template)
	}
	if prefix := rec.Properties.text("CNAMEPrefix"); prefix != "" && s.cnameTaken(prefix, rec) {
		return invalidRequest(beanstalk, "DNS name (%s) is not available.", s.cname(prefix))
	}
	return s.checkPlatform(rec.Properties)
}

func (s *Service) version(application, label string) *record {
	return s.findInScope(typeVersion, application, label)
}
func (s *Service) template(application, name string) *record {
	return s.findInScope(typeTemplate, application, name)
}

func (s *Service) findInScope(kind, scope, name string) *record {
	for _, rec := range s.recordsOf(kind) {
		if rec.Scope == scope && rec.Name == name {
			return rec
		}
	}
	return nil
}

func (s *Service) cname(prefix string) string {
	return strings.ToLower(prefix) + "." + s.config.Region + ".elasticbeanstalk.com"
}

func (s *Service) cnameTaken(prefix string, except *record) bool {
	return slices.ContainsFunc(s.recordsOf(typeEnvironment), func(env *record) bool {
		return env != except && strings.EqualFold(env.Hidden["CNAME"], s.cname(prefix))
	})
}

func (s *Service) setEnvironmentIDs(rec *record) {
	rec.ID = rec.Name
	rec.ARN = s.arn("elasticbeanstalk", "environment/"+rec.Scope+"/"+rec.Name)
	rec.Hidden["EnvironmentId"] = "e-" + randomText(lowerDigits, 10)
	rec.Hidden["CNAME"] = s.cname(rec.Properties.textOr("CNAMEPrefix", rec.Name+".eba-"+randomText(lowerDigits, 8)))
	rec.Hidden["address"] = s.elasticIP()
}

// loopback is the address of this machine where the sandbox serves the pages of environments.
const loopback = "127.0.0.1"

// elasticIP returns a random address from the range for documentation (RFC 5737). If
// Config.Loopback is set, it returns the address of this machine.
func (s *Service) elasticIP() string {
	if s.config.Loopback {
		return loopback
	}
	return "203.0.113." + randomText("123456789", 1) + randomText("0123456789", 1)
}

const (
	nsEnvironment   = "aws:elasticbeanstalk:environment"
	nsBalancer      = "aws:elbv2:loadbalancer"
	nsApplicationEV = "aws:elasticbeanstalk:application:environment"
	nsSecrets       = "aws:elasticbeanstalk:application:environmentsecrets"
	nsRule          = "aws:elbv2:listenerrule:"
	nsListenerTLS   = "aws:elbv2:listener:443"
	nsLaunch        = "aws:autoscaling:launchconfiguration"
)

// setEndpoint sets the environment's EndpointURL: the DNS name of its shared or dedicated load
// balancer, or the IP address of its single instance.
func (s *Service) setEndpoint(rec *record) error {
	shared := strings.EqualFold(s.option(rec, nsEnvironment, "LoadBalancerIsShared"), "true")
	switch {
	case s.option(rec, nsEnvironment, "EnvironmentType") == "SingleInstance":
		rec.Attributes["EndpointURL"] = rec.Hidden["address"]
	case shared:
		reference := s.option(rec, nsBalancer, "SharedLoadBalancer")
		balancer := s.findByReference(typeLoadBalancer, reference)
		if balancer == nil {
			return invalidRequest(beanstalk, "Configuration validation exception: Invalid option value: '%s' "+
				"(Namespace: '%s', OptionName: 'SharedLoadBalancer'): The load balancer does not exist.",
				reference, nsBalancer)
		}
		rec.Attributes["EndpointURL"] = balancer.Attributes["DNSName"]
	case !s.certificateExists(rec):
		arn := s.option(rec, nsListenerTLS, "SSLCertificateArns")
		return invalidRequest(beanstalk, "Configuration validation exception: Invalid option value: '%s' "+
			"(Namespace: '%s', OptionName: 'SSLCertificateArns'): The certificate does not exist.", arn, nsListenerTLS)
	case rec.Attributes["EndpointURL"] == "" || rec.Attributes["EndpointURL"] == rec.Hidden["address"]:
		rec.Attributes["EndpointURL"] = s.balancerDNS("awseb-" + randomText(upperDigits, 12))
	}
	return nil
}

// certificateExists reports whether the certificate for an environment's dedicated load balancer
// exists.
func (s *Service) certificateExists(rec *record) bool {
	for _, arn := range splitList(s.option(rec, nsListenerTLS, "SSLCertificateArns")) {
		if s.findByID(typeCertificate, arn) == nil {
			return false
		}
	}
	return true
}

func environmentSaved(s *Service, rec *record) {
	if rec.Status == "Launching" {
		s.addEvent(rec, "INFO", "createEnvironment is starting.")
		return
	}
	s.addEvent(rec, "INFO", "Environment update is starting.")
}

func settleEnvironment(s *Service, rec *record) {
	launched := rec.Status == "Launching"
	rec.Status, rec.Health, rec.Updated = "Ready", "Green", s.config.Now().UTC()
	s.streamLogs(rec, launched)
	if launched {
		s.addEvent(rec, "INFO", "Successfully launched environment: "+rec.Name)
		return
	}
	s.addEvent(rec, "INFO", "Environment update completed successfully.")
}

func terminateEnvironment(s *Service, rec *record) {
	rec.Status, rec.Health, rec.Updated = "Terminating", "Grey", s.config.Now().UTC()
	s.addEvent(rec, "INFO", "terminateEnvironment is starting.")
}

// removeEnvironment marks an environment as terminated. It keeps the record, because listings still
// show the environment, and deletes the records that listings no longer show.
func removeEnvironment(s *Service, rec *record, _ resource.Request) {
	now := s.config.Now().UTC()
	rec.Status, rec.Health, rec.Updated, rec.Ended = "Terminated", "Grey", now, now
	s.dropLogs(rec)
	s.addEvent(rec, "INFO", "terminateEnvironment completed successfully.")
	s.state.Records = slices.DeleteFunc(s.state.Records, func(old *record) bool {
		return old.isDeleted() && now.Sub(old.Ended) > showTerminated
	})
}
