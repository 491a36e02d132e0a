package cfn

import (
	"errors"
	"fmt"
	"strings"

	"perch"
)

const (
	versionID     = "ApplicationVersion"
	environmentID = "Environment"
	recordID      = "Record"

	sharedBalancer    = "shared"
	dedicatedBalancer = "dedicated"
	noBalancer        = "none"
)

// EnvironmentInput is the input from which the template of an environment is rendered.
type EnvironmentInput struct {
	// Environment names the environment.
	Environment perch.Environment
	// Kind says how valuable its data is: only resources of KindBranch are deleted with the stack.
	Kind perch.Kind
	// Commit is the full commit that is deployed.
	Commit string
	// Settings are resolved and checked.
	Settings perch.Settings
	// Policy gives the domain, the hosted zone and the network.
	Policy perch.Policy
	// Application are the outputs of the application's stack.
	Application ApplicationOutputs
	// Platform is the ARN of the Elastic Beanstalk platform version. For an environment that was
	// created with a solution stack, it is the name of the solution stack. A change of the ARN
	// updates the environment, but a change of the name would replace it.
	Platform string
	// Bundle is the key of the source bundle in the application's artifact bucket; Render sets it.
	Bundle string
	// ExtendedSupport means that the existing database is enrolled in RDS Extended Support.
	ExtendedSupport bool

	// Seed are perch.yaml's seed steps. If the template is a custom one, it must have the buckets
	// that they name.
	Seed []perch.SeedStep
	// Origin says where in perch.yaml a value of `parameters` is, by its dotted path; nil if that
	// is not known.
	Origin func(path string) string
	// Guess means that the policy is guessed, so its values are not checked against the limits of a
	// custom template.
	Guess bool
	// Sample means that the branch and the commit are examples, so they are not checked either.
	Sample bool
}

type versionProperties struct {
	ApplicationName string
	Description     string
	SourceBundle    sourceBundle
}

type sourceBundle struct {
	S3Bucket string
	S3Key    string
}

type environmentProperties struct {
	ApplicationName   string
	Description       string
	EnvironmentName   string
	OptionSettings    []option
	PlatformArn       string `json:",omitempty"`
	SolutionStackName string `json:",omitempty"`
	VersionLabel      value
}

type recordProperties struct {
	AliasTarget     *aliasTarget `json:",omitempty"`
	HostedZoneID    string       `json:"HostedZoneId"`
	Name            string
	ResourceRecords []value `json:",omitempty"`
	TTL             string  `json:",omitempty"`
	Type            string
}

type aliasTarget struct {
	DNSName              value
	EvaluateTargetHealth bool
	HostedZoneID         string `json:"HostedZoneId"`
}

// Environment renders the template of one environment. If only the commit changes, only the
// application version, the Beanstalk environment and the outputs change.
func Environment(in EnvironmentInput) (Template, error) {
	if err := in.validate(); err != nil {
		return Template{}, fmt.Errorf("render environment %s: %w", in.Environment.StackName(), err)
	}
	options, err := in.options()
	if err != nil {
		return Template{}, fmt.Errorf("render environment %s: %w", in.Environment.StackName(), err)
	}
	d := newDocument("Perch: environment " + in.Environment.StackName())
	d.addBeanstalk(in, options)
	for name, bucket := range in.Settings.Buckets {
		id := BucketID(name)
		d.Resources[id] = settingsBucket(bucket, in.Kind)
		if in.Kind == perch.KindProduction {
			d.Resources["PolicyOf"+id] = wall(id, in.Environment.Project)
		}
	}
	if !in.sharesDatabase() {
		d.addInstanceGroup(in.Policy.Network)
	}
	switch {
	case in.sharesDatabase():
		d.addSharedUser(in.Environment)
	case in.Settings.Database != nil:
		d.addDatabase(in)
	}
	if in.Policy.Domain != "" {
		d.Resources[recordID] = in.record()
	}
	d.addEnvironmentOutputs(in)
	return d.render()
}

func (in EnvironmentInput) validate() error {
	switch {
	case in.Environment.Slug == "":
		return errors.New("environment has no name: make it with perch.NewEnvironment")
	case !in.Kind.Valid():
		return fmt.Errorf("kind %q is unknown: use production, staging or branch", in.Kind)
	case in.Commit == "" || in.Platform == "" || in.Bundle == "" || in.Application.ApplicationName == "":
		return errors.New("commit, platform, bundle and the application's outputs are all required")
	case in.Policy.Domain != "" && in.Policy.HostedZone == "":
		return errors.New("policy has a domain and no hosted_zone: name the id of the Route 53 zone that the " +
			"domain's records go into")
	case !in.balanced() && in.Settings.LoadBalancer != noBalancer:
		return fmt.Errorf("load_balancer %q is unknown: use shared, dedicated or none", in.Settings.LoadBalancer)
	case in.balanced() && in.Policy.Domain == "":
		return fmt.Errorf(
			"load_balancer: %s needs a domain in the policy: add one, or use load_balancer: none",
			in.Settings.LoadBalancer,
		)
	case in.balanced() && in.Application.LoadBalancerArn == "":
		return errors.New("the application stack has no load balancer: bring it up to date with `perch application up`")
	case in.sharesDatabase() && in.Application.DatabaseHost == "":
		return errors.New(
			"the application stack has no shared database: bring it up to date with `perch application up`",
		)
	case in.hasDedicatedBalancer() && in.Application.CertificateArn == "":
		return errors.New("the application stack names no certificate: bring it up to date with `perch application up`")
	}
	if _, err := in.Application.Profile(in.Kind); err != nil {
		return err
	}
	return validateNetwork(in.Policy.Network)
}

