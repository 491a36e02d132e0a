// Package services is the sandbox's share of AWS beside CloudFormation and S3: Elastic Beanstalk,
// RDS, Route 53, load balancing, certificates, IAM, STS, Secrets Manager, Parameter Store, Run
// Command, CloudWatch Logs, EC2's network and resource tagging. Each service answers its own
// protocol over HTTP and makes its resources for CloudFormation. What is not implemented answers
// with the service's own error.
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

// What exists in the account from the start.
const (
	// VPC is the id of the default VPC.
	VPC = "vpc-0a1b2c3d4e5f60718"
	// DefaultSecurityGroup is the id of the default VPC's own security group.
	DefaultSecurityGroup = "sg-0d1e2f3a4b5c60718"
	// HostedZone is the id of the hosted zone `localhost.`.
	HostedZone = "Z0LOCALHOST0SANDBOX0"
	// HostedZoneName is the name of that zone.
	HostedZoneName = "localhost."
)

// Subnets are the ids of the default VPC's subnets, one for each of the zones a, b and c.
var Subnets = []string{"subnet-0a1111111111111aa", "subnet-0b2222222222222bb", "subnet-0c3333333333333cc"}

// Config is what a Service needs.
type Config struct {
	// Account is the 12-digit account and Region the region that everything is in.
	Account string
	Region  string
	// Dir is where the state is kept between runs; empty keeps it in memory only.
	Dir string
	// Logger takes what no caller can be told; nil discards it.
	Logger *slog.Logger
	// Now is the clock of everything that AWS dates; nil takes the machine's.
	Now func() time.Time
	// LoadBalancerDNS is the DNS name of every load balancer; empty gives each the name that AWS
	// would.
	LoadBalancerDNS string
	// PostgreSQL is host:port of a PostgreSQL that stands for every database; empty gives each an
	// address that leads nowhere.
	PostgreSQL string
	// Loopback gives every single instance, database and queue an address of this machine.
	Loopback bool
	// ObjectExists says whether S3 holds an object; Elastic Beanstalk looks up source bundles. Nil
	// believes every template.
	ObjectExists func(bucket, key string) bool
	// Storage keeps Elastic Beanstalk's copies of source bundles; nil keeps none.
	Storage Storage
	// EnforceIAM bounds callers that have assumed a role, and stacks with a service role, to what
	// the role's policies allow.
	EnforceIAM bool
	// Granted is told the statements that allowed what a role did, and Denied what was denied to
	// one; nil discards it.
	Granted func([]access.Grant)
	Denied  func(*access.Denial)
	// Tagged lists the tagged resources of other services, for the tagging API, with those deleted
	// after since. Nil means none.
	Tagged func(since time.Time) []Tagged
	// Addresses is how many Elastic IP addresses the account can have; 0 means 5.
	Addresses int
	// RulesOnHTTP has Elastic Beanstalk give every environment of a shared load balancer a rule on
	// port 80, too.
	RulesOnHTTP bool
	// SkipCommands lets a command in a container that is not known succeed, with a sentence in its
	// output. Else it fails.
	SkipCommands bool
	// TaggingLag is how long the tagging API goes on listing what was deleted.
	TaggingLag time.Duration
}

// Storage is S3 as another service of AWS uses it.
type Storage interface {
	// Provide creates a bucket with a policy; one that exists stays as it is.
	Provide(bucket, policy string) error
	// Copy puts a copy of an object's newest version into a bucket.
	Copy(fromBucket, fromKey, bucket, key string) error
}

// Tagged is a resource as the tagging API shows it.
type Tagged struct {
	// ARN names the resource.
	ARN string
	// Tags are its tags, CloudFormation's own included.
	Tags map[string]string
}

// Service holds the resources of all services of one account in one region. It is safe for
// concurrent use.
type Service struct {
	config Config

	mu    sync.Mutex
	state state
	// deleted are the tagged resources that were deleted last, oldest first. A restart forgets
	// them.
	deleted []deletedResource
	// documents are parsed policies by name and text; see document.
	documents map[[2]string]*access.Document
}

// New makes a Service, with the state that Dir holds. A state that cannot be read is an error: it
// is never overwritten.
func New(config Config) (*Service, error) {
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	s := &Service{config: config, documents: map[[2]string]*access.Document{}}
	if err := s.load(); err != nil {
		return nil, err
	}
	return s, nil
}

// Close writes the state a last time.
func (s *Service) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.save()
}

// Services are the HTTP handlers by the name that clients sign requests with (SigV4).
func (s *Service) Services() map[string]http.Handler {
	return map[string]http.Handler{
		"elasticbeanstalk": s.query(
			"http://elasticbeanstalk.amazonaws.com/docs/2010-12-01/", "2010-12-01", beanstalkActions,
		),
		"rds": s.query("http://rds.amazonaws.com/doc/2014-10-31/", "2014-10-31", rdsActions),
		"elasticloadbalancing": s.query(
			"http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/", "2015-12-01", balancingActions,
		),
		"iam":            s.query("https://iam.amazonaws.com/doc/2010-05-08/", "2010-05-08", iamActions),
		"sts":            s.query("https://sts.amazonaws.com/doc/2011-06-15/", "2011-06-15", stsActions),
		"ec2":            s.ec2(),
		"route53":        s.route53(),
		"ecr":            s.json("AmazonEC2ContainerRegistry_V20150921", ecrActions),
		"acm":            s.json("CertificateManager", certificateActions),
		"secretsmanager": s.json("secretsmanager", secretActions),
		"logs":           s.json("Logs_20140328", logActions),
		"ssm":            s.json("AmazonSSM", systemsActions),
		"tagging":        s.json("ResourceGroupsTaggingAPI_20170126", taggingActions),
	}
}

// Actions are the names of the actions of each service that names them so.
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

// Handlers are what CloudFormation makes resources with, by resource type.
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
