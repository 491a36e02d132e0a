package report

import (
	"strings"
	"unicode"
)

// activityWords describe the work of a run while an activity is pending, by the activity's name in
// Temporal. They have no period, because sentences continue them.
var activityWords = map[string]string{
	"Admit":               "Checking the request",
	"PlanEnvironment":     "Making the plan",
	"AwaitImage":          "Waiting for the image",
	"DescribeStack":       "Reading the stack",
	"CreateStack":         "Starting the creation of the stack",
	"UpdateStack":         "Starting the update of the stack",
	"DeleteStack":         "Starting the deletion of the stack",
	"CancelUpdate":        "Cancelling the update of the stack",
	"ContinueRollback":    "Continuing the rollback of the stack",
	"RollbackStack":       "Starting the rollback of the stack",
	"AwaitStack":          "Waiting for CloudFormation",
	"AwaitBeanstalk":      "Waiting for Elastic Beanstalk to end its operation",
	"WithdrawOptions":     "Removing variables that are no longer set",
	"SeedData":            "Seeding",
	"ReopenBuckets":       "Opening the buckets again",
	"EmptyBucket":         "Emptying a bucket",
	"EnsureDatabase":      "Creating the database in the shared instance",
	"DropDatabase":        "Dropping the database in the shared instance",
	"AwaitReady":          "Waiting for an answer",
	"PrepareDeletion":     "Checking what the deletion needs",
	"DiagnoseDeletion":    "Reading why the deletion failed",
	"SweepResources":      "Deleting what the stack left",
	"VerifyGone":          "Verifying that everything is removed",
	"Report":              "Reporting",
	"PlanCleanup":         "Comparing branches with environments",
	"AskRemoval":          "Requesting a removal",
	"AskDeployment":       "Requesting a deployment",
	"LastLook":            "Checking once more whether the environment is still to be removed",
	"SweepExpiry":         "Checking which environments have expired",
	"RecheckLeftovers":    "Checking leftovers of earlier removals",
	"Keep":                "Entering the pin or the extension",
	"LookAtBranch":        "Checking the branch",
	"ListEnvironments":    "Listing the environments",
	"DescribeEnvironment": "Reading the environment",
	"ListHistory":         "Listing the environments that are gone",
	"Examine":             "Checking what a worker needs",
	"ApplyApplication":    "Starting the change of the application stack",
	"DescribeApplication": "Reading the application stack",
}

// beatWords describe the status in a heartbeat, if it is not the status of a stack. They are at
// least as precise as the words for the activity.
var beatWords = map[string]string{
	"CHECKING":                       "Checking what the deletion needs",
	"CHECKING LEFTOVERS":             "Checking leftovers of earlier removals",
	"DROPPING_DATABASE":              "Dropping the database in the shared instance",
	"EMPTYING":                       "Emptying bucket",
	"JUDGING EXPIRY":                 "Checking which environments have expired",
	"LISTING BRANCHES":               "Listing the branches",
	"LISTING STACKS":                 "Listing the environments",
	"MAKING_DATABASE":                "Creating the database in the shared instance",
	"READING PERCH.YAML OF BRANCHES": "Reading perch.yaml of the branches",
	"REMOVING":                       "Deleting what the stack left",
	"REOPENING":                      "Opening the buckets again",
	"SEEDING":                        "Seeding",
	"VERIFYING":                      "Verifying that everything is removed",
	"WAITING":                        "Waiting for Elastic Beanstalk to end its operation",
	"WAITING_FOR_ANSWER":             "Waiting for an answer from",
	"WAITING_FOR_IMAGE":              "Waiting for image",
	"WAITING_FOR_SECRET":             "Waiting for the password of the shared database instance",
	"WARNING":                        "Warning that environments expire",
	"WITHDRAWING":                    "Removing variables that are no longer set",
}

// ActivityWords describes the work of a run while the named activity is pending: "Checking the
// request". An unknown name is split into words.
func ActivityWords(name string) string {
	if words, known := activityWords[name]; known {
		return words
	}
	return Capital(split(name))
}

// operationWords says what CloudFormation is doing with a stack in status; empty if it is doing
// nothing.
func operationWords(status string) string {
	switch status {
	case "CREATE_IN_PROGRESS":
		return "Creating"
	case "UPDATE_IN_PROGRESS":
		return "Updating"
	case "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS":
		return "Deleting what the update replaced"
	case "DELETE_IN_PROGRESS":
		return "Deleting"
	case "IMPORT_IN_PROGRESS":
		return "Importing"
	case "REVIEW_IN_PROGRESS":
		return ""
	}
	if strings.HasSuffix(status, "_IN_PROGRESS") {
		return "Rolling back"
	}
	return ""
}

// stackState returns the environment's state in words, judged by the stack's status alone; empty
// without a stack.
func stackState(status string) string {
	switch status {
	case "":
		return ""
	case "CREATE_IN_PROGRESS", "REVIEW_IN_PROGRESS":
		return "creating"
	case "UPDATE_IN_PROGRESS", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS":
		return "updating"
	case "IMPORT_IN_PROGRESS":
		return "importing"
	case "DELETE_IN_PROGRESS":
		return "removing"
	case "DELETE_COMPLETE":
		return "removed"
	case "DELETE_FAILED":
		return "removal failed"
	case "UPDATE_ROLLBACK_COMPLETE", "IMPORT_ROLLBACK_COMPLETE":
		return "rolled back"
	case "CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE":
		return "deployed"
	}
	if strings.HasSuffix(status, "_IN_PROGRESS") {
		return "rolling back"
	}
	return "failed"
}

// resourceNouns has words for resource types whose AWS name differs from the usual word.
var resourceNouns = map[string]string{
	"AWS::CloudFormation::Stack":         "nested stack",
	"AWS::EC2::NatGateway":               "NAT gateway",
	"AWS::ElastiCache::ReplicationGroup": "cache",
	"AWS::ElasticBeanstalk::Environment": "Elastic Beanstalk environment",
	"AWS::RDS::DBCluster":                "database cluster",
	"AWS::RDS::DBInstance":               "database",
	"AWS::RDS::DBParameterGroup":         "parameters of the database",
	"AWS::RDS::DBSubnetGroup":            "subnets of the database",
	"AWS::Route53::RecordSet":            "DNS record",
}

// resourceNoun returns the word for a resource type: "database", "security group".
func resourceNoun(resourceType string) string {
	if noun, known := resourceNouns[resourceType]; known {
		return noun
	}
	parts := strings.Split(resourceType, "::")
	return split(parts[len(parts)-1])
}

// split splits a name into words: "SecurityGroup" becomes "security group". Abbreviations stay
// whole.
func split(name string) string {
	var words strings.Builder
	letters := []rune(name)
	for i, letter := range letters {
		begins := i > 0 && unicode.IsUpper(letter) &&
			(!unicode.IsUpper(letters[i-1]) || i+1 < len(letters) && unicode.IsLower(letters[i+1]))
		if begins {
			words.WriteRune(' ')
		}
		words.WriteRune(unicode.ToLower(letter))
	}
	return words.String()
}
