package activities

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/rds"

	"perch/activities/activitytest"
	"perch/activities/contract"
	"perch/activities/stack"
	"perch/cfn"
	"perch/lifecycle"
	"perch/sandbox/aws"
	"perch/sandbox/aws/services"
)

// groupedStack is a rendered custom template: a database with dedicated groups and a deletion
// policy.
func groupedStack(policy string) string {
	return fmt.Sprintf(`{"Resources": {
		"Rest": {"Type": "AWS::S3::Bucket"},
		"Guard": {"Type": "AWS::EC2::SecurityGroup", "Properties": {"GroupDescription": "guards"}},
		"Subnets": {"Type": "AWS::RDS::DBSubnetGroup", "Properties": {"DBSubnetGroupDescription": "subnets", "SubnetIds": [%q, %q]}},
		"Db": {"Type": "AWS::RDS::DBInstance", "DeletionPolicy": %q, "Properties": {
			"Engine": "postgres", "EngineVersion": "16", "DBInstanceClass": "db.t4g.micro", "AllocatedStorage": "20",
			"MasterUsername": "perch", "MasterUserPassword": "secret-enough",
			"DBSubnetGroupName": {"Ref": "Subnets"}, "VPCSecurityGroups": [{"Fn::GetAtt": ["Guard", "GroupId"]}]}}},
		"Outputs": {%q: {"Value": "http://shop.localhost"}}}`, services.Subnets[0], services.Subnets[1], policy, cfn.OutputCustomURL)
}

// forced is a stack that was deleted by force, and that left its database and the groups of it.
func forced(t *testing.T, w *world, policy string) (stackID string) {
	t.Helper()
	body := groupedStack(policy)
	stackID = w.bare("shop-login", "login", func(in *cloudformation.CreateStackInput) { in.TemplateBody = &body })
	w.settle(stackID)
	for _, kept := range []string{"Db", "Subnets", "Guard"} {
		w.fault(aws.Fault{Stack: "shop-login", LogicalID: kept, Phase: "delete", Reason: "Internal failure", Count: 2})
	}
	w.delete(stackID, nil)
	in := contract.ChangeInput{
		Environment: activitytest.Environment("shop", "login"), StackID: stackID, Force: true, Token: "forced",
	}
	must(w, of[*Stacks](w).DeleteStack, in)
	if ended := must(
		w, of[*Stacks](w).AwaitStack, contract.AwaitInput{StackID: stackID, Token: in.Token},
	); ended.Status != stack.Deleted {
		t.Fatalf("the forced deletion ended in %+v", ended)
	}
	return stackID
}

// sweepOrphans deletes the orphans of login as a removal does, and returns their types and what the
// sweeps kept.
func (w *world) sweepOrphans() (kinds, kept []string) {
	w.t.Helper()
	for _, orphan := range must(
		w, of[*Verification](w).VerifyGone,
		contract.VerifyInput{Environment: activitytest.Environment("shop", "login")},
	).Orphans {
		kinds = append(kinds, strings.TrimPrefix(orphan.Type, "AWS::"))
		out := must(w, of[*Verification](w).SweepResources, contract.SweepInput{
			Environment: activitytest.Environment("shop", "login"), StackID: orphan.StackID,
			Resources: []lifecycle.Failure{{Type: orphan.Type, PhysicalID: orphan.PhysicalID}},
		})
		kept = append(kept, out.Kept...)
	}
	slices.Sort(kinds)
	return kinds, kept
}

func (w *world) databaseSnapshots() int {
	w.t.Helper()
	out, err := rds.NewFromConfig(w.config).DescribeDBSnapshots(w.t.Context(), &rds.DescribeDBSnapshotsInput{})
	if err != nil {
		w.t.Fatal(err)
	}
	return len(out.DBSnapshots)
}

func (w *world) verifyLogin() contract.VerifyResult {
	w.t.Helper()
	return must(
		w, of[*Verification](w).VerifyGone,
		contract.VerifyInput{Environment: activitytest.Environment("shop", "login"), Swept: true},
	)
}

func TestS232AForcedRemovalIsFinishedByTheNextOne(t *testing.T) {
	for policy, snapshots := range map[string]int{"Delete": 0, "Snapshot": 1} {
		t.Run(policy, func(t *testing.T) {
			w := newWorld(t)
			forced(t, w, policy)
			if left := w.verifyLogin().Leftovers; len(left) != 3 {
				t.Fatalf("the forced removal left %q", left)
			}
			id := w.orphanDatabase()
			kinds, kept := w.sweepOrphans()
			want := []string{"EC2::SecurityGroup", "RDS::DBInstance", "RDS::DBSubnetGroup"}
			for range 2 { // The groups are only free after the database.
				if more, _ := w.sweepOrphans(); len(more) == 0 {
					break
				}
			}
			if !slices.Equal(kinds, want) || len(kept) != snapshots || w.databaseSnapshots() != snapshots {
				t.Errorf(
					"deleted %q, kept %q and %d snapshots, want %q and %d", kinds, kept, w.databaseSnapshots(), want,
					snapshots,
				)
			}
			if len(kept) > 0 && !strings.HasPrefix(kept[0], "database snapshot "+id+"-perch-final-") {
				t.Errorf("kept %q", kept)
			}
			if out := w.verifyLogin(); len(out.Leftovers) != 0 {
				t.Errorf("left %+v", out)
			}
		})
	}
}

