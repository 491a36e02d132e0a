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
var sharedAssumptions = []Assumption{
	{
		Name: "elasticbeanstalk/shared-load-balancer-options",
		Sentence: "An environment can be created with SharedLoadBalancer and SecurityGroups, which are the only " +
			"valid options of `aws:elbv2:loadbalancer` for a shared load balancer, and without " +
			"`aws:elbv2:listener:default`. The load balancer keeps its security groups.",
		Source:   beanstalkGuide + "command-options-general.html (aws:elbv2:loadbalancer)",
		ReliedOn: "cfn/options.go", Cents: 2, Minutes: 25, check: checkSharedOptions,
	},
	{
		Name: "elasticbeanstalk/one-rule-for-an-environment",
		Sentence: "Beanstalk adds one rule to a shared load balancer for an environment. The rule is on the listener " +
			"that the environment's options name, and not on the listener of port 80.",
		Source:   beanstalkGuide + "environments-cfg-alb-shared.html (it contradicts command-options-general.html)",
		ReliedOn: "activities/quota/rules.go", Cents: 2, Minutes: 25, check: checkOneRule,
	},
	{
		Name: "elasticbeanstalk/rules-of-equal-priority",
		Sentence: "If the options of two environments name the same priority on a shared load balancer, Beanstalk " +
			"creates both environments, with different priorities.",
		Source:   beanstalkGuide + "environments-cfg-alb-shared.html",
		ReliedOn: "cfn/options.go", Cents: 4, Minutes: 35, check: checkEqualPriority,
	},
	{
		Name: "elasticbeanstalk/shared-load-balancer-is-fixed",
		Sentence: "An update that changes the option LoadBalancerIsShared of an environment fails, and " +
			"CloudFormation rolls it back.",
		Source:   beanstalkGuide + "environments-cfg-alb-shared.html",
		ReliedOn: "cfn/switches.go", Cents: 2, Minutes: 35, check: checkFixedBalancer,
	},
}

// sharedBalancer is the load balancer of a check, with listeners on the ports 80 and 8080.
type sharedBalancer struct {
	// arn is the load balancer's ARN, and group its security group.
	arn, group string
	// http and other are the ARNs of the listeners of port 80 and of port 8080.
	http, other string
	// vpc and subnets are the default VPC and its subnets, where the load balancer is.
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

// createBalancer creates a stack with a load balancer.
func (w *World) createBalancer(ctx context.Context) (b sharedBalancer, err error) {
	if b.vpc, b.subnets, err = w.defaultNetwork(ctx); err != nil {
		return b, err
	}
	listener := func(name, port string) string {
		return name + ": {Type: AWS::ElasticLoadBalancingV2::Listener, Properties: {LoadBalancerArn: !Ref Balancer, " +
			"Port: " + port + `, Protocol: HTTP, DefaultActions: [{Type: fixed-response, ` +
			`FixedResponseConfig: {StatusCode: "404"}}]}}`
	}
	stack, err := w.createStack(ctx, "-balancer", template(
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
		if *id, err = w.physicalID(ctx, stack, logicalID); err != nil {
			return b, err
		}
	}
	return b, nil
}

// hostOf returns the host name in the environment's listener rule.
func hostOf(environment string) string { return environment + ".perch-conformance.test" }

// sharedTemplate returns a template with an environment on the shared load balancer, with the
// options that Perch sets. The environment's rule is on port 8080, because port 443 would need a
// certificate.
func (w *World) sharedTemplate(ctx context.Context, b sharedBalancer, name string) (string, error) {
	platform, err := w.platform(ctx)
	if err != nil {
		return "", err
	}
	const rule = "aws:elbv2:listenerrule:host"
	return template(environmentResources("SolutionStackName: "+platform, name, "", []string{
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

// createSharedEnvironment creates a stack with an environment on the shared load balancer. suffix
// distinguishes the stacks of one check.
func (w *World) createSharedEnvironment(
	ctx context.Context, b sharedBalancer, suffix, name string,
) (stack string, err error) {
	body, err := w.sharedTemplate(ctx, b, name)
	if err != nil {
		return "", err
	}
	return w.createStack(ctx, suffix, body)
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
	b, err := w.createBalancer(ctx)
	if err != nil {
		return err
	}
	name := w.environmentName("-rule")
	if _, err := w.createSharedEnvironment(ctx, b, "", name); err != nil {
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
		return differencef(
			"the listener of port 8080 has %d rules, want 1; the listener of port 80 has %d, want none",
			len(named), len(http),
		)
	}
	for _, condition := range named[0].Conditions {
		if hosts := hostsOf(condition); slices.Contains(hosts, hostOf(name)) {
			w.note = "the hosts of the rule: " + strings.Join(hosts, ", ") // Beanstalk adds one.
			return nil
		}
	}
	return differencef("the rule has no condition with the host name %s", hostOf(name))
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
	b, err := w.createBalancer(ctx)
	if err != nil {
		return err
	}
	name := w.environmentName("-shared")
	if _, err := w.createSharedEnvironment(ctx, b, "", name); err != nil {
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
		return errorOrDifference(err, "the environment or its load balancer is not listed")
	}
	balancer := out.LoadBalancers[0]
	if endpoint := aws.ToString(found[0].EndpointURL); !strings.EqualFold(endpoint, aws.ToString(balancer.DNSName)) {
		return differencef(
			"the endpoint of the environment is %s, want that of the shared load balancer, %s",
			endpoint, aws.ToString(balancer.DNSName),
		)
	}
	if !slices.Equal(balancer.SecurityGroups, []string{b.group}) {
		return differencef("the load balancer has security groups %v, want only %s", balancer.SecurityGroups, b.group)
	}
	return nil
}

func checkEqualPriority(ctx context.Context, w *World) error {
	b, err := w.createBalancer(ctx)
	if err != nil {
		return err
	}
	for _, suffix := range []string{"-one", "-two"} {
		if _, err := w.createSharedEnvironment(ctx, b, suffix, w.environmentName(suffix)); err != nil {
			return err
		}
	}
	rules, err := w.environmentRules(ctx, b.other)
	if err != nil {
		return err
	}
	if len(rules) != 2 || aws.ToString(rules[0].Priority) == aws.ToString(rules[1].Priority) {
		return differencef("the listener has %d rules, want 2 with different priorities", len(rules))
	}
	return nil
}

func checkFixedBalancer(ctx context.Context, w *World) error {
	b, err := w.createBalancer(ctx)
	if err != nil {
		return err
	}
	name := w.environmentName("-fixed")
	stack, err := w.createSharedEnvironment(ctx, b, "", name)
	if err != nil {
		return err
	}
	body, err := w.sharedTemplate(ctx, b, name)
	if err != nil {
		return err
	}
	was, is := `LoadBalancerIsShared, Value: "true"`, `LoadBalancerIsShared, Value: "false"`
	return w.wantFixed(ctx, stack, strings.Replace(body, was, is, 1))
}

// wantFixed checks that Beanstalk rejects an update of an environment.
func (w *World) wantFixed(ctx context.Context, stack, body string) error {
	if err := w.updateStack(ctx, stack, body, types.StackStatusUpdateRollbackComplete); err != nil {
		return err
	}
	if reason := w.firstFailure(ctx, stack); !strings.HasPrefix(reason, "Environment: ") {
		return differencef("the first failure is %q, want a failure of the resource Environment", reason)
	}
	return nil
}
