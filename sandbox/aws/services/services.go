// Package services imitates the AWS services that environments use, except CloudFormation and S3:
// Elastic Beanstalk, RDS, Route 53, load balancing, certificates, IAM, STS, Secrets Manager,
// Parameter Store, Run Command, CloudWatch Logs, EC2's network and resource tagging. Each service
// speaks its AWS protocol over HTTP and creates its resources for CloudFormation. A call that the
// sandbox does not implement gets the error that AWS returns for an unknown action.
package services

import (
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"perch/sandbox/aws/access"
	"perch/sandbox/aws/resource"
)

// The resources that every account has from the start.
const (
	// VPC is the id of the default VPC.
	VPC = "vpc-0a1b2c3d4e5f60718"
	// DefaultSecurityGroup is the id of the default VPC's default security group.
	DefaultSecurityGroup = "sg-0d1e2f3a4b5c60718"
	// HostedZone is the id of the hosted zone `localhost.`.
	HostedZone = "Z0LOCALHOST0SANDBOX0"
	// HostedZoneName is the name of the hosted zone.
	HostedZoneName = "localhost."
)

// Subnets are the ids of the default VPC's subnets, one each in the zones a, b and c.
var Subnets = []string{"subnet-0a1111111111111aa", "subnet-0b2222222222222bb", "subnet-0c3333333333333cc"}

// Config configures a Service.
type Config struct {
	// Account is the 12-digit account ID of all resources, and Region their region.
	Account string
	Region  string
	// Dir is the folder in which the state is stored; empty keeps it in memory only.
	Dir string
	// Logger receives errors that are not returned to any caller; nil discards them.
	Logger *slog.Logger
	// Now returns the current time; nil means time.Now.
	Now func() time.Time
	// LoadBalancerDNS is the DNS name of every load balancer; empty gives each a name as AWS does.
	LoadBalancerDNS string
	// PostgreSQL is the host:port of a PostgreSQL server. Every RDS database has it as its
	// endpoint. If it is empty, each database has an endpoint at which no server listens.
	PostgreSQL string
	// Loopback makes instances, databases and queues use addresses of this machine.
	Loopback bool
	// ObjectExists reports whether S3 has an object. Elastic Beanstalk uses it to find source
	// bundles. If it is nil, every object exists.
	ObjectExists func(bucket, key string) bool
	// Storage stores Elastic Beanstalk's copies of source bundles; nil stores none.
	Storage Storage
	// EnforceIAM allows callers that have assumed a role, and stacks with a service role, only what
	// the role's policies allow.
	EnforceIAM bool
	// Granted receives the policy statements that allowed a role's calls. Denied receives each call
	// that a role may not make. Nil discards them.
	Granted func([]access.Grant)
	Denied  func(*access.Denial)
	// Tagged lists the tagged resources of other services for the tagging API, including those that
	// were deleted after since. Nil means none.
	Tagged func(since time.Time) []Tagged
	// Addresses is the account's quota of Elastic IP addresses; 0 means 5.
	Addresses int
	// RulesOnHTTP makes Elastic Beanstalk also add a rule on port 80 for every environment with a
	// shared load balancer.
	RulesOnHTTP bool
	// SkipCommands makes an unknown command in a container succeed, with a note in its output. If
	// SkipCommands is false, the command fails.
	SkipCommands bool
	// TaggingLag is how long the tagging API still lists a deleted resource.
	TaggingLag time.Duration
	// DNSLag is how long it takes until Route 53's name servers answer for a new record.
	DNSLag time.Duration
}

// Storage is the part of S3 that other AWS services call.
type Storage interface {
	// Provide creates a bucket with a policy; if the bucket exists, it does nothing.
	Provide(bucket, policy string) error
	// Copy copies an object's newest version to another bucket.
	Copy(fromBucket, fromKey, bucket, key string) error
}

