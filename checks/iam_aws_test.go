package checks

import (
	"encoding/json"
	"errors"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// concrete are the actions that matter of those that AWS's policies write with a wildcard.
var concrete = map[string][]string{
	"cloudformation:*": {
		"cloudformation:CancelUpdateStack", "cloudformation:ContinueUpdateRollback", "cloudformation:CreateStack",
		"cloudformation:DeleteStack", "cloudformation:DescribeStacks",
		"cloudformation:GetTemplate", "cloudformation:ListStackResources", "cloudformation:SignalResource",
		"cloudformation:TagResource", "cloudformation:UntagResource",
		"cloudformation:UpdateStack",
	},
	"cloudformation:Estimate*":    {"cloudformation:EstimateTemplateCost"},
	"cloudformation:Validate*":    {"cloudformation:ValidateTemplate"},
	"ec2:AuthorizeSecurityGroup*": {"ec2:AuthorizeSecurityGroupEgress", "ec2:AuthorizeSecurityGroupIngress"},
	"ec2:CreateLaunchTemplate*":   {"ec2:CreateLaunchTemplate", "ec2:CreateLaunchTemplateVersion"},
	"ec2:DeleteLaunchTemplate*":   {"ec2:DeleteLaunchTemplate", "ec2:DeleteLaunchTemplateVersions"},
	"ec2:RevokeSecurityGroup*":    {"ec2:RevokeSecurityGroupEgress", "ec2:RevokeSecurityGroupIngress"},
	"elasticbeanstalk:*":          nil, // The types of the templates list theirs in iam_types_test.go.
	"elasticloadbalancing:*Rule": {
		"elasticloadbalancing:CreateRule",
		"elasticloadbalancing:DeleteRule",
		"elasticloadbalancing:ModifyRule",
	},
	"elasticloadbalancing:*Tags": {
		"elasticloadbalancing:AddTags",
		"elasticloadbalancing:DescribeTags",
		"elasticloadbalancing:RemoveTags",
	},
	"rds:*DBSubnetGroup": {"rds:CreateDBSubnetGroup", "rds:DeleteDBSubnetGroup", "rds:ModifyDBSubnetGroup"},
	"s3:Delete*":         {"s3:DeleteObject"},
	"s3:Get*":            {"s3:GetObject", "s3:GetObjectAcl", "s3:GetObjectVersion", "s3:GetObjectVersionAcl"},
	"s3:Put*":            {"s3:PutObject", "s3:PutObjectAcl", "s3:PutObjectVersionAcl"},
}

// left are the actions of AWS's lists that ours leave out, and why. A name that ends with a colon
// is a whole service.
var left = map[string]string{
	"acm-pca:":    "certificates of a private authority; the templates request public ones",
	"cloudtrail:": "the console shows events by it",
	"codebuild:":  "Elastic Beanstalk builds images by it; an environment here names an image",
	"codecommit:": "source bundles from CodeCommit; here they come from the artifact bucket",
	"dynamodb:":   "tables of worker environments; the templates make web servers",
	"ecs:":        "the platform for several containers on ECS; here it is Docker with Compose",
	"sns:Publish": "Elastic Beanstalk's service role publishes, and the templates name no " +
		"endpoint for notifications",
	"sqs:":                                "queues of worker environments; the templates make web servers",
	"iam:PassRole":                        "the statement RolesOfTheProjectOnly passes the roles of the project alone",
	"rds:AuthorizeDBSecurityGroupIngress": "security groups of EC2-Classic, which AWS has retired",
	"rds:CreateDBSecurityGroup":           "security groups of EC2-Classic, which AWS has retired",
	"rds:DeleteDBSecurityGroup":           "security groups of EC2-Classic, which AWS has retired",
	"elasticbeanstalk:AssociateEnvironmentOperationsRole":    "the templates give environments no operations role",
	"elasticbeanstalk:DisassociateEnvironmentOperationsRole": "the templates give environments no operations role",
}

// unread are the reads of AWSElasticBeanstalkReadOnly that the worker's role leaves out, and why.
// Elastic Beanstalk reads other services with the rights of its caller, and the worker calls what
// each reason names, or nothing that needs it.
var unread = map[string]string{
	"cloudtrail:LookupEvents": left["cloudtrail:"],
	"elasticbeanstalk:Check*": "CheckDNSAvailability is for a CNAME of one's choice; the " +
		"templates choose none",
	"elasticbeanstalk:Describe*":               "the worker's document names the calls that the code makes",
	"elasticbeanstalk:List*":                   "the worker's document names the calls that the code makes",
	"elasticbeanstalk:RequestEnvironmentInfo":  "asks instances for their logs; Perch names the log groups instead",
	"elasticbeanstalk:RetrieveEnvironmentInfo": "reads the logs that RequestEnvironmentInfo requested",
	"iam:GetRole": "the console checks an instance profile by it; CloudFormation's " +
		"role creates and reads the roles",
	"iam:ListAttachedRolePolicies": "the console checks an instance profile by it; CloudFormation's " +
		"role creates and reads the roles",
	"iam:ListRolePolicies": "the console checks an instance profile by it; CloudFormation's " +
		"role creates and reads the roles",
}

// TestTheWorkersRoleReadsWhatAWSsReadOnlyPolicyReads compares the three documents of the worker's
// role with AWS's list of what its calls to Elastic Beanstalk read in other services.
func TestTheWorkersRoleReadsWhatAWSsReadOnlyPolicyReads(t *testing.T) {
	granted := grantedBy(t, workerPolicy, beanstalkPolicy, instancesPolicy)
	listed := grantedByAWS(t, "AWSElasticBeanstalkReadOnly")
	for _, action := range listed {
		if is, excused := covered(granted, action), unread[action] != ""; is == excused {
			t.Errorf(
				"AWS lists %s: granted to the worker's role %v, in `unread` %v; want one of the two", action, is,
				excused,
			)
		}
	}
	for action := range unread {
		if !slices.Contains(listed, action) {
			t.Errorf("AWSElasticBeanstalkReadOnly does not have %s: take it out of `unread`", action)
		}
	}
}

// mismatched are findings of parliament that are right about the statement and harmless, and why. A
// name that ends with a colon is a whole service.
var mismatched = map[string]string{
	"autoscaling:": "GroupsOfElasticBeanstalk grants every action on Elastic Beanstalk's " +
		"groups; those without a resource are in ReadsOfElasticBeanstalk, or not granted",
	"elasticloadbalancing:": "the statements grant actions on Application Load Balancers; network " +
		"load balancers are not granted",
	"rds:RestoreDBInstanceFromDBSnapshot": "SnapshotsToRestore adds the snapshots of other accounts; the other " +
		"resources of the call are in the statement of DBInstance",
	"ssm:SendCommand": "the document and the instances are in two statements, because only " +
		"instances have tags",
}

// unknownConditions are findings of parliament about condition keys that AWS has and parliament
// does not know.
var unknownConditions = map[string]string{
	"Unknown condition elasticloadbalancing:CreateAction for action " +
		"elasticloadbalancing:AddTags": "AWS docs: Tag resources " +
		"during creation (Elastic Load Balancing)",
}

func TestParliamentHasNoFindingWithoutAReason(t *testing.T) {
	parliament, err := exec.LookPath("parliament")
	if err != nil {
		t.Skip("parliament is not installed")
	}
	values := strings.NewReplacer(
		"PROJECT",
		"shop",
		"ACCOUNT",
		"123456789012",
		"REGION",
		"eu-central-1",
		"ZONE",
		"Z0123456789ABC",
		"SEEDS",
		"acme-test-data",
	)
	for _, file := range []string{workerPolicy, cloudFormationPolicy, beanstalkPolicy, instancesPolicy} {
		command := exec.Command(parliament, "--json", "--minimum_severity", "MEDIUM")
		command.Stdin = strings.NewReader(values.Replace(page(t, file)))
		out, err := command.CombinedOutput()
		if exit := (*exec.ExitError)(nil); err != nil && !(errors.As(err, &exit) && exit.ExitCode() == 1) {
			t.Fatalf("parliament: %v\n%s", err, out)
		}
		for line := range strings.Lines(string(out)) {
			var unknown struct{ Detail string }
			if json.Unmarshal([]byte(line), &unknown) == nil && unknownConditions[unknown.Detail] != "" {
				continue
			}
			var finding struct {
				Issue  string
				Detail []struct{ Action string }
			}
			if err := json.Unmarshal([]byte(line), &finding); err != nil || finding.Issue != "RESOURCE_MISMATCH" {
				t.Errorf("%s: %s", file, line)
			}
			for _, detail := range finding.Detail {
				service, _, _ := strings.Cut(detail.Action, ":")
				if mismatched[detail.Action] == "" && mismatched[service+":"] == "" {
					t.Errorf("%s: %s has no resource that it can be granted on: %s", file, detail.Action, line)
				}
			}
		}
	}
}

func TestOursGrantWhatAWSsPoliciesForElasticBeanstalkGrant(t *testing.T) {
	for _, name := range []string{
		"AdministratorAccess-AWSElasticBeanstalk", "AWSElasticBeanstalkManagedUpdatesCustomerRolePolicy",
	} {
		holdAgainst(
			t, name, grantedBy(t, cloudFormationPolicy, beanstalkPolicy, instancesPolicy), grantedByAWS(t, name),
		)
	}
}

// TestOursGrantWhatHandlersNeed compares the documents with what CloudFormation's registry says of
// the types' handlers.
func TestOursGrantWhatHandlersNeed(t *testing.T) {
	var registry struct {
		Handlers map[string]map[string]json.RawMessage
	}
	if err := json.Unmarshal(
		[]byte(page(t, "deploy/iam/testdata/cloudformation-handlers.json")), &registry,
	); err != nil {
		t.Fatal(err)
	}
	granted := grantedBy(t, cloudFormationPolicy, beanstalkPolicy, instancesPolicy)
	for name, handlers := range registry.Handlers {
		if _, known := kinds[name]; !known {
			t.Errorf("no template has a %s: take it out of cloudformation-handlers.json", name)
		}
		for handler, data := range handlers {
			var actions []string
			if handler == "timeoutInMinutes" {
				continue
			}
			if err := json.Unmarshal(data, &actions); err != nil {
				t.Fatalf("%s, %s: %v", name, handler, err)
			}
			holdAgainst(t, name+", "+handler, granted, actions)
		}
	}
}

// TestNothingIsLeftOutForNoReason: what `left` names is in AWS's lists and not in ours.
func TestNothingIsLeftOutForNoReason(t *testing.T) {
	granted := grantedBy(t, cloudFormationPolicy, beanstalkPolicy, instancesPolicy)
	for name := range left {
		if !strings.HasSuffix(name, ":") && name != "iam:PassRole" && covered(granted, name) {
			t.Errorf("%s is granted: take it out of `left`", name)
		}
	}
}

func holdAgainst(t *testing.T, whose string, granted, wanted []string) {
	t.Helper()
	for _, action := range wanted {
		names, expands := concrete[action]
		if !expands {
			names = []string{action}
		}
		for _, name := range names {
			service, _, _ := strings.Cut(name, ":")
			if covered(granted, name) || left[name] != "" || left[service+":"] != "" {
				continue
			}
			t.Errorf("%s has %s (%s): grant it in iam_types_test.go, or say in `left` why not", whose, name, action)
		}
	}
}

// covered reports whether an action, which may have wildcards, is among the granted ones. Case does
// not matter to IAM.
func covered(granted []string, action string) bool {
	return slices.ContainsFunc(granted, func(pattern string) bool {
		matches, err := path.Match(strings.ToLower(pattern), strings.ToLower(action))
		return err == nil && matches
	})
}

func grantedBy(t *testing.T, files ...string) (actions []string) {
	t.Helper()
	for _, file := range files {
		var policy struct{ Statement []statement }
		if err := json.Unmarshal([]byte(page(t, file)), &policy); err != nil {
			t.Fatal(err)
		}
		for _, s := range policy.Statement {
			actions = append(actions, s.Action...)
		}
	}
	return actions
}

func grantedByAWS(t *testing.T, name string) (actions []string) {
	t.Helper()
	var policy struct {
		Document struct{ Statement []struct{ Action any } }
	}
	file := filepath.Join("deploy", "iam", "testdata", name+".json")
	if err := json.Unmarshal([]byte(page(t, file)), &policy); err != nil || len(policy.Document.Statement) == 0 {
		t.Fatalf("%s: %v", file, err)
	}
	for _, s := range policy.Document.Statement {
		switch action := s.Action.(type) {
		case string:
			actions = append(actions, action)
		case []any:
			for _, each := range action {
				actions = append(actions, each.(string))
			}
		}
	}
	return actions
}
