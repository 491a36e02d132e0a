package services

import (
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/smithy-go"
)

// code returns the error code that a client sees.
func code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

func databaseProperties() map[string]any {
	return map[string]any{
		"Engine": "postgres", "EngineVersion": "16", "DBInstanceClass": "db.t4g.micro", "AllocatedStorage": "20",
		"DBName":         "app",
		"MasterUsername": "perch", "MasterUserPassword": "x",
	}
}

func TestADatabaseIsAvailableAfterItsCreation(t *testing.T) {
	a := newAccount(t, Config{})
	client := sdk.NewFromConfig(a.aws)
	state, r := a.create(typeDatabase, "Database", databaseProperties())
	diff(t, state.ID, "shop-main-database-abcdefghij12")
	status := func() string {
		t.Helper()
		out, err := client.DescribeDBInstances(
			t.Context(), &sdk.DescribeDBInstancesInput{DBInstanceIdentifier: aws.String(state.ID)},
		)
		if err != nil {
			t.Fatal(err)
		}
		db := out.DBInstances[0]
		if s := aws.ToString(db.DBInstanceStatus); s != "available" {
			return s
		}
		diff(t, aws.ToString(db.Endpoint.Address), state.Attributes["Endpoint.Address"])
		diff(t, aws.ToInt32(db.Endpoint.Port), int32(5432))
		return "available"
	}
	diff(t, status(), "creating")
	a.settle(r)
	diff(t, status(), "available")
	if err := a.remove(r); err != nil {
		t.Fatal(err)
	}
	_, err := client.DescribeDBInstances(
		t.Context(), &sdk.DescribeDBInstancesInput{DBInstanceIdentifier: aws.String(state.ID)},
	)
	if code(err) != "DBInstanceNotFound" && code(err) != "DBInstanceNotFoundFault" {
		t.Fatalf("error = %v, want DBInstanceNotFound", err)
	}
}

func TestDeletionProtectionBlocksADeletionUntilItIsOff(t *testing.T) {
	a := newAccount(t, Config{})
	client := sdk.NewFromConfig(a.aws)
	p := databaseProperties()
	p["DeletionProtection"] = true
	state, r := a.createReady(typeDatabase, "Database", p)
	wantError(t, a.remove(r), "Cannot delete protected DB Instance, please disable deletion protection and try again.")
	out, err := client.ModifyDBInstance(
		t.Context(),
		&sdk.ModifyDBInstanceInput{DBInstanceIdentifier: aws.String(state.ID), DeletionProtection: aws.Bool(false)},
	)
	if err != nil || aws.ToBool(out.DBInstance.DeletionProtection) {
		t.Fatalf("modify: %+v, %v", out, err)
	}
	if err := a.remove(r); err != nil {
		t.Fatal(err)
	}
	if p["DeletionProtection"] != true {
		t.Fatal("the properties in the request were changed")
	}
}

func TestAStoppedDatabaseCannotBeChangedUntilItIsStarted(t *testing.T) {
	a := newAccount(t, Config{})
	client := sdk.NewFromConfig(a.aws)
	state, r := a.createReady(typeDatabase, "Database", databaseProperties())
	if _, err := client.StopDBInstance(
		t.Context(), &sdk.StopDBInstanceInput{DBInstanceIdentifier: aws.String(state.ID)},
	); err != nil {
		t.Fatal(err)
	}
	_, err := client.StopDBInstance(t.Context(), &sdk.StopDBInstanceInput{DBInstanceIdentifier: aws.String(state.ID)})
	wantError(t, err, "is not in available state")
	r.Properties = databaseProperties()
	r.Properties["AllocatedStorage"] = "30"
	_, err = a.service.Handlers()[typeDatabase].Update(t.Context(), r)
	wantError(t, err, "Database instance is not in available state.")
	if _, err := client.StartDBInstance(
		t.Context(), &sdk.StartDBInstanceInput{DBInstanceIdentifier: aws.String(state.ID)},
	); err != nil {
		t.Fatal(err)
	}
	if _, err := a.service.Handlers()[typeDatabase].Update(t.Context(), r); err != nil {
		t.Error(err)
	}
}

