package handlers

import (
	"cmp"
	"maps"
	"regexp"
	"strings"

	"perch/sandbox/aws/access"
)

const environmentType = "AWS::ElasticBeanstalk::Environment"

// rights returns the rights to one action on all resources that it acts on, with the condition keys
// that AWS sets.
func (t target) rights(action string) []access.Request {
	service, verb, _ := strings.Cut(action, ":")
	switch service {
	case "iam":
		return t.iamRights(action, verb)
	case "ec2":
		return t.on(action, t.networkResources(verb)...)
	case "elasticloadbalancing":
		return t.on(action, t.balancingResource(verb))
	case "rds":
		return t.on(action, t.databaseResources(verb)...)
	case "elasticbeanstalk":
		return t.on(action, t.beanstalkResource(action))
	case "route53":
		return t.on(action, t.zoneResources(verb)...)
	case "secretsmanager":
		return t.on(action, t.secretResource())
	case "s3":
		return t.on(action, t.storageResource(verb))
	case "cloudwatch":
		return t.on(action, t.arn("cloudwatch", "alarm:"+t.name("AlarmName")))
	case "ssm":
		return t.on(action, t.arn("ssm", "parameter/"+strings.TrimPrefix(t.name("Name"), "/")))
	case "acm":
		return t.on(action, cmp.Or(t.PhysicalID, t.arn("acm", "certificate/*")))
	}
	return t.on(action, "*")
}

// on returns the rights to an action on resources with the stack's tags.
func (t target) on(action string, resources ...string) []access.Request {
	keys := tagKeys(t.tags(), t.phase == "create" || strings.Contains(action, "Tag"))
	if creates := creations[t.Type]; t.phase == "create" && creates != "" {
		creating(keys, action, creates)
	}
	if t.Type == environmentType || t.Type == "AWS::ElasticBeanstalk::ApplicationVersion" {
		keys["elasticbeanstalk:inapplication"] = []string{
			t.arn("elasticbeanstalk", "application/"+t.text("ApplicationName")),
		}
	}
	var rights []access.Request
	for _, resource := range resources {
		rights = append(rights, access.Request{Action: action, Resource: resource, Keys: keys})
	}
	return rights
}

// tagKeys returns the condition keys of a resource's tags, and those of the request's tags if the
// request sets them. A request never has AWS's system tags.
func tagKeys(tags map[string]string, request bool) map[string][]string {
	keys := map[string][]string{}
	for key, value := range tags {
		for _, service := range []string{"aws", "ec2", "elasticloadbalancing", "secretsmanager"} {
			keys[service+":resourcetag/"+strings.ToLower(key)] = []string{value}
		}
		if request && !strings.HasPrefix(key, "aws:") {
			keys["aws:requesttag/"+strings.ToLower(key)] = []string{value}
			keys["aws:tagkeys"] = append(keys["aws:tagkeys"], key)
		}
	}
	return keys
}

// creations are the calls that create resources, for those types whose policies have conditions on
// tags.
var creations = map[string]string{
	"AWS::EC2::SecurityGroup":                   "ec2:CreateSecurityGroup",
	"AWS::ElasticLoadBalancingV2::LoadBalancer": "elasticloadbalancing:CreateLoadBalancer",
	"AWS::ElasticLoadBalancingV2::Listener":     "elasticloadbalancing:CreateListener",
}

// creating sets the condition keys of an action that tags a new resource. AWS authorizes the tags
// in the request together with the name of the creating call, and the resource has no tags yet (AWS
// docs: Grant permission to tag resources during creation). A listener is created on a load
// balancer, which already has the stack's tags.
func creating(keys map[string][]string, action, creates string) {
	service, call, _ := strings.Cut(creates, ":")
	tags := action == "ec2:CreateTags" || action == "elasticloadbalancing:AddTags"
	if !tags && (action != creates || call == "CreateListener") {
		return
	}
	maps.DeleteFunc(keys, func(key string, _ []string) bool { return strings.Contains(key, ":resourcetag/") })
	if tags {
		keys[service+":createaction"] = []string{call}
	}
}

func (t target) arn(service, resource string) string {
	return "arn:aws:" + service + ":" + t.account.Region + ":" + t.account.ID + ":" + resource
}

func (t target) iam(resource string) string { return "arn:aws:iam::" + t.account.ID + ":" + resource }

// name returns the resource's name: the one in the template, or the one that CloudFormation
// generates.
func (t target) name(property string) string {
	return cmp.Or(t.PhysicalID, t.text(property), t.StackName+"-"+t.LogicalID+"-"+t.Suffix)
}

