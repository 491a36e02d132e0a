package checks

// grant is a statement of the worker's IAM policy: what its actions are good for, and on what.
type grant struct {
	sid string
	// why is what docs/iam.md says of it.
	why       string
	resources []string
	condition map[string]map[string]string
}

// grants are the statements of the worker's policy, in order. The words in capitals are replaced on
// installation; docs/iam.md says by what.
var grants = []grant{
	{
		"Stacks",
		"the environments' and the application's stacks, found by the project's prefix",
		[]string{"arn:aws:cloudformation:REGION:ACCOUNT:stack/PROJECT-*/*"},
		nil,
	},
	{
		"LookAround",
		"reading what AWS offers for all resources only: environments are found by their tags, and a removal checks " +
			"whether everything is gone",
		[]string{"*"},
		nil,
	},
	{
		"BucketsOfTheProject",
		"templates, source bundles and the cards of environments, seed data, and emptying the buckets of an " +
			"environment " +
			"while its stack is deleted; CloudFormation reads a template with the worker's right to read it",
		[]string{"arn:aws:s3:::PROJECT-*", "arn:aws:s3:::PROJECT-*/*"},
		nil,
	},
	{
		"SeedData",
		"reading the seed data that the policy allows. Leave it out where `seeds.from` is empty",
		[]string{"arn:aws:s3:::SEEDS", "arn:aws:s3:::SEEDS/*"},
		nil,
	},
	{
		"DatabasesThatCloudFormationCouldNotDelete",
		"what CloudFormation could not delete in several attempts, with a final snapshot if the template does not " +
			"exclude it; nothing else calls it",
		[]string{
			"arn:aws:rds:REGION:ACCOUNT:db:PROJECT-*", "arn:aws:rds:REGION:ACCOUNT:snapshot:PROJECT-*",
			"arn:aws:rds:REGION:ACCOUNT:subgrp:PROJECT-*",
		},
		nil,
	},
	{
		"SecretsThatCloudFormationCouldNotDelete",
		"the database passwords of removed environments, which can be restored for 7 days; nothing else calls it",
		[]string{"arn:aws:secretsmanager:REGION:ACCOUNT:secret:DatabaseSecret*"},
		map[string]map[string]string{"StringEquals": {"aws:ResourceTag/perch:project": "PROJECT"}},
	},
	{
		"GroupsThatCloudFormationCouldNotDelete",
		"security groups of a removed environment; nothing else calls it",
		[]string{"arn:aws:ec2:REGION:ACCOUNT:security-group/*"},
		map[string]map[string]string{"StringEquals": {"aws:ResourceTag/perch:project": "PROJECT"}},
	},
	{
		"EnvironmentsOfTheProject",
		"removing variables and secrets that a branch no longer sets, and terminating what CloudFormation could not " +
			"delete. Elastic Beanstalk acts with the rights of its caller: attach its documents to the worker's " +
			"role, too",
		[]string{"arn:aws:elasticbeanstalk:REGION:ACCOUNT:environment/*/PROJECT-*"},
		nil,
	},
	{
		"LogsOfTheProject",
		"`perch logs`, and the last log lines of an environment whose deployment failed or that is removed",
		[]string{"arn:aws:logs:REGION:ACCOUNT:log-group:/aws/elasticbeanstalk/PROJECT-*"},
		nil,
	},
	{
		"WhetherARecordIsGone",
		"the host names of removed environments, and whether the zone is the domain's. Leave it out if there is " +
			"no domain",
		[]string{"arn:aws:route53:::hostedzone/ZONE"},
		nil,
	},
	// A condition on tags would deny what is to be found out: a secret that is gone has none.
	{
		"WhetherASecretIsGone", "the database passwords of removed environments, and never their values",
		secretResources, nil,
	},
	{
		"WhetherTheCertificateIsGood",
		"what `perch doctor` says of the wildcard certificate. Leave it out if there is no domain",
		[]string{"arn:aws:acm:REGION:ACCOUNT:certificate/*"},
		nil,
	},
	{
		"WhetherAnImageIsThere",
		"looking images up in Amazon ECR of the account. Leave it out where images are in other registries",
		[]string{"arn:aws:ecr:REGION:ACCOUNT:repository/*"},
		nil,
	},
	{
		"PasswordsInTheSharedDatabase",
		"the master's password, and that of an environment's user. Leave it out if there is no `shared_database`",
		[]string{
			"arn:aws:secretsmanager:REGION:ACCOUNT:secret:SharedDatabase*",
		},
		map[string]map[string]string{"StringEquals": {"aws:ResourceTag/perch:project": "PROJECT"}},
	},
	{
		"SecretsOfSeedSteps",
		"the secrets that `http` steps send. Leave it out if there are none; add `kms:Decrypt` if another key " +
			"than the default encrypts them",
		[]string{
			"arn:aws:secretsmanager:REGION:ACCOUNT:secret:PROJECT/*",
			"arn:aws:ssm:REGION:ACCOUNT:parameter/PROJECT/*",
		},
		nil,
	},
	{
		"CommandsOfSeedSteps",
		"`run` steps, and `perch logs` of an environment that streams no logs: this one document. Leave it and the " +
			"next out where you need neither",
		[]string{"arn:aws:ssm:REGION::document/AWS-RunShellScript"},
		nil,
	},
	{
		"OnInstancesOfTheProject",
		"`run` steps and `perch logs`: on instances of the project",
		[]string{"arn:aws:ec2:REGION:ACCOUNT:instance/*"},
		map[string]map[string]string{"StringEquals": {"ssm:resourceTag/perch:project": "PROJECT"}},
	},
}

