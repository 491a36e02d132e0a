package services

import (
	"strings"
	"testing"
)

// group creates the resources of a template with its own machines: a load balancer, a launch
// configuration and an Auto Scaling group.
func (a *account) group(t *testing.T, size string) (balancer, group string) {
	t.Helper()
	security, _ := a.ready(typeSecurityGroup, "Security", map[string]any{"GroupDescription": "x", "VpcId": VPC})
	state, _ := a.ready(typeClassicBalancer, "Balancer", map[string]any{
		"Listeners": []any{map[string]any{"InstancePort": "80", "LoadBalancerPort": "80", "Protocol": "HTTP"}},
		"Subnets":   anys(Subnets[:2]), "SecurityGroups": []any{security.ID},
	})
	launch, _ := a.ready(
		typeLaunch, "Launch",
		map[string]any{"ImageId": "ami-1", "InstanceType": "t3.small", "SecurityGroups": []any{security.ID}},
	)
	made, _ := a.ready(typeGroup, "Group", map[string]any{
		"LaunchConfigurationName": launch.ID, "MinSize": size, "MaxSize": "4", "LoadBalancerNames": []any{state.ID},
		"VPCZoneIdentifier": anys(Subnets[:2]),
	})
	a.ready(typeRecordSet, "Record", map[string]any{
		"HostedZoneId": HostedZone, "Name": "blog.localhost", "Type": "A",
		"AliasTarget": map[string]any{
			"DNSName": state.Attributes["DNSName"], "HostedZoneId": state.Attributes["CanonicalHostedZoneNameID"],
		},
	})
	return state.ID, made.ID
}

func TestMachinesOfATemplateAnswerRefAndGetAttAsDocumented(t *testing.T) {
	a := newAccount(t, Config{})
	balancer, group := a.group(t, "1")
	if strings.HasPrefix(balancer, "arn:") || strings.HasPrefix(group, "arn:") {
		t.Errorf("Ref answers %s and %s, want names", balancer, group)
	}
	policy, _ := a.ready(
		typeScaling, "Policy",
		map[string]any{"AutoScalingGroupName": group, "AdjustmentType": "ChangeInCapacity", "ScalingAdjustment": "1"},
	)
	if !strings.HasPrefix(policy.ID, "arn:aws:autoscaling:") || policy.Attributes["Arn"] != policy.ID {
		t.Errorf("a scaling policy is %+v, want its ARN", policy)
	}
	alarm, _ := a.ready(typeAlarm, "Alarm", map[string]any{"AlarmActions": []any{policy.ID}})
	if strings.HasPrefix(alarm.ID, "arn:") || !strings.HasPrefix(alarm.Attributes["Arn"], "arn:aws:cloudwatch:") {
		t.Errorf("an alarm is %+v", alarm)
	}
	instance, _ := a.ready(typeInstance, "Instance", map[string]any{"ImageId": "ami-1", "SubnetId": Subnets[1]})
	if !strings.HasPrefix(instance.ID, "i-") || instance.Attributes["VpcId"] != VPC ||
		!strings.HasSuffix(instance.Attributes["AvailabilityZone"], "b") {
		t.Errorf("an instance is %+v", instance)
	}
}

func TestMachinesThatCannotBeAreRejected(t *testing.T) {
	a := newAccount(t, Config{})
	for want, r := range map[string]struct {
		kind       string
		properties map[string]any
	}{
		"Property Listeners cannot be empty":      {typeClassicBalancer, map[string]any{"Subnets": anys(Subnets)}},
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
		_, err := a.try(request(r.kind, "It", r.properties))
		wantError(t, err, want)
	}
}

func TestAGroupBehindABalancerIsAPageOnlyWhereItHasMachines(t *testing.T) {
	a := newAccount(t, Config{LoadBalancerDNS: "localhost"})
	a.group(t, "1")
	pages := a.service.Environments()
	if len(pages) != 1 || pages[0].Host != "blog.localhost" || pages[0].Status != "Ready" {
		t.Errorf("pages: %+v", pages)
	}
	empty := newAccount(t, Config{LoadBalancerDNS: "localhost"})
	empty.group(t, "0")
	if pages := empty.service.Environments(); len(pages) != 0 {
		t.Errorf("a group without machines has the pages %+v", pages)
	}
}
