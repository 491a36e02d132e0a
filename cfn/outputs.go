package cfn

import (
	"fmt"

	"perch"
)

// Outputs of an environment's stack.
const (
	// OutputURL is the environment's address.
	OutputURL = "URL"
	// OutputHost is the environment's host name. It exists only if there is a domain.
	OutputHost = "Host"
	// OutputEndpoint is the host name or IP address to connect to, even if DNS does not have Host
	// yet.
	OutputEndpoint = "Endpoint"
	// OutputProfile is the name of the instance profile. Stacks of earlier versions do not have it.
	OutputProfile = "InstanceProfile"
	// OutputCommit is the commit that is deployed.
	OutputCommit = "PerchCommit"
	// OutputTemplate is the template's Hash. Application stacks also have it.
	OutputTemplate = "PerchTemplate"
)

// These are further outputs of a stack with a custom template. Perch adds OutputCommit and
// OutputTemplate to it as well.
const (
	// OutputCustomURL is the environment's address. Perch adds it.
	OutputCustomURL = "PerchURL"
	// OutputCustomEndpoint is the host to connect to. It exists only if the custom template
	// declares it.
	OutputCustomEndpoint = "PerchEndpoint"
)

// Address returns the environment's address from a stack's outputs, and the host to connect to.
// endpoint is empty if that is the address's host.
func Address(outputs map[string]string) (url, endpoint string) {
	if own := outputs[OutputCustomURL]; own != "" {
		return own, outputs[OutputCustomEndpoint]
	}
	return outputs[OutputURL], outputs[OutputEndpoint]
}

// OutputEarlierProfile is an output of an application's stack: the instance profile that all its
// environments shared in earlier versions of Perch.
const OutputEarlierProfile = "InstanceProfile"

// These are the outputs of an application's stack, in addition to those in profileIDs.
const (
	outputApplication   = "ApplicationName"
	OutputArtifacts     = "ArtifactBucket"
	outputServiceRole   = "ServiceRole"
	outputBalancer      = "LoadBalancerArn"
	outputBalancerDNS   = "LoadBalancerDNS"
	outputBalancerZone  = "LoadBalancerZone"
	outputBalancerGroup = "LoadBalancerSecurityGroup"
	outputCertificate   = "CertificateArn"

	outputDatabaseHost    = "SharedDatabaseHost"
	outputDatabasePort    = "SharedDatabasePort"
	outputDatabaseSecret  = "SharedDatabaseSecret"
	outputDatabaseClients = "SharedDatabaseClients"
)

// ApplicationOutputs is what an environment's template needs from its application's stack.
type ApplicationOutputs struct {
	// ApplicationName is the name of the Elastic Beanstalk application.
	ApplicationName string
	// ArtifactBucket is the name of the bucket that holds source bundles and long templates.
	ArtifactBucket string
	// Profiles are the names of the instance profiles, by kind. A stack that an earlier version of
	// Perch created has none.
	Profiles map[perch.Kind]string
	// ServiceRole is the ARN of the role that Elastic Beanstalk uses.
	ServiceRole string
	// LoadBalancerArn is the ARN of the shared load balancer. It and the following are empty if the
	// policy names no domain.
	LoadBalancerArn string
	// LoadBalancerDNS is the load balancer's DNS name.
	LoadBalancerDNS string
	// LoadBalancerZone is the id of the Route 53 zone that LoadBalancerDNS belongs to.
	LoadBalancerZone string
	// LoadBalancerSecurityGroup is the id of the load balancer's security group.
	LoadBalancerSecurityGroup string
	// CertificateArn is the ARN of the certificate for all host names. A stack that an earlier
	// version of Perch created does not have it.
	CertificateArn string
	// DatabaseHost is the host name of the shared database. It and the following are empty if the
	// policy names no shared_database.
	DatabaseHost string
	// DatabasePort is the shared database's port.
	DatabasePort string
	// DatabaseSecret is the ARN of the secret of the shared database's master user.
	DatabaseSecret string
	// DatabaseClients is the id of the security group that the database admits.
	DatabaseClients string
}

// ParseApplicationOutputs reads the outputs of an application's stack. It returns an error for
// outputs of another version of the template. The outputs of the load balancer may all be missing,
// and so may those of the shared database.
func ParseApplicationOutputs(outputs map[string]string) (ApplicationOutputs, error) {
	parsed := ApplicationOutputs{
		ApplicationName:           outputs[outputApplication],
		ArtifactBucket:            outputs[OutputArtifacts],
		Profiles:                  map[perch.Kind]string{},
		ServiceRole:               outputs[outputServiceRole],
		LoadBalancerArn:           outputs[outputBalancer],
		LoadBalancerDNS:           outputs[outputBalancerDNS],
		LoadBalancerZone:          outputs[outputBalancerZone],
		LoadBalancerSecurityGroup: outputs[outputBalancerGroup],
		CertificateArn:            outputs[outputCertificate],
		DatabaseHost:              outputs[outputDatabaseHost],
		DatabasePort:              outputs[outputDatabasePort],
		DatabaseSecret:            outputs[outputDatabaseSecret],
		DatabaseClients:           outputs[outputDatabaseClients],
	}
	for kind, name := range profileIDs {
		if outputs[name] != "" {
			parsed.Profiles[kind] = outputs[name]
		}
	}
	required := []string{outputApplication, OutputArtifacts, outputServiceRole}
	if parsed.LoadBalancerArn != "" {
		required = append(required, outputBalancerDNS, outputBalancerZone, outputBalancerGroup)
	}
	if parsed.DatabaseHost != "" {
		required = append(required, outputDatabasePort, outputDatabaseSecret, outputDatabaseClients)
	}
	for _, name := range required {
		if outputs[name] == "" {
			return ApplicationOutputs{}, fmt.Errorf(
				"application stack has no output %s: bring it up to date with `perch application up`", name,
			)
		}
	}
	return parsed, nil
}

// Profile returns the name of the instance profile of kind's environments. It returns an error for
// an application stack that an earlier version of Perch created. ParseApplicationOutputs accepts
// such a stack, because removals and reads need no profile.
func (o ApplicationOutputs) Profile(kind perch.Kind) (string, error) {
	if name := o.Profiles[kind]; name != "" {
		return name, nil
	}
	return "", fmt.Errorf("the application stack has no instance profile for environments of kind %s, "+
		"because an earlier version of Perch made it: run `perch application up --kind %s`, then try again", kind,
		kind.Application())
}
