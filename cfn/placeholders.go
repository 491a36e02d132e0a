package cfn

import "perch"

// Placeholder has stand-ins for what only the account and its worker know, for a template that is
// rendered without them.
type Placeholder struct {
	// Policy has the account number, network, domain and zone of AWS's examples.
	Policy perch.Policy
	// Application has outputs like those of an application's stack in that account.
	Application ApplicationOutputs
	// Platform looks like the ARN of a Docker platform version. A worker takes the newest one that
	// AWS offers.
	Platform string
}

// Placeholders returns placeholders for project's environments of kind, the same ones every time.
// The resources that they name do not exist.
func Placeholders(project string, kind perch.Kind) Placeholder {
	const (
		account = "111122223333"
		region  = "eu-central-1"
	)
	application := perch.ApplicationStackName(project, kind)
	return Placeholder{
		Policy: perch.Policy{
			Account:    account,
			Region:     region,
			Project:    project,
			Domain:     project + ".example.com",
			HostedZone: "Z0123456789EXAMPLE",
			Network: perch.Network{
				VPC:             "vpc-0123456789abcdef0",
				Subnets:         []string{"subnet-0123456789abcdef0", "subnet-0123456789abcdef1"},
				DatabaseSubnets: []string{"subnet-0123456789abcdef2", "subnet-0123456789abcdef3"},
			},
		},
		Application: ApplicationOutputs{
			ApplicationName: application,
			ArtifactBucket:  application + "-artifacts-example",
			Profiles:        map[perch.Kind]string{kind: application + "-" + profileIDs[kind] + "-EXAMPLE"},
			ServiceRole:     "arn:aws:iam::" + account + ":role/" + application + "-ServiceRole-EXAMPLE",
			LoadBalancerArn: "arn:aws:elasticloadbalancing:" + region + ":" + account +
				":loadbalancer/app/example/0123456789abcdef",
			LoadBalancerDNS:           "example-1234567890." + region + ".elb.amazonaws.com",
			LoadBalancerZone:          "Z215JYRZR1TBD5",
			LoadBalancerSecurityGroup: "sg-0123456789abcdef0",
			CertificateArn: "arn:aws:acm:" + region + ":" + account +
				":certificate/01234567-89ab-cdef-0123-456789abcdef",
			DatabaseHost:    "example.0123456789ab." + region + ".rds.amazonaws.com",
			DatabasePort:    "5432",
			DatabaseSecret:  "arn:aws:secretsmanager:" + region + ":" + account + ":secret:example-AbCdEf",
			DatabaseClients: "sg-0123456789abcdef1",
		},
		Platform: "arn:aws:elasticbeanstalk:eu-central-1::platform/Docker running on 64bit Amazon Linux 2023/4.9.0",
	}
}
