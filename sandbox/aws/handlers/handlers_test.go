package handlers_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"perch/sandbox/aws/handlers"
	"perch/sandbox/aws/resource"
)

// rights returns the action and the resource of each right that a phase of a resource needs, in a
// stack shop-a.
func rights(phase string, r resource.Request) []string {
	r.StackName, r.LogicalID, r.Suffix = "shop-a", "Thing", "0123456789ab"
	account := handlers.Account{
		ID:     "1",
		Region: "r",
		RoleOf: func(string) string { return "arn:aws:iam::1:role/instances" },
	}
	var list []string
	for _, right := range handlers.Rights(account, phase, r) {
		list = append(list, right.Action+" "+right.Resource)
	}
	return list
}

func TestRightsFollowThePropertiesOfAResource(t *testing.T) {
	type props = map[string]any
	environment := func(options ...any) props {
		return props{"ApplicationName": "app", "EnvironmentName": "shop-a", "OptionSettings": options}
	}
	option := func(namespace, name, value string) any {
		return props{"Namespace": namespace, "OptionName": name, "Value": value}
	}
	const (
		create, update, remove = "create", "update", "delete"
		bucket, database       = "AWS::S3::Bucket", "AWS::RDS::DBInstance"
		app                    = "AWS::ElasticBeanstalk::Environment"
	)
	single := environment(option("aws:elasticbeanstalk:environment", "EnvironmentType", "SingleInstance"))
	shared := environment(
		option(
			"aws:elbv2:loadbalancer", "SharedLoadBalancer", "arn:aws:elasticloadbalancing:r:1:loadbalancer/app/lb/1",
		),
	)
	const (
		own       = "arn:aws:s3:::shop-a-thing-0123456789ab"
		dedicated = "arn:aws:elasticloadbalancing:r:1:loadbalancer/app/awseb-AWSEB-1/1"
		stack     = "awseb-e-0123456789-stack"
		alarm     = "arn:aws:cloudwatch:r:1:alarm:" + stack + "-AWSEBCloudwatchAlarmHigh-1"
	)
	secret := props{"A": []any{"{{resolve:secretsmanager:shop/x:SecretString:p}}"}}
	secretly := resource.Request{Type: bucket, Properties: secret}
	literally := resource.Request{Type: bucket, Properties: props{"A": "{{resolve:ssm:/shop/x:1}}"}}
	postgres := resource.Request{Type: database, Properties: props{"Engine": "postgres", "EngineVersion": "16.4"}}
	versioned := props{"VersioningConfiguration": 1}
	balanced := resource.Request{Type: app, Properties: environment()}
	one, rule := resource.Request{Type: app, Properties: single}, resource.Request{Type: app, Properties: shared}
	snapshot := resource.Request{Type: database, Snapshot: true, PhysicalID: "shop-a-thing"}
	for name, c := range map[string]struct {
		phase   string
		request resource.Request
		right   string
		wanted  bool
	}{
		"a property takes its action": {create,
			resource.Request{Type: bucket, Properties: versioned}, "s3:PutBucketVersioning " + own, true},
		"no property, no action": {create, resource.Request{Type: bucket}, "s3:PutBucketVersioning " + own, false},
		"a property that an update removes": {update,
			resource.Request{Type: bucket, PhysicalID: "b", Previous: versioned},
			"s3:PutBucketVersioning arn:aws:s3:::b", true},
		"RDS checks the groups of a database": {create,
			postgres, "rds:CreateDBInstance arn:aws:rds:r:1:pg:default.postgres16", true},
		"a final snapshot takes its right": {
			remove, snapshot, "rds:CreateDBSnapshot arn:aws:rds:r:1:db:shop-a-thing", true,
		},
		"no final snapshot, no right": {
			remove, resource.Request{Type: database, PhysicalID: "d"}, "rds:CreateDBSnapshot arn:aws:rds:r:1:db:d",
			false,
		},
		"Elastic Beanstalk's own stack": {
			remove, one, "cloudformation:DeleteStack arn:aws:cloudformation:r:1:stack/" + stack + "/*", true,
		},
		"one instance has an address": {
			create, one, "ec2:AllocateAddress arn:aws:ec2:r:1:elastic-ip/eipalloc-1", true,
		},
		"one instance has no alarm": {create, one, "cloudwatch:PutMetricAlarm " + alarm, false},
		"a shared load balancer has rules": {
			create, rule, "elasticloadbalancing:CreateRule arn:aws:elasticloadbalancing:r:1:listener/app/lb/1/1", true,
		},
		"a shared load balancer stays": {
			remove, rule, "elasticloadbalancing:DeleteLoadBalancer " + dedicated, false,
		},
		"a dedicated load balancer goes": {
			remove, balanced, "elasticloadbalancing:DeleteLoadBalancer " + dedicated, true,
		},
		"a reference to a secret is read": {
			create, secretly, "secretsmanager:GetSecretValue arn:aws:secretsmanager:r:1:secret:shop/x-??????", true,
		},
		"a reference is not read to delete": {
			remove, literally, "ssm:GetParameters arn:aws:ssm:r:1:parameter/shop/x", false,
		},
		"a type without handlers": {
			create, resource.Request{Type: "AWS::SQS::Queue"}, "sqs:CreateQueue *", false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := rights(c.phase, c.request); slices.Contains(got, c.right) != c.wanted {
				t.Errorf("%s is there: %v, want %v, in:\n%s", c.right, !c.wanted, c.wanted, strings.Join(got, "\n"))
			}
		})
	}
}

// TestEveryTypeOfATemplateHasHandlers checks the reviewed templates, because a type without
// handlers would be created without any check.
func TestEveryTypeOfATemplateHasHandlers(t *testing.T) {
	files, err := filepath.Glob("../../../cfn/testdata/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d templates: %v", len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var template struct{ Resources map[string]resource.Request }
		if err := json.Unmarshal(text, &template); err != nil {
			t.Fatal(err)
		}
		for id, r := range template.Resources {
			for _, phase := range []string{"create", "update", "delete"} {
				if len(rights(
					phase, resource.Request{Type: r.Type, Properties: map[string]any{"HostedZoneId": "Z"}},
				)) == 0 {
					t.Errorf(
						"%s: to %s %s (%s) takes no right: add the type's handlers to registry.json",
						filepath.Base(file),
						phase,
						id,
						r.Type,
					)
				}
			}
		}
	}
}
