package services

import (
	"strings"
	"testing"
)

// createGroup creates the resources of a custom template without Elastic Beanstalk: a Classic Load
// Balancer, a launch configuration, an Auto Scaling group with MinSize size, and a DNS record.
func (a *account) createGroup(t *testing.T, size string) (balancer, group string) {
	t.Helper()
	security, _ := a.createReady(typeSecurityGroup, "Security", map[string]any{"GroupDescription": "x", "VpcId": VPC})
	state, _ := a.createReady(typeClassicBalancer, "Balancer", map[string]any{
		"Listeners": []any{map[string]any{"InstancePort": "80", "LoadBalancerPort": "80", "Protocol": "HTTP"}},
		"Subnets":   toAny(Subnets[:2]), "SecurityGroups": []any{security.ID},
	})
	launch, _ := a.createReady(
		typeLaunch, "Launch",
		map[string]any{"ImageId": "ami-1", "InstanceType": "t3.small", "SecurityGroups": []any{security.ID}},
	)
	made, _ := a.createReady(typeGroup, "Group", map[string]any{
		"LaunchConfigurationName": launch.ID, "MinSize": size, "MaxSize": "4", "LoadBalancerNames": []any{state.ID},
		"VPCZoneIdentifier": toAny(Subnets[:2]),
	})
	a.createReady(typeRecordSet, "Record", map[string]any{
		"HostedZoneId": HostedZone, "Name": "blog.localhost", "Type": "A",
		"AliasTarget": map[string]any{
			"DNSName": state.Attributes["DNSName"], "HostedZoneId": state.Attributes["CanonicalHostedZoneNameID"],
		},
	})
	return state.ID, made.ID
}

func TestRefAndGetAttOfEC2ResourcesAreAsDocumented(t *testing.T) {
	a := newAccount(t, Config{})
	balancer, group := a.createGroup(t, "1")
	if strings.HasPrefix(balancer, "arn:") || strings.HasPrefix(group, "arn:") {
		t.Errorf("Ref returns %s and %s, want names", balancer, group)
	}
	policy, _ := a.createReady(
		typeScaling, "Policy",
		map[string]any{"AutoScalingGroupName": group, "AdjustmentType": "ChangeInCapacity", "ScalingAdjustment": "1"},
	)
	if !strings.HasPrefix(policy.ID, "arn:aws:autoscaling:") || policy.Attributes["Arn"] != policy.ID {
		t.Errorf("the scaling policy has the state %+v, want its ARN", policy)
	}
	alarm, _ := a.createReady(typeAlarm, "Alarm", map[string]any{"AlarmActions": []any{policy.ID}})
	if strings.HasPrefix(alarm.ID, "arn:") || !strings.HasPrefix(alarm.Attributes["Arn"], "arn:aws:cloudwatch:") {
		t.Errorf("the alarm has the state %+v", alarm)
	}
	instance, _ := a.createReady(typeInstance, "Instance", map[string]any{"ImageId": "ami-1", "SubnetId": Subnets[1]})
	if !strings.HasPrefix(instance.ID, "i-") || instance.Attributes["VpcId"] != VPC ||
		!strings.HasSuffix(instance.Attributes["AvailabilityZone"], "b") {
		t.Errorf("the instance has the state %+v", instance)
	}
}

func TestInvalidEC2ResourcesAreRejected(t *testing.T) {
	a := newAccount(t, Config{})
	for want, r := range map[string]struct {
		kind       string
		properties map[string]any
	}{
		"Property Listeners cannot be empty":      {typeClassicBalancer, map[string]any{"Subnets": toAny(Subnets)}},
		"The subnet ID 'subnet-9' does not exist": {typeInstance, map[string]any{"SubnetId": "subnet-9"}},
		"Invalid IAM Instance Profile name":       {typeInstance, map[string]any{"IamInstanceProfile": "nobody"}},
		"Launch configuration name not found": {
			typeGroup, map[string]any{"LaunchConfigurationName": "none", "MinSize": "1", "MaxSize": "1"},
		},
		"must be greater than or equal to min bound": {typeGroup, map[string]any{"MinSize": "2", "MaxSize": "1"}},
		"Provided Load Balancers may not be valid": {
			typeGroup, map[string]any{"MinSize": "1", "MaxSize": "1", "LoadBalancerNames": []any{"none"}},
		},
		"Group none not found":                        {typeScaling, map[string]any{"AutoScalingGroupName": "none"}},
		"The security group 'sg-none' does not exist": {typeLaunch, map[string]any{"SecurityGroups": []any{"sg-none"}}},
	} {
		_, err := a.tryCreate(request(r.kind, "It", r.properties))
		wantError(t, err, want)
	}
}

func TestAScalingGroupIsAnEnvironmentOnlyIfItHasInstances(t *testing.T) {
	a := newAccount(t, Config{LoadBalancerDNS: "localhost"})
	a.createGroup(t, "1")
	pages := a.service.Environments()
	if len(pages) != 1 || pages[0].Host != "blog.localhost" || pages[0].Status != "Ready" {
		t.Errorf("environments: %+v", pages)
	}
	empty := newAccount(t, Config{LoadBalancerDNS: "localhost"})
	empty.createGroup(t, "0")
	if pages := empty.service.Environments(); len(pages) != 0 {
		t.Errorf("a group without instances is listed: %+v", pages)
	}
}
