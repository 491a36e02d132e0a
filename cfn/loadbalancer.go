package cfn

import "perch"

const (
	balancerID      = "LoadBalancer"
	balancerGroupID = "LoadBalancerSecurityGroup"
	certificateID   = "Certificate"

	// tlsPolicy accepts TLS 1.2 and 1.3 (AWS docs: Security policies for your Application Load
	// Balancer).
	tlsPolicy = "ELBSecurityPolicy-TLS13-1-2-2021-06"
)

type balancerProperties struct {
	LoadBalancerAttributes []attribute
	Scheme                 string
	SecurityGroups         []value
	Subnets                []string
	Tags                   []tag
	Type                   string
}

type attribute struct {
	Key   string
	Value string
}

type listenerProperties struct {
	Certificates    []listenerCertificate `json:",omitempty"`
	DefaultActions  []action
	LoadBalancerArn value
	Port            int
	Protocol        string
	SslPolicy       string `json:",omitempty"`
}

type listenerCertificate struct{ CertificateArn value }

type action struct {
	FixedResponseConfig *fixedResponse `json:",omitempty"`
	RedirectConfig      *redirect      `json:",omitempty"`
	Type                string
}

type fixedResponse struct {
	ContentType string
	MessageBody string
	StatusCode  string
}

type redirect struct {
	Port       string
	Protocol   string
	StatusCode string
}

type certificateProperties struct {
	DomainName              string
	DomainValidationOptions []validationOption
	Tags                    []tag
	ValidationMethod        string
}

type validationOption struct {
	DomainName   string
	HostedZoneID string `json:"HostedZoneId"`
}

// addLoadBalancer adds the load balancer that the application's environments share, with a
// certificate for all of their host names. It answers 404 for a host name without an environment.
// Each environment has its own DNS record, so the name of a removed environment does not resolve
// any more.
func (d *document) addLoadBalancer(policy perch.Policy, tags []tag) {
	d.Resources[balancerGroupID] = resource{Type: "AWS::EC2::SecurityGroup", Properties: securityGroupProperties{
		GroupDescription:     "Load balancer that environments share",
		VpcID:                policy.Network.VPC,
		SecurityGroupIngress: []ingress{fromAnywhere(80, "HTTP, to be redirected"), fromAnywhere(443, "HTTPS")},
		Tags:                 tags,
	}}
	d.Resources[balancerID] = resource{
		Type: "AWS::ElasticLoadBalancingV2::LoadBalancer",
		Properties: balancerProperties{
			LoadBalancerAttributes: []attribute{{"routing.http.drop_invalid_header_fields.enabled", "true"}},
			Scheme:                 "internet-facing",
			SecurityGroups:         []value{getAtt{balancerGroupID, "GroupId"}},
			Subnets:                policy.Network.Subnets,
			Tags:                   tags,
			Type:                   "application",
		},
	}
	wildcard := "*." + policy.Domain
	d.Resources[certificateID] = resource{
		Type: "AWS::CertificateManager::Certificate",
		Properties: certificateProperties{
			DomainName:              wildcard,
			DomainValidationOptions: []validationOption{{DomainName: wildcard, HostedZoneID: policy.HostedZone}},
			Tags:                    tags,
			ValidationMethod:        "DNS",
		},
	}
	d.addListeners()
	d.Outputs[outputCertificate] = output{"Certificate of all host names", ref(certificateID)}
	d.Outputs[outputBalancer] = output{"ARN of the shared load balancer", ref(balancerID)}
	d.Outputs[outputBalancerDNS] = output{"Host name of the shared load balancer", getAtt{balancerID, "DNSName"}}
	d.Outputs[outputBalancerZone] = output{
		"Route 53 zone of the shared load balancer", getAtt{balancerID, "CanonicalHostedZoneID"},
	}
	d.Outputs[outputBalancerGroup] = output{
		"Security group of the shared load balancer", getAtt{balancerGroupID, "GroupId"},
	}
}

func (d *document) addListeners() {
	d.Resources["ListenerHTTPS"] = resource{
		Type: "AWS::ElasticLoadBalancingV2::Listener",
		Properties: listenerProperties{
			Certificates: []listenerCertificate{{ref(certificateID)}},
			DefaultActions: []action{{Type: "fixed-response", FixedResponseConfig: &fixedResponse{
				ContentType: "text/plain",
				MessageBody: "There is no environment of this name.",
				StatusCode:  "404",
			}}},
			LoadBalancerArn: ref(balancerID),
			Port:            443,
			Protocol:        "HTTPS",
			SslPolicy:       tlsPolicy,
		},
	}
	redirecting := listenerProperties{
		DefaultActions: []action{
			{Type: "redirect", RedirectConfig: &redirect{Port: "443", Protocol: "HTTPS", StatusCode: "HTTP_301"}},
		},
		LoadBalancerArn: ref(balancerID),
		Port:            80,
		Protocol:        "HTTP",
	}
	d.Resources["ListenerHTTP"] = resource{
		Type: "AWS::ElasticLoadBalancingV2::Listener", Properties: redirecting,
	}
}

func fromAnywhere(port int, description string) ingress {
	return ingress{CidrIP: "0.0.0.0/0", Description: description, FromPort: port, IPProtocol: "tcp", ToPort: port}
}
