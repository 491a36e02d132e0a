package cfn

import (
	"cmp"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"

	"perch"
)

// option is an entry of OptionSettings (AWS docs: Elastic Beanstalk, General options for all
// environments).
type option struct {
	Namespace  string
	OptionName string
	Value      value
}

// Namespaces of options.
const (
	nsApplication = "aws:elasticbeanstalk:application"
	nsVariables   = "aws:elasticbeanstalk:application:environment"
	nsSecrets     = "aws:elasticbeanstalk:application:environmentsecrets"
	nsCommand     = "aws:elasticbeanstalk:command"
	nsEnvironment = "aws:elasticbeanstalk:environment"
	nsProcess     = "aws:elasticbeanstalk:environment:process:default"
	nsLogs        = "aws:elasticbeanstalk:cloudwatch:logs"
	nsHealth      = "aws:elasticbeanstalk:healthreporting:system"
	nsManaged     = "aws:elasticbeanstalk:managedactions"
	nsGroup       = "aws:autoscaling:asg"
	nsLaunch      = "aws:autoscaling:launchconfiguration"
	nsRolling     = "aws:autoscaling:updatepolicy:rollingupdate"
	nsInstances   = "aws:ec2:instances"
	nsVPC         = "aws:ec2:vpc"
	nsBalancer    = "aws:elbv2:loadbalancer"
	nsListenerOff = "aws:elbv2:listener:default"
	nsListener    = "aws:elbv2:listener:443"
	nsRule        = "aws:elbv2:listenerrule:" + ruleName

	ruleName = "host"
)

// options returns the environment's options. They are sorted, because the order of a map is random.
func (in EnvironmentInput) options() ([]option, error) {
	variables, err := in.variables()
	if err != nil {
		return nil, err
	}
	options := slices.Concat(
		in.platformOptions(), in.instanceOptions(), in.trafficOptions(), in.deploymentOptions(), variables,
	)
	slices.SortFunc(options, func(a, b option) int {
		return cmp.Or(strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.OptionName, b.OptionName))
	})
	return options, nil
}

// platformOptions are the options for Beanstalk itself. AWS's automatic updates are off, because
// they would change an environment without a change of its stack. Streamed logs of a branch are
// deleted with its environment.
func (in EnvironmentInput) platformOptions() []option {
	return []option{
		{nsEnvironment, "ServiceRole", literal(in.Application.ServiceRole)},
		{nsHealth, "SystemType", literal("enhanced")},
		{nsManaged, "ManagedActionsEnabled", literal("false")},
		{nsLogs, "StreamLogs", literal("true")},
		{nsLogs, "DeleteOnTerminate", boolean(in.Kind == perch.KindBranch)},
		{nsLogs, "RetentionInDays", literal(in.logDays())},
	}
}

func (in EnvironmentInput) logDays() string {
	if in.Kind == perch.KindBranch {
		return "7"
	}
	return "90"
}

// rootVolumeGB is enough for several versions of an image, because every deployment pulls another
// one. The default is the size in the AMI.
const rootVolumeGB = "20"

// instanceOptions are the options for the instances. DisableIMDSv1 and gp3 also make Beanstalk use
// a launch template, which new accounts require (AWS docs: Migrating to launch templates).
func (in EnvironmentInput) instanceOptions() []option {
	minimum, maximum := in.instances()
	options := []option{
		{nsGroup, "MinSize", literal(strconv.Itoa(minimum))},
		{nsGroup, "MaxSize", literal(strconv.Itoa(maximum))},
		{nsInstances, "InstanceTypes", literal(in.Settings.InstanceType)},
		{nsInstances, "SupportedArchitectures", literal(architectureOf(in.Settings.InstanceType))},
		{nsLaunch, "IamInstanceProfile", literal(in.Application.Profiles[in.Kind])},
		{nsLaunch, "DisableIMDSv1", literal("true")},
		{nsLaunch, "RootVolumeType", literal("gp3")},
		{nsLaunch, "RootVolumeSize", literal(rootVolumeGB)},
		{nsLaunch, "LaunchTemplateTagPropagationEnabled", literal("true")},
		{nsVPC, "VPCId", literal(in.Policy.Network.VPC)},
		{nsVPC, "Subnets", literal(strings.Join(in.Policy.Network.Subnets, ","))},
		{nsVPC, "AssociatePublicIpAddress", literal("true")},
	}
	return append(options, option{nsLaunch, "SecurityGroups", in.instanceGroup()})
}