func (in EnvironmentInput) shared() bool { return in.Settings.LoadBalancer == sharedBalancer }

func (in EnvironmentInput) hasDedicatedBalancer() bool {
	return in.Settings.LoadBalancer == dedicatedBalancer
}

// balanced reports whether a load balancer is in front of the instances.
func (in EnvironmentInput) balanced() bool { return in.shared() || in.hasDedicatedBalancer() }

func (in EnvironmentInput) host() string { return in.Environment.Host(in.Policy.Domain) }

// url returns the environment's address if there is a domain. It is HTTP for an instance without a
// load balancer, because that has no certificate.
func (in EnvironmentInput) url() string {
	address := in.Policy.URL
	switch {
	case address != "":
	case in.balanced():
		address = "https://{host}"
	default:
		address = "http://{host}"
	}
	return strings.ReplaceAll(address, "{host}", in.host())
}

// addBeanstalk adds the application version and the Beanstalk environment. The template gives the
// version no name, so that a new bundle replaces it: CloudFormation creates the new version first,
// and deletes the old one after the environment runs the new one.
func (d *document) addBeanstalk(in EnvironmentInput, options []option) {
	d.Resources[versionID] = resource{Type: "AWS::ElasticBeanstalk::ApplicationVersion", Properties: versionProperties{
		ApplicationName: in.Application.ApplicationName,
		Description:     "Commit " + in.Commit,
		SourceBundle:    sourceBundle{S3Bucket: in.Application.ArtifactBucket, S3Key: in.Bundle},
	}}
	properties := environmentProperties{
		ApplicationName: in.Application.ApplicationName,
		Description:     "Perch environment " + in.Environment.StackName(),
		EnvironmentName: in.Environment.BeanstalkName(),
		OptionSettings:  options,
		PlatformArn:     in.Platform,
		VersionLabel:    ref(versionID),
	}
	if !strings.HasPrefix(in.Platform, "arn:") {
		properties.PlatformArn, properties.SolutionStackName = "", in.Platform
	}
	d.Resources[environmentID] = resource{Type: "AWS::ElasticBeanstalk::Environment", Properties: properties}
}

// record returns the DNS record of the environment's host name, which points to the load balancer
// or, if there is none, to the instance. Nothing depends on it. All application load balancers of a
// region have the same Route 53 zone (AWS docs: Elastic Load Balancing endpoints), so the zone of
// the shared one is also that of a dedicated one.
func (in EnvironmentInput) record() resource {
	properties := recordProperties{HostedZoneID: in.Policy.HostedZone, Name: in.host(), Type: "A"}
	switch {
	case in.shared():
		properties.AliasTarget = &aliasTarget{
			DNSName: literal(in.Application.LoadBalancerDNS), HostedZoneID: in.Application.LoadBalancerZone,
		}
	case in.hasDedicatedBalancer():
		properties.AliasTarget = &aliasTarget{
			DNSName: getAtt{environmentID, "EndpointURL"}, HostedZoneID: in.Application.LoadBalancerZone,
		}
	default:
		properties.ResourceRecords = []value{getAtt{environmentID, "EndpointURL"}}
		properties.TTL = "60"
	}
	return resource{Type: "AWS::Route53::RecordSet", Properties: properties}
}

func (d *document) addEnvironmentOutputs(in EnvironmentInput) {
	var url, endpoint value = sub("http://${" + environmentID + ".EndpointURL}"), getAtt{environmentID, "EndpointURL"}
	if in.Policy.Domain != "" {
		url = literal(in.url())
		d.Outputs[OutputHost] = output{"Host name of the environment", literal(in.host())}
	}
	if in.shared() {
		endpoint = literal(in.Application.LoadBalancerDNS)
	}
	d.Outputs[OutputURL] = output{"Address of the environment", url}
	d.Outputs[OutputEndpoint] = output{"What to dial for the environment", endpoint}
	profile := literal(in.Application.Profiles[in.Kind])
	d.Outputs[OutputProfile] = output{"Instance profile of the environment's kind", profile}
	d.Outputs[OutputCommit] = output{"Commit that is deployed", literal(in.Commit)}
}
