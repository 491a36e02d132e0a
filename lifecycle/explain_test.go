package lifecycle

import (
	"strings"
	"testing"
)

// TestS95KnownErrorMessagesOfAWSAreExplained uses error messages of AWS as users reported them.
func TestS95KnownErrorMessagesOfAWSAreExplained(t *testing.T) {
	for name, c := range map[string]struct{ reason, want string }{
		"a stopped database": {
			"Database instance is not in available state. (Service: Rds, Status Code: 400, InvalidDBInstanceState)",
			"start it in the RDS console",
		},
		"a busy environment": {"Environment named shop-login is in an invalid state for this operation. Must " +
			"be Ready. (Service: ElasticBeanstalk, Status Code: 400)", "wait until it is Ready"},
		"an image that was expired": {
			"Instance deployment failed to download the Docker image. The deployment failed.",
			"push it to the registry again",
		},
		"an unknown image": {
			"manifest for ghcr.io/acme/shop:1 not found: manifest unknown: manifest unknown",
			"push it to the registry again",
		},
		"a private image": {
			"pull access denied for acme/shop, repository does not exist or may require 'docker login'",
			"let the instance role read it",
		},
		"an image on ECS": {
			"CannotPullContainerError: pull image manifest has been retried 1 time(s)", "push it to the registry again",
		},
		"a service role": {
			"Role arn:aws:iam::123456789012:role/perch-cloudformation is invalid or cannot be assumed",
			"create it again under the same name",
		},
		"an instance profile": {
			"The instance profile shop-staging associated with the environment does not exist.",
			"`perch application up`",
		},
		"a role": {
			"The role with name shop cannot be found. (Service: Iam, Status Code: 404, NoSuchEntity)",
			"create it again under the same name",
		},
		"a secret": {
			"Secrets Manager can't find the specified secret. (Service: SecretsManager, Status Code: 400)",
			"restore it in Secrets Manager",
		},
		"a secret that the app uses": {
			"Instance deployment failed to get one or more secrets", "restore it in Secrets Manager",
		},
		"a certificate": {"Certificate 'arn:aws:acm:eu-central-1:123456789012:certificate/1' not found " +
			"(Service: ElasticLoadBalancingV2, Status Code: 400)", "`perch application up`"},
		"a snapshot": {
			"DBSnapshot not found: shop-seed-1 (Service: Rds, Status Code: 404)", "`database.snapshot`",
		},
		"a KMS key": {"KMSKeyNotAccessibleFault", "enable it"},
		"addresses": {"The maximum number of addresses has been reached. (Service: AmazonEC2; Status " +
			"Code: 400; Error Code: AddressLimitExceeded)", "Service Quotas"},
		"databases": {
			"DB instance quota exceeded (Service: Rds, Status Code: 400, InstanceQuotaExceeded)", "Service Quotas",
		},
		"rules": {"The maximum number of rules per security group has been reached. (RequestToken: " +
			"1, HandlerErrorCode: ServiceLimitExceeded)", "Service Quotas"},
		"a deleted environment": {
			"No Environment found for EnvironmentName = 'shop-login'.", "deleted outside of CloudFormation",
		},
		"a deleted bucket": {
			"Resource of type 'AWS::S3::Bucket' with identifier 'assets' was not found.",
			"deleted outside of CloudFormation",
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := ExplainFailure("Thing (AWS::Some::Thing): " + c.reason); !strings.Contains(got, c.want) {
				t.Errorf("%q does not say %q", got, c.want)
			}
		})
	}
	for _, unknown := range []string{"", "Internal Failure", "RequestLimitExceeded: Request limit exceeded."} {
		if got := ExplainFailure(unknown); got != "" {
			t.Errorf("%q is explained as %q", unknown, got)
		}
	}
}
