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
	// typeSnapshot is not a CloudFormation type. CreateDBSnapshot and deletions create snapshots.
	typeSnapshot = "snapshot"

	// statusStopped is the status of a stopped database, which can only be started or deleted.
	statusStopped = "stopped"

	rds = "Rds"
)

var rdsKinds = map[string]kind{
	typeDatabase: {
		service: rds, nameProperty: "DBInstanceIdentifier", limit: 63, lowerCase: true, prepare: prepareDatabase,
		settle: settleDatabase, rejectDelete: rejectDatabase, beginDelete: terminateDatabase,
		finishDelete: removeDatabase,
	},
	typeCluster: {
		service: rds, nameProperty: "DBClusterIdentifier", limit: 63, lowerCase: true, prepare: prepareCluster,
		rejectDelete: rejectCluster,
		finishDelete: removeCluster,
	},
	typeSubnetGroup: {
		service: rds, nameProperty: "DBSubnetGroupName", limit: 255, lowerCase: true, prepare: prepareSubnetGroup,
		rejectDelete: rejectSubnetGroup,
	},
	typeParameterGroup: {
		service: rds, nameProperty: "DBParameterGroupName", limit: 255, lowerCase: true, prepare: prepareParameterGroup,
	},
}

// enginePorts has the default port of each supported engine.
var enginePorts = map[string]string{
	"postgres": "5432", "aurora-postgresql": "5432", "mysql": "3306", "mariadb": "3306", "aurora-mysql": "3306",
}

var (
	hyphens         = regexp.MustCompile(`-+`)
	databasePattern = regexp.MustCompile(`^[a-z](-?[a-z0-9]){0,62}$`)
)

// subnetGroupInUse is RDS's message if a database uses the subnet group.
const subnetGroupInUse = "Cannot delete the subnet group '%s' because at least one database instance: %s is still " +
	"using it."

const protectedDatabase = "Cannot delete protected DB Instance, please disable deletion protection and try again."

func prepareDatabase(s *Service, rec *record) error {
	if rec.Status == statusStopped {
		return handlerError(
			rds, http.StatusBadRequest, "ResourceConflict", "Database instance is not in available state.",
		)
	}
	if rec.Properties.text("DBInstanceIdentifier") == "" {
		rec.Name = strings.Trim(hyphens.ReplaceAllString(rec.Name, "-"), "-")
	}
	if err := s.restoreSnapshot(rec); err != nil {
		return err
	}
	if err := s.checkDatabase(rec); err != nil {
		return err
	}
	if err := checkVersion(rec); err != nil {
		return err
	}
	port := rec.Properties.textOr("Port", enginePorts[strings.ToLower(rec.propertyOf("Engine"))])
	if rec.ID == "" {
		rec.ID, rec.ARN, rec.Status = rec.Name, s.arn("rds", "db:"+rec.Name), "creating"
		rec.Attributes["Endpoint.Address"] = rec.Name + "." + randomText(lowerDigits, 12) + "." + s.config.Region +
			".rds.amazonaws.com"
		if s.config.Loopback {
			rec.Attributes["Endpoint.Address"] = loopback
		}
		if host, real, err := net.SplitHostPort(s.config.PostgreSQL); err == nil {
			rec.Attributes["Endpoint.Address"], rec.Hidden["Port"] = host, real
		}
		rec.Attributes["Endpoint.HostedZoneId"] = "Z1RLNUO7B9Q6NB"
		rec.Attributes["DBInstanceArn"] = rec.ARN
		rec.Attributes["DbiResourceId"] = "db-" + randomText(upperDigits, 26)
	} else {
		rec.Status = "modifying"
	}
	rec.Attributes["Endpoint.Port"] = cmp.Or(rec.Hidden["Port"], port)
	return nil
}

// inheritedProperties are the properties that a restored database gets from its snapshot.
var inheritedProperties = []string{
	"Engine", "EngineVersion", "DBName", "MasterUsername", "StorageEncrypted", "AllocatedStorage",
}

// restoreSnapshot copies the snapshot's properties when the database is created, so that the
// snapshot can be deleted after that.
func (s *Service) restoreSnapshot(rec *record) error {
	name := rec.Properties.text("DBSnapshotIdentifier")
	if name == "" || rec.ID != "" {
		return nil
	}
	snapshot := s.findByReference(typeSnapshot, name)
	if snapshot == nil {
		return handlerError(rds, http.StatusNotFound, "NotFound", "DBSnapshot not found: %s", name)
	}
	for _, key := range inheritedProperties {
		rec.Hidden[key] = snapshot.propertyOf(key)
	}
	return nil
}

// propertyOf returns a property of a database or a snapshot, or the value that it inherited from a
// snapshot.
func (r *record) propertyOf(key string) string { return r.Properties.textOr(key, r.Hidden[key]) }

