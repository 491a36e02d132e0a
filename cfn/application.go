package cfn

import (
	"errors"
	"fmt"

	"perch"
)

const (
	applicationID = "Application"
	artifactsID   = "Artifacts"
	serviceRoleID = "ServiceRole"
)

// ApplicationInput is what the template of an application is rendered from.
type ApplicationInput struct {
	// Project is the project's name.
	Project string
	// Kind is KindProduction or KindStaging. KindBranch means the same as KindStaging.
	Kind perch.Kind
	// Policy gives the domain, the network, and the places from which secrets may come.
	Policy perch.Policy
	// EarlierRole keeps the instance role that all environments of the application shared in
	// earlier versions of Perch.
	EarlierRole bool
	// ExtendedSupport means that the existing shared database is enrolled in RDS Extended Support.
	ExtendedSupport bool
}

type applicationProperties struct {
	ApplicationName         string
	Description             string
	ResourceLifecycleConfig applicationLifecycle
}

type applicationLifecycle struct {
	ServiceRole            value
	VersionLifecycleConfig versionLifecycle
}

type versionLifecycle struct{ MaxCountRule maxCountRule }

type maxCountRule struct {
	DeleteSourceFromS3 bool
	Enabled            bool
	MaxCount           int
}

// maxVersions keeps the applications of a region far below the limit of 1,000 versions for all of
// them (service quota, AWS docs: Elastic Beanstalk quotas). The rule never removes a version that
// an environment runs, or ran within the last ten weeks before it was terminated (AWS docs:
// Configuring application version lifecycle settings).
const maxVersions = 100

// Application renders the template of the application stack for environments of a kind. It has
// everything that they share, so that each environment has less to create.
func Application(in ApplicationInput) (Template, error) {
	if err := in.validate(); err != nil {
		return Template{}, err
	}
	kind := in.Kind.Application()
	tags := []tag{{perch.TagKind, string(kind)}, {perch.TagProject, in.Project}}
	d := newDocument("Perch: what the " + string(kind) + " environments of " + in.Project + " share")
	d.Resources[applicationID] = beanstalkApplication(in.Project, kind)
	d.Resources[serviceRoleID] = serviceRole(tags)
	for _, of := range in.kinds() {
		d.addInstanceRole(in, of)
	}
	if in.EarlierRole {
		d.addEarlierRole(in, tags)
	}
	d.Resources[artifactsID] = artifactBucket(tags)
	d.Outputs[outputApplication] = output{"Elastic Beanstalk application", ref(applicationID)}
	d.Outputs[OutputArtifacts] = output{"Bucket of source bundles and long templates", ref(artifactsID)}
	d.Outputs[outputServiceRole] = output{"Role that Elastic Beanstalk acts in", getAtt{serviceRoleID, "Arn"}}
	if in.sharesDatabase() {
		d.addSharedDatabase(in, tags)
	}
	if in.Policy.Domain != "" {
		d.addLoadBalancer(in.Policy, tags)
	}
	return d.render()
}

func (in ApplicationInput) validate() error {
	if err := perch.ValidateProject(in.Project); err != nil {
		return err
	}
	switch {
	case !in.Kind.Valid():
		return fmt.Errorf("kind %q of an application is unknown: use staging or production", in.Kind)
	case in.Policy.Domain == "" && !in.sharesDatabase():
		return nil
	case in.Policy.Domain != "" && in.Policy.HostedZone == "":
		return errors.New("policy has a domain and no hosted_zone: name the id of the Route 53 zone that the " +
			"domain's records go into")
	}
	return validateNetwork(in.Policy.Network)
}

// kinds returns the kinds of environments that the application has.
func (in ApplicationInput) kinds() []perch.Kind {
	var kinds []perch.Kind
	for _, kind := range perch.Kinds() {
		if kind.Application() == in.Kind.Application() {
			kinds = append(kinds, kind)
		}
	}
	return kinds
}

// sharesDatabase reports whether the application stack has the shared database instance. The
// environments of a production application have dedicated databases.
func (in ApplicationInput) sharesDatabase() bool {
	return in.Policy.SharedDatabase != nil && in.Kind.Application() == perch.KindStaging
}

func validateNetwork(network perch.Network) error {
	if network.VPC == "" || len(network.Subnets) < 2 {
		return errors.New("policy has no network: name its vpc and two subnets at least")
	}
	if n := len(network.DatabaseSubnets); n == 1 {
		return errors.New("policy has one database subnet: name two at least, in different availability zones, or none")
	}
	return nil
}

// beanstalkApplication returns the Elastic Beanstalk application. Its rule removes old versions but
// keeps their source bundles, because a bundle is named after its content and several versions may
// share it.
func beanstalkApplication(project string, kind perch.Kind) resource {
	return resource{Type: "AWS::ElasticBeanstalk::Application", Properties: applicationProperties{
		ApplicationName: perch.ApplicationStackName(project, kind),
		Description:     "Environments of " + project + ", " + string(kind),
		ResourceLifecycleConfig: applicationLifecycle{
			ServiceRole:            getAtt{serviceRoleID, "Arn"},
			VersionLifecycleConfig: versionLifecycle{maxCountRule{Enabled: true, MaxCount: maxVersions}},
		},
	}}
}

// historyDays is how many days Perch keeps the records of removed environments.
const historyDays = 400

// artifactBucket returns the bucket for source bundles and templates. Only interrupted uploads and
// the records of removed environments expire in it. Bundles must stay, because Elastic Beanstalk
// copies the bundle from here whenever it deploys a version.
func artifactBucket(tags []tag) resource {
	properties := privateBucket()
	properties.LifecycleConfiguration = &lifecycleRules{Rules: []lifecycleRule{
		{ID: "broken-uploads", Status: "Enabled", AbortIncompleteMultipartUpload: &daysOfInitiation{7}},
		{ID: "history", Status: "Enabled", Prefix: "history/", ExpirationInDays: historyDays},
	}}
	properties.Tags = tags
	return resource{Type: "AWS::S3::Bucket", Properties: properties}.keep(retainIt)
}
