package conformance

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
)

// Each of these checks runs an instance and a load balancer, which cost about 4 US cents an hour
// (AWS pricing: EC2, Elastic Load Balancing).
var sharedBeliefs = []Belief{
	{
		Name: "elasticbeanstalk/shared-load-balancer-options",
		Sentence: "An environment comes up with SharedLoadBalancer and SecurityGroups, the only valid options of " +
			"`aws:elbv2:loadbalancer` for a shared load balancer, and without `aws:elbv2:listener:default`; the load " +
			"balancer keeps its security groups.",
		Source:   beanstalkGuide + "command-options-general.html (aws:elbv2:loadbalancer)",
		ReliedOn: "cfn/options.go", Cents: 2, Minutes: 25, check: checkSharedOptions,
	},
	{
		Name: "elasticbeanstalk/one-rule-for-an-environment",
		Sentence: "An environment with a shared load balancer gets one rule, on the listener that its options name, " +
			"and none on the listener of port 80.",
		Source:   beanstalkGuide + "environments-cfg-alb-shared.html (it contradicts command-options-general.html)",
		ReliedOn: "activities/quota/rules.go", Cents: 2, Minutes: 25, check: checkOneRule,
	},
	{
		Name: "elasticbeanstalk/rules-of-equal-priority",
		Sentence: "Two environments whose options name the same priority on a shared load balancer both come up, " +
			"with different priorities.",
		Source:   beanstalkGuide + "environments-cfg-alb-shared.html",
		ReliedOn: "cfn/options.go", Cents: 4, Minutes: 35, check: checkEqualPriority,
	},
	{
		Name:     "elasticbeanstalk/shared-load-balancer-is-fixed",
		Sentence: "An update that changes LoadBalancerIsShared of an environment fails, and is rolled back.",
		Source:   beanstalkGuide + "environments-cfg-alb-shared.html",
		ReliedOn: "cfn/switches.go", Cents: 2, Minutes: 35, check: checkFixedBalancer,
	},
}

// sharedBalancer is a check's load balancer, with listeners on the ports 80 and 8080.
type sharedBalancer struct {
	// arn is the load balancer's ARN, and group its security group.
	arn, group string
	// http and other are the ARNs of the listeners of port 80 and of port 8080.
	http, other string
	// vpc and subnets are the load balancer's: those of the default VPC.
	vpc     string
	subnets []string
}

// defaultNetwork returns the default VPC and its subnets.
func (w *World) defaultNetwork(ctx context.Context) (vpc string, subnets []string, err error) {
	out, err := w.network.DescribeSubnets(ctx, &ec2.DescribeSubnetsInput{Filters: []ec2types.Filter{
		{Name: aws.String("default-for-az"), Values: []string{"true"}},
	}})
	if err := wantAccepted("DescribeSubnets", err); err != nil {
		return "", nil, err
	}
	for _, subnet := range out.Subnets {
		vpc, subnets = aws.ToString(subnet.VpcId), append(subnets, aws.ToString(subnet.SubnetId))
	}
	if len(subnets) < 2 {
		return "", nil, fmt.Errorf("the region has %d default subnets, and a load balancer needs two", len(subnets))
	}
	return vpc, subnets, nil
}

// balancer creates a stack with a load balancer.
func (w *World) balancer(ctx context.Context) (b sharedBalancer, err error) {
	if b.vpc, b.subnets, err = w.defaultNetwork(ctx); err != nil {
		return b, err
	}
	listener := func(name, port string) string {
		return name + ": {Type: AWS::ElasticLoadBalancingV2::Listener, Properties: {LoadBalancerArn: !Ref Balancer, " +
			"Port: " + port + `, Protocol: HTTP, DefaultActions: [{Type: fixed-response, ` +
			`FixedResponseConfig: {StatusCode: "404"}}]}}`
	}
	stack, err := w.create(ctx, "-balancer", template(
		"Group: {Type: AWS::EC2::SecurityGroup, Properties: {GroupDescription: conformance, VpcId: "+b.vpc+"}}",
		"Balancer: {Type: AWS::ElasticLoadBalancingV2::LoadBalancer, Properties: {"+
			"SecurityGroups: [!GetAtt Group.GroupId], Subnets: ["+strings.Join(b.subnets, ", ")+"]}}",
		listener("Http", "80"), listener("Other", "8080"),
	))
	if err != nil {
		return b, err
	}
	for logicalID, id := range map[string]*string{
		"Balancer": &b.arn, "Group": &b.group, "Http": &b.http, "Other": &b.other,
	} {
		if *id, err = w.physical(ctx, stack, logicalID); err != nil {
			return b, err
		}
	}
	return b, nil
}

// hostOf returns the host name in the environment's listener rule.
func hostOf(environment string) string { return environment + ".perch-conformance.test" }

// sharing returns a template with an environment that shares the load balancer and has the options
// that Perch sets. Its rule is on port 8080, because port 443 would need a certificate.
func (w *World) sharing(ctx context.Context, b sharedBalancer, name string) (string, error) {
	platform, err := w.platform(ctx)
	if err != nil {
		return "", err
	}
	const rule = "aws:elbv2:listenerrule:host"
	return template(environmentParts("SolutionStackName: "+platform, name, "", []string{
		option("aws:elasticbeanstalk:environment", "EnvironmentType", "LoadBalanced"),
		option("aws:elasticbeanstalk:environment", "LoadBalancerType", "application"),
		option("aws:elasticbeanstalk:environment", "LoadBalancerIsShared", `"true"`),
		option("aws:elbv2:loadbalancer", "SharedLoadBalancer", b.arn),
		option("aws:elbv2:loadbalancer", "SecurityGroups", b.group),
		option("aws:elbv2:listener:8080", "Rules", "host"),
		option(rule, "HostHeaders", hostOf(name)), option(rule, "PathPatterns", `"/*"`),
		option(rule, "Priority", `"1"`), option(rule, "Process", "default"),
		option("aws:ec2:vpc", "VPCId", b.vpc), option("aws:ec2:vpc", "Subnets", `"`+strings.Join(b.subnets, ",")+`"`),
		option("aws:ec2:vpc", "AssociatePublicIpAddress", `"true"`),
	})...), nil
}

