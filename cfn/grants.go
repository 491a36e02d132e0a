package cfn

import (
	"slices"
	"strings"

	"perch"
)

// conditions are the condition operators of a statement, with the keys and values of each.
type conditions = map[string]map[string][]string

// objectWrites are the actions that change the content of a bucket.
var objectWrites = []string{"s3:AbortMultipartUpload", "s3:DeleteObject", "s3:PutObject"}

// instanceStatements are the permissions of the instances of kind's environments.
func (in ApplicationInput) instanceStatements(kind perch.Kind) []statement {
	return slices.Concat(
		platformStatements(in.Project), bucketStatements(in.Project, kind), in.secretStatements(kind),
		[]statement{commandStatement()})
}

// platformStatements allow an instance to pull its image, fetch its source bundle, report its
// health and write its logs. The bundle comes from a bucket of Elastic Beanstalk, which copies it
// there. GetAuthorizationToken is allowed for every registry, because AWS accepts no narrower
// resource for it.
func platformStatements(project string) []statement {
	logs := "arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:" +
		"/aws/elasticbeanstalk/" + project + "-*"
	beanstalkBucket := "arn:${AWS::Partition}:s3:::elasticbeanstalk-${AWS::Region}-${AWS::AccountId}"
	beanstalkFiles := beanstalkBucket + "/resources/environments/"
	beanstalkARN := "arn:${AWS::Partition}:elasticbeanstalk:${AWS::Region}:${AWS::AccountId}:"
	listed := allow("DeployedFolders", []value{sub(beanstalkBucket)}, "s3:ListBucket")
	listed.Condition = conditions{"StringLike": {"s3:prefix": {"resources/environments/e-*"}}}
	return []statement{
		allow("Registry", []value{literal("*")}, "ecr:GetAuthorizationToken"),
		allow("Images", []value{sub("arn:${AWS::Partition}:ecr:${AWS::Region}:${AWS::AccountId}:repository/*")},
			"ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"),
		allow("Bundles", []value{sub("${" + artifactsID + ".Arn}/" + bundlePrefix + "*")}, "s3:GetObject"),
		listed,
		allow("DeployedBundles", []value{sub(beanstalkFiles + "e-*")}, "s3:GetObject", "s3:GetObjectVersion"),
		allow("Health", []value{
			sub(beanstalkARN + "application/${" + applicationID + "}"),
			sub(beanstalkARN + "environment/${" + applicationID + "}/*"),
		}, "elasticbeanstalk:PutInstanceStatistics"),
		allow("Logs", []value{sub(logs), sub(logs + ":log-stream:*")},
			"logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"),
		allow("RequestedLogs", []value{sub(beanstalkFiles + "logs/*")}, "s3:PutObject"),
	}
}

// commandStatement allows the Systems Manager agent on an instance to receive commands, but not to
// send any. AWS accepts no narrower resource for these actions. AWS's managed policy,
// AmazonSSMManagedInstanceCore, is not used, because it would let the app read every parameter of
// the account.
func commandStatement() statement {
	return allow("Commands", []value{literal("*")}, "ssm:UpdateInstanceInformation", "ssmmessages:CreateControlChannel",
		"ssmmessages:CreateDataChannel", "ssmmessages:OpenControlChannel", "ssmmessages:OpenDataChannel")
}

// bucketStatements allow access to the buckets of kind's environments by their tags, because
// CloudFormation chooses their names long after it has created the role. S3 evaluates a bucket's
// tags in these conditions only if the bucket has AbacStatus (AWS docs: Enabling ABAC in general
// purpose buckets). So all other buckets of the project stay closed.
func bucketStatements(project string, kind perch.Kind) []statement {
	buckets, objects := namedBuckets(project), namedObjects(project)
	buckets.Condition, objects.Condition = ofEnvironments(project, kind), ofEnvironments(project, kind)
	return []statement{buckets, objects, unwritableArtifacts(project)}
}

func namedBuckets(project string) statement {
	return allow("Buckets", bucketsOf(project+"-*"), "s3:GetBucketLocation", "s3:ListBucket")
}

