package handlers_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"perch/sandbox/aws/access"
	"perch/sandbox/aws/handlers"
	"perch/sandbox/aws/resource"
)

// template is one of the reviewed templates, with the resources that CloudFormation would create
// from it.
type template struct {
	Resources map[string]struct {
		Type, DeletionPolicy string
		Properties           map[string]any
	}
	stack string
}

// readTemplate reads a template of the project shop. Its stacks have the names that Perch gives.
func readTemplate(t *testing.T, file string) template {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	read := template{stack: "shop-login"}
	text = []byte(strings.NewReplacer("111122223333", "1", "Z0123456789EXAMPLE", "Z").Replace(string(text)))
	if err := json.Unmarshal(text, &read); err != nil {
		t.Fatal(err)
	}
	if strings.HasPrefix(filepath.Base(file), "application") {
		read.stack = "shop-application-staging"
	}
	return read
}

// id returns the physical id of a resource, in CloudFormation's form.
func (tm template) id(logical string) string {
	name := tm.stack + "-" + logical + "-0123456789ab"
	switch found := tm.Resources[logical]; found.Type {
	case "AWS::ElasticLoadBalancingV2::LoadBalancer":
		return "arn:aws:elasticloadbalancing:eu-central-1:1:loadbalancer/app/shop-LoadB-1/1"
	case "AWS::ElasticLoadBalancingV2::Listener":
		return "arn:aws:elasticloadbalancing:eu-central-1:1:listener/app/shop-LoadB-1/1/1"
	case "AWS::SecretsManager::Secret", "AWS::SecretsManager::SecretTargetAttachment":
		return "arn:aws:secretsmanager:eu-central-1:1:secret:" + logical + "-0123456789ab-uvwxyz"
	case "AWS::CertificateManager::Certificate":
		return "arn:aws:acm:eu-central-1:1:certificate/1"
	case "AWS::EC2::SecurityGroup":
		return "sg-1"
	case "AWS::ElasticBeanstalk::Environment":
		name, _ := found.Properties["EnvironmentName"].(string)
		return name
	case "AWS::RDS::DBInstance", "AWS::RDS::DBSubnetGroup", "AWS::S3::Bucket":
		return strings.ToLower(name)
	}
	return name
}

// resolve resolves the intrinsic functions on which rights depend.
func (tm template) resolve(value any) any {
	switch value := value.(type) {
	case map[string]any:
		if logical, ok := value["Ref"].(string); ok {
			return tm.id(logical)
		}
		if text, ok := value["Fn::Sub"].(string); ok {
			for logical := range tm.Resources {
				text = strings.ReplaceAll(text, "${"+logical+"}", tm.id(logical))
			}
			return strings.NewReplacer(
				"${AWS::Partition}", "aws", "${AWS::Region}", "eu-central-1", "${AWS::AccountId}", "1",
			).
				Replace(text)
		}
		if path, ok := value["Fn::GetAtt"].([]any); ok {
			logical, _ := path[0].(string)
			return "arn:aws:iam::1:role/" + tm.id(logical)
		}
		resolved := map[string]any{}
		for key, member := range value {
			resolved[key] = tm.resolve(member)
		}
		return resolved
	case []any:
		resolved := make([]any, len(value))
		for i, item := range value {
			resolved[i] = tm.resolve(item)
		}
		return resolved
	}
	return value
}

// TestS231TheWorkersRoleMayChangeAnEnvironmentOfEveryTemplate checks the worker's role, because
// Elastic Beanstalk acts with the rights of its caller, and the worker calls it to remove options
// and to terminate environments.
func TestS231TheWorkersRoleMayChangeAnEnvironmentOfEveryTemplate(t *testing.T) {
	worker, checked := callerWith(t, "worker", "elasticbeanstalk", "elasticbeanstalk-instances"), 0
	files, err := filepath.Glob("../../../cfn/testdata/*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		tm := readTemplate(t, file)
		for logical, found := range tm.Resources {
			if found.Type != "AWS::ElasticBeanstalk::Environment" {
				continue
			}
			properties, _ := tm.resolve(found.Properties).(map[string]any)
			environment := resource.Request{
				Type: found.Type, Properties: properties, StackName: tm.stack, LogicalID: logical,
				Suffix: "0123456789ab",
				Tags:   map[string]string{"perch:project": "shop"},
			}
			for _, phase := range []string{"update", "delete"} {
				checked++
				account := handlers.Account{ID: "1", Region: "eu-central-1"}
				if denial := worker.Check(handlers.OperationRights(account, phase, environment)...); denial != nil {
					t.Errorf("%s: to %s %s: %v", filepath.Base(file), phase, logical, denial)
				}
			}
		}
	}
	if checked == 0 {
		t.Error("no template has an environment")
	}
}

// templateGrants returns the statements of deploy/iam without which a resource of a reviewed
// template could not be created, updated or deleted, by document, Sid and action. If a role is
// denied something, the test fails.
func templateGrants(t *testing.T) map[string]bool {
	t.Helper()
	used := map[string]bool{}
	caller := serviceRole(t)
	caller.Record = func(grants []access.Grant) {
		if len(grants) == 1 {
			used[grants[0].Policy+" "+grants[0].Sid+" "+grants[0].Pattern] = true
		}
	}
	files, err := filepath.Glob("../../../cfn/testdata/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d templates: %v", len(files), err)
	}
	account := handlers.Account{
		ID: "1", Region: "eu-central-1",
		RoleOf: func(string) string { return "arn:aws:iam::1:role/shop-application-staging-BranchRole-1" },
	}
	for _, file := range files {
		tm := readTemplate(t, file)
		for logical, found := range tm.Resources {
			properties, _ := tm.resolve(found.Properties).(map[string]any)
			for _, phase := range []string{"create", "update", "delete"} {
				r := resource.Request{
					Type: found.Type, Properties: properties, StackName: tm.stack, LogicalID: logical,
					Suffix: "0123456789ab",
					Tags:   map[string]string{"perch:project": "shop"}, Snapshot: found.DeletionPolicy == "Snapshot",
				}
				if phase != "create" {
					r.PhysicalID = tm.id(logical)
				}
				if denial := caller.Check(handlers.Rights(account, phase, r)...); denial != nil {
					t.Errorf("%s: to %s %s (%s): %v", filepath.Base(file), phase, logical, found.Type, denial)
				}
			}
		}
	}
	return used
}