func (s *Service) checkDatabase(rec *record) error {
	p := rec.Properties
	switch {
	case !databasePattern.MatchString(rec.Name):
		return invalidRequest(rds, "The parameter DBInstanceIdentifier is not a valid identifier. Identifiers must "+
			"begin with a letter; must contain only ASCII letters, digits, and hyphens; and must not end with a "+
			"hyphen or contain two consecutive hyphens.")
	case s.findByName(typeDatabase, rec.Name) != nil && s.findByName(typeDatabase, rec.Name) != rec:
		return handlerError(rds, http.StatusBadRequest, "AlreadyExists", "DB instance already exists")
	case enginePorts[strings.ToLower(rec.propertyOf("Engine"))] == "":
		return invalidRequest(rds, "Invalid DB engine: %s", rec.propertyOf("Engine"))
	case !strings.HasPrefix(p.text("DBInstanceClass"), "db."):
		return invalidRequest(rds, "Invalid DB Instance class: %s", p.text("DBInstanceClass"))
	}
	if cluster := p.text("DBClusterIdentifier"); cluster != "" && s.findByName(typeCluster, cluster) == nil {
		return handlerError(rds, http.StatusNotFound, "NotFound", "DBCluster %s not found.", cluster)
	}
	if group := p.text("DBSubnetGroupName"); group != "" && s.findByName(typeSubnetGroup, group) == nil {
		return handlerError(rds, http.StatusNotFound, "NotFound", "DB subnet group '%s' does not exist.", group)
	}
	for _, group := range p.texts("VPCSecurityGroups") {
		if s.findByID(typeSecurityGroup, group) == nil {
			return invalidRequest(rds, "Invalid security group , groupId= %s, groupName=.", group)
		}
	}
	return nil
}

const (
	// extendedSupport is the default value of EngineLifecycleSupport.
	extendedSupport = "open-source-rds-extended-support"
	// oldestSupported is the oldest major version of PostgreSQL in standard support, as of 1 March
	// 2026.
	oldestSupported = 14
)

// checkVersion rejects the versions that RDS rejects: a downgrade, a major upgrade that is not
// allowed, and a new database whose version is out of support, unless the database is enrolled in
// Extended Support.
func checkVersion(rec *record) error {
	wanted, running := majorVersion(rec.propertyOf("EngineVersion")), majorVersion(rec.Hidden["runs"])
	switch {
	case rec.propertyOf("Engine") != "postgres" || wanted == 0:
		return nil
	case running == 0 && wanted < oldestSupported &&
		rec.Properties.textOr("EngineLifecycleSupport", extendedSupport) != extendedSupport:
		return invalidRequest(
			rds,
			"DB engine version %d is past its end of standard support date and requires RDS Extended Support",
			wanted,
		)
	case running != 0 && wanted < running:
		return invalidRequest(rds, "Cannot upgrade postgres from %d to %d", running, wanted)
	case running != 0 && wanted > running && !rec.Properties.flag("AllowMajorVersionUpgrade"):
		return invalidRequest(
			rds, "The AllowMajorVersionUpgrade flag must be present when upgrading to a new major version.",
		)
	}
	rec.Hidden["runs"] = strconv.Itoa(wanted)
	return nil
}

// majorVersion returns the major version of PostgreSQL; 0 if there is none.
func majorVersion(version string) int {
	text, _, _ := strings.Cut(version, ".")
	number, _ := strconv.Atoi(text)
	return number
}

func settleDatabase(_ *Service, rec *record) { rec.Status = "available" }

func rejectDatabase(_ *Service, rec *record, late bool) error {
	if !late && rec.Properties.flag("DeletionProtection") {
		return handlerError(rds, http.StatusBadRequest, "InvalidRequest", protectedDatabase)
	}
	return nil
}

func terminateDatabase(_ *Service, rec *record) { rec.Status = "deleting" }

// removeDatabase deletes a database. If the deletion policy requires a snapshot, it creates one,
// which belongs to no stack.
func removeDatabase(s *Service, rec *record, r resource.Request) {
	s.deleteRecord(rec)
	if !r.Snapshot {
		return
	}
	name := r.StackName + "-snapshot-" + r.LogicalID + "-" + randomText(lowerDigits, 12)
	s.addSnapshot(rec, strings.ToLower(hyphens.ReplaceAllString(name, "-")))
}

// addSnapshot creates a snapshot of a database.
func (s *Service) addSnapshot(rec *record, name string) *record {
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
			return invalidRequest(rds, "Some input subnets in :[%s] are invalid.", subnet)
		}
	}
	zones := map[string]bool{}
	for _, subnet := range subnets {
		zones[s.subnetZone(subnet)] = true
	}
	if len(zones) < 2 {
		return invalidRequest(rds, "The DB subnet group doesn't meet Availability Zone (AZ) coverage requirement. Add "+
			"subnets to cover at least 2 AZs.")
	}
	rec.ARN = s.arn("rds", "subgrp:"+rec.Name)
	return nil
}

func rejectSubnetGroup(s *Service, rec *record, late bool) error {
	for _, db := range s.recordsOf(typeDatabase) {
		if late && strings.EqualFold(db.Properties.text("DBSubnetGroupName"), rec.Name) {
			return invalidRequest(rds, subnetGroupInUse, rec.Name, db.Name)
		}
	}
	return nil
}

func prepareParameterGroup(s *Service, rec *record) error {
	rec.ARN = s.arn("rds", "pg:"+rec.Name)
	rec.Attributes["DBParameterGroupName"] = rec.Name
	return nil
}
