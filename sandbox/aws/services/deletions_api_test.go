package services

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	sdk "github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

func TestDeleteDBInstanceTakesOrSkipsAFinalSnapshot(t *testing.T) {
	a := newAccount(t, Config{})
	client := sdk.NewFromConfig(a.aws)
	p := databaseProperties()
	state, _ := a.createReady(typeDatabase, "Database", p)
	id, snapshot := aws.String(state.ID), aws.String("shop-final")
	remove := func(database, final *string, skip bool) error {
		_, err := client.DeleteDBInstance(t.Context(), &sdk.DeleteDBInstanceInput{
			DBInstanceIdentifier: database, FinalDBSnapshotIdentifier: final, SkipFinalSnapshot: aws.Bool(skip),
		})
		return err
	}
	wantError(t, remove(id, nil, false), "FinalDBSnapshotIdentifier is required")
	wantError(t, remove(id, snapshot, true), "can not be specified")
	wantError(t, remove(id, aws.String("-"), false), "not a valid identifier")
	if err := remove(id, snapshot, false); err != nil {
		t.Fatal(err)
	}
	if err := remove(id, snapshot, false); !strings.HasPrefix(code(err), "DBInstanceNotFound") {
		t.Errorf("delete again: %v", err)
	}
	out, err := client.DescribeDBSnapshots(t.Context(), &sdk.DescribeDBSnapshotsInput{DBInstanceIdentifier: id})
	if err != nil || len(out.DBSnapshots) != 1 || aws.ToString(out.DBSnapshots[0].DBSnapshotIdentifier) != *snapshot {
		t.Errorf("snapshots %+v, %v", out, err)
	}
	again, _ := a.createReady(typeDatabase, "Again", p)
	if wantError(
		t, remove(aws.String(again.ID), snapshot, false), "already exists",
	); remove(aws.String(again.ID), nil, true) != nil {
		t.Error("the deletion without a snapshot failed")
	}
	p["DeletionProtection"] = true
	protected, _ := a.createReady(typeDatabase, "Protected", p)
	wantError(t, remove(aws.String(protected.ID), nil, true), "Cannot delete protected DB Instance")
}

func TestSecurityAndSubnetGroupsInUseCannotBeDeleted(t *testing.T) {
	a := newAccount(t, Config{})
	group, _ := a.createReady(typeSecurityGroup, "Group", map[string]any{"GroupDescription": "x"})
	subnets, _ := a.createReady(typeSubnetGroup, "Subnets", map[string]any{
		"DBSubnetGroupDescription": "x", "SubnetIds": []any{Subnets[0], Subnets[1]},
	})
	p := databaseProperties()
	p["DBSubnetGroupName"], p["VPCSecurityGroups"] = subnets.ID, []any{group.ID}
	_, database := a.createReady(typeDatabase, "Database", p)
	deleteGroup := func(id string) error {
		_, err := ec2.NewFromConfig(a.aws).DeleteSecurityGroup(t.Context(), &ec2.DeleteSecurityGroupInput{GroupId: &id})
		return err
	}
	deleteSubnets := func() error {
		in := &sdk.DeleteDBSubnetGroupInput{DBSubnetGroupName: &subnets.ID}
		_, err := sdk.NewFromConfig(a.aws).DeleteDBSubnetGroup(t.Context(), in)
		return err
	}
	wantError(t, deleteGroup(group.ID), "DependencyViolation")
	wantError(t, deleteSubnets(), "still using it")
	if err := a.remove(database); err != nil {
		t.Fatal(err)
	}
	if err := deleteGroup(group.ID); err != nil {
		t.Error(err)
	}
	if err := deleteSubnets(); err != nil {
		t.Error(err)
	}
	wantError(t, deleteGroup(group.ID), "InvalidGroup.NotFound")
	wantError(t, deleteSubnets(), "DBSubnetGroupNotFoundFault")
	wantError(t, deleteGroup(DefaultSecurityGroup), "CannotDelete")
}

func TestDeleteSecretMarksASecretForDeletion(t *testing.T) {
	a := newAccount(t, Config{})
	client := secretsmanager.NewFromConfig(a.aws)
	state, _ := a.createReady(typeSecret, "Secret", map[string]any{"SecretString": "x"})
	remove := func(days int64) error {
		in := &secretsmanager.DeleteSecretInput{SecretId: &state.ID, RecoveryWindowInDays: &days}
		_, err := client.DeleteSecret(t.Context(), in)
		return err
	}
	wantError(t, remove(3), "between 7 and 30 days")
	if err := remove(7); err != nil {
		t.Fatal(err)
	}
	out, err := client.DescribeSecret(t.Context(), &secretsmanager.DescribeSecretInput{SecretId: &state.ID})
	if err != nil || out.DeletedDate == nil {
		t.Errorf("described %+v, %v", out, err)
	}
	_, err = client.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: &state.ID})
	wantError(t, err, "marked for deletion")
}
