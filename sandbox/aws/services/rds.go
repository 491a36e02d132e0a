package services

import (
	"cmp"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"perch/sandbox/aws/resource"
)

const (
	typeDatabase       = "AWS::RDS::DBInstance"
	typeSubnetGroup    = "AWS::RDS::DBSubnetGroup"
	typeParameterGroup = "AWS::RDS::DBParameterGroup"
	// typeSnapshot is not a CloudFormation type. Deletions leave snapshots behind.
	typeSnapshot = "snapshot"

	// statusStopped is the status of a stopped database, which can only be started or deleted.
	statusStopped = "stopped"

	rds = "Rds"
)

var rdsKinds = map[string]kind{
	typeDatabase: {
		service: rds, named: "DBInstanceIdentifier", limit: 63, lower: true, prepare: prepareDatabase,
		settle: settleDatabase, reject: rejectDatabase, terminating: terminateDatabase, remove: removeDatabase,
	},
	typeCluster: {
		service: rds, named: "DBClusterIdentifier", limit: 63, lower: true, prepare: prepareCluster,
		reject: rejectCluster,
		remove: removeCluster,
	},
	typeSubnetGroup: {
		service: rds, named: "DBSubnetGroupName", limit: 255, lower: true, prepare: prepareSubnetGroup,
		reject: rejectSubnetGroup,
	},
	typeParameterGroup: {
		service: rds, named: "DBParameterGroupName", limit: 255, lower: true, prepare: prepareParameterGroup,
	},
}

// enginePorts are the engines that can be created, with their default ports.
var enginePorts = map[string]string{
	"postgres": "5432", "aurora-postgresql": "5432", "mysql": "3306", "mariadb": "3306", "aurora-mysql": "3306",
}

var (
	hyphens         = regexp.MustCompile(`-+`)
	databasePattern = regexp.MustCompile(`^[a-z](-?[a-z0-9]){0,62}$`)
)

// usedSubnetGroup is RDS's sentence about a subnet group that a database uses.
const usedSubnetGroup = "Cannot delete the subnet group '%s' because at least one database instance: %s is still " +
	"using it."

const protectedDatabase = "Cannot delete protected DB Instance, please disable deletion protection and try again."

func prepareDatabase(s *Service, rec *record) error {
	if rec.Status == statusStopped {
		return failure(rds, http.StatusBadRequest, "ResourceConflict", "Database instance is not in available state.")
	}
	if rec.Properties.text("DBInstanceIdentifier") == "" {
		rec.Name = strings.Trim(hyphens.ReplaceAllString(rec.Name, "-"), "-")
	}
	if err := s.restore(rec); err != nil {
		return err
	}
	if err := s.legalDatabase(rec); err != nil {
		return err
	}
	if err := legalVersion(rec); err != nil {
		return err
	}
	port := rec.Properties.or("Port", enginePorts[strings.ToLower(rec.given("Engine"))])
	if rec.ID == "" {
		rec.ID, rec.ARN, rec.Status = rec.Name, s.arn("rds", "db:"+rec.Name), "creating"
		rec.Attributes["Endpoint.Address"] = rec.Name + "." + random(lowerDigits, 12) + "." + s.config.Region +
			".rds.amazonaws.com"
		if s.config.Loopback {
			rec.Attributes["Endpoint.Address"] = loopback
		}
		if host, real, err := net.SplitHostPort(s.config.PostgreSQL); err == nil {
			rec.Attributes["Endpoint.Address"], rec.Hidden["Port"] = host, real
		}
		rec.Attributes["Endpoint.HostedZoneId"] = "Z1RLNUO7B9Q6NB"
		rec.Attributes["DBInstanceArn"] = rec.ARN
		rec.Attributes["DbiResourceId"] = "db-" + random(upperDigits, 26)
	} else {
		rec.Status = "modifying"
	}
	rec.Attributes["Endpoint.Port"] = cmp.Or(rec.Hidden["Port"], port)
	return nil
}

// inherited are the properties that a restored database gets from its snapshot.
var inherited = []string{"Engine", "EngineVersion", "DBName", "MasterUsername", "StorageEncrypted", "AllocatedStorage"}

// restore copies the snapshot's properties when the database is created. After that, the snapshot
// may be deleted.
func (s *Service) restore(rec *record) error {
	name := rec.Properties.text("DBSnapshotIdentifier")
	if name == "" || rec.ID != "" {
		return nil
	}
	snapshot := s.known(typeSnapshot, name)
	if snapshot == nil {
		return failure(rds, http.StatusNotFound, "NotFound", "DBSnapshot not found: %s", name)
	}
	for _, key := range inherited {
		rec.Hidden[key] = snapshot.given(key)
	}
	return nil
}

// given returns a property, or the value that a database or its snapshot has inherited for it.
func (r *record) given(key string) string { return r.Properties.or(key, r.Hidden[key]) }

