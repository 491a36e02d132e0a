package checks

import (
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

const bootstrapTemplate = "deploy/bootstrap.yaml"

// bootstrapHead is what the template says before the policies: parameters, roles and the network.
const bootstrapHead = `# The roles and the network that Perch needs in an account, for one project. Written by "go test ./checks -update"; docs/first-account.md says how to use it.
AWSTemplateFormatVersion: "2010-09-09"
Description: Perch - the worker's role, CloudFormation's role and, if wanted, a network

Parameters:
  Project:
    Type: String
    AllowedPattern: "^[a-z]([a-z0-9]|-[a-z0-9]){0,14}$"
    ConstraintDescription: must be the project of perch.yaml; lower-case letters, digits and single hyphens, at most 15 characters
    Description: The project's name, as perch.yaml has it
  HostedZoneId:
    Type: String
    Default: ""
    AllowedPattern: "^[A-Z0-9]{0,32}$"
    Description: The public Route 53 hosted zone of the environments' domain; empty for addresses of AWS alone
  SeedBucket:
    Type: String
    Default: ""
    Description: The bucket that seed data is copied from; empty for none
  WorkerService:
    Type: String
    Default: ecs-tasks.amazonaws.com
    AllowedValues: [ecs-tasks.amazonaws.com, ec2.amazonaws.com]
    Description: What the worker runs on. Principals of this account that may call sts:AssumeRole can assume the role as well
  VpcId:
    Type: String
    Default: ""
    Description: The VPC of the environments; empty to create one
  SubnetIds:
    Type: CommaDelimitedList
    Default: ""
    Description: With VpcId, two public subnets of it in different zones
  DatabaseSubnetIds:
    Type: CommaDelimitedList
    Default: ""
    Description: With VpcId, two subnets for databases; empty for the same as SubnetIds
  VpcCidr:
    Type: String
    Default: 10.90.0.0/16
    Description: The addresses of a VPC that is created

Conditions:
  HasZone: !Not [!Equals [!Ref HostedZoneId, ""]]
  HasSeeds: !Not [!Equals [!Ref SeedBucket, ""]]
  CreateNetwork: !Equals [!Ref VpcId, ""]
  HasDatabaseSubnets: !Not [!Equals [!Join ["", !Ref DatabaseSubnetIds], ""]]
  OnInstances: !Equals [!Ref WorkerService, ec2.amazonaws.com]

Resources:
  WorkerRole:
    Type: AWS::IAM::Role
    Properties:
      Description: Perch's worker
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement:
          - {Effect: Allow, Action: sts:AssumeRole, Principal: {Service: !Ref WorkerService}}
          - Effect: Allow
            Action: sts:AssumeRole
            Principal: {AWS: !Sub "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}
      ManagedPolicyArns: [!Ref WorkerPolicy, !Ref ElasticBeanstalkPolicy, !Ref ElasticBeanstalkInstancesPolicy]
      Tags: [{Key: "perch:project", Value: !Ref Project}]
  WorkerProfile:
    Type: AWS::IAM::InstanceProfile
    Condition: OnInstances
    Properties: {Roles: [!Ref WorkerRole]}
  CloudFormationRole:
    Type: AWS::IAM::Role
    Properties:
      Description: CloudFormation, for the stacks of Perch's environments
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement:
          - {Effect: Allow, Action: sts:AssumeRole, Principal: {Service: cloudformation.amazonaws.com}}
      ManagedPolicyArns: [!Ref CloudFormationPolicy, !Ref ElasticBeanstalkPolicy, !Ref ElasticBeanstalkInstancesPolicy]
      Tags: [{Key: "perch:project", Value: !Ref Project}]

  Network:
    Type: AWS::EC2::VPC
    Condition: CreateNetwork
    Properties:
      CidrBlock: !Ref VpcCidr
      EnableDnsHostnames: true
      EnableDnsSupport: true
      Tags: [{Key: Name, Value: !Sub "${Project}-perch"}]
  Gateway:
    Type: AWS::EC2::InternetGateway
    Condition: CreateNetwork
    Properties:
      Tags: [{Key: Name, Value: !Sub "${Project}-perch"}]
  GatewayAttachment:
    Type: AWS::EC2::VPCGatewayAttachment
    Condition: CreateNetwork
    Properties: {VpcId: !Ref Network, InternetGatewayId: !Ref Gateway}
  PublicRoutes:
    Type: AWS::EC2::RouteTable
    Condition: CreateNetwork
    Properties:
      VpcId: !Ref Network
      Tags: [{Key: Name, Value: !Sub "${Project}-perch-public"}]
  PublicRoute:
    Type: AWS::EC2::Route
    Condition: CreateNetwork
    DependsOn: GatewayAttachment
    Properties: {RouteTableId: !Ref PublicRoutes, DestinationCidrBlock: 0.0.0.0/0, GatewayId: !Ref Gateway}
  PrivateRoutes:
    Type: AWS::EC2::RouteTable
    Condition: CreateNetwork
    Properties:
      VpcId: !Ref Network
      Tags: [{Key: Name, Value: !Sub "${Project}-perch-private"}]
`

// bootstrapSubnets are two subnets of a sort, in two zones.
const bootstrapSubnet = `  SORTSubnetNUMBER:
    Type: AWS::EC2::Subnet
    Condition: CreateNetwork
    Properties:
      VpcId: !Ref Network
      CidrBlock: !Select [PLACE, !Cidr [!Ref VpcCidr, 4, 8]]
      AvailabilityZone: !Select [ZONEINDEX, !GetAZs ""]
      MapPublicIpOnLaunch: PUBLIC
      Tags: [{Key: Name, Value: !Sub "${Project}-perch-LOWER-NUMBER"}]
  SORTSubnetNUMBERRoutes:
    Type: AWS::EC2::SubnetRouteTableAssociation
    Condition: CreateNetwork
    Properties: {SubnetId: !Ref SORTSubnetNUMBER, RouteTableId: !Ref SORTRoutes}
`

const bootstrapOutputs = `
Outputs:
  Project: {Description: The project's name, Value: !Ref Project}
  ServiceRole: {Description: The policy's service_role, Value: !GetAtt CloudFormationRole.Arn}
  WorkerRole: {Description: The role that the worker runs with, Value: !GetAtt WorkerRole.Arn}
  WorkerProfile:
    Condition: OnInstances
    Description: The instance profile of an EC2 instance that a worker runs on
    Value: !Ref WorkerProfile
  HostedZoneId: {Condition: HasZone, Description: The policy's hosted_zone, Value: !Ref HostedZoneId}
  SeedBucket: {Condition: HasSeeds, Description: The bucket of the policy's seeds.from, Value: !Ref SeedBucket}
  VpcId: {Description: The policy's network.vpc, Value: !If [CreateNetwork, !Ref Network, !Ref VpcId]}
  SubnetIds:
    Description: The policy's network.subnets
    Value: !If [CreateNetwork, !Join [",", [!Ref PublicSubnet1, !Ref PublicSubnet2]], !Join [",", !Ref SubnetIds]]
  DatabaseSubnetIds:
    Description: The policy's network.database_subnets
    Value: !If
      - CreateNetwork
      - !Join [",", [!Ref PrivateSubnet1, !Ref PrivateSubnet2]]
      - !If [HasDatabaseSubnets, !Join [",", !Ref DatabaseSubnetIds], !Join [",", !Ref SubnetIds]]
`

// bootstrap writes the template from the same tables as the documents of deploy/iam.
func bootstrap(t *testing.T) []byte {
	t.Helper()
	var text strings.Builder
	text.WriteString(bootstrapHead)
	for i, subnet := range []struct{ sort, number, public string }{
		{"Public", "1", "true"}, {"Public", "2", "true"}, {"Private", "1", "false"}, {"Private", "2", "false"},
	} {
		text.WriteString(strings.NewReplacer(
			"SORT", subnet.sort, "LOWER", strings.ToLower(subnet.sort), "NUMBER", subnet.number, "PUBLIC",
			subnet.public,
			"PLACE", string(rune('0'+i)), "ZONEINDEX", string(rune('0'+i%2)),
		).Replace(bootstrapSubnet))
	}
	policies := yaml.MapSlice{}
	for _, policy := range []struct {
		id, what   string
		statements []statement
	}{
		{"WorkerPolicy", "Perch: what the worker calls", workerStatements(t)},
		{"CloudFormationPolicy", "Perch: what the types of the templates need", cloudFormationStatements()},
		{
			"ElasticBeanstalkPolicy", "Perch: what Elastic Beanstalk calls with the rights of its caller",
			allowed(slices.Concat(closer, aroundBeanstalk)),
		},
		{"ElasticBeanstalkInstancesPolicy", "Perch: what Elastic Beanstalk does to its own " +
			"resources", allowed(instancesOfBeanstalk)},
	} {
		var statements []any
		for _, s := range policy.statements {
			statements = append(statements, bootstrapStatement(s))
		}
		policies = append(policies, yaml.MapItem{Key: policy.id, Value: yaml.MapSlice{
			{Key: "Type", Value: "AWS::IAM::ManagedPolicy"},
			{Key: "Properties", Value: yaml.MapSlice{
				{Key: "Description", Value: policy.what},
				{
					Key:   "PolicyDocument",
					Value: yaml.MapSlice{{Key: "Version", Value: "2012-10-17"}, {Key: "Statement", Value: statements}},
				},
			}},
		}})
	}
	rendered, err := yaml.MarshalWithOptions(policies, yaml.IndentSequence(true))
	if err != nil {
		t.Fatal(err)
	}
	text.WriteString("\n")
	for line := range strings.Lines(string(rendered)) {
		text.WriteString("  " + line)
	}
	text.WriteString(bootstrapOutputs)
	return []byte(text.String())
}

// bootstrapStatement is a statement with the template's parameters in place of the words in
// capitals. A statement about a zone or a bucket that there may not be is conditional.
func bootstrapStatement(s statement) any {
	item := yaml.MapSlice{
		{Key: "Sid", Value: s.Sid}, {Key: "Effect", Value: s.Effect}, {Key: "Action", Value: s.Action},
	}
	var resources []any
	for _, resource := range s.Resource {
		resources = append(resources, substituted(resource))
	}
	if s.Sid == "StacksAreMadeByTheirOwnRole" {
		resources = []any{map[string]any{"Fn::GetAtt": []string{"CloudFormationRole", "Arn"}}}
	}
	item = append(item, yaml.MapItem{Key: "Resource", Value: resources})
	if len(s.Condition) > 0 {
		item = append(item, yaml.MapItem{Key: "Condition", Value: substitutedAll(s.Condition)})
	}
	for word, condition := range map[string]string{"ZONE": "HasZone", "SEEDS": "HasSeeds"} {
		if slices.ContainsFunc(s.Resource, func(resource string) bool { return strings.Contains(resource, word) }) {
			return map[string]any{"Fn::If": []any{condition, item, map[string]any{"Ref": "AWS::NoValue"}}}
		}
	}
	return item
}

var bootstrapWords = strings.NewReplacer(
	"PROJECT",
	"${Project}",
	"ACCOUNT",
	"${AWS::AccountId}",
	"REGION",
	"${AWS::Region}",
	"ZONE",
	"${HostedZoneId}",
	"SEEDS",
	"${SeedBucket}",
	"arn:aws:",
	"arn:${AWS::Partition}:",
)

func substituted(value string) any {
	if changed := bootstrapWords.Replace(value); changed != value {
		return map[string]any{"Fn::Sub": changed}
	}
	return value
}

func substitutedAll(conditions map[string]map[string]any) map[string]map[string]any {
	all := map[string]map[string]any{}
	for operator, keys := range conditions {
		all[operator] = map[string]any{}
		for key, value := range keys {
			switch value := value.(type) {
			case string:
				all[operator][key] = substituted(value)
			case []string:
				var values []any
				for _, each := range value {
					values = append(values, substituted(each))
				}
				all[operator][key] = values
			}
		}
	}
	return all
}

func TestTheBootstrapTemplatePassesCfnLint(t *testing.T) {
	lint, err := exec.LookPath("cfn-lint")
	if err != nil {
		t.Skip("cfn-lint is not installed")
	}
	if out, err := exec.Command(lint, filepath.FromSlash(bootstrapTemplate)).CombinedOutput(); err != nil {
		t.Errorf("cfn-lint: %v\n%s", err, out)
	}
}