// orphanDatabase is the identifier of the only database.
func (w *world) orphanDatabase() string {
	w.t.Helper()
	out, err := rds.NewFromConfig(w.config).DescribeDBInstances(w.t.Context(), &rds.DescribeDBInstancesInput{})
	if err != nil || len(out.DBInstances) != 1 {
		w.t.Fatalf("%d databases, %v", len(out.DBInstances), err)
	}
	return sdk.ToString(out.DBInstances[0].DBInstanceIdentifier)
}

func TestS232WhatATemplateKeepsIsNotAnOrphan(t *testing.T) {
	w := newWorld(t)
	forced(t, w, "Retain")
	kinds, _ := w.sweepOrphans()
	if slices.Contains(kinds, "RDS::DBInstance") || w.orphanDatabase() == "" {
		t.Errorf("deleted %q", kinds)
	}
}

func TestS232AProtectedDatabaseStaysAndIsNamed(t *testing.T) {
	w := newWorld(t)
	forced(t, w, "Delete")
	id := w.orphanDatabase()
	_, err := rds.NewFromConfig(w.config).ModifyDBInstance(t.Context(), &rds.ModifyDBInstanceInput{
		DBInstanceIdentifier: &id, DeletionProtection: sdk.Bool(true),
	})
	if err != nil {
		t.Fatal(err)
	}
	w.sweepOrphans()
	if left := w.verifyLogin().Leftovers; len(left) != 3 || w.orphanDatabase() != id {
		t.Errorf("left %q", left)
	}
}

func TestS232ADatabaseThatAnUpdateDroppedGoesWithASnapshot(t *testing.T) {
	w := newWorld(t)
	body, rest := groupedStack("Delete"), "Resources: {Rest: {Type: AWS::S3::Bucket}}"
	id := w.bare("shop-login", "login", func(in *cloudformation.CreateStackInput) { in.TemplateBody = &body })
	w.settle(id)
	w.fault(aws.Fault{Stack: "shop-login", LogicalID: "Db", Phase: "delete", Reason: "Internal failure", Count: 3})
	if _, err := w.cfn().UpdateStack(
		t.Context(), &cloudformation.UpdateStackInput{StackName: &id, TemplateBody: &rest},
	); err != nil {
		t.Fatal(err)
	}
	w.settle(id)
	w.delete(id, nil)
	kinds, kept := w.sweepOrphans()
	if !slices.Contains(kinds, "RDS::DBInstance") || len(kept) != 1 || w.databaseSnapshots() != 1 {
		t.Errorf("deleted %q, kept %q and %d snapshots", kinds, kept, w.databaseSnapshots())
	}
}

func TestS232ASweepWaitsForWhatIsInUse(t *testing.T) {
	w := newWorld(t)
	id := forced(t, w, "Delete")
	w.fault(aws.Fault{
		Service: "ec2", Action: "DeleteSecurityGroup", Code: "DependencyViolation",
		Message: "resource has a dependent object", Count: 3,
	})
	in := contract.SweepInput{Environment: activitytest.Environment("shop", "login"), StackID: id}
	for _, orphan := range must(
		w, of[*Verification](w).VerifyGone,
		contract.VerifyInput{Environment: activitytest.Environment("shop", "login")},
	).Orphans {
		in.Resources = append(in.Resources, lifecycle.Failure{Type: orphan.Type, PhysicalID: orphan.PhysicalID})
	}
	slices.Reverse(in.Resources)
	must(w, of[*Verification](w).SweepResources, in)
	if out := w.verifyLogin(); len(out.Leftovers)+len(out.Orphans) != 0 {
		t.Errorf("left %+v", out)
	}
}

func TestS232AClusterThatAForcedRemovalLeftIsNamed(t *testing.T) {
	w := newWorld(t)
	id := w.templated(strings.Replace(
		protectedCluster, `"Resources": {`, `"Resources": {"Rest": {"Type": "AWS::S3::Bucket"}, `, 1,
	))
	contents := w.prepare(id, true).Contents
	w.delete(id, nil)
	in := contract.ChangeInput{
		Environment: activitytest.Environment("shop", "login"), StackID: id, Force: true, Token: "forced",
	}
	must(w, of[*Stacks](w).DeleteStack, in)
	must(w, of[*Stacks](w).AwaitStack, contract.AwaitInput{StackID: id, Token: in.Token})
	left := w.verifyLogin().Leftovers
	if len(contents.Clusters) != 1 || len(left) != 1 || !strings.Contains(left[0], contents.Clusters[0]) {
		t.Errorf("the stack held %q, and %q is left", contents.Clusters, left)
	}
}