// need is an IAM action and the statement that grants it.
type need struct{ action, sid string }

// rights are, for each call that the product makes of AWS, the IAM actions that it needs. A call
// that needs none has an empty list.
var rights = map[string][]need{
	"sts.GetCallerIdentity": {},

	"acm.DescribeCertificate": {{"acm:DescribeCertificate", "WhetherTheCertificateIsGood"}},

	// With the login the worker asks the registry by its own protocol, where the manifest and the
	// configuration of an image need the other two (AWS docs: Amazon ECR, private registry HTTP
	// API).
	"ecr.GetAuthorizationToken": {
		{
			"ecr:GetAuthorizationToken",
			"LookAround",
		}, {"ecr:BatchGetImage", "WhetherAnImageIsThere"}, {"ecr:GetDownloadUrlForLayer", "WhetherAnImageIsThere"},
	},

	"cloudwatchlogs.DescribeLogGroups": {{"logs:DescribeLogGroups", "LookAround"}},
	"cloudwatchlogs.FilterLogEvents":   {{"logs:FilterLogEvents", "LogsOfTheProject"}},

	"ec2.DeleteSecurityGroup":       {{"ec2:DeleteSecurityGroup", "GroupsThatCloudFormationCouldNotDelete"}},
	"ec2.DescribeAccountAttributes": {{"ec2:DescribeAccountAttributes", "LookAround"}},
	"ec2.DescribeAddresses":         {{"ec2:DescribeAddresses", "LookAround"}},
	"ec2.DescribeInstances":         {{"ec2:DescribeInstances", "LookAround"}},
	"ec2.DescribeSecurityGroups":    {{"ec2:DescribeSecurityGroups", "LookAround"}},

	"elasticloadbalancingv2.DescribeListeners":     {{"elasticloadbalancing:DescribeListeners", "LookAround"}},
	"elasticloadbalancingv2.DescribeLoadBalancers": {{"elasticloadbalancing:DescribeLoadBalancers", "LookAround"}},
	"elasticloadbalancingv2.DescribeRules":         {{"elasticloadbalancing:DescribeRules", "LookAround"}},
	"elasticloadbalancingv2.DescribeTargetGroups":  {{"elasticloadbalancing:DescribeTargetGroups", "LookAround"}},

	"cloudformation.CancelUpdateStack":      {{"cloudformation:CancelUpdateStack", "Stacks"}},
	"cloudformation.ContinueUpdateRollback": {{"cloudformation:ContinueUpdateRollback", "Stacks"}},
	"cloudformation.CreateStack": {
		{"cloudformation:CreateStack", "Stacks"},
		{"cloudformation:TagResource", "Stacks"},
		{"cloudformation:UpdateTerminationProtection", "Stacks"},
		{"s3:GetObject", "BucketsOfTheProject"},
	},
	"cloudformation.DeleteStack":           {{"cloudformation:DeleteStack", "Stacks"}},
	"cloudformation.DescribeChangeSet":     {{"cloudformation:DescribeChangeSet", "Stacks"}},
	"cloudformation.DescribeStackEvents":   {{"cloudformation:DescribeStackEvents", "Stacks"}},
	"cloudformation.DescribeStackResource": {{"cloudformation:DescribeStackResource", "Stacks"}},
	"cloudformation.DescribeStacks":        {{"cloudformation:DescribeStacks", "LookAround"}},
	"cloudformation.GetTemplate":           {{"cloudformation:GetTemplate", "Stacks"}},
	"cloudformation.ListChangeSets":        {{"cloudformation:ListChangeSets", "Stacks"}},
	"cloudformation.ListImports":           {{"cloudformation:ListImports", "LookAround"}},
	"cloudformation.ListStacks":            {{"cloudformation:ListStacks", "LookAround"}},
	"cloudformation.ListStackResources":    {{"cloudformation:ListStackResources", "Stacks"}},
	"cloudformation.RollbackStack":         {{"cloudformation:RollbackStack", "Stacks"}},
	"cloudformation.UpdateStack": {
		{"cloudformation:UpdateStack", "Stacks"},
		{"s3:GetObject", "BucketsOfTheProject"},
	},
	"cloudformation.ValidateTemplate": {{"cloudformation:ValidateTemplate", "LookAround"}},

	"elasticbeanstalk.DescribeConfigurationSettings": {
		{"elasticbeanstalk:DescribeConfigurationSettings", "LookAround"},
	},
	"elasticbeanstalk.DescribeEnvironmentResources": {
		{"elasticbeanstalk:DescribeEnvironmentResources", "LookAround"},
		{"autoscaling:DescribeAutoScalingGroups", "LookAround"},
		{"autoscaling:DescribeLaunchConfigurations", "LookAround"}, {"autoscaling:DescribePolicies", "LookAround"},
		{"cloudformation:DescribeStackResources", "LookAround"}, {"cloudwatch:DescribeAlarms", "LookAround"},
		{"ec2:DescribeInstances", "LookAround"}, {"ec2:DescribeLaunchTemplates", "LookAround"},
		{
			"elasticloadbalancing:DescribeLoadBalancers",
			"LookAround",
		}, {"elasticloadbalancing:DescribeTargetGroups", "LookAround"}, {"sqs:ListQueues", "LookAround"},
	},
	"elasticbeanstalk.DescribeApplicationVersions": {{"elasticbeanstalk:DescribeApplicationVersions", "LookAround"}},
	"elasticbeanstalk.DescribeEnvironments":        {{"elasticbeanstalk:DescribeEnvironments", "LookAround"}},
	"elasticbeanstalk.DescribeEvents":              {{"elasticbeanstalk:DescribeEvents", "LookAround"}},
	"elasticbeanstalk.ListAvailableSolutionStacks": {{"elasticbeanstalk:ListAvailableSolutionStacks", "LookAround"}},
	"elasticbeanstalk.ListTagsForResource":         {{"elasticbeanstalk:ListTagsForResource", "LookAround"}},
	"elasticbeanstalk.TerminateEnvironment": {
		{"elasticbeanstalk:TerminateEnvironment", "EnvironmentsOfTheProject"},
	},
	"elasticbeanstalk.UpdateEnvironment": {{"elasticbeanstalk:UpdateEnvironment", "EnvironmentsOfTheProject"}},

	"rds.DeleteDBInstance": {
		{"rds:DeleteDBInstance", "DatabasesThatCloudFormationCouldNotDelete"},
		{"rds:CreateDBSnapshot", "DatabasesThatCloudFormationCouldNotDelete"},
	},
	"rds.DeleteDBSubnetGroup":               {{"rds:DeleteDBSubnetGroup", "DatabasesThatCloudFormationCouldNotDelete"}},
	"rds.ListTagsForResource":               {{"rds:ListTagsForResource", "LookAround"}},
	"rds.DescribeDBClusters":                {{"rds:DescribeDBClusters", "LookAround"}},
	"rds.DescribeDBInstances":               {{"rds:DescribeDBInstances", "LookAround"}},
	"rds.DescribeDBSnapshots":               {{"rds:DescribeDBSnapshots", "LookAround"}},
	"rds.DescribeDBSubnetGroups":            {{"rds:DescribeDBSubnetGroups", "LookAround"}},
	"resourcegroupstaggingapi.GetResources": {{"tag:GetResources", "LookAround"}},
	"route53.ListResourceRecordSets":        {{"route53:ListResourceRecordSets", "WhetherARecordIsGone"}},
	"route53.TestDNSAnswer":                 {{"route53:TestDNSAnswer", "LookAround"}},

	"s3.AbortMultipartUpload": {{"s3:AbortMultipartUpload", "BucketsOfTheProject"}},
	"s3.CopyObject": {
		{"s3:GetObject", "SeedData"}, {"s3:GetObjectTagging", "SeedData"}, {"s3:PutObject", "BucketsOfTheProject"},
		{"s3:PutObjectTagging", "BucketsOfTheProject"},
	},
	"s3.DeleteBucket":       {{"s3:DeleteBucket", "BucketsOfTheProject"}},
	"s3.DeleteBucketPolicy": {{"s3:DeleteBucketPolicy", "BucketsOfTheProject"}},
	"s3.DeleteObject": {
		{"s3:DeleteObject", "BucketsOfTheProject"}, {"s3:DeleteObjectVersion", "BucketsOfTheProject"},
		{"s3:GetObject", "BucketsOfTheProject"},
	},
	"s3.DeleteObjects": {
		{"s3:DeleteObject", "BucketsOfTheProject"}, {"s3:DeleteObjectVersion", "BucketsOfTheProject"},
	},
	"s3.GetBucketPolicy":            {{"s3:GetBucketPolicy", "BucketsOfTheProject"}},
	"s3.GetBucketTagging":           {{"s3:GetBucketTagging", "BucketsOfTheProject"}},
	"s3.GetObject":                  {{"s3:GetObject", "BucketsOfTheProject"}},
	"s3.HeadBucket":                 {{"s3:ListBucket", "BucketsOfTheProject"}},
	"s3.GetObjectLockConfiguration": {{"s3:GetBucketObjectLockConfiguration", "BucketsOfTheProject"}},
	"s3.HeadObject": {
		{"s3:GetObject", "BucketsOfTheProject"}, {"s3:ListBucket", "BucketsOfTheProject"},
		{"s3:GetObjectVersion", "BucketsOfTheProject"},
		{"s3:GetObjectRetention", "BucketsOfTheProject"}, {"s3:GetObjectLegalHold", "BucketsOfTheProject"},
	},
	"s3.ListMultipartUploads": {{"s3:ListBucketMultipartUploads", "BucketsOfTheProject"}},
	"s3.ListObjectVersions":   {{"s3:ListBucketVersions", "BucketsOfTheProject"}},
	"s3.ListObjectsV2":        {{"s3:ListBucket", "SeedData"}, {"s3:ListBucket", "BucketsOfTheProject"}},
	"s3.PutBucketPolicy":      {{"s3:PutBucketPolicy", "BucketsOfTheProject"}},
	// With If-Match it also takes s3:GetObject, as does DeleteObject (AWS docs: conditional writes,
	// conditional deletes).
	"s3.PutObject": {{"s3:PutObject", "BucketsOfTheProject"}, {"s3:GetObject", "BucketsOfTheProject"}},

	"secretsmanager.DeleteSecret":   {{"secretsmanager:DeleteSecret", "SecretsThatCloudFormationCouldNotDelete"}},
	"secretsmanager.DescribeSecret": {{"secretsmanager:DescribeSecret", "WhetherASecretIsGone"}},
	"secretsmanager.GetSecretValue": {
		{"secretsmanager:GetSecretValue", "PasswordsInTheSharedDatabase"},
		{"secretsmanager:GetSecretValue", "SecretsOfSeedSteps"},
	},
	"ssm.GetCommandInvocation":   {{"ssm:GetCommandInvocation", "LookAround"}},
	"ssm.GetParameter":           {{"ssm:GetParameter", "SecretsOfSeedSteps"}},
	"ssm.ListCommandInvocations": {{"ssm:ListCommandInvocations", "LookAround"}},
	"ssm.SendCommand": {
		{"ssm:SendCommand", "CommandsOfSeedSteps"}, {"ssm:SendCommand", "OnInstancesOfTheProject"},
	},
}
