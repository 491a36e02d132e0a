package services

import (
	"net/http"
	"slices"
	"strings"

	"perch"
)

// Types of custom templates that define their own machines. No machine runs here. The results of
// Ref and Fn::GetAtt are documented on each type's page of the CloudFormation template reference.
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
		service: "ElasticLoadBalancing", named: "LoadBalancerName", limit: 32, prepare: prepareClassic,
		settle: activate,
	},
	typeGroup: {
		service: scaling, named: "AutoScalingGroupName", limit: 255, prepare: prepareGroup, settle: activate,
	},
	typeLaunch: {
		service: scaling, named: "LaunchConfigurationName", limit: 255, prepare: prepareLaunch, reject: rejectLaunch,
	},
	typeScaling:  {service: scaling, limit: 255, prepare: prepareScaling},
	typeInstance: {service: network, prepare: prepareInstance, settle: activate},
	typeAlarm:    {service: "CloudWatch", named: "AlarmName", limit: 255, prepare: prepareAlarm},
}

// legalPlaces rejects subnets and security groups that do not exist.
func (s *Service) legalPlaces(service string, subnets, groups []string) error {
	for _, subnet := range subnets {
		if s.subnetVPC(subnet) == "" {
			return invalid(service, "The subnet ID '%s' does not exist", subnet)
		}
	}
	for _, group := range groups {
		if s.find(typeSecurityGroup, group) == nil {
			return invalid(service, "The security group '%s' does not exist", group)
		}
	}
	return nil
}

func prepareClassic(s *Service, rec *record) error {
	p := rec.Properties
	if len(p.children("Listeners")) == 0 {
		return invalid("ElasticLoadBalancing", "Property Listeners cannot be empty.")
	}
	if err := s.legalPlaces(
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
	if launch := p.text("LaunchConfigurationName"); launch != "" && s.named(typeLaunch, launch) == nil {
		return failure(
			scaling, http.StatusBadRequest, "InvalidRequest",
			"Launch configuration name not found - Launch configuration %s not found", launch,
		)
	}
	if p.number("MinSize", -1) < 0 || p.number("MaxSize", -1) < p.number("MinSize", 0) {
		return invalid(
			scaling, "Max bound, %s, must be greater than or equal to min bound, %s", p.text("MaxSize"),
			p.text("MinSize"),
		)
	}
	for _, name := range p.texts("LoadBalancerNames") {
		if s.named(typeClassicBalancer, name) == nil {
			return invalid(scaling, "Provided Load Balancers may not be valid. Please ensure they exist and try again.")
		}
	}
	rec.ARN = s.arn("autoscaling", "autoScalingGroup:"+rec.Hidden["id"]+":autoScalingGroupName/"+rec.Name)
	return s.legalPlaces(scaling, p.texts("VPCZoneIdentifier"), nil)
}

func prepareLaunch(s *Service, rec *record) error {
	return s.legalPlaces(scaling, nil, rec.Properties.texts("SecurityGroups"))
}

func rejectLaunch(s *Service, rec *record, late bool) error {
	for _, group := range s.of(typeGroup) {
		if late && group.Properties.text("LaunchConfigurationName") == rec.Name {
			return failure(
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
	if s.named(typeGroup, group) == nil {
		return failure(scaling, http.StatusBadRequest, "InvalidRequest", "Group %s not found", group)
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
	subnet := p.or("SubnetId", Subnets[0])
	if err := s.legalPlaces(network, []string{subnet}, p.texts("SecurityGroupIds")); err != nil {
		return err
	}
	if profile := p.text("IamInstanceProfile"); profile != "" && s.named(typeInstanceProfile, profile) == nil {
		return invalid(
			network, "Value (%s) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name",
			profile,
		)
	}
	if rec.ID != "" {
		return nil
	}
	rec.ID = "i-" + random(hexDigits, 17)
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

// groups returns the Auto Scaling groups behind classic load balancers to which DNS records of the
// same stack point.
func (s *Service) groups() []Environment {
	var all []Environment
	for _, group := range s.of(typeGroup) {
		for _, name := range group.Properties.texts("LoadBalancerNames") {
			balancer := s.named(typeClassicBalancer, name)
			if balancer == nil || group.Properties.number("MinSize", 0) == 0 {
				continue
			}
			for _, rec := range s.of(typeRecordSet) {
				if rec.Stack != group.Stack || domainName(rec.Properties.child("AliasTarget").text(
					"DNSName",
				)) != domainName(balancer.Attributes["DNSName"]) {
					continue
				}
				all = append(all, group.visited(strings.TrimSuffix(domainName(rec.Properties.text("Name")), ".")))
			}
		}
	}
	slices.SortFunc(all, func(a, b Environment) int { return strings.Compare(a.Host+a.Name, b.Host+b.Name) })
	return slices.CompactFunc(all, func(a, b Environment) bool { return a.Host == b.Host })
}

func (r *record) visited(host string) Environment {
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
