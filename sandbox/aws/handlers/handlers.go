// Package handlers knows the rights that CloudFormation's resource handlers need from a stack's
// service role. For every type, these are the calls in AWS's registry, as far as the resource's
// properties need them. For an environment, they include the calls that Elastic Beanstalk makes
// with the rights of the caller who creates it.
package handlers

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"perch/sandbox/aws/access"
	"perch/sandbox/aws/resource"
)

// registryText has the actions in the registry's schemas, by type and handler.
//
//go:embed registry.json
var registryText []byte

// handlers has the actions of a type's handlers.
type handlers struct{ Create, Read, Update, Delete []string }

// registry has the handlers of the types: those in registry.json, and for types that it does not
// have, the calls that create, change and delete them (AWS docs: the services' API references; the
// schemas of AWS::CloudWatch::Alarm and AWS::SSM::Parameter).
var registry = func() map[string]handlers {
	var text struct {
		Source   string
		Handlers map[string]handlers
	}
	if err := json.Unmarshal(registryText, &text); err != nil {
		panic(fmt.Sprintf("read registry.json: %v", err))
	}
	all := text.Handlers
	all["AWS::ElasticBeanstalk::Application"] = handlers{
		Create: []string{"elasticbeanstalk:CreateApplication", "elasticbeanstalk:AddTags"},
		Read:   []string{"elasticbeanstalk:DescribeApplications"},
		Update: []string{"elasticbeanstalk:UpdateApplication", "elasticbeanstalk:UpdateApplicationResourceLifecycle"},
		Delete: []string{"elasticbeanstalk:DeleteApplication"},
	}
	all["AWS::Route53::RecordSet"] = handlers{
		Create: []string{"route53:ChangeResourceRecordSets", "route53:GetChange", "route53:GetHostedZone"},
		Read:   []string{"route53:ListResourceRecordSets"},
		Update: []string{"route53:ChangeResourceRecordSets", "route53:GetChange"},
		Delete: []string{"route53:ChangeResourceRecordSets", "route53:GetChange"},
	}
	all["AWS::CloudWatch::Alarm"] = handlers{
		Create: []string{"cloudwatch:PutMetricAlarm", "cloudwatch:DescribeAlarms", "cloudwatch:TagResource"},
		Read:   []string{"cloudwatch:DescribeAlarms", "cloudwatch:ListTagsForResource"},
		Update: []string{
			"cloudwatch:PutMetricAlarm", "cloudwatch:DescribeAlarms", "cloudwatch:TagResource",
			"cloudwatch:UntagResource",
		},
		Delete: []string{"cloudwatch:DeleteAlarms", "cloudwatch:DescribeAlarms"},
	}
	all["AWS::SSM::Parameter"] = handlers{
		Create: []string{"ssm:PutParameter", "ssm:AddTagsToResource"},
		Read:   []string{"ssm:GetParameters"},
		Update: []string{"ssm:PutParameter", "ssm:AddTagsToResource", "ssm:RemoveTagsFromResource"},
		Delete: []string{"ssm:DeleteParameter"},
	}
	// registry.json is older than this property. These are the calls that AWS documents for it (AWS
	// docs: Enabling ABAC in general purpose buckets).
	bucket := all["AWS::S3::Bucket"]
	bucket.Create = append(bucket.Create, "s3:PutBucketAbac", "s3:TagResource")
	bucket.Read = append(bucket.Read, "s3:GetBucketAbac", "s3:ListTagsForResource")
	bucket.Update = append(bucket.Update, "s3:PutBucketAbac", "s3:TagResource", "s3:UntagResource")
	all["AWS::S3::Bucket"] = bucket
	return all
}()

// tagging has the calls that services make when a resource is created with tags and that the
// registry does not list (AWS docs: Actions, resources, and condition keys of each service).
var tagging = map[string]string{
	"AWS::IAM::Role":                        "iam:TagRole",
	"AWS::ElasticLoadBalancingV2::Listener": "elasticloadbalancing:AddTags",
}

