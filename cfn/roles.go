package cfn

import (
	"slices"
	"strings"

	"perch"
)

type roleProperties struct {
	AssumeRolePolicyDocument policyDocument
	ManagedPolicyArns        []value        `json:",omitempty"`
	Policies                 []inlinePolicy `json:",omitempty"`
	Tags                     []tag
}

type inlinePolicy struct {
	PolicyDocument policyDocument
	PolicyName     string
}

type policyDocument struct {
	Statement []statement
	Version   string
}

type statement struct {
	Action    []string
	Condition map[string]map[string][]string `json:",omitempty"`
	Effect    string
	Principal map[string]string `json:",omitempty"`
	Resource  []value           `json:",omitempty"`
	Sid       string            `json:",omitempty"`
}

type profileProperties struct{ Roles []value }

func policyOf(statements ...statement) policyDocument {
	return policyDocument{Version: "2012-10-17", Statement: statements}
}

// serviceRole is what Elastic Beanstalk acts in. The external id is the one that AWS documents for it (AWS docs: Managing
// Elastic Beanstalk service roles).
func serviceRole(tags []tag) resource {
	return resource{Type: "AWS::IAM::Role", Properties: roleProperties{
		AssumeRolePolicyDocument: policyOf(statement{
			Effect:    "Allow",
			Action:    []string{"sts:AssumeRole"},
			Principal: map[string]string{"Service": "elasticbeanstalk.amazonaws.com"},
			Condition: map[string]map[string][]string{"StringEquals": {"sts:ExternalId": {"elasticbeanstalk"}}},
		}),
		ManagedPolicyArns: []value{
			sub("arn:${AWS::Partition}:iam::aws:policy/service-role/AWSElasticBeanstalkEnhancedHealth"),
			sub("arn:${AWS::Partition}:iam::aws:policy/AWSElasticBeanstalkManagedUpdatesCustomerRolePolicy"),
		},
		Tags: tags,
	}}
}

// instanceRole is what the instances of every environment of the application act in. It stands here and not in the environments'
// templates because a template that makes roles needs a capability, and making an instance profile takes minutes.
func instanceRole(in ApplicationInput, tags []tag) resource {
	statements := platformStatements(in.Project)
	statements = append(statements, bucketStatements(in.Project)...)
	statements = append(statements, secretStatements(in)...)
	statements = append(statements, commandStatement())
	return resource{Type: "AWS::IAM::Role", Properties: roleProperties{
		AssumeRolePolicyDocument: policyOf(statement{
			Effect:    "Allow",
			Action:    []string{"sts:AssumeRole"},
			Principal: map[string]string{"Service": "ec2.amazonaws.com"},
		}),
		Policies: []inlinePolicy{{PolicyName: "instances", PolicyDocument: policyOf(statements...)}},
		Tags:     tags,
	}}
}

// platformStatements let an instance pull its image, fetch its source bundle, report its health and write its logs.
// GetAuthorizationToken is for a whole registry: AWS takes no narrower resource for it.
func platformStatements(project string) []statement {
	logs := "arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:/aws/elasticbeanstalk/" + project + "-*"
	return []statement{
		allow("Registry", []value{literal("*")}, "ecr:GetAuthorizationToken"),
		allow("Images", []value{sub("arn:${AWS::Partition}:ecr:${AWS::Region}:${AWS::AccountId}:repository/*")},
			"ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"),
		allow("Bundles", []value{sub("${" + artifactsID + ".Arn}/" + bundlePrefix + "*")}, "s3:GetObject"),
		allow("Health", []value{
			sub("arn:${AWS::Partition}:elasticbeanstalk:${AWS::Region}:${AWS::AccountId}:application/${" + applicationID + "}"),
			sub("arn:${AWS::Partition}:elasticbeanstalk:${AWS::Region}:${AWS::AccountId}:environment/${" + applicationID + "}/*"),
		}, "elasticbeanstalk:PutInstanceStatistics"),
		allow("Logs", []value{sub(logs), sub(logs + ":log-stream:*")},
			"logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"),
		allow("RequestedLogs", []value{
			sub("arn:${AWS::Partition}:s3:::elasticbeanstalk-${AWS::Region}-${AWS::AccountId}/resources/environments/logs/*"),
		}, "s3:PutObject"),
	}
}

