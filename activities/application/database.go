package application

import (
	"context"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/rds"

	"perch"
	"perch/activities/awserr"
	"perch/cfn"
)

// RunningDatabase describes a stack's existing database; the zero value if there is none.
type RunningDatabase struct {
	// major is its major version, such as "16".
	major string
	// Extended means that it is enrolled in RDS Extended Support.
	Extended bool
}

// RunningDatabase asks RDS about the database with this logical id in a stack.
func (s *Stacks) RunningDatabase(ctx context.Context, stack, logicalID string) (RunningDatabase, error) {
	in := &cloudformation.DescribeStackResourceInput{StackName: &stack, LogicalResourceId: &logicalID}
	found, err := s.cfn.DescribeStackResource(ctx, in)
	if awserr.UnknownStack(err) {
		return RunningDatabase{}, nil // The stack does not exist, or has no such resource.
	}
	if err != nil {
		return RunningDatabase{}, awserr.Wrap(err, "look for the database of stack %s", stack)
	}
	id := aws.ToString(found.StackResourceDetail.PhysicalResourceId)
	if id == "" {
		return RunningDatabase{}, nil
	}
	out, err := s.rds.DescribeDBInstances(ctx, &rds.DescribeDBInstancesInput{DBInstanceIdentifier: &id})
	if awserr.HasCode(err, "DBInstanceNotFound", "DBInstanceNotFoundFault") || err == nil && len(out.DBInstances) == 0 {
		return RunningDatabase{}, nil
	}
	if err != nil {
		return RunningDatabase{}, awserr.Wrap(err, "look for database %s", id)
	}
	major, _, _ := strings.Cut(aws.ToString(out.DBInstances[0].EngineVersion), ".")
	lifecycle := aws.ToString(out.DBInstances[0].EngineLifecycleSupport)
	return RunningDatabase{major, lifecycle != cfn.ExtendedSupportDisabled}, nil
}

// Version returns the major version that the database gets: the named one or, if none is named, the
// one that it has. An update of the template must not upgrade a database, and RDS cannot downgrade
// one.
func (r RunningDatabase) Version(named string) (string, error) {
	if named == "" && r.major != "" {
		return r.major, nil
	}
	wanted := named
	if wanted == "" {
		wanted = perch.DefaultPostgreSQL
	}
	number, _ := strconv.Atoi(wanted)
	running, _ := strconv.Atoi(r.major)
	switch {
	case number < running:
		return "", awserr.Final(perch.ErrorInvalid, "database.version is %q, and the database runs PostgreSQL %s: "+
			"RDS does not downgrade a database; name %q or leave version out", wanted, r.major, r.major)
	case number < perch.OldestPostgreSQL && r.major != wanted:
		return "", awserr.Final(perch.ErrorInvalid, "database.version is %q, and RDS has ended its standard support: "+
			"new databases need version %d or later; use %q", wanted, perch.OldestPostgreSQL, perch.DefaultPostgreSQL)
	}
	return wanted, nil
}
