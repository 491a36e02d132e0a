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

// EnvironmentInput is what the template of an environment is rendered from.
type EnvironmentInput struct {
	// Environment names the environment.
	Environment perch.Environment
	// Kind says how valuable its data is: only resources of KindBranch are deleted with the stack.
	Kind perch.Kind
	// Commit is the full commit that is deployed.
	Commit string
	// Settings are resolved and valid.
	Settings perch.Settings
	// Policy gives domain, address and network.
	Policy perch.Policy
	// Application are the outputs of the application's stack.
	Application ApplicationOutputs
	// Platform is the ARN of the Elastic Beanstalk platform version, or the name of the solution
	// stack for an environment that was created with one: a change of the ARN updates the
	// environment, a change of the name would replace it.
	Platform string
	// Bundle is the key of the source bundle in the application's artifact bucket; Render sets it.
	Bundle string
	// ExtendedSupport says that the running database is enrolled in RDS Extended Support.
	ExtendedSupport bool

	// Seed are perch.yaml's seed steps; their buckets must be the custom template's.
	Seed []perch.SeedStep
	// Origin says where a value of `parameters` is written, by its dotted path; nil if that is not
	// known.
	Origin func(path string) string
	// Guess says that the policy is guessed: its values are not checked against the limits of a
	// custom template.
	Guess bool
	// Sample says the same of branch and commit.
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

// Environment renders the template of one environment. Another commit changes nothing in it but the
// application version, the Beanstalk environment and the outputs.
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
		return fmt.Errorf("load_balancer %q is unknown: use shared, own or none", in.Settings.LoadBalancer)
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

// url is the environment's address where there is a domain. An instance without a load balancer has
// no certificate, so the default for it is plain HTTP.
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

// addBeanstalk adds version and environment. The version has no name of ours: a new bundle replaces
// it, and CloudFormation makes the new one first and removes the old one only when the environment
// runs the new one.
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

// record points the environment's host name at the load balancer, or at the instance if there is
// none. Nothing depends on it. All application load balancers of a region are in the same Route 53
// zone (AWS docs: Elastic Load Balancing endpoints), so the shared one's is that of an own one,
// too.
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
