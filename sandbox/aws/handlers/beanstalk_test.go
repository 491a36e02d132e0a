package handlers

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
)

// managedUpdates is AWS's list of the calls that Elastic Beanstalk makes for a caller who updates
// an environment.
const managedUpdates = "../../../deploy/iam/testdata/AWSElasticBeanstalkManagedUpdatesCustomerRolePolicy.json"

// notCalled are actions in that list that Elastic Beanstalk does not call for the environments of
// Perch's templates, with the reasons. A name that ends with a colon is a whole service.
var notCalled = map[string]string{
	"autoscaling:CreateLaunchConfiguration": "environments on Amazon Linux 2023 have launch templates",
	"autoscaling:DeleteLaunchConfiguration": "environments on Amazon Linux 2023 have launch templates",
	"cloudformation:*":                      "the table names the calls",
	"ec2:DescribeVpcClassicLink":            "AWS has retired EC2-Classic",
	"ecs:":                                  "the platform is Docker without ECS",
	"elasticbeanstalk:*":                    "the handlers of the types name the calls",
	"elasticloadbalancing:ApplySecurityGroupsToLoadBalancer":   "classic load balancers only",
	"elasticloadbalancing:ConfigureHealthCheck":                "classic load balancers only",
	"elasticloadbalancing:DeregisterInstancesFromLoadBalancer": "classic load balancers only",
	"elasticloadbalancing:RegisterInstancesWithLoadBalancer":   "classic load balancers only",
	"iam:PassRole": "the handler of the environment passes the roles",
	"rds:":         "Elastic Beanstalk makes no database here",
	"sqs:":         "worker environments only",
}

func TestTheTableHasWhatAWSListsForElasticBeanstalk(t *testing.T) {
	text, err := os.ReadFile(managedUpdates)
	if err != nil {
		t.Fatal(err)
	}
	var policy struct {
		Document struct{ Statement []struct{ Action any } }
	}
	if err := json.Unmarshal(text, &policy); err != nil || len(policy.Document.Statement) == 0 {
		t.Fatalf("%d statements: %v", len(policy.Document.Statement), err)
	}
	var called []string
	for _, row := range beanstalkTable {
		called = append(called, row.actions...)
	}
	for _, s := range policy.Document.Statement {
		actions, several := s.Action.([]any)
		if !several {
			actions = []any{s.Action}
		}
		for _, action := range actions {
			name := action.(string)
			service, _, _ := strings.Cut(name, ":")
			known := slices.ContainsFunc(called, func(one string) bool { return strings.EqualFold(one, name) })
			if excused := notCalled[name] != "" || notCalled[service+":"] != ""; known == excused {
				t.Errorf("%s: in beanstalkTable %v, in notCalled %v; want one of the two", name, known, excused)
			}
		}
	}
}