func TestModifyDBInstanceRejectsOtherChanges(t *testing.T) {
	a := newAccount(t, Config{})
	state, _ := a.createReady(typeDatabase, "Database", databaseProperties())
	_, err := sdk.NewFromConfig(a.aws).ModifyDBInstance(
		t.Context(),
		&sdk.ModifyDBInstanceInput{DBInstanceIdentifier: aws.String(state.ID), AllocatedStorage: aws.Int32(30)},
	)
	wantError(t, err, "AllocatedStorage cannot be modified here")
}

func TestADeletionTakesASnapshotIfThePolicyRequiresOne(t *testing.T) {
	for _, requested := range []bool{true, false} {
		a := newAccount(t, Config{})
		client := sdk.NewFromConfig(a.aws)
		state, r := a.createReady(typeDatabase, "Database", databaseProperties())
		r.Snapshot = requested
		if err := a.remove(r); err != nil {
			t.Fatal(err)
		}
		out, err := client.DescribeDBSnapshots(
			t.Context(), &sdk.DescribeDBSnapshotsInput{DBInstanceIdentifier: aws.String(state.ID)},
		)
		if err != nil {
			t.Fatal(err)
		}
		if !requested {
			diff(t, len(out.DBSnapshots), 0)
			continue
		}
		snapshot := out.DBSnapshots[0]
		if name := aws.ToString(snapshot.DBSnapshotIdentifier); !strings.HasPrefix(
			name, "shop-main-snapshot-database-",
		) || name != strings.ToLower(name) {
			t.Fatalf("snapshot %q", name)
		}
		diff(t, aws.ToString(snapshot.SnapshotType), "manual")
		if _, err := client.DeleteDBSnapshot(
			t.Context(), &sdk.DeleteDBSnapshotInput{DBSnapshotIdentifier: snapshot.DBSnapshotIdentifier},
		); err != nil {
			t.Fatal(err)
		}
		_, err = client.DeleteDBSnapshot(
			t.Context(), &sdk.DeleteDBSnapshotInput{DBSnapshotIdentifier: snapshot.DBSnapshotIdentifier},
		)
		wantError(t, err, "not found")
	}
}