// commandStatement lets the agent of Systems Manager on an instance take commands; it has no right to give any. AWS takes no narrower resource for these
// actions. AWS's own policy for it, AmazonSSMManagedInstanceCore, would open every parameter of the account to the app.
func commandStatement() statement {
	return allow("Commands", []value{literal("*")}, "ssm:UpdateInstanceInformation", "ssmmessages:CreateControlChannel",
		"ssmmessages:CreateDataChannel", "ssmmessages:OpenControlChannel", "ssmmessages:OpenDataChannel")
}

// bucketStatements open the environments' buckets. CloudFormation makes up their names when an environment is created, long after
// this role, but begins them with the stack's name, so the project's prefix stands for them. Application stacks begin with
// it as well; no branch's slug begins with application-, so denying that prefix keeps the artifacts of every kind as they are.
// Environments of kind staging and branch are not walled off from each other's buckets: an instance profile for each would take two minutes
// to make, and give each its own role. Production's buckets wall themselves off.
func bucketStatements(project string) []statement {
	writes := []string{"s3:AbortMultipartUpload", "s3:DeleteObject", "s3:PutObject"}
	deny := allow("Artifacts", []value{sub("arn:${AWS::Partition}:s3:::" + project + "-application-*/*")}, writes...)
	deny.Effect = "Deny"
	return []statement{
		allow("Buckets", []value{sub("arn:${AWS::Partition}:s3:::" + project + "-*")}, "s3:GetBucketLocation", "s3:ListBucket"),
		allow("Objects", []value{sub("arn:${AWS::Partition}:s3:::" + project + "-*/*")}, append(slices.Clone(writes), "s3:GetObject")...),
		deny,
	}
}

// secretStatements open the passwords of the databases of the application's own kinds, by the tags that secrets inherit from their
// stack, and the secrets that the policy allows.
func secretStatements(in ApplicationInput) []statement {
	kinds := []string{string(perch.KindProduction)}
	if in.Kind.Application() == perch.KindStaging {
		kinds = []string{string(perch.KindBranch), string(perch.KindStaging)}
	}
	databases := allow("DatabasePasswords",
		[]value{sub("arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:*")}, "secretsmanager:GetSecretValue")
	databases.Condition = map[string]map[string][]string{"StringEquals": {
		"aws:ResourceTag/" + perch.TagProject: {in.Project},
		"aws:ResourceTag/" + perch.TagKind:    kinds,
	}}
	statements := []statement{databases}
	if in.sharesDatabase() {
		// The shared database's own secret carries the application's tags, and instances must not be its master.
		deny := allow("SharedDatabase", []value{ref(sharedMasterID)}, "secretsmanager:GetSecretValue")
		deny.Effect = "Deny"
		statements = append(statements, deny)
	}
	if arns := arnsOf("secretsmanager", in.Policy.Secrets.From); len(arns) > 0 {
		statements = append(statements, allow("Secrets", arns, "secretsmanager:GetSecretValue"))
	}
	if arns := arnsOf("ssm", in.Policy.Secrets.From); len(arns) > 0 {
		statements = append(statements, allow("Parameters", arns, "ssm:GetParameter", "ssm:GetParameters"))
	}
	return statements
}

// arnsOf turns those of prefixes that are ARNs of service into patterns.
func arnsOf(service string, prefixes []string) []value {
	var arns []value
	for _, prefix := range slices.Sorted(slices.Values(prefixes)) {
		if parts := strings.Split(prefix, ":"); len(parts) > 3 && parts[0] == "arn" && parts[2] == service {
			arns = append(arns, literal(strings.TrimSuffix(prefix, "*")+"*"))
		}
	}
	return arns
}

func allow(sid string, resources []value, actions ...string) statement {
	return statement{Sid: sid, Effect: "Allow", Action: slices.Sorted(slices.Values(actions)), Resource: resources}
}
