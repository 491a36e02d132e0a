package services

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
)

func TestALoadBalancerIsDescribedWithItsListeners(t *testing.T) {
	a := newAccount(t, Config{})
	client := elb.NewFromConfig(a.aws)
	group, _ := a.createReady(typeSecurityGroup, "Group", map[string]any{"GroupDescription": "x", "VpcId": VPC})
	state, r := a.create(
		typeLoadBalancer, "Balancer", map[string]any{"Subnets": toAny(Subnets), "SecurityGroups": []any{group.ID}},
	)
	diff(t, state.Attributes["LoadBalancerName"], "shop-main-Balancer-abcdefghij12")
	diff(t, state.Attributes["SecurityGroups"], group.ID)
	provisioning, err := client.DescribeLoadBalancers(
		t.Context(), &elb.DescribeLoadBalancersInput{LoadBalancerArns: []string{state.ID}},
	)
	if err != nil || provisioning.LoadBalancers[0].State.Code != "provisioning" {
		t.Fatalf("load balancers = %+v, %v", provisioning, err)
	}
	a.settle(r)
	certificate, _ := a.createReady(typeCertificate, "Certificate", map[string]any{"DomainName": "*.localhost"})
	listener, _ := a.createReady(typeListener, "Listener", map[string]any{
		"LoadBalancerArn": state.ID, "Port": 443, "Protocol": "HTTPS",
		"Certificates": []any{map[string]any{"CertificateArn": certificate.ID}},
		"DefaultActions": []any{
			map[string]any{"Type": "fixed-response", "FixedResponseConfig": map[string]any{"StatusCode": "404"}},
		},
	})
	active, err := client.DescribeLoadBalancers(
		t.Context(), &elb.DescribeLoadBalancersInput{Names: []string{"shop-main-Balancer-abcdefghij12"}},
	)
	if err != nil || active.LoadBalancers[0].State.Code != "active" ||
		aws.ToString(active.LoadBalancers[0].DNSName) != state.Attributes["DNSName"] {
		t.Fatalf("load balancers = %+v, %v", active, err)
	}
	listeners, err := client.DescribeListeners(
		t.Context(), &elb.DescribeListenersInput{LoadBalancerArn: aws.String(state.ID)},
	)
	if err != nil || aws.ToString(listeners.Listeners[0].ListenerArn) != listener.ID ||
		aws.ToString(listeners.Listeners[0].DefaultActions[0].FixedResponseConfig.StatusCode) != "404" {
		t.Fatalf("listeners = %+v, %v", listeners, err)
	}
	tags, err := client.DescribeTags(t.Context(), &elb.DescribeTagsInput{ResourceArns: []string{state.ID}})
	if err != nil || len(tags.TagDescriptions[0].Tags) != 1 {
		t.Fatalf("tags = %+v, %v", tags, err)
	}
	_, err = client.DescribeLoadBalancers(t.Context(), &elb.DescribeLoadBalancersInput{Names: []string{"nope"}})
	wantError(t, err, "Load balancers '[nope]' not found")
}

func TestEveryLoadBalancerHasTheConfiguredDNSName(t *testing.T) {
	a := newAccount(t, Config{LoadBalancerDNS: "lb.localhost"})
	diff(t, a.createShop().Attributes["DNSName"], "lb.localhost")
}

func TestEnvironmentsAddRulesToASharedLoadBalancer(t *testing.T) {
	a := newAccount(t, Config{})
	balancer := a.createShop()
	listener, _ := a.createReady(
		typeListener, "Listener", map[string]any{"LoadBalancerArn": balancer.ID, "Port": "443", "Protocol": "HTTPS"},
	)
	forward := []any{map[string]any{"Type": "forward"}}
	declared := map[string]any{
		"ListenerArn": listener.ID, "Priority": 5, "Actions": forward,
		"Conditions": []any{map[string]any{"Field": "path-pattern", "Values": []any{"/x"}}},
	}
	a.createReady(typeRule, "Rule", declared)
	_, err := a.tryCreate(request(typeRule, "Second", declared))
	wantError(t, err, "Priority '5' is currently in use")
	for _, name := range []string{"shop-one", "shop-two"} {
		p := environmentProperties(balancer.ID)
		p["EnvironmentName"] = name
		p["OptionSettings"] = append(
			p["OptionSettings"].([]any), setting(nsRule+"branch", "Priority", "5"),
			setting(nsRule+"branch", "HostHeaders", name+".localhost"),
		)
		a.createReady(typeEnvironment, name, p)
	}
	out, err := elb.NewFromConfig(a.aws).DescribeRules(
		t.Context(), &elb.DescribeRulesInput{ListenerArn: aws.String(listener.ID)},
	)
	if err != nil {
		t.Fatal(err)
	}
	var got [][2]string
	for _, rule := range out.Rules {
		value := "default"
		if !aws.ToBool(rule.IsDefault) {
			value = rule.Conditions[0].Values[0]
		}
		if name, _, _ := strings.Cut(value, "."); strings.HasSuffix(value, ".localhost") {
			cname := rule.Conditions[0].Values[1]
			if !strings.HasPrefix(cname, name+".") || !strings.HasSuffix(cname, ".elasticbeanstalk.com") {
				t.Errorf("the second host of the rule of %s is %q, want the environment's CNAME", name, cname)
			}
		}
		got = append(got, [2]string{aws.ToString(rule.Priority), value})
	}
	diff(
		t, got,
		[][2]string{{"5", "/x"}, {"6", "shop-one.localhost"}, {"7", "shop-two.localhost"}, {"default", "default"}},
	)
}

func TestLoadBalancingErrorsHaveAWSsMessages(t *testing.T) {
	tests := []struct {
		kind, sentence string
		properties     map[string]any
	}{
		{typeLoadBalancer, "The subnet ID 'subnet-nope' is not valid", map[string]any{"Subnets": []any{"subnet-nope"}}},
		{
			typeLoadBalancer, "The security group 'sg-nope' does not exist",
			map[string]any{"SecurityGroups": []any{"sg-nope"}},
		},
		{typeListener, "Load balancer 'nope' not found", map[string]any{"LoadBalancerArn": "nope", "Port": 80}},
		{typeRule, "One or more listeners not found", map[string]any{"ListenerArn": "nope", "Priority": 1}},
		{typeCertificate, "Value null at 'domainName'", nil},
	}
	for _, test := range tests {
		t.Run(test.kind, func(t *testing.T) {
			_, err := newAccount(t, Config{}).tryCreate(request(test.kind, "Rejected", test.properties))
			wantError(t, err, test.sentence)
		})
	}
}
