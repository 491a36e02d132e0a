package services

import (
	"net/http"
	"slices"
	"strings"

	"perch"
)

// Resource types of custom templates that define EC2 instances without Elastic Beanstalk. The
// sandbox runs no instances. The values of Ref and Fn::GetAtt are those on each type's page in the
// CloudFormation template reference.
const (
	typeClassicBalancer = "AWS::ElasticLoadBalancing::LoadBalancer"
	typeGroup           = "AWS::AutoScaling::AutoScalingGroup"
	typeLaunch          = "AWS::AutoScaling::LaunchConfiguration"
	typeScaling         = "AWS::AutoScaling::ScalingPolicy"
	typeInstance        = "AWS::EC2::Instance"
	typeAlarm           = "AWS::CloudWatch::Alarm"

	scaling = "AutoScaling"
)

var machineKinds = map[string]kind{
	typeClassicBalancer: {
		service: "ElasticLoadBalancing", nameProperty: "LoadBalancerName", limit: 32, prepare: prepareClassic,
		settle: setActive,
	},
	typeGroup: {
		service: scaling, nameProperty: "AutoScalingGroupName", limit: 255, prepare: prepareGroup, settle: setActive,
	},
	typeLaunch: {
		service: scaling, nameProperty: "LaunchConfigurationName", limit: 255, prepare: prepareLaunch,
		rejectDelete: rejectLaunch,
	},
	typeScaling:  {service: scaling, limit: 255, prepare: prepareScaling},
	typeInstance: {service: network, prepare: prepareInstance, settle: setActive},
	typeAlarm:    {service: "CloudWatch", nameProperty: "AlarmName", limit: 255, prepare: prepareAlarm},
}

// checkNetwork rejects subnets and security groups that do not exist.
func (s *Service) checkNetwork(service string, subnets, groups []string) error {
	for _, subnet := range subnets {
		if s.subnetVPC(subnet) == "" {
			return invalidRequest(service, "The subnet ID '%s' does not exist", subnet)
		}
	}
	for _, group := range groups {
		if s.findByID(typeSecurityGroup, group) == nil {
			return invalidRequest(service, "The security group '%s' does not exist", group)
		}
	}
	return nil
}

func prepareClassic(s *Service, rec *record) error {
	p := rec.Properties
	if len(p.children("Listeners")) == 0 {
		return invalidRequest("ElasticLoadBalancing", "Property Listeners cannot be empty.")
	}
	if err := s.checkNetwork(
		"ElasticLoadBalancing", p.texts("Subnets"), p.texts("SecurityGroups"),
	); err != nil || rec.ID != "" {
		return err
	}
	rec.ARN = s.arn("elasticloadbalancing", "loadbalancer/"+rec.Name)
	name := s.balancerDNS(rec.Name)
	rec.Attributes["DNSName"], rec.Attributes["CanonicalHostedZoneName"] = name, name
	rec.Attributes["CanonicalHostedZoneNameID"] = balancerZones["eu-central-1"]
	rec.Attributes["SourceSecurityGroup.OwnerAlias"] = s.config.Account
	rec.Attributes["SourceSecurityGroup.GroupName"] = "default"
	return nil
}

func prepareGroup(s *Service, rec *record) error {
	p := rec.Properties
	if launch := p.text("LaunchConfigurationName"); launch != "" && s.findByName(typeLaunch, launch) == nil {
		return handlerError(
			scaling, http.StatusBadRequest, "InvalidRequest",
			"Launch configuration name not found - Launch configuration %s not found", launch,
		)
	}
	if p.number("MinSize", -1) < 0 || p.number("MaxSize", -1) < p.number("MinSize", 0) {
		return invalidRequest(
			scaling, "Max bound, %s, must be greater than or equal to min bound, %s", p.text("MaxSize"),
			p.text("MinSize"),
		)
	}
	for _, name := range p.texts("LoadBalancerNames") {
		if s.findByName(typeClassicBalancer, name) == nil {
			return invalidRequest(
				scaling, "Provided Load Balancers may not be valid. Please ensure they exist and try again.",
			)
		}
	}
	rec.ARN = s.arn("autoscaling", "autoScalingGroup:"+rec.Hidden["id"]+":autoScalingGroupName/"+rec.Name)
	return s.checkNetwork(scaling, p.texts("VPCZoneIdentifier"), nil)
}

