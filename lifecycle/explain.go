package lifecycle

import "strings"

// Advice that applies to more than one cause.
const (
	adviceRole = "an IAM role or instance profile is missing or cannot be used; create it again under the same " +
		"name, or run `perch application up` if the application stack never made it, then push again"
	adviceImage = "the instances cannot pull the image; push it to the registry again, or let the instance role read " +
		"it, then push again"
)

// causes recognise changes made outside Perch by AWS's error messages, and say what to do. The most
// certain come first. Sources: RDS, hashicorp/terraform-provider-aws#30637 and #31594; Elastic
// Beanstalk, aws-elastic-beanstalk-cli (strings.py) and its developer guide (troubleshooting of
// secrets); instance profiles, aws-elastic-beanstalk-cli#322; certificates, ELBv2's
// CertificateNotFound; quotas, the handler error codes of the CloudFormation CLI's user guide and
// EC2's error codes.
var causes = []struct {
	advice string
	says   []string
}{
	{"the database is stopped or busy; start it in the RDS console, or wait until it is available, then push again",
		[]string{"InvalidDBInstanceState", "is not in available state", "not currently in the available state"}},
	{"the Elastic Beanstalk environment is still busy with another change; wait until it is Ready, then push again",
		[]string{"invalid state for this operation. Must be Ready", "Must be Ready"}},
	{adviceImage, []string{
		"failed to download the Docker image", "manifest unknown", "pull access denied", "CannotPullContainerError",
	}},
	{"CloudFormation cannot assume the service role; create it again under the same name, with " +
		"cloudformation.amazonaws.com in its trust policy, then push again",
		[]string{"is invalid or cannot be assumed"}},
	{adviceRole, []string{
		"associated with the environment does not exist", "associated with the environment has no role",
		"Invalid IAM Instance Profile", "NoSuchEntity",
	}},
	{"a secret is missing or marked for deletion; restore it in Secrets Manager, or correct `secrets` in perch.yaml, " +
		"then push again",
		[]string{"can't find the specified secret", "failed to get one or more secrets", "it was marked for deletion"}},
	{"the certificate does not exist any more; run `perch application up` to get one, or name another one, then push " +
		"again",
		[]string{"CertificateNotFound", "Certificate 'arn:"}},
	{"the snapshot does not exist any more; name another one as `database.snapshot` in perch.yaml, then push again",
		[]string{"DBSnapshotNotFound", "DBSnapshot not found"}},
	{"the KMS key is disabled, marked for deletion or not allowed to CloudFormation's role; enable it, then push again",
		[]string{
			"KMSKeyNotAccessible", "KMSInvalidState", "KMS key isn't accessible", "inaccessible-encryption-credentials",
			"is pending deletion",
		}},
	{"a quota of the account is used up; remove what is not needed, or raise the quota in Service Quotas, then push " +
		"again",
		[]string{
			"ServiceLimitExceeded", "QuotaExceeded", "InstanceLimitExceeded", "VcpuLimitExceeded",
			"AddressLimitExceeded", "LimitExceededException", "maximum number of addresses",
			"more vCPU capacity than your current vCPU limit",
		}},
	{"a resource was deleted outside of CloudFormation, which does not create it again in an update",
		[]string{"No Environment found for", "DBInstanceNotFound", "was not found"}},
}

// ExplainFailure explains reason, an error message of AWS, and says what to do. It returns an empty
// string if the message is unknown.
func ExplainFailure(reason string) string {
	for _, cause := range causes {
		for _, words := range cause.says {
			if strings.Contains(reason, words) {
				return cause.advice
			}
		}
	}
	return ""
}

// Explained returns reason, followed by an explanation if the message is known.
func Explained(reason string) string {
	if advice := ExplainFailure(reason); advice != "" {
		return reason + "; " + advice
	}
	return reason
}