func namedObjects(project string) statement {
	return allow("Objects", bucketsOf(project+"-*/*"), append(slices.Clone(objectWrites), "s3:GetObject")...)
}

// bucketsOf returns the ARN of the buckets and objects that match pattern, which is BUCKET or
// BUCKET/KEY.
func bucketsOf(pattern string) []value { return []value{sub("arn:${AWS::Partition}:s3:::" + pattern)} }

// unwritableArtifacts denies writes to the buckets of application stacks, regardless of their tags.
// It cannot match a bucket of a branch, because no branch's slug begins with application-.
func unwritableArtifacts(project string) statement {
	return deny("Artifacts", bucketsOf(project+"-application-*/*"), objectWrites...)
}

// ofEnvironments are conditions that hold for resources of the stacks of kind's environments. They
// check the tags that CloudFormation copies from the stack to its resources. Resources of
// application stacks have no tag for the branch.
func ofEnvironments(project string, kind perch.Kind) conditions {
	tagged := ofKinds(project, []string{string(kind)})
	tagged["Null"] = map[string][]string{resourceTag(perch.TagBranch): {"false"}}
	return tagged
}

func ofKinds(project string, kinds []string) conditions {
	return conditions{"StringEquals": {
		resourceTag(perch.TagProject): {project},
		resourceTag(perch.TagKind):    kinds,
	}}
}

func resourceTag(key string) string { return "aws:ResourceTag/" + key }

// secretStatements allow access to the database passwords of kind's environments, and to the
// secrets that the policy allows for them. They also deny the passwords of other kinds, because
// `secrets.from` may allow every secret of the account.
func (in ApplicationInput) secretStatements(kind perch.Kind) []statement {
	passwords := allow("DatabasePasswords", anySecret(), "secretsmanager:GetSecretValue")
	passwords.Condition = ofEnvironments(in.Project, kind)
	others := deny("OtherKinds", anySecret(), "secretsmanager:GetSecretValue")
	others.Condition = ofKinds(in.Project, otherKinds(kind))
	allowed := allowedSecrets(in.Policy.Secrets.Allowed(kind))
	return slices.Concat([]statement{passwords, others}, in.masterStatements(), allowed)
}

func anySecret() []value {
	return []value{sub("arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:*")}
}

// masterStatements deny instances the password of the shared database's master user.
func (in ApplicationInput) masterStatements() []statement {
	if !in.sharesDatabase() {
		return nil
	}
	return []statement{deny("SharedDatabase", []value{ref(sharedMasterID)}, "secretsmanager:GetSecretValue")}
}

// allowedSecrets allow access to the secrets and parameters whose ARNs begin with one of the
// prefixes.
func allowedSecrets(prefixes []string) []statement {
	var statements []statement
	if arns := arnsOf("secretsmanager", prefixes); len(arns) > 0 {
		statements = append(statements, allow("Secrets", arns, "secretsmanager:GetSecretValue"))
	}
	if arns := arnsOf("ssm", prefixes); len(arns) > 0 {
		statements = append(statements, allow("Parameters", arns, "ssm:GetParameter", "ssm:GetParameters"))
	}
	return statements
}

// arnsOf returns patterns for those of prefixes that are ARNs of service.
func arnsOf(service string, prefixes []string) []value {
	var arns []value
	for _, prefix := range slices.Sorted(slices.Values(prefixes)) {
		if parts := strings.Split(prefix, ":"); len(parts) > 3 && parts[0] == "arn" && parts[2] == service {
			arns = append(arns, literal(strings.TrimSuffix(prefix, "*")+"*"))
		}
	}
	return arns
}

func otherKinds(kind perch.Kind) []string {
	var others []string
	for _, k := range perch.Kinds() {
		if k != kind {
			others = append(others, string(k))
		}
	}
	slices.Sort(others)
	return others
}

func allow(sid string, resources []value, actions ...string) statement {
	return statement{Sid: sid, Effect: "Allow", Action: slices.Sorted(slices.Values(actions)), Resource: resources}
}

func deny(sid string, resources []value, actions ...string) statement {
	s := allow(sid, resources, actions...)
	s.Effect = "Deny"
	return s
}
