package conformance

import (
	"context"
	"errors"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	rdstypes "github.com/aws/aws-sdk-go-v2/service/rds/types"
)

const databaseDocs = "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/"

// Each of these checks runs a db.t4g.micro, which costs about 2 US cents an hour (AWS pricing:
// RDS).
var databaseAssumptions = []Assumption{
	{
		Name: "rds/names-of-databases",
		Sentence: "If the template does not name a database, its identifier begins with the stack's name in lower " +
			"case. With DeletionPolicy Delete, the deletion leaves no snapshot.",
		Source:   "https://github.com/aws-cloudformation/aws-cloudformation-resource-providers-rds",
		ReliedOn: "deploy/iam/worker.json", Cents: 1, Minutes: 20, check: checkDatabaseName,
	},
	{
		Name: "rds/final-snapshot",
		Sentence: "With DeletionPolicy Snapshot, the deletion leaves a snapshot named STACK-snapshot-LOGICALID-..., " +
			"which has the database's tags if CopyTagsToSnapshot is set.",
		Source:   "https://github.com/aws-cloudformation/aws-cloudformation-resource-providers-rds",
		ReliedOn: "activities/leftovers/snapshots.go", Cents: 2, Minutes: 25, check: checkFinalSnapshot,
	},
	{
		Name: "rds/deletion-protection",
		Sentence: "The deletion of a stack with a database that has DeletionProtection ends in DELETE_FAILED: " +
			"`Cannot delete protected`.",
		Source: databaseDocs + "USER_DeleteInstance.html", ReliedOn: "lifecycle/repair.go", Cents: 1, Minutes: 20,
		check: checkDatabaseProtection,
	},
	{
		Name:     "rds/stopped-database-is-deleted",
		Sentence: "CloudFormation deletes a stopped database with its stack, without starting it.",
		Source:   databaseDocs + "USER_StopInstance.html", ReliedOn: "workflows/teardown.go", Cents: 1, Minutes: 30,
		check: checkStoppedIsDeleted,
	},
	{
		Name:     "rds/stopped-database-is-not-changed",
		Sentence: "An update that changes a stopped database fails: `is not in available state`.",
		Source:   databaseDocs + "USER_StopInstance.html", ReliedOn: "lifecycle/explain.go", Cents: 2, Minutes: 35,
		check: checkStoppedIsNotChanged,
	},
	{
		Name: "rds/no-extended-support",
		Sentence: "RDS rejects a new database of a version in Extended Support (PostgreSQL 13) if its " +
			"EngineLifecycleSupport is open-source-rds-extended-support-disabled.",
		Source: databaseDocs + "extended-support.html", ReliedOn: "cfn/database.go", Minutes: 5,
		check: checkNoExtendedSupport,
	},
	{
		Name:     "rds/extended-support-by-default",
		Sentence: "RDS enrolls a new database without EngineLifecycleSupport in Extended Support.",
		Source:   databaseDocs + "extended-support.html", ReliedOn: "cfn/database.go", Cents: 1, Minutes: 20,
		check: checkExtendedSupport,
	},
	{
		Name:     "rds/major-version",
		Sentence: "If a template names only a major version of PostgreSQL, RDS chooses the minor version.",
		Source:   databaseDocs + "USER_UpgradeDBInstance.PostgreSQL.html", ReliedOn: "cfn/database.go", Cents: 1,
		Minutes: 20,
		check:   checkMajorVersion,
	},
	{
		Name: "rds/tls-is-required",
		Sentence: "From PostgreSQL 15 on, rds.force_ssl is 1 by default: the database rejects connections without " +
			"TLS.",
		Source: databaseDocs + "PostgreSQL.Concepts.General.SSL.html", ReliedOn: "activities/database/server.go",
		Minutes: 1,
		check:   checkForcedTLS,
	},
}

// database returns the resource of a database in the default VPC. lines has additional properties.
func database(deletionPolicy, lines string) string {
	return "Database: {Type: AWS::RDS::DBInstance, DeletionPolicy: " + deletionPolicy + ", Properties: {" +
		`Engine: postgres, DBInstanceClass: db.t4g.micro, AllocatedStorage: "20", StorageType: gp3, ` +
		"MasterUsername: perch, ManageMasterUserPassword: true, BackupRetentionPeriod: 0, PubliclyAccessible: false, " +
		"CopyTagsToSnapshot: true, " + lines + "}}"
}

