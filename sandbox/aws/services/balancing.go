package services

import (
	"net/http"
	"slices"
	"strings"

	"perch/sandbox/aws/wire"
)

const (
	typeLoadBalancer = "AWS::ElasticLoadBalancingV2::LoadBalancer"
	typeListener     = "AWS::ElasticLoadBalancingV2::Listener"
	typeRule         = "AWS::ElasticLoadBalancingV2::ListenerRule"
	typeTargetGroup  = "AWS::ElasticLoadBalancingV2::TargetGroup"

	balancing = "ElasticLoadBalancingV2"
)

// balancerZones are the hosted zones of application load balancers, by region (AWS General
// Reference: Elastic Load Balancing endpoints).
var balancerZones = map[string]string{
	"eu-central-1": "Z215JYRZR1TBD5", "eu-west-1": "Z32O12XQLNTSW2", "us-east-1": "Z35SXDOTRQ7X7K",
	"us-east-2": "Z3AADJGX6KTTL2",
	"us-west-1": "Z368ELLRRE2KJ0", "us-west-2": "Z1H1FL5HABSF5",
}

var balancingKinds = map[string]kind{
	typeLoadBalancer: {
		service: balancing, nameProperty: "Name", limit: 32, prepare: prepareBalancer, settle: setActive,
	},
	typeListener:    {service: balancing, prepare: prepareListener},
	typeRule:        {service: balancing, prepare: prepareRule},
	typeTargetGroup: {service: balancing, nameProperty: "Name", limit: 32, prepare: prepareTargetGroup},
}

func (s *Service) balancerDNS(name string) string {
	if s.config.LoadBalancerDNS != "" {
		return s.config.LoadBalancerDNS
	}
	return name + "-" + randomText("0123456789", 10) + "." + s.config.Region + ".elb.amazonaws.com"
}

func prepareBalancer(s *Service, rec *record) error {
	for _, subnet := range rec.Properties.texts("Subnets") {
		if s.subnetVPC(subnet) == "" {
			return invalidRequest(balancing, "The subnet ID '%s' is not valid", subnet)
		}
	}
	groups := rec.Properties.texts("SecurityGroups")
	for _, group := range groups {
		if s.findByID(typeSecurityGroup, group) == nil {
			return invalidRequest(balancing, "The security group '%s' does not exist", group)
		}
	}
	rec.Attributes["SecurityGroups"] = strings.Join(groups, ",")
	if rec.ID != "" {
		return nil
	}
	if other := s.findByName(typeLoadBalancer, rec.Name); other != nil {
		return handlerError(
			balancing, http.StatusBadRequest, "AlreadyExists",
			"A load balancer with the same name '%s' exists, but with different settings", rec.Name,
		)
	}
	full := map[bool]string{true: "net/", false: "app/"}[rec.Properties.text("Type") == "network"] + rec.Name + "/" +
		randomText(hexDigits, 16)
	rec.ARN = s.arn("elasticloadbalancing", "loadbalancer/"+full)
	rec.ID, rec.Status = rec.ARN, "provisioning"
	zone := balancerZones[s.config.Region]
	if zone == "" {
		zone = balancerZones["eu-central-1"]
	}
	rec.Attributes["DNSName"] = s.balancerDNS(rec.Name)
	rec.Attributes["CanonicalHostedZoneID"] = zone
	rec.Attributes["LoadBalancerFullName"] = full
	rec.Attributes["LoadBalancerName"] = rec.Name
	rec.Attributes["LoadBalancerArn"] = rec.ARN
	return nil
}

func setActive(_ *Service, rec *record) { rec.Status = "active" }

func prepareListener(s *Service, rec *record) error {
	reference, port := rec.Properties.text("LoadBalancerArn"), rec.Properties.text("Port")
	balancer := s.findByID(typeLoadBalancer, reference)
	if balancer == nil {
		return invalidRequest(balancing, "Load balancer '%s' not found", reference)
	}
	for _, other := range s.recordsOf(typeListener) {
		if other != rec && other.Scope == balancer.ARN && other.Properties.text("Port") == port {
			return handlerError(
				balancing, http.StatusBadRequest, "AlreadyExists",
				"A listener already exists on this port for this load balancer '%s'", balancer.ARN,
			)
		}
	}
	rec.Scope = balancer.ARN
	if rec.ID == "" {
		rec.ARN = strings.Replace(balancer.ARN, ":loadbalancer/", ":listener/", 1) + "/" + randomText(hexDigits, 16)
		rec.ID, rec.Attributes["ListenerArn"] = rec.ARN, rec.ARN
	}
	return nil
}