func (s *Service) legalDatabase(rec *record) error {
	p := rec.Properties
	switch {
	case !databasePattern.MatchString(rec.Name):
		return invalid(rds, "The parameter DBInstanceIdentifier is not a valid identifier. Identifiers must begin "+
			"with a letter; must contain only ASCII letters, digits, and hyphens; and must not end with a hyphen or "+
			"contain two consecutive hyphens.")
	case s.named(typeDatabase, rec.Name) != nil && s.named(typeDatabase, rec.Name) != rec:
		return failure(rds, http.StatusBadRequest, "AlreadyExists", "DB instance already exists")
	case enginePorts[strings.ToLower(rec.given("Engine"))] == "":
		return invalid(rds, "Invalid DB engine: %s", rec.given("Engine"))
	case !strings.HasPrefix(p.text("DBInstanceClass"), "db."):
		return invalid(rds, "Invalid DB Instance class: %s", p.text("DBInstanceClass"))
	}
	if cluster := p.text("DBClusterIdentifier"); cluster != "" && s.named(typeCluster, cluster) == nil {
		return failure(rds, http.StatusNotFound, "NotFound", "DBCluster %s not found.", cluster)
	}
	if group := p.text("DBSubnetGroupName"); group != "" && s.named(typeSubnetGroup, group) == nil {
		return failure(rds, http.StatusNotFound, "NotFound", "DB subnet group '%s' does not exist.", group)
	}
	for _, group := range p.texts("VPCSecurityGroups") {
		if s.find(typeSecurityGroup, group) == nil {
			return invalid(rds, "Invalid security group , groupId= %s, groupName=.", group)
		}
	}
	return nil
}

const (
	// extendedSupport is the life cycle that RDS gives a database without that setting.
	extendedSupport = "open-source-rds-extended-support"
	// oldestSupported is the oldest major version of PostgreSQL in standard support, as of 1 March
	// 2026.
	oldestSupported = 14
)

// legalVersion rejects versions as RDS does: a downgrade, a major upgrade that is not allowed, and
// a new database whose version is out of support, unless the database is enrolled in Extended
// Support.
func legalVersion(rec *record) error {
	wanted, running := major(rec.given("EngineVersion")), major(rec.Hidden["runs"])
	switch {
	case rec.given("Engine") != "postgres" || wanted == 0:
		return nil
	case running == 0 && wanted < oldestSupported &&
		rec.Properties.or("EngineLifecycleSupport", extendedSupport) != extendedSupport:
		return invalid(
			rds,
			"DB engine version %d is past its end of standard support date and requires RDS Extended Support",
			wanted,
		)
	case running != 0 && wanted < running:
		return invalid(rds, "Cannot upgrade postgres from %d to %d", running, wanted)
	case running != 0 && wanted > running && !rec.Properties.flag("AllowMajorVersionUpgrade"):
		return invalid(rds, "The AllowMajorVersionUpgrade flag must be present when upgrading to a new major version.")
	}
	rec.Hidden["runs"] = strconv.Itoa(wanted)
	return nil
}

// major returns the major version of PostgreSQL; 0 if there is none.
func major(version string) int {
	text, _, _ := strings.Cut(version, ".")
	number, _ := strconv.Atoi(text)
	return number
}

func settleDatabase(_ *Service, rec *record) { rec.Status = "available" }

func rejectDatabase(_ *Service, rec *record, late bool) error {
	if !late && rec.Properties.flag("DeletionProtection") {
		return failure(rds, http.StatusBadRequest, "InvalidRequest", protectedDatabase)
	}
	return nil
}

func terminateDatabase(_ *Service, rec *record) { rec.Status = "deleting" }

// removeDatabase leaves a snapshot behind if the deletion policy requires one. The snapshot belongs
// to no stack.
func removeDatabase(s *Service, rec *record, r resource.Request) {
	s.drop(rec)
	if !r.Snapshot {
		return
	}
	name := r.StackName + "-snapshot-" + r.LogicalID + "-" + random(lowerDigits, 12)
	s.snapshot(rec, strings.ToLower(hyphens.ReplaceAllString(name, "-")))
}

// snapshot creates a snapshot of a database.
func (s *Service) snapshot(rec *record, name string) *record {
	tags := map[string]string{}
	if rec.Properties.flag("CopyTagsToSnapshot") {
		tags = rec.Tags
	}
	now := s.config.Now().UTC()
	snapshot := &record{
		Type: typeSnapshot, ID: name, Name: name, Scope: rec.Name, ARN: s.arn("rds", "snapshot:"+name),
		Stack: rec.Stack, Logical: rec.Logical,
		Properties: rec.Properties, Attributes: rec.Attributes, Hidden: rec.Hidden, Tags: tags, Status: "available",
		Created: now, Updated: now,
	}
	s.state.Records = append(s.state.Records, snapshot)
	return snapshot
}

func prepareSubnetGroup(s *Service, rec *record) error {
	subnets := rec.Properties.texts("SubnetIds")
	for _, subnet := range subnets {
		if s.subnetVPC(subnet) == "" {
			return invalid(rds, "Some input subnets in :[%s] are invalid.", subnet)
		}
	}
	zones := map[string]bool{}
	for _, subnet := range subnets {
		zones[s.subnetZone(subnet)] = true
	}
	if len(zones) < 2 {
		return invalid(rds, "The DB subnet group doesn't meet Availability Zone (AZ) coverage requirement. Add "+
			"subnets to cover at least 2 AZs.")
	}
	rec.ARN = s.arn("rds", "subgrp:"+rec.Name)
	return nil
}

func rejectSubnetGroup(s *Service, rec *record, late bool) error {
	for _, db := range s.of(typeDatabase) {
		if late && strings.EqualFold(db.Properties.text("DBSubnetGroupName"), rec.Name) {
			return invalid(rds, usedSubnetGroup, rec.Name, db.Name)
		}
	}
	return nil
}

func prepareParameterGroup(s *Service, rec *record) error {
	rec.ARN = s.arn("rds", "pg:"+rec.Name)
	rec.Attributes["DBParameterGroupName"] = rec.Name
	return nil
}