// Tagged is a resource as the tagging API shows it.
type Tagged struct {
	// ARN identifies the resource.
	ARN string
	// Tags are its tags, including CloudFormation's system tags.
	Tags map[string]string
}

// Service holds the resources of all services for one account and region. It is safe for concurrent
// use.
type Service struct {
	config Config

	mu    sync.Mutex
	state state
	// deleted has the most recently deleted resources that had tags, oldest first. A restart loses
	// them.
	deleted []deletedResource
	// documents caches parsed policies, by name and text; see parsePolicy.
	documents map[[2]string]*access.Document
}

// New returns a Service with the state in Config.Dir. If it cannot read that state, it returns an
// error, so that no later save overwrites the state.
func New(config Config) (*Service, error) {
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	s := &Service{config: config, documents: map[[2]string]*access.Document{}}
	if err := s.loadState(); err != nil {
		return nil, err
	}
	return s, nil
}

// Close saves the state.
func (s *Service) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.saveState()
}

// Services returns the HTTP handlers, by the service name in the credential scope of a request's
// signature (SigV4).
func (s *Service) Services() map[string]http.Handler {
	return map[string]http.Handler{
		"elasticbeanstalk": s.queryHandler(
			"http://elasticbeanstalk.amazonaws.com/docs/2010-12-01/", "2010-12-01", beanstalkActions,
		),
		"rds": s.queryHandler("http://rds.amazonaws.com/doc/2014-10-31/", "2014-10-31", rdsActions),
		"elasticloadbalancing": s.queryHandler(
			"http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/", "2015-12-01", balancingActions,
		),
		"iam":            s.queryHandler("https://iam.amazonaws.com/doc/2010-05-08/", "2010-05-08", iamActions),
		"sts":            s.queryHandler("https://sts.amazonaws.com/doc/2011-06-15/", "2011-06-15", stsActions),
		"ec2":            s.ec2Handler(),
		"route53":        s.route53Handler(),
		"ecr":            s.jsonHandler("AmazonEC2ContainerRegistry_V20150921", ecrActions),
		"acm":            s.jsonHandler("CertificateManager", certificateActions),
		"secretsmanager": s.jsonHandler("secretsmanager", secretActions),
		"logs":           s.jsonHandler("Logs_20140328", logActions),
		"ssm":            s.jsonHandler("AmazonSSM", systemsActions),
		"tagging":        s.jsonHandler("ResourceGroupsTaggingAPI_20170126", taggingActions),
	}
}

// Actions returns the names of the implemented actions, by service. It leaves out Route 53, whose
// requests do not contain an action's name.
func Actions() map[string][]string {
	names := map[string][]string{}
	for service, actions := range map[string]map[string]action{
		"elasticbeanstalk": beanstalkActions, "rds": rdsActions, "elasticloadbalancing": balancingActions,
		"iam": iamActions, "sts": stsActions, "ec2": networkActions,
	} {
		names[service] = slices.Sorted(maps.Keys(actions))
	}
	for service, actions := range map[string]map[string]jsonAction{
		"ecr": ecrActions, "acm": certificateActions, "secretsmanager": secretActions, "logs": logActions,
		"ssm": systemsActions, "tagging": taggingActions,
	} {
		names[service] = slices.Sorted(maps.Keys(actions))
	}
	return names
}

// Handlers returns the handlers through which CloudFormation manages resources, by resource type.
func (s *Service) Handlers() map[string]resource.Handler {
	handlers := map[string]resource.Handler{}
	for _, kinds := range []map[string]kind{
		beanstalkKinds, rdsKinds, route53Kinds, balancingKinds, certificateKinds, networkKinds, vpcKinds, iamKinds,
		secretKinds, parameterKinds, machineKinds, plainKinds,
	} {
		for name, kind := range kinds {
			handlers[name] = handler{service: s, kind: kind}
		}
	}
	return handlers
}

var (
	_ resource.Settler    = handler{}
	_ resource.Terminator = handler{}
)