func prepareRule(s *Service, rec *record) error {
	reference, priority := rec.Properties.text("ListenerArn"), rec.Properties.text("Priority")
	listener := s.findByID(typeListener, reference)
	if listener == nil {
		return invalidRequest(balancing, "One or more listeners not found")
	}
	for _, other := range s.recordsOf(typeRule) {
		if other != rec && other.Scope == listener.ARN && other.Properties.text("Priority") == priority {
			return handlerError(
				balancing, http.StatusBadRequest, "AlreadyExists", "Priority '%s' is currently in use", priority,
			)
		}
	}
	rec.Scope = listener.ARN
	if rec.ID == "" {
		rec.ARN = strings.Replace(listener.ARN, ":listener/", ":listener-rule/", 1) + "/" + randomText(hexDigits, 16)
		rec.ID, rec.Attributes["RuleArn"], rec.Attributes["IsDefault"] = rec.ARN, rec.ARN, "false"
	}
	return nil
}

func prepareTargetGroup(s *Service, rec *record) error {
	if rec.ID != "" {
		return nil
	}
	full := "targetgroup/" + rec.Name + "/" + randomText(hexDigits, 16)
	rec.ARN = s.arn("elasticloadbalancing", full)
	rec.ID = rec.ARN
	rec.Attributes["TargetGroupArn"], rec.Attributes["TargetGroupFullName"] = rec.ARN, full
	rec.Attributes["TargetGroupName"] = rec.Name
	return nil
}

var balancingActions = map[string]action{
	"DescribeLoadBalancers": describeBalancers,
	"DescribeListeners":     describeListeners,
	"DescribeRules":         describeRules,
	"DescribeTargetGroups":  describeTargetGroups,
	"DescribeTags":          describeBalancingTags,
}

// selectResources returns the resources of a type with one of the ARNs or names; all if there are
// none. If one of them does not exist, it returns an error with code and message.
func (s *Service) selectResources(kind string, arns, names []string, code, message string) ([]*record, error) {
	var found []*record
	for _, rec := range s.recordsOf(kind) {
		if matchesFilter(slices.Concat(arns, names), rec.ARN, rec.Name) {
			found = append(found, rec)
		}
	}
	for _, id := range slices.Concat(arns, names) {
		if !slices.ContainsFunc(found, func(rec *record) bool { return rec.ARN == id || rec.Name == id }) {
			return nil, wire.Errorf(http.StatusBadRequest, code, message, id)
		}
	}
	return found, nil
}

func describeBalancers(s *Service, f form) ([]wire.Node, error) {
	found, err := s.selectResources(
		typeLoadBalancer, f.list("LoadBalancerArns"), f.list("Names"), "LoadBalancerNotFound",
		"Load balancers '[%s]' not found",
	)
	if err != nil {
		return nil, err
	}
	page, next := paged(found, f.Get("Marker"), f.Get("PageSize"), 400)
	nodes := listNode("LoadBalancers", "member", page, s.balancerNodes)
	return append([]wire.Node{nodes}, omitEmpty(wire.T("NextMarker", next))...), nil
}

func (s *Service) balancerNodes(rec *record) []wire.Node {
	vpc := VPC
	zones := listNode("AvailabilityZones", "member", rec.Properties.texts("Subnets"), func(subnet string) []wire.Node {
		vpc = s.subnetVPC(subnet)
		return []wire.Node{wire.T("SubnetId", subnet), wire.T("ZoneName", s.subnetZone(subnet))}
	})
	return omitEmpty(
		wire.T("LoadBalancerArn", rec.ARN), wire.T("LoadBalancerName", rec.Name),
		wire.T("DNSName", rec.Attributes["DNSName"]),
		wire.T("CanonicalHostedZoneId", rec.Attributes["CanonicalHostedZoneID"]),
		wire.T("CreatedTime", isoTime(rec.Created)),
		wire.T("Scheme", rec.Properties.textOr("Scheme", "internet-facing")),
		wire.T("Type", rec.Properties.textOr("Type", "application")),
		wire.T("IpAddressType", rec.Properties.textOr("IpAddressType", "ipv4")),
		wire.N("State", wire.T("Code", rec.Status)), wire.T("VpcId", vpc),
		zones, textNodes("SecurityGroups", "member", rec.Properties.texts("SecurityGroups")))
}