// environmentOn creates a stack with an environment that shares the load balancer. suffix
// distinguishes the stacks of one check.
func (w *World) environmentOn(ctx context.Context, b sharedBalancer, suffix, name string) (stack string, err error) {
	body, err := w.sharing(ctx, b, name)
	if err != nil {
		return "", err
	}
	return w.create(ctx, suffix, body)
}

// environmentRules returns the listener's rules except its default rule.
func (w *World) environmentRules(ctx context.Context, listener string) ([]elbtypes.Rule, error) {
	out, err := w.balancing.DescribeRules(ctx, &elasticloadbalancingv2.DescribeRulesInput{ListenerArn: &listener})
	if err := wantAccepted("DescribeRules", err); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(out.Rules, func(r elbtypes.Rule) bool { return aws.ToBool(r.IsDefault) }), nil
}

func checkOneRule(ctx context.Context, w *World) error {
	b, err := w.balancer(ctx)
	if err != nil {
		return err
	}
	name := w.environmentName("-rule")
	if _, err := w.environmentOn(ctx, b, "", name); err != nil {
		return err
	}
	named, err := w.environmentRules(ctx, b.other)
	if err != nil {
		return err
	}
	http, err := w.environmentRules(ctx, b.http)
	if err != nil {
		return err
	}
	if len(named) != 1 || len(http) != 0 {
		return differs("the listener of port 8080 has %d rules, want 1; that of port 80 has %d, want none", len(named),
			len(http))
	}
	for _, condition := range named[0].Conditions {
		if hosts := hostsOf(condition); slices.Contains(hosts, hostOf(name)) {
			w.note = "the hosts of the rule: " + strings.Join(hosts, ", ") // Beanstalk adds one.
			return nil
		}
	}
	return differs("the rule has no condition with the host name %s", hostOf(name))
}

// hostsOf returns the host names in a rule's condition. DescribeRules returns them in one of two
// fields.
func hostsOf(condition elbtypes.RuleCondition) []string {
	if condition.HostHeaderConfig != nil {
		return condition.HostHeaderConfig.Values
	}
	return condition.Values
}

func checkSharedOptions(ctx context.Context, w *World) error {
	b, err := w.balancer(ctx)
	if err != nil {
		return err
	}
	name := w.environmentName("-shared")
	if _, err := w.environmentOn(ctx, b, "", name); err != nil {
		return err
	}
	out, err := w.balancing.DescribeLoadBalancers(ctx, &elasticloadbalancingv2.DescribeLoadBalancersInput{
		LoadBalancerArns: []string{b.arn},
	})
	if err := wantAccepted("DescribeLoadBalancers", err); err != nil {
		return err
	}
	found, err := w.environments(ctx, name, false)
	if err != nil || len(found) != 1 || len(out.LoadBalancers) != 1 {
		return orDiffers(err, "the environment or its load balancer is not listed")
	}
	balancer := out.LoadBalancers[0]
	if endpoint := aws.ToString(found[0].EndpointURL); !strings.EqualFold(endpoint, aws.ToString(balancer.DNSName)) {
		return differs(
			"the endpoint is %s, want %s, the shared load balancer", endpoint, aws.ToString(balancer.DNSName),
		)
	}
	if !slices.Equal(balancer.SecurityGroups, []string{b.group}) {
		return differs("the load balancer has the security groups %v, want %s alone", balancer.SecurityGroups, b.group)
	}
	return nil
}

func checkEqualPriority(ctx context.Context, w *World) error {
	b, err := w.balancer(ctx)
	if err != nil {
		return err
	}
	for _, suffix := range []string{"-one", "-two"} {
		if _, err := w.environmentOn(ctx, b, suffix, w.environmentName(suffix)); err != nil {
			return err
		}
	}
	rules, err := w.environmentRules(ctx, b.other)
	if err != nil {
		return err
	}
	if len(rules) != 2 || aws.ToString(rules[0].Priority) == aws.ToString(rules[1].Priority) {
		return differs("the listener has %d rules, want 2 of different priorities", len(rules))
	}
	return nil
}

func checkFixedBalancer(ctx context.Context, w *World) error {
	b, err := w.balancer(ctx)
	if err != nil {
		return err
	}
	name := w.environmentName("-fixed")
	stack, err := w.environmentOn(ctx, b, "", name)
	if err != nil {
		return err
	}
	body, err := w.sharing(ctx, b, name)
	if err != nil {
		return err
	}
	was, is := `LoadBalancerIsShared, Value: "true"`, `LoadBalancerIsShared, Value: "false"`
	return w.wantFixed(ctx, stack, strings.Replace(body, was, is, 1))
}

// wantFixed checks that Beanstalk rejects an update of an environment.
func (w *World) wantFixed(ctx context.Context, stack, body string) error {
	if err := w.update(ctx, stack, body, types.StackStatusUpdateRollbackComplete); err != nil {
		return err
	}
	if reason := w.firstFailure(ctx, stack); !strings.HasPrefix(reason, "Environment: ") {
		return differs("the first failure is %q, want one of Environment", reason)
	}
	return nil
}
