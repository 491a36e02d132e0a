package handlers_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"perch/sandbox/aws/access"
	"perch/sandbox/aws/handlers"
	"perch/sandbox/aws/resource"
)

// serviceRole returns CloudFormation's role of the project shop, with the documents of deploy/iam.
func serviceRole(t *testing.T) *access.Caller {
	t.Helper()
	return callerWith(t, "cloudformation", "elasticbeanstalk", "elasticbeanstalk-instances")
}

// callerWith returns a role of the project shop with these documents of deploy/iam.
func callerWith(t *testing.T, documents ...string) *access.Caller {
	t.Helper()
	fill := strings.NewReplacer(
		"PROJECT", "shop", "ACCOUNT", "1", "REGION", "eu-central-1", "ZONE", "Z", "SEEDS", "seeds",
	)
	caller := &access.Caller{ARN: "arn:aws:sts::1:assumed-role/perch/x", Region: "eu-central-1"}
	for _, name := range documents {
		text, err := os.ReadFile(filepath.Join("..", "..", "..", "deploy", "iam", name+".json"))
		if err != nil {
			t.Fatal(err)
		}
		document, err := access.Parse(name, fill.Replace(string(text)))
		if err != nil {
			t.Fatal(err)
		}
		caller.Policies = append(caller.Policies, document)
	}
	return caller
}

// TestS151TheRoleOfOneProjectLeavesTheResourcesOfAnother has security groups and load balancers,
// whose names CloudFormation generates. The documents therefore identify them by the project's tag.
func TestS151TheRoleOfOneProjectLeavesTheResourcesOfAnother(t *testing.T) {
	const balancing = "arn:aws:elasticloadbalancing:eu-central-1:1:"
	things := map[string]resource.Request{
		"a security group": {
			Type:       "AWS::EC2::SecurityGroup",
			PhysicalID: "sg-1",
			Properties: map[string]any{"VpcId": "vpc-1"},
		},
		"a load balancer": {
			Type:       "AWS::ElasticLoadBalancingV2::LoadBalancer",
			PhysicalID: balancing + "loadbalancer/app/shop-LoadB-1/1",
			Properties: map[string]any{"SecurityGroups": []any{"sg-1"}, "LoadBalancerAttributes": []any{}},
		},
		"a listener that is created": {
			Type:       "AWS::ElasticLoadBalancingV2::Listener",
			Properties: map[string]any{"LoadBalancerArn": balancing + "loadbalancer/app/shop-LoadB-1/1"},
		},
	}
	for name, thing := range things {
		physical := thing.PhysicalID
		for phase, id := range map[string]string{"create": "", "update": physical, "delete": physical} {
			if phase != "create" && physical == "" {
				continue
			}
			for project, allowed := range map[string]bool{"shop": true, "other": false} {
				thing.PhysicalID, thing.Tags = id, map[string]string{"perch:project": project}
				thing.StackName, thing.LogicalID, thing.Suffix = "shop-a", "Thing", "0123456789ab"
				account := handlers.Account{ID: "1", Region: "eu-central-1", RoleOf: func(string) string { return "" }}
				denial := serviceRole(t).Check(handlers.Rights(account, phase, thing)...)
				if (denial == nil) != allowed {
					t.Errorf(
						"%s %s of project %s: denial = %v, want allowed = %v", phase, name, project, denial, allowed,
					)
				}
			}
		}
	}
}

// TestANewResourceIsTaggedWithTheCallThatCreatesIt checks the condition on the call's name, because
// a new resource has no tags yet.
func TestANewResourceIsTaggedWithTheCallThatCreatesIt(t *testing.T) {
	group := resource.Request{
		Type: "AWS::EC2::SecurityGroup", Tags: map[string]string{"perch:project": "shop"},
		Properties: map[string]any{"VpcId": "vpc-1"},
	}
	found := false
	for _, right := range handlers.Rights(handlers.Account{ID: "1", Region: "r"}, "create", group) {
		switch right.Action {
		case "ec2:CreateTags":
			found = true
			if right.Keys["ec2:createaction"] == nil || right.Keys["aws:resourcetag/perch:project"] != nil {
				t.Errorf("keys of ec2:CreateTags = %v", right.Keys)
			}
		case "ec2:AuthorizeSecurityGroupIngress":
			if right.Keys["aws:resourcetag/perch:project"] == nil {
				t.Errorf("keys of ec2:AuthorizeSecurityGroupIngress = %v", right.Keys)
			}
		}
	}
	if !found {
		t.Error("no tags are created")
	}
}
