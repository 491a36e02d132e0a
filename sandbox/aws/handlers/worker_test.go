package handlers_test

import (
	"testing"

	"perch/sandbox/aws/access"
)

// workerCalls are the worker's calls that no end-to-end test makes in its role, because they need a
// failure of CloudFormation, a special project, or a registry that the sandbox does not have.
var workerCalls = map[string][]access.Request{
	"an `s3` step copies objects with their tags from the bucket of seeds.from": {
		{
			Action:   "s3:ListBucket",
			Resource: "arn:aws:s3:::seeds",
		},
		{Action: "s3:GetObject", Resource: "arn:aws:s3:::seeds/demo/a"},
		{Action: "s3:GetObjectTagging", Resource: "arn:aws:s3:::seeds/demo/a"},
		{Action: "s3:PutObjectTagging", Resource: "arn:aws:s3:::shop-login-media-1/a"},
	},
	"a removal asks whether an object of a bucket is held": {
		{Action: "s3:GetObjectLegalHold", Resource: "arn:aws:s3:::shop-login-media-1/a"},
		{Action: "s3:GetObjectRetention", Resource: "arn:aws:s3:::shop-login-media-1/a"},
		{Action: "s3:GetObjectVersion", Resource: "arn:aws:s3:::shop-login-media-1/a"},
	},
	"a bucket of an earlier version is opened again": {
		{Action: "s3:DeleteBucketPolicy", Resource: "arn:aws:s3:::shop-login-media-1"},
	},
	"what CloudFormation could not delete is deleted": {
		{Action: "rds:DeleteDBInstance", Resource: "arn:aws:rds:eu-central-1:1:db:shop-login-database-1"},
		{
			Action: "elasticbeanstalk:TerminateEnvironment",
			Resource: "arn:aws:elasticbeanstalk:eu-central-1:1:environment/shop-application-staging-Application-1/" +
				"shop-login",
		},
	},
	"an `http` step carries a parameter": {
		{Action: "ssm:GetParameter", Resource: "arn:aws:ssm:eu-central-1:1:parameter/shop/token"},
	},
	"an image of ECR is looked up": {
		{Action: "ecr:GetAuthorizationToken", Resource: "*"},
		{Action: "ecr:BatchGetImage", Resource: "arn:aws:ecr:eu-central-1:1:repository/shop"},
		{Action: "ecr:GetDownloadUrlForLayer", Resource: "arn:aws:ecr:eu-central-1:1:repository/shop"},
	},
	"a protected stack": {
		{
			Action:   "cloudformation:UpdateTerminationProtection",
			Resource: "arn:aws:cloudformation:eu-central-1:1:stack/shop-login/1",
		},
	},
	"variables that a branch no longer sets are removed": {
		{Action: "elasticbeanstalk:DescribeConfigurationSettings", Resource: "*"},
		{
			Action: "elasticbeanstalk:UpdateEnvironment",
			Resource: "arn:aws:elasticbeanstalk:eu-central-1:1:environment/shop-application-staging-Application-1/" +
				"shop-login",
		},
	},
	"the quota of Elastic IP addresses": {{Action: "ec2:DescribeAccountAttributes", Resource: "*"}},
	"what is behind an environment": {
		{
			Action:   "autoscaling:DescribeLaunchConfigurations",
			Resource: "*",
		},
		{Action: "autoscaling:DescribePolicies", Resource: "*"},
		{Action: "cloudwatch:DescribeAlarms", Resource: "*"},
		{Action: "ec2:DescribeLaunchTemplates", Resource: "*"},
		{Action: "elasticbeanstalk:ListTagsForResource", Resource: "*"},
		{Action: "sqs:ListQueues", Resource: "*"},
	},
}

// serviceCalls are calls in the service role that the sandbox's resources do not make.
var serviceCalls = map[string][]access.Request{
	"a database is restored from another account's snapshot": {
		{Action: "rds:RestoreDBInstanceFromDBSnapshot", Resource: "arn:aws:rds:eu-central-1:2:snapshot:demo"},
	},
}

// checkedCalls returns the statements that are needed by calls that no other test makes. If a call
// is denied, the test fails.
func checkedCalls(t *testing.T) map[string]bool {
	t.Helper()
	used := map[string]bool{}
	check := func(caller *access.Caller, calls map[string][]access.Request) {
		caller.Record = func(grants []access.Grant) {
			if len(grants) == 1 {
				used[grants[0].Policy+" "+grants[0].Sid+" "+grants[0].Pattern] = true
			}
		}
		for name, requests := range calls {
			if denial := caller.Check(requests...); denial != nil {
				t.Errorf("%s: %v", name, denial)
			}
		}
	}
	check(callerWith(t, "worker"), workerCalls)
	check(serviceRole(t), serviceCalls)
	return used
}