// linkedServices are the services that create a role for themselves the first time an account uses
// them.
var linkedServices = map[string]string{
	"AWS::RDS::DBInstance":    "rds.amazonaws.com/AWSServiceRoleForRDS",
	"AWS::RDS::DBSubnetGroup": "rds.amazonaws.com/AWSServiceRoleForRDS",
}

func (t target) iamRights(action, verb string) []access.Request {
	switch {
	case verb == "CreateServiceLinkedRole":
		return linkedRole(t, linkedServices[t.Type])
	case verb == "PassRole":
		return t.passed()
	case verb == "AttachRolePolicy" || verb == "DetachRolePolicy":
		var rights []access.Request
		for _, policy := range t.list("ManagedPolicyArns") {
			right := t.on(action, t.iam("role/"+t.name("RoleName")))[0]
			right.Keys["iam:policyarn"] = []string{policy}
			rights = append(rights, right)
		}
		return rights
	case strings.Contains(verb, "InstanceProfile"):
		return t.on(action, t.iam("instance-profile/"+t.name("InstanceProfileName")))
	}
	return t.on(action, t.iam("role/"+t.name("RoleName")))
}

// linkedRole returns the right to create the role of a service, such as
// rds.amazonaws.com/AWSServiceRoleForRDS.
func linkedRole(t target, role string) []access.Request {
	service, _, _ := strings.Cut(role, "/")
	return []access.Request{{
		Action: "iam:CreateServiceLinkedRole", Resource: t.iam("role/aws-service-role/" + role),
		Keys: map[string][]string{"iam:awsservicename": {service}},
	}}
}

// passed returns the roles that the resource passes to a service.
func (t target) passed() []access.Request {
	var rights []access.Request
	pass := func(role, service string) {
		if role != "" && !strings.HasPrefix(role, "arn:") {
			role = t.iam("role/" + role)
		}
		if role != "" {
			keys := map[string][]string{"iam:passedtoservice": {service}}
			rights = append(rights, access.Request{Action: "iam:PassRole", Resource: role, Keys: keys})
		}
	}
	for _, role := range t.list("Roles") {
		pass(role, "ec2.amazonaws.com")
	}
	pass(t.option("aws:elasticbeanstalk:environment", "ServiceRole"), "elasticbeanstalk.amazonaws.com")
	if profile := t.option("aws:autoscaling:launchconfiguration", "IamInstanceProfile"); profile != "" {
		pass(t.account.RoleOf(profile), "ec2.amazonaws.com")
	}
	return rights
}

func (t target) networkResources(verb string) []string {
	group := t.arn("ec2", "security-group/"+cmp.Or(t.PhysicalID, "*"))
	if verb == "CreateSecurityGroup" {
		return []string{t.arn("ec2", "security-group/*"), t.arn("ec2", "vpc/"+t.text("VpcId"))}
	}
	return []string{group}
}

// balancingResource returns the load balancer or the listener. CloudFormation names a load balancer
// after the first characters of the stack and the logical id, because its name has at most 32
// characters.
func (t target) balancingResource(verb string) string {
	short := func(text string) string { return text[:min(len(text), 5)] }
	switch {
	case t.PhysicalID != "":
		return t.PhysicalID
	case t.Type == "AWS::ElasticLoadBalancingV2::Listener" && verb == "CreateListener":
		return t.text("LoadBalancerArn")
	case t.Type == "AWS::ElasticLoadBalancingV2::Listener":
		return strings.Replace(t.text("LoadBalancerArn"), ":loadbalancer/", ":listener/", 1) + "/*"
	}
	name := cmp.Or(t.text("Name"), short(t.StackName)+"-"+short(t.LogicalID)+"-"+strings.ToUpper(t.Suffix))
	return t.arn("elasticloadbalancing", "loadbalancer/app/"+name+"/*")
}

// databaseResources returns the database or the subnet group. For an action that creates or changes
// a database, it also returns the groups that the database uses, because RDS checks the rights to
// each of them (AWS docs: Actions, resources, and condition keys for Amazon RDS).
func (t target) databaseResources(verb string) []string {
	if t.Type != "AWS::RDS::DBInstance" {
		return []string{t.arn("rds", "subgrp:"+strings.ToLower(t.name("DBSubnetGroupName")))}
	}
	list := []string{t.arn("rds", "db:"+strings.ToLower(t.name("DBInstanceIdentifier")))}
	switch verb {
	case "CreateDBInstance", "RestoreDBInstanceFromDBSnapshot":
		major, _, _ := strings.Cut(t.text("EngineVersion"), ".")
		list = append(list, t.arn("rds", "subgrp:"+strings.ToLower(t.text("DBSubnetGroupName"))))
		list = append(
			list, t.arn("rds", "pg:"+cmp.Or(t.text("DBParameterGroupName"), "default."+t.text("Engine")+major)),
		)
		list = append(list, t.arn("rds", "og:default:"+t.text("Engine")+"-"+major))
	case "CreateDBSnapshot":
		list = append(
			list, t.arn("rds", "snapshot:"+strings.ToLower(t.StackName+"-snapshot-"+t.LogicalID+"-"+t.Suffix)),
		)
	}
	if snapshot := t.text("DBSnapshotIdentifier"); snapshot != "" && verb == "RestoreDBInstanceFromDBSnapshot" {
		if !strings.HasPrefix(snapshot, "arn:") {
			snapshot = t.arn("rds", "snapshot:"+snapshot)
		}
		list = append(list, snapshot)
	}
	return list
}

