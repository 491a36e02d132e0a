package aws

import (
	"cmp"
	"strings"

	"perch/sandbox/aws/access"
	"perch/sandbox/aws/handlers"
)

// stackRights returns the rights on the stack that a call names: on its ARN, or on its name if it
// has no ARN yet.
func stackRights(q asked) []access.Request {
	resource := q.arn("cloudformation", "stack/*/*")
	switch name := q.get("StackName"); {
	case strings.HasPrefix(name, "arn:"):
		resource = name
	case name != "":
		resource = q.arn("cloudformation", "stack/"+name+"/*")
	case strings.HasPrefix(q.get("ChangeSetName"), "arn:"):
		// A change set has no rights; those are on its stack.
		resource = cmp.Or(q.server.stacks.ProposedStack(q.get("ChangeSetName")), resource)
	}
	right := q.on(resource)
	role := q.get("RoleARN")
	if role != "" {
		right.Keys = map[string][]string{"cloudformation:rolearn": {role}}
	}
	rights := []access.Request{right}
	if q.Action == "CreateStack" && q.form.Has("Tags.member.1.Key") {
		rights = append(rights, access.Request{Action: "cloudformation:TagResource", Resource: resource})
	}
	if role != "" {
		rights = append(rights, access.Request{
			Action:   "iam:PassRole",
			Resource: role,
			Keys:     map[string][]string{"iam:passedtoservice": {"cloudformation.amazonaws.com"}},
		})
	}
	return rights
}

// operations maps the calls with which Elastic Beanstalk changes an environment's resources to
// phases.
var operations = map[string]string{"UpdateEnvironment": "update", "TerminateEnvironment": "delete"}

// beanstalkRights returns the rights on the environment or application that a call names. Elastic
// Beanstalk changes an environment with the rights of its caller, even if that is not
// CloudFormation (apache/grails-core, pull request 16262). DescribeEnvironmentResources calls other
// services with the caller's rights (AWS docs: AWSElasticBeanstalkReadOnly grants their reads with
// it).
func beanstalkRights(q asked) []access.Request {
	name := cmp.Or(q.get("EnvironmentName"), q.get("EnvironmentId"))
	resource := "*"
	switch application := cmp.Or(q.get("ApplicationName"), "*"); {
	case name != "":
		resource = q.arn("elasticbeanstalk", "environment/"+application+"/"+name)
	case application != "*":
		resource = q.arn("elasticbeanstalk", "application/"+application)
	}
	rights := []access.Request{q.found("AWS::ElasticBeanstalk::Environment", name, resource)}
	if q.Action == "DescribeEnvironmentResources" {
		rights = append(rights, access.Request{Action: "autoscaling:DescribeAutoScalingGroups", Resource: "*"})
		rights = append(rights, access.Request{Action: "elasticloadbalancing:DescribeLoadBalancers", Resource: "*"})
		stack := q.arn("cloudformation", "stack/awseb-e-*-stack/*")
		rights = append(rights, access.Request{Action: "cloudformation:DescribeStackResources", Resource: stack})
	}
	if environment, found := q.server.others.Environment(name); found && operations[q.Action] != "" {
		account := handlers.Account{ID: q.server.account, Region: q.server.region, RoleOf: q.server.others.RoleOf}
		rights = append(rights, handlers.OperationRights(account, operations[q.Action], environment)...)
	}
	return rights
}