func prepareLaunch(s *Service, rec *record) error {
	return s.checkNetwork(scaling, nil, rec.Properties.texts("SecurityGroups"))
}

func rejectLaunch(s *Service, rec *record, late bool) error {
	for _, group := range s.recordsOf(typeGroup) {
		if late && group.Properties.text("LaunchConfigurationName") == rec.Name {
			return handlerError(
				scaling, http.StatusBadRequest, "GeneralServiceException",
				"Cannot delete launch configuration %s because it is attached to AutoScalingGroup %s", rec.Name,
				group.Name,
			)
		}
	}
	return nil
}

func prepareScaling(s *Service, rec *record) error {
	group := rec.Properties.text("AutoScalingGroupName")
	if s.findByName(typeGroup, group) == nil {
		return handlerError(scaling, http.StatusBadRequest, "InvalidRequest", "Group %s not found", group)
	}
	rec.ARN = s.arn(
		"autoscaling", "scalingPolicy:"+digest(rec.Name)+":autoScalingGroupName/"+group+":policyName/"+rec.Name,
	)
	rec.ID = rec.ARN
	rec.Attributes["Arn"], rec.Attributes["PolicyName"] = rec.ARN, rec.Name
	return nil
}

func prepareInstance(s *Service, rec *record) error {
	p := rec.Properties
	subnet := p.textOr("SubnetId", Subnets[0])
	if err := s.checkNetwork(network, []string{subnet}, p.texts("SecurityGroupIds")); err != nil {
		return err
	}
	if profile := p.text("IamInstanceProfile"); profile != "" && s.findByName(typeInstanceProfile, profile) == nil {
		return invalidRequest(
			network, "Value (%s) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name",
			profile,
		)
	}
	if rec.ID != "" {
		return nil
	}
	rec.ID = "i-" + randomText(hexDigits, 17)
	rec.ARN = s.arn("ec2", "instance/"+rec.ID)
	rec.Attributes["InstanceId"], rec.Attributes["VpcId"], rec.Attributes["AvailabilityZone"] = rec.ID, s.subnetVPC(
		subnet,
	), s.subnetZone(
		subnet,
	)
	rec.Attributes["PrivateIp"], rec.Attributes["PrivateDnsName"] = "172.31.0.10", "ip-172-31-0-10."+s.config.Region+
		".compute.internal"
	rec.Attributes["PublicIp"], rec.Attributes["PublicDnsName"] = "", ""
	return nil
}

func prepareAlarm(s *Service, rec *record) error {
	rec.ARN = s.arn("cloudwatch", "alarm:"+rec.Name)
	rec.Attributes["Arn"] = rec.ARN
	return nil
}

// scalingGroups returns the Auto Scaling groups of custom templates as environments. Each is behind
// a Classic Load Balancer to which a DNS record of the same stack points.
func (s *Service) scalingGroups() []Environment {
	var all []Environment
	for _, group := range s.recordsOf(typeGroup) {
		for _, name := range group.Properties.texts("LoadBalancerNames") {
			balancer := s.findByName(typeClassicBalancer, name)
			if balancer == nil || group.Properties.number("MinSize", 0) == 0 {
				continue
			}
			for _, rec := range s.recordsOf(typeRecordSet) {
				if rec.Stack != group.Stack || domainName(rec.Properties.child("AliasTarget").text(
					"DNSName",
				)) != domainName(balancer.Attributes["DNSName"]) {
					continue
				}
				all = append(all, group.asEnvironment(strings.TrimSuffix(domainName(rec.Properties.text("Name")), ".")))
			}
		}
	}
	slices.SortFunc(all, func(a, b Environment) int { return strings.Compare(a.Host+a.Name, b.Host+b.Name) })
	return slices.CompactFunc(all, func(a, b Environment) bool { return a.Host == b.Host })
}

func (r *record) asEnvironment(host string) Environment {
	status, health := "Launching", "Grey"
	if r.Status == "active" {
		status, health = "Ready", "Green"
	}
	branch, _ := perch.DecodeTag(r.Tags[perch.TagBranch])
	return Environment{
		Host: host, Name: r.Name, Status: status, Health: health,
		Options: map[string]string{"PERCH_BRANCH": branch, "PERCH_STACK": r.Stack, "PERCH_KIND": r.Tags[perch.TagKind]},
	}
}