func (t target) beanstalkResource(action string) string {
	application := t.text("ApplicationName")
	switch t.Type {
	case environmentType:
		return t.arn("elasticbeanstalk", "environment/"+application+"/"+t.name("EnvironmentName"))
	case "AWS::ElasticBeanstalk::ApplicationVersion":
		return t.arn("elasticbeanstalk", "applicationversion/"+application+"/"+t.name("VersionLabel"))
	}
	return t.arn("elasticbeanstalk", "application/"+t.name("ApplicationName"))
}

func (t target) zoneResources(verb string) []string {
	if verb == "GetChange" {
		return []string{"arn:aws:route53:::change/C0"}
	}
	zones := []string{}
	if zone := t.text("HostedZoneId"); zone != "" {
		zones = append(zones, zone)
	}
	options, _ := t.Properties["DomainValidationOptions"].([]any)
	for _, option := range options {
		fields, _ := option.(map[string]any)
		if zone, ok := fields["HostedZoneId"].(string); ok {
			zones = append(zones, zone)
		}
	}
	for i, zone := range zones {
		zones[i] = "arn:aws:route53:::hostedzone/" + zone
	}
	return zones
}

func (t target) secretResource() string {
	if secret := t.text("SecretId"); secret != "" {
		return secret
	}
	if strings.HasPrefix(t.PhysicalID, "arn:") {
		return t.PhysicalID
	}
	return t.arn("secretsmanager", "secret:"+cmp.Or(t.text("Name"), t.LogicalID+"-"+t.Suffix)+"-??????")
}

// storageResource returns the bucket or, for a source bundle, the object. Elastic Beanstalk stores
// a copy of the bundle in its own bucket.
func (t target) storageResource(verb string) string {
	if bundle, ok := t.Properties["SourceBundle"].(map[string]any); ok {
		bucket, _ := bundle["S3Bucket"].(string)
		key, _ := bundle["S3Key"].(string)
		if verb == "PutObject" {
			return "arn:aws:s3:::elasticbeanstalk-" + t.account.Region + "-" + t.account.ID + "/" + key
		}
		return "arn:aws:s3:::" + bucket + "/" + key
	}
	if bucket := t.text("Bucket"); bucket != "" {
		return "arn:aws:s3:::" + bucket
	}
	return "arn:aws:s3:::" + strings.ToLower(t.name("BucketName"))
}

// reference matches a dynamic reference to a secret or a parameter.
var reference = regexp.MustCompile(
	`\{\{resolve:(ssm|ssm-secure|secretsmanager):((?:arn:aws:[a-z]+:[^:{}]*:[^:{}]*:[a-z]+:)?[^:{}]+)[^{}]*\}\}`,
)

// references returns the rights to read the secrets and parameters to which dynamic references in
// the properties refer.
func (t target) references() []access.Request {
	if t.phase == "delete" {
		return nil
	}
	var rights []access.Request
	var walk func(value any)
	walk = func(value any) {
		switch value := value.(type) {
		case string:
			for _, match := range reference.FindAllStringSubmatch(value, -1) {
				rights = append(rights, t.reference(match[1], match[2]))
			}
		case []any:
			for _, item := range value {
				walk(item)
			}
		case map[string]any:
			for _, member := range value {
				walk(member)
			}
		}
	}
	walk(t.Properties)
	return rights
}

func (t target) reference(service, name string) access.Request {
	if service != "secretsmanager" {
		return access.Request{
			Action: "ssm:GetParameters", Resource: t.arn("ssm", "parameter/"+strings.TrimPrefix(name, "/")),
		}
	}
	if !strings.HasPrefix(name, "arn:") {
		name = t.arn("secretsmanager", "secret:"+name+"-??????")
	}
	return access.Request{Action: "secretsmanager:GetSecretValue", Resource: name}
}