func describeListeners(s *Service, f form) ([]wire.Node, error) {
	found, err := s.selectResources(
		typeListener, f.list("ListenerArns"), nil, "ListenerNotFound", "One or more listeners not found: %s",
	)
	if err != nil {
		return nil, err
	}
	balancer := f.Get("LoadBalancerArn")
	if balancer != "" && s.findByID(typeLoadBalancer, balancer) == nil {
		return nil, wire.Errorf(http.StatusBadRequest, "LoadBalancerNotFound", "One or more load balancers not found")
	}
	found = slices.DeleteFunc(found, func(rec *record) bool { return balancer != "" && rec.Scope != balancer })
	return []wire.Node{listNode("Listeners", "member", found, func(rec *record) []wire.Node {
		return omitEmpty(wire.T(
			"ListenerArn", rec.ARN,
		), wire.T("LoadBalancerArn", rec.Scope), wire.T("Port", rec.Properties.text("Port")),
			wire.T("Protocol", rec.Properties.text("Protocol")), wire.T("SslPolicy", rec.Properties.text("SslPolicy")),
			listNode("Certificates", "member", rec.Properties.children("Certificates"), func(c properties) []wire.Node {
				return []wire.Node{wire.T("CertificateArn", c.text("CertificateArn"))}
			}), listNode("DefaultActions", "member", rec.Properties.children("DefaultActions"), actionNodes))
	})}, nil
}

func actionNodes(p properties) []wire.Node {
	fixed, redirect := p.child("FixedResponseConfig"), p.child("RedirectConfig")
	return omitEmpty(wire.T("Type", p.text("Type")), wire.T("TargetGroupArn", p.text("TargetGroupArn")),
		wire.N("FixedResponseConfig", omitEmpty(wire.T(
			"StatusCode", fixed.text("StatusCode"),
		), wire.T("ContentType", fixed.text("ContentType")),
			wire.T("MessageBody", fixed.text("MessageBody")))...),
		wire.N("RedirectConfig", omitEmpty(
			wire.T("Protocol", redirect.text("Protocol")), wire.T("Port", redirect.text("Port")),
			wire.T("Host", redirect.text("Host")), wire.T("Path", redirect.text("Path")),
			wire.T("Query", redirect.text("Query")), wire.T("StatusCode", redirect.text("StatusCode")),
		)...))
}

func describeTargetGroups(s *Service, f form) ([]wire.Node, error) {
	found, err := s.selectResources(
		typeTargetGroup, f.list("TargetGroupArns"), f.list("Names"), "TargetGroupNotFound",
		"One or more target groups not found: %s",
	)
	if err != nil {
		return nil, err
	}
	return []wire.Node{listNode("TargetGroups", "member", found, func(rec *record) []wire.Node {
		return omitEmpty(
			wire.T("TargetGroupArn", rec.ARN), wire.T("TargetGroupName", rec.Name),
			wire.T("Protocol", rec.Properties.text("Protocol")), wire.T("Port", rec.Properties.text("Port")),
			wire.T("VpcId", rec.Properties.text("VpcId")),
			wire.T("TargetType", rec.Properties.textOr("TargetType", "instance")),
			wire.T("HealthCheckPath", rec.Properties.textOr("HealthCheckPath", "/")),
		)
	})}, nil
}

func describeBalancingTags(s *Service, f form) ([]wire.Node, error) {
	var found []*record
	for _, arn := range f.list("ResourceArns") {
		i := slices.IndexFunc(s.state.Records, func(rec *record) bool {
			return rec.ARN == arn && strings.HasPrefix(rec.Type, "AWS::ElasticLoadBalancingV2::")
		})
		if i < 0 {
			return nil, wire.Errorf(
				http.StatusBadRequest, "LoadBalancerNotFound", "One or more resources not found: %s", arn,
			)
		}
		found = append(found, s.state.Records[i])
	}
	return []wire.Node{listNode("TagDescriptions", "member", found, func(rec *record) []wire.Node {
		return []wire.Node{wire.T("ResourceArn", rec.ARN), tagNodes("Tags", "member", rec.Tags)}
	})}, nil
}