// createDatabaseStack creates a stack with a database, and returns the stack's id and the
// database's name.
func (w *World) createDatabaseStack(ctx context.Context, deletionPolicy, lines string) (stack, name string, err error) {
	if stack, err = w.createStack(ctx, "", template(database(deletionPolicy, lines))); err != nil {
		return "", "", err
	}
	name, err = w.physicalID(ctx, stack, "Database")
	return stack, name, err
}

// snapshots returns the manual snapshots of a database. The database may already be deleted.
func (w *World) snapshots(ctx context.Context, database string) ([]rdstypes.DBSnapshot, error) {
	out, err := w.databases.DescribeDBSnapshots(ctx, &rds.DescribeDBSnapshotsInput{
		DBInstanceIdentifier: &database, SnapshotType: aws.String("manual"),
	})
	if err := wantAccepted("DescribeDBSnapshots", err); err != nil {
		return nil, err
	}
	return out.DBSnapshots, nil
}

func checkDatabaseName(ctx context.Context, w *World) error {
	stack, name, err := w.createDatabaseStack(ctx, "Delete", "")
	if err != nil {
		return err
	}
	if want := Prefix + w.run; !strings.HasPrefix(name, want) || len(name) > 63 {
		return differencef("the database is named %q, want at most 63 characters that begin with %q", name, want)
	}
	if err := w.deleteStack(ctx, stack, types.StackStatusDeleteComplete); err != nil {
		return err
	}
	snapshots, err := w.snapshots(ctx, name)
	if err == nil && len(snapshots) > 0 {
		err = differencef("the deletion left %d snapshots", len(snapshots))
	}
	return err
}

func checkFinalSnapshot(ctx context.Context, w *World) (err error) {
	stack, name, err := w.createDatabaseStack(ctx, "Snapshot", "")
	if err != nil {
		return err
	}
	if err := w.deleteStack(ctx, stack, types.StackStatusDeleteComplete); err != nil {
		return err
	}
	snapshots, err := w.snapshots(ctx, name)
	if err != nil {
		return err
	}
	if len(snapshots) != 1 {
		return differencef("the deletion left %d snapshots, want 1", len(snapshots))
	}
	id := aws.ToString(snapshots[0].DBSnapshotIdentifier)
	defer func() { err = errors.Join(err, w.removeSnapshot(context.WithoutCancel(ctx), id)) }()
	if want := w.stackName("") + "-snapshot-database-"; !strings.HasPrefix(id, want) {
		return differencef("the snapshot is named %s, want %s...", id, want)
	}
	for _, tag := range snapshots[0].TagList {
		if w.isRunTag(aws.ToString(tag.Key), aws.ToString(tag.Value)) {
			return nil
		}
	}
	return differencef("the snapshot does not have the tags of the database")
}

func checkDatabaseProtection(ctx context.Context, w *World) error {
	stack, _, err := w.createDatabaseStack(ctx, "Delete", "DeletionProtection: true")
	if err != nil {
		return err
	}
	if err := w.deleteStack(ctx, stack, types.StackStatusDeleteFailed); err != nil {
		return err
	}
	if reason := w.firstFailure(ctx, stack); !strings.Contains(reason, "Cannot delete protected") {
		return differencef("the reason is %q", reason)
	}
	return nil
}

// createStoppedDatabase creates a stack with a database, and stops the database. It returns the id
// of the stack.
func (w *World) createStoppedDatabase(ctx context.Context) (stack string, err error) {
	stack, name, err := w.createDatabaseStack(ctx, "Delete", "")
	if err != nil {
		return "", err
	}
	if _, err := w.databases.StopDBInstance(ctx, &rds.StopDBInstanceInput{DBInstanceIdentifier: &name}); err != nil {
		return "", wantAccepted("StopDBInstance", err)
	}
	in := &rds.DescribeDBInstancesInput{DBInstanceIdentifier: &name}
	return stack, w.waitUntil(ctx, "the database is stopped", func() (bool, error) {
		out, err := w.databases.DescribeDBInstances(ctx, in)
		return err == nil && aws.ToString(out.DBInstances[0].DBInstanceStatus) == "stopped", err
	})
}

