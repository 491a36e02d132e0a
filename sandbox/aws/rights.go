package aws

import (
	"cmp"
	"encoding/json"
	"strings"

	"perch/sandbox/aws/access"
)

// rightsOf returns the rights that the caller of a call needs. It returns none for S3, which checks
// its own rights.
//
// A call without a function here needs the right to its action on `*`, as most calls that only read
// do.
func (s *Server) rightsOf(c Call) []access.Request {
	q := asked{server: s, Call: c}
	_ = json.Unmarshal([]byte(c.text), &q.members) // Only calls of the JSON protocol have members.
	if of, ok := serviceRights[c.Service]; ok {
		return of(q)
	}
	return []access.Request{q.on("*")}
}

var serviceRights = map[string]func(asked) []access.Request{
	"acm":              certificateRights,
	"cloudformation":   stackRights,
	"ec2":              networkRights,
	"elasticbeanstalk": beanstalkRights,
	"iam":              iamRights,
	"logs":             logRights,
	"rds":              databaseRights,
	"route53":          zoneRights,
	"secretsmanager":   secretRights,
	"ssm":              systemsRights,
	"sts":              identityRights,
}

// asked is a call with its parameters: those of a form, or the members of a JSON body.
type asked struct {
	server *Server
	Call
	members map[string]any
}

func (q asked) get(name string) string {
	if q.members != nil {
		value, _ := q.members[name].(string)
		return value
	}
	return q.form.Get(name)
}

// prefixes are the prefixes of IAM's actions that differ from the name that calls are signed for.
var prefixes = map[string]string{"tagging": "tag"}

// on returns the right to the call's action on a resource.
func (q asked) on(resource string) access.Request {
	return access.Request{Action: cmp.Or(prefixes[q.Service], q.Service) + ":" + q.Action, Resource: resource}
}

// arn returns the ARN of a resource in the endpoint's region.
func (q asked) arn(service, resource string) string {
	return "arn:aws:" + service + ":" + q.server.region + ":" + q.server.account + ":" + resource
}

// found returns the right to the call's action on a resource of a CloudFormation type, with its
// tags as condition keys. If there is no such resource, the right is on otherwise.
func (q asked) found(kind, reference, otherwise string) access.Request {
	arn, tags, ok := q.server.others.Find(kind, reference)
	if !ok {
		return q.on(otherwise)
	}
	right := q.on(arn)
	right.Keys = map[string][]string{}
	for key, value := range tags {
		right.Keys["aws:resourcetag/"+strings.ToLower(key)] = []string{value}
	}
	return right
}

// logRights returns the rights on the log group that the call names. DescribeLogGroups needs a
// right on the group without a name, regardless of the requested prefix
// (hashicorp/terraform-provider-aws, issue 8804).
func logRights(q asked) []access.Request {
	return []access.Request{q.on(q.arn("logs", "log-group:"+q.get("logGroupName")+":log-stream:"))}
}

func certificateRights(q asked) []access.Request {
	return []access.Request{q.on(cmp.Or(q.get("CertificateArn"), "*"))}
}

func secretRights(q asked) []access.Request {
	id := q.get("SecretId")
	switch {
	case strings.HasPrefix(id, "arn:"):
		return []access.Request{q.found("AWS::SecretsManager::Secret", id, id)}
	case id != "":
		return []access.Request{
			q.found("AWS::SecretsManager::Secret", id, q.arn("secretsmanager", "secret:"+id+"-??????")),
		}
	case q.get("Name") != "":
		return []access.Request{q.on(q.arn("secretsmanager", "secret:"+q.get("Name")+"-??????"))}
	}
	return []access.Request{q.on("*")}
}

func systemsRights(q asked) []access.Request {
	switch name := q.get("Name"); {
	case q.Action == "SendCommand":
		return commandRights(q)
	case strings.HasPrefix(name, "arn:"):
		return []access.Request{q.on(name)}
	case name != "":
		return []access.Request{q.on(q.arn("ssm", "parameter/"+strings.TrimPrefix(name, "/")))}
	}
	return []access.Request{q.on("*")}
}