func TestADatabaseIsRestoredFromASnapshot(t *testing.T) {
	a := newAccount(t, Config{})
	client := sdk.NewFromConfig(a.aws)
	p := databaseProperties()
	p["StorageEncrypted"] = true
	state, source := a.createReady(typeDatabase, "Source", p)
	in := &sdk.CreateDBSnapshotInput{DBInstanceIdentifier: &state.ID, DBSnapshotIdentifier: aws.String("shop-seed-1")}
	made, err := client.CreateDBSnapshot(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.CreateDBSnapshot(t.Context(), in)
	wantError(t, err, "already exists")
	if err := a.remove(source); err != nil {
		t.Fatal(err)
	}
	for i, reference := range []string{"shop-seed-1", aws.ToString(made.DBSnapshot.DBSnapshotArn)} {
		restored, _ := a.createReady(typeDatabase, "Restored"+
			string(rune('A'+i)), map[string]any{"DBInstanceClass": "db.t4g.micro", "DBSnapshotIdentifier": reference})
		out, err := client.DescribeDBInstances(
			t.Context(), &sdk.DescribeDBInstancesInput{DBInstanceIdentifier: &restored.ID},
		)
		if err != nil {
			t.Fatal(err)
		}
		db := out.DBInstances[0]
		got := []string{
			aws.ToString(db.Engine), aws.ToString(db.EngineVersion), aws.ToString(db.DBName),
			aws.ToString(db.MasterUsername),
		}
		diff(t, got, []string{"postgres", "16", "app", "perch"})
		if !aws.ToBool(db.StorageEncrypted) || restored.Attributes["Endpoint.Port"] != "5432" {
			t.Errorf("encrypted %v, attributes %v", aws.ToBool(db.StorageEncrypted), restored.Attributes)
		}
	}
	_, err = a.tryCreate(request(
		typeDatabase, "Unknown",
		map[string]any{"DBInstanceClass": "db.t4g.micro", "DBSnapshotIdentifier": "shop-seed-2"},
	))
	wantError(t, err, "DBSnapshot not found: shop-seed-2")
}

func TestARestoredDatabaseCanBeUpdatedWithoutItsSnapshot(t *testing.T) {
	a := newAccount(t, Config{})
	client := sdk.NewFromConfig(a.aws)
	state, _ := a.createReady(typeDatabase, "Source", databaseProperties())
	name := aws.String("shop-seed-1")
	if _, err := client.CreateDBSnapshot(
		t.Context(), &sdk.CreateDBSnapshotInput{DBInstanceIdentifier: &state.ID, DBSnapshotIdentifier: name},
	); err != nil {
		t.Fatal(err)
	}
	_, r := a.createReady(
		typeDatabase, "Restored", map[string]any{"DBInstanceClass": "db.t4g.micro", "DBSnapshotIdentifier": *name},
	)
	if _, err := client.DeleteDBSnapshot(
		t.Context(), &sdk.DeleteDBSnapshotInput{DBSnapshotIdentifier: name},
	); err != nil {
		t.Fatal(err)
	}
	if _, err := a.service.Handlers()[typeDatabase].Update(t.Context(), r); err != nil {
		t.Fatal(err)
	}
}

func TestDatabaseErrorsHaveRDSsMessages(t *testing.T) {
	tests := []struct {
		property, sentence string
		value              any
	}{
		{"Engine", "Invalid DB engine: oracle", "oracle"},
		{"DBInstanceClass", "Invalid DB Instance class: t3.micro", "t3.micro"},
		{"DBInstanceIdentifier", "is not a valid identifier", "1st"},
		{"DBInstanceIdentifier", "is not a valid identifier", "a--b"},
		{"DBSubnetGroupName", "DB subnet group 'nope' does not exist.", "nope"},
		{"VPCSecurityGroups", "Invalid security group , groupId= sg-nope", []any{"sg-nope"}},
	}
	for _, test := range tests {
		t.Run(test.property, func(t *testing.T) {
			a := newAccount(t, Config{})
			p := databaseProperties()
			p[test.property] = test.value
			_, err := a.tryCreate(request(typeDatabase, "Database", p))
			wantError(t, err, test.sentence)
		})
	}
}

func TestASubnetGroupNeedsTwoZones(t *testing.T) {
	a := newAccount(t, Config{})
	group := func(subnets ...string) map[string]any {
		return map[string]any{"DBSubnetGroupDescription": "x", "SubnetIds": toAny(subnets)}
	}
	_, err := a.tryCreate(request(typeSubnetGroup, "One", group(Subnets[0])))
	wantError(t, err, "at least 2 AZs")
	_, err = a.tryCreate(request(typeSubnetGroup, "Unknown", group(Subnets[0], "subnet-nope")))
	wantError(t, err, "Some input subnets in :[subnet-nope] are invalid.")
	state, r := a.createReady(typeSubnetGroup, "Two", group(Subnets[0], Subnets[1]))
	p := databaseProperties()
	p["DBSubnetGroupName"] = state.ID
	_, db := a.createReady(typeDatabase, "Database", p)
	wantError(t, a.remove(r), "is still using it")
	out, err := sdk.NewFromConfig(a.aws).DescribeDBSubnetGroups(
		t.Context(), &sdk.DescribeDBSubnetGroupsInput{DBSubnetGroupName: aws.String(state.ID)},
	)
	if err != nil || len(out.DBSubnetGroups[0].Subnets) != 2 {
		t.Fatalf("subnet groups = %+v, %v", out, err)
	}
	for _, each := range []func() error{func() error { return a.remove(db) }, func() error { return a.remove(r) }} {
		if err := each(); err != nil {
			t.Fatal(err)
		}
	}
}