// bundleReads are the calls in addition to GetObject with which Elastic Beanstalk reads a source
// bundle, with the caller's rights, before it copies it. Users have reported that each was denied
// (apache/grails-core, pull request 16260).
var bundleReads = []string{"s3:GetObjectAcl", "s3:GetObjectVersion", "s3:GetObjectVersionAcl"}

// Account is what Rights needs to know in addition to the resource.
type Account struct {
	ID, Region string
	// RoleOf returns the ARN of the role in an instance profile, by the profile's name or ARN;
	// empty if there is none.
	RoleOf func(profile string) string
}

// Rights returns the rights that creating, updating or deleting a resource needs. It returns none
// for a type whose handlers the sandbox does not know.
func Rights(account Account, phase string, r resource.Request) []access.Request {
	known, ok := registry[r.Type]
	if !ok {
		return nil
	}
	t := target{account: account, phase: phase, Request: r}
	var rights []access.Request
	for _, action := range t.actions(known) {
		rights = append(rights, t.rights(action)...)
	}
	if r.Type == environmentType {
		rights = append(rights, t.beanstalk()...)
	}
	if r.Type == "AWS::ElasticBeanstalk::ApplicationVersion" && phase == "create" {
		for _, action := range bundleReads {
			rights = append(rights, t.rights(action)...)
		}
	}
	return append(rights, t.references()...)
}

// target is a resource in a phase.
type target struct {
	account Account
	phase   string
	resource.Request
}

// actions returns the actions of the phase's handler that the properties need, and those of the
// handler that reads the result.
func (t target) actions(known handlers) []string {
	var list []string
	switch t.phase {
	case "create":
		list = slices.Concat(known.Create, known.Read)
		if extra := tagging[t.Type]; extra != "" && t.tagged() {
			list = append(list, extra)
		}
	case "update":
		list = slices.Concat(known.Update, known.Read)
	default:
		list = slices.Clone(known.Delete)
	}
	slices.Sort(list)
	return slices.DeleteFunc(slices.Compact(list), func(action string) bool { return !t.needs(action) })
}

// needs reports whether an action is needed by the resource's properties, or by those before an
// update.
func (t target) needs(action string) bool {
	for _, row := range conditional {
		if row.kind != t.Type && row.kind != "" ||
			!slices.ContainsFunc(row.actions, func(p string) bool { return access.Like(p, action) }) {
			continue
		}
		if row.property == "" || !t.has(row.property) {
			return false
		}
	}
	if strings.HasSuffix(action, ":CreateDBSnapshot") {
		return t.Snapshot
	}
	return true
}

func (t target) has(property string) bool {
	_, now := t.Properties[property]
	_, before := t.Previous[property]
	return now || before
}

// text returns a property that is a text.
func (t target) text(property string) string {
	text, _ := t.Properties[property].(string)
	return text
}

// list returns a property that is a list of texts.
func (t target) list(property string) []string {
	items, _ := t.Properties[property].([]any)
	var list []string
	for _, item := range items {
		if text, ok := item.(string); ok {
			list = append(list, text)
		}
	}
	return list
}

// tagged reports whether the resource gets tags other than AWS's system tags.
func (t target) tagged() bool {
	for key := range t.tags() {
		if !strings.HasPrefix(key, "aws:") {
			return true
		}
	}
	return false
}

// tags returns the resource's tags: those of the stack and those in its properties.
func (t target) tags() map[string]string {
	tags := map[string]string{}
	for key, value := range t.Tags {
		tags[key] = value
	}
	items, _ := t.Properties["Tags"].([]any)
	for _, item := range items {
		pair, _ := item.(map[string]any)
		key, _ := pair["Key"].(string)
		tags[key] = fmt.Sprint(pair["Value"])
	}
	return tags
}