func checkStoppedIsDeleted(ctx context.Context, w *World) error {
	stack, err := w.createStoppedDatabase(ctx)
	if err != nil {
		return err
	}
	return w.deleteStack(ctx, stack, types.StackStatusDeleteComplete)
}

func checkStoppedIsNotChanged(ctx context.Context, w *World) error {
	stack, err := w.createStoppedDatabase(ctx)
	if err != nil {
		return err
	}
	_, err = w.stacks.UpdateStack(ctx, w.updateInput(stack, template(database("Delete", "MaxAllocatedStorage: 100"))))
	if err := wantAccepted("UpdateStack", err); err != nil {
		return err
	}
	if _, err := w.waitForEnd(ctx, stack); err != nil {
		return err
	}
	if reason := w.firstFailure(ctx, stack); !strings.Contains(reason, "is not in available state") {
		return differencef("the reason is %q", reason)
	}
	return nil
}

func checkNoExtendedSupport(ctx context.Context, w *World) error {
	lines := `EngineVersion: "13", EngineLifecycleSupport: open-source-rds-extended-support-disabled`
	id, err := w.startCreate(ctx, w.createInput("", template(database("Delete", lines))))
	if err != nil {
		return err
	}
	if err := w.wantStatus(ctx, id, types.StackStatusRollbackComplete); err != nil {
		return err
	}
	if reason := w.firstFailure(ctx, id); !strings.HasPrefix(reason, "Database: ") {
		return differencef("the first failure is %q", reason)
	}
	return nil
}

// forceSSLDefault returns the default of rds.force_ssl for a major version of PostgreSQL. The
// result is empty if RDS lists no such parameter.
func (w *World) forceSSLDefault(ctx context.Context, major string) (string, error) {
	pages := rds.NewDescribeEngineDefaultParametersPaginator(w.databases, &rds.DescribeEngineDefaultParametersInput{
		DBParameterGroupFamily: aws.String("postgres" + major),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err := wantAccepted("DescribeEngineDefaultParameters", err); err != nil {
			return "", err
		}
		for _, parameter := range page.EngineDefaults.Parameters {
			if aws.ToString(parameter.ParameterName) == "rds.force_ssl" {
				return aws.ToString(parameter.ParameterValue), nil
			}
		}
	}
	return "", nil
}

// createDatabase creates a stack with a database that has the properties in lines, and returns the
// database.
func (w *World) createDatabase(ctx context.Context, lines string) (database rdstypes.DBInstance, err error) {
	_, name, err := w.createDatabaseStack(ctx, "Delete", lines)
	if err != nil {
		return database, err
	}
	out, err := w.databases.DescribeDBInstances(ctx, &rds.DescribeDBInstancesInput{DBInstanceIdentifier: &name})
	if err := wantAccepted("DescribeDBInstances", err); err != nil {
		return database, err
	}
	if len(out.DBInstances) != 1 {
		return database, differencef("%d databases are named %s", len(out.DBInstances), name)
	}
	return out.DBInstances[0], nil
}

func checkExtendedSupport(ctx context.Context, w *World) error {
	database, err := w.createDatabase(ctx, `EngineVersion: "18"`)
	cycle := aws.ToString(database.EngineLifecycleSupport)
	if err == nil && cycle != "open-source-rds-extended-support" {
		err = differencef("the database has EngineLifecycleSupport %q", cycle)
	}
	return err
}

func checkMajorVersion(ctx context.Context, w *World) error {
	database, err := w.createDatabase(ctx, `EngineVersion: "18", `+
		"EngineLifecycleSupport: open-source-rds-extended-support-disabled")
	version := aws.ToString(database.EngineVersion)
	if err == nil && version != "18" && !strings.HasPrefix(version, "18.") {
		err = differencef("the database runs %q, want a version of 18", version)
	}
	return err
}

func checkForcedTLS(ctx context.Context, w *World) error {
	for _, major := range []string{"15", "16", "17", "18"} {
		value, err := w.forceSSLDefault(ctx, major)
		if err != nil {
			return err
		}
		if value != "1" {
			return differencef("rds.force_ssl is %q by default for PostgreSQL %s, want 1", value, major)
		}
	}
	return nil
}