// commandRights returns the rights to the document and to every instance. AWS's own documents
// belong to no account.
func commandRights(q asked) []access.Request {
	account := q.server.account
	if strings.HasPrefix(q.get("DocumentName"), "AWS-") {
		account = ""
	}
	rights := []access.Request{
		q.on("arn:aws:ssm:" + q.server.region + ":" + account + ":document/" + q.get("DocumentName")),
	}
	ids, _ := q.members["InstanceIds"].([]any)
	for _, id := range ids {
		id, _ := id.(string)
		right := q.on(q.arn("ec2", "instance/"+id))
		right.Keys = map[string][]string{}
		for key, value := range q.server.others.InstanceTags(id) {
			right.Keys["ssm:resourcetag/"+strings.ToLower(key)] = []string{value}
			right.Keys["aws:resourcetag/"+strings.ToLower(key)] = []string{value}
		}
		rights = append(rights, right)
	}
	return rights
}

// networkRights returns the right on the security group that is deleted, with its tags. EC2's other
// calls only read.
func networkRights(q asked) []access.Request {
	if q.Action == "DeleteSecurityGroup" {
		return []access.Request{
			q.found("AWS::EC2::SecurityGroup", q.get("GroupId"), q.arn("ec2", "security-group/"+q.get("GroupId"))),
		}
	}
	return []access.Request{q.on("*")}
}

// databaseRights returns the rights on the database that a call names. A deletion with a final
// snapshot also needs the right to create the snapshot, on the database and on the snapshot.
func databaseRights(q asked) []access.Request {
	switch q.Action {
	case "DescribeDBSnapshots":
		return []access.Request{q.on(q.arn("rds", "snapshot:"+cmp.Or(q.get("DBSnapshotIdentifier"), "*")))}
	case "DescribeDBClusters":
		return []access.Request{q.on(q.arn("rds", "cluster:"+cmp.Or(q.get("DBClusterIdentifier"), "*")))}
	case "DeleteDBSubnetGroup":
		return []access.Request{q.on(q.arn("rds", "subgrp:"+q.get("DBSubnetGroupName")))}
	}
	database := q.found("AWS::RDS::DBInstance", q.get("DBInstanceIdentifier"),
		q.arn("rds", "db:"+cmp.Or(q.get("DBInstanceIdentifier"), "*")))
	rights := []access.Request{database}
	if snapshot := q.get("FinalDBSnapshotIdentifier"); snapshot != "" {
		database.Action = "rds:CreateDBSnapshot"
		rights = append(rights, database,
			access.Request{Action: database.Action, Resource: q.arn("rds", "snapshot:"+snapshot)})
	}
	return rights
}

// zoneRights returns the rights on the hosted zone in a call's path. TestDNSAnswer has no resource
// (AWS service authorization reference: Route 53).
func zoneRights(q asked) []access.Request {
	zone, ok := strings.CutPrefix(q.Summary, "/2013-04-01/hostedzone/")
	if !ok {
		return []access.Request{q.on("*")}
	}
	zone, _, _ = strings.Cut(zone, "/")
	return []access.Request{q.on("arn:aws:route53:::hostedzone/" + zone)}
}

// iamRights returns the rights on the role, the policy or the instance profile that a call names.
func iamRights(q asked) []access.Request {
	iam := func(kind, name string) string { return "arn:aws:iam::" + q.server.account + ":" + kind + "/" + name }
	resource := "*"
	switch {
	case q.get("RoleName") != "":
		resource = iam("role", q.get("RoleName"))
	case q.get("PolicyArn") != "":
		resource = q.get("PolicyArn")
	case q.get("PolicyName") != "":
		resource = iam("policy", q.get("PolicyName"))
	case q.get("InstanceProfileName") != "":
		resource = iam("instance-profile", q.get("InstanceProfileName"))
	}
	right := q.on(resource)
	if policy := q.get("PolicyArn"); policy != "" {
		right.Keys = map[string][]string{"iam:policyarn": {policy}}
	}
	return []access.Request{right}
}

// identityRights returns none for GetCallerIdentity, which cannot be denied (AWS docs:
// GetCallerIdentity).
func identityRights(q asked) []access.Request {
	if q.Action == "GetCallerIdentity" {
		return nil
	}
	return []access.Request{q.on(cmp.Or(q.get("RoleArn"), "*"))}
}