// instanceGroup returns the security group of the instances. Every environment sets one, because
// Beanstalk keeps the value of an option that the template no longer has. If the database was
// removed, its instances would still have the database's group, which could then not be deleted.
func (in EnvironmentInput) instanceGroup() value {
	if in.sharesDatabase() {
		return literal(in.Application.DatabaseClients)
	}
	return getAtt{instanceGroupID, "GroupId"}
}

func (in EnvironmentInput) instances() (minimum, maximum int) {
	if !in.balanced() {
		return 1, 1
	}
	minimum = max(in.Settings.Instances.Min, 1)
	return minimum, max(in.Settings.Instances.Max, minimum)
}

// trafficOptions are the options for incoming requests.
func (in EnvironmentInput) trafficOptions() []option {
	if !in.balanced() {
		return []option{
			{nsEnvironment, "EnvironmentType", literal("SingleInstance")},
			{nsApplication, "Application Healthcheck URL", literal(in.Settings.HealthPath)},
		}
	}
	options := in.dedicatedBalancerOptions()
	if in.shared() {
		options = in.sharedBalancerOptions()
	}
	return append(options,
		option{nsEnvironment, "EnvironmentType", literal("LoadBalanced")},
		option{nsEnvironment, "LoadBalancerType", literal("application")},
		option{nsProcess, "Port", literal("80")},
		option{nsProcess, "Protocol", literal("HTTP")},
		option{nsProcess, "HealthCheckPath", literal(in.Settings.HealthPath)},
		option{nsProcess, "MatcherHTTPCode", literal("200")})
}

// sharedBalancerOptions use one rule, for the environment's host name, on the HTTPS listener of the
// shared load balancer, and none on the listener of port 80, because a load balancer can have only
// 100 rules (service quota, AWS docs: Application Load Balancer quotas). Only these two options of
// a load balancer are valid for a shared one (AWS docs: General options for all environments,
// aws:elbv2:loadbalancer).
func (in EnvironmentInput) sharedBalancerOptions() []option {
	return []option{
		{nsEnvironment, "LoadBalancerIsShared", literal("true")},
		{nsBalancer, "SharedLoadBalancer", literal(in.Application.LoadBalancerArn)},
		{nsBalancer, "SecurityGroups", literal(in.Application.LoadBalancerSecurityGroup)},
		{nsListener, "Rules", literal(ruleName)},
		{nsRule, "HostHeaders", literal(in.host())},
		{nsRule, "PathPatterns", literal("/*")},
		{nsRule, "Priority", literal(strconv.Itoa(priority(in.Environment.Slug)))},
		{nsRule, "Process", literal("default")},
	}
}

// dedicatedBalancerOptions create a dedicated load balancer with the application stack's
// certificate. Beanstalk creates its security group.
func (in EnvironmentInput) dedicatedBalancerOptions() []option {
	return []option{
		{nsVPC, "ELBScheme", literal("public")},
		{nsVPC, "ELBSubnets", literal(strings.Join(in.Policy.Network.Subnets, ","))},
		{nsListenerOff, "ListenerEnabled", literal("false")},
		{nsListener, "DefaultProcess", literal("default")},
		{nsListener, "ListenerEnabled", literal("true")},
		{nsListener, "Protocol", literal("HTTPS")},
		{nsListener, "SSLCertificateArns", literal(in.Application.CertificateArn)},
		{nsListener, "SSLPolicy", literal(tlsPolicy)},
	}
}

// priority returns the priority, from 1 to 1000, that the environment requests for its rule. If two
// environments request the same one, Beanstalk chooses free ones on the shared load balancer and
// keeps their order. The order does not matter, because the rules are for different hosts.
func priority(slug string) int {
	sum := fnv.New32a()
	sum.Write([]byte(slug))
	return int(sum.Sum32()%1000) + 1
}

// deploymentOptions say how Beanstalk deploys a new version: at once for a branch, because tests
// wait for it. Other kinds with several instances keep their full capacity.
func (in EnvironmentInput) deploymentOptions() []option {
	_, maximum := in.instances()
	if in.Kind == perch.KindBranch || maximum == 1 {
		return []option{
			{nsCommand, "DeploymentPolicy", literal("AllAtOnce")},
			{nsRolling, "RollingUpdateEnabled", literal("false")},
		}
	}
	return []option{
		{nsCommand, "DeploymentPolicy", literal("RollingWithAdditionalBatch")},
		{nsCommand, "BatchSizeType", literal("Percentage")},
		{nsCommand, "BatchSize", literal("50")},
		{nsRolling, "RollingUpdateEnabled", literal("true")},
		{nsRolling, "RollingUpdateType", literal("Health")},
	}
}

func boolean(b bool) value { return literal(strconv.FormatBool(b)) }
