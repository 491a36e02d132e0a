package services

import (
	"cmp"
	"net/http"
	"strconv"
	"strings"

	"perch/sandbox/aws/wire"
)

var rdsActions = map[string]action{
	"DescribeDBInstances":    describeDatabases,
	"ModifyDBInstance":       modifyDatabase,
	"DeleteDBInstance":       deleteDatabase,
	"StopDBInstance":         stopDatabase,
	"StartDBInstance":        startDatabase,
	"CreateDBSnapshot":       createSnapshot,
	"DescribeDBSnapshots":    describeSnapshots,
	"DescribeDBClusters":     describeClusters,
	"DeleteDBSnapshot":       deleteSnapshot,
	"DescribeDBSubnetGroups": describeSubnetGroups,
	"DeleteDBSubnetGroup":    deleteSubnetGroup,

	"DescribeEngineDefaultParameters": describeEngineDefaults,
	"ListTagsForResource":             listDatabaseTags,
}

func noDatabase(name string) *wire.Error {
	return wire.Errorf(http.StatusNotFound, "DBInstanceNotFound", "DBInstance %s not found.", name)
}

func describeDatabases(s *Service, f form) ([]wire.Node, error) {
	name := f.Get("DBInstanceIdentifier")
	var found []*record
	for _, db := range s.recordsOf(typeDatabase) {
		if name == "" || strings.EqualFold(db.Name, name) || db.ARN == name {
			found = append(found, db)
		}
	}
	if name != "" && len(found) == 0 {
		return nil, noDatabase(name)
	}
	page, next := paged(found, f.Get("Marker"), f.Get("MaxRecords"), 100)
	return append(omitEmpty(wire.T("Marker", next)), listNode("DBInstances", "DBInstance", page, s.databaseNodes)), nil
}

func (s *Service) databaseNodes(db *record) []wire.Node {
	p := db.Properties
	endpoint := wire.N("Endpoint")
	if db.Status != "creating" {
		endpoint = wire.N("Endpoint", wire.T(
			"Address", db.Attributes["Endpoint.Address"],
		), wire.T("Port", db.Attributes["Endpoint.Port"]),
			wire.T("HostedZoneId", db.Attributes["Endpoint.HostedZoneId"]))
	}
	groups := listNode("VpcSecurityGroups", "VpcSecurityGroupMembership", p.texts(
		"VPCSecurityGroups",
	), func(group string) []wire.Node {
		return []wire.Node{wire.T("VpcSecurityGroupId", group), wire.T("Status", "active")}
	})
	subnets := wire.N("DBSubnetGroup")
	if group := s.findByName(typeSubnetGroup, p.text("DBSubnetGroupName")); group != nil {
		subnets.Children = s.subnetGroupNodes(group)
	}
	return omitEmpty(
		wire.T("DBInstanceIdentifier", db.Name), wire.T("DBInstanceClass", p.text("DBInstanceClass")),
		wire.T("Engine", db.propertyOf("Engine")),
		wire.T("EngineVersion", db.propertyOf("EngineVersion")), wire.T("DBInstanceStatus", db.Status),
		wire.T("MasterUsername", db.propertyOf("MasterUsername")),
		wire.T("DBName", db.propertyOf("DBName")), endpoint, wire.T(
			"AllocatedStorage", cmp.Or(db.propertyOf("AllocatedStorage"), "20"),
		), wire.T("StorageType", p.textOr("StorageType", "gp2")),
		wire.T("InstanceCreateTime", isoTime(db.Created)),
		wire.T("BackupRetentionPeriod", p.textOr("BackupRetentionPeriod", "1")),
		wire.T("MultiAZ", strconv.FormatBool(p.flag("MultiAZ"))),
		wire.T("PubliclyAccessible", strconv.FormatBool(p.flag("PubliclyAccessible"))),
		wire.T("StorageEncrypted", strconv.FormatBool(db.propertyOf("StorageEncrypted") == "true")),
		wire.T("DeletionProtection", strconv.FormatBool(p.flag("DeletionProtection"))),
		wire.T("EngineLifecycleSupport", p.textOr("EngineLifecycleSupport", extendedSupport)),
		wire.T("DbiResourceId", db.Attributes["DbiResourceId"]), wire.T("DBInstanceArn", db.ARN), groups, subnets,
		tagNodes("TagList", "Tag", db.Tags))
}

// modifyDatabase changes only the deletion protection, at once. It rejects any other change,
// because that belongs in the template.
func modifyDatabase(s *Service, f form) ([]wire.Node, error) {
	db := s.findByName(typeDatabase, f.Get("DBInstanceIdentifier"))
	if db == nil {
		return nil, noDatabase(f.Get("DBInstanceIdentifier"))
	}
	for parameter := range f.Values {
		switch parameter {
		case "Action", "Version", "DBInstanceIdentifier", "DeletionProtection", "ApplyImmediately":
		default:
			return nil, wire.Errorf(
				http.StatusBadRequest, "InvalidParameterCombination",
				"The parameter %s cannot be modified here; change it in the stack's template.", parameter,
			)
		}
	}
	if protection := f.Get("DeletionProtection"); protection != "" {
		changed := properties{}
		for key, value := range db.Properties {
			changed[key] = value
		}
		changed["DeletionProtection"] = protection
		db.Properties = changed
		if err := s.saveState(); err != nil {
			return nil, err
		}
	}
	return []wire.Node{wire.N("DBInstance", s.databaseNodes(db)...)}, nil
}

func stopDatabase(s *Service, f form) ([]wire.Node, error) {
	return s.switchDatabase(f, "available", statusStopped)
}

func startDatabase(s *Service, f form) ([]wire.Node, error) {
	return s.switchDatabase(f, statusStopped, "available")
}

// switchDatabase changes the status of a database from one value to another, at once.
func (s *Service) switchDatabase(f form, from, to string) ([]wire.Node, error) {
	db := s.findByName(typeDatabase, f.Get("DBInstanceIdentifier"))
	switch {
	case db == nil:
		return nil, noDatabase(f.Get("DBInstanceIdentifier"))
	case db.Status != from:
		return nil, wire.Errorf(
			http.StatusBadRequest, "InvalidDBInstanceState", "Instance %s is not in %s state.", db.Name, from,
		)
	}
	db.Status = to
	return []wire.Node{wire.N("DBInstance", s.databaseNodes(db)...)}, s.saveState()
}

func noSnapshot(name string) *wire.Error {
	return wire.Errorf(http.StatusNotFound, "DBSnapshotNotFound", "DBSnapshot %s not found.", name)
}

// createSnapshot takes a snapshot at once.
func createSnapshot(s *Service, f form) ([]wire.Node, error) {
	name, db := strings.ToLower(f.Get("DBSnapshotIdentifier")), s.findByName(
		typeDatabase, f.Get("DBInstanceIdentifier"),
	)
	switch {
	case db == nil:
		return nil, noDatabase(f.Get("DBInstanceIdentifier"))
	case !databasePattern.MatchString(name):
		return nil, wire.Errorf(
			http.StatusBadRequest, "InvalidParameterValue",
			"The parameter DBSnapshotIdentifier is not a valid identifier.",
		)
	case s.findByName(typeSnapshot, name) != nil:
		return nil, wire.Errorf(
			http.StatusBadRequest, "DBSnapshotAlreadyExists",
			"Cannot create the snapshot because a snapshot with the identifier %s already exists.", name,
		)
	case db.Status != "available":
		return nil, wire.Errorf(
			http.StatusBadRequest, "InvalidDBInstanceState",
			"Cannot create a snapshot because the database instance %s is not currently in the available state.",
			db.Name,
		)
	}
	snapshot := s.addSnapshot(db, name)
	return []wire.Node{wire.N("DBSnapshot", snapshotNodes(snapshot)...)}, s.saveState()
}

func describeSnapshots(s *Service, f form) ([]wire.Node, error) {
	name, db := f.Get("DBSnapshotIdentifier"), f.Get("DBInstanceIdentifier")
	var found []*record
	for _, snapshot := range s.recordsOf(typeSnapshot) {
		kind := f.Get("SnapshotType")
		if (name == "" || strings.EqualFold(snapshot.Name, name)) &&
			(db == "" || strings.EqualFold(snapshot.Scope, db)) && (kind == "" || kind == "manual") {
			found = append(found, snapshot)
		}
	}
	if name != "" && len(found) == 0 {
		return nil, noSnapshot(name)
	}
	page, next := paged(found, f.Get("Marker"), f.Get("MaxRecords"), 100)
	return append(omitEmpty(wire.T("Marker", next)), listNode("DBSnapshots", "DBSnapshot", page, snapshotNodes)), nil
}

func snapshotNodes(snapshot *record) []wire.Node {
	return omitEmpty(
		wire.T("DBSnapshotIdentifier", snapshot.Name), wire.T("DBInstanceIdentifier", snapshot.Scope),
		wire.T("SnapshotCreateTime", isoTime(snapshot.Created)),
		wire.T("Engine", snapshot.propertyOf("Engine")), wire.T("EngineVersion", snapshot.propertyOf("EngineVersion")),
		wire.T("AllocatedStorage", cmp.Or(snapshot.propertyOf("AllocatedStorage"), "20")),
		wire.T("Encrypted", strconv.FormatBool(snapshot.propertyOf("StorageEncrypted") == "true")),
		wire.T("Status", snapshot.Status), wire.T("MasterUsername", snapshot.propertyOf("MasterUsername")),
		wire.T("SnapshotType", "manual"),
		wire.T("PercentProgress", "100"), wire.T("DBSnapshotArn", snapshot.ARN),
		wire.T("DbiResourceId", snapshot.Attributes["DbiResourceId"]),
		tagNodes("TagList", "Tag", snapshot.Tags))
}

func deleteSnapshot(s *Service, f form) ([]wire.Node, error) {
	snapshot := s.findByName(typeSnapshot, f.Get("DBSnapshotIdentifier"))
	if snapshot == nil {
		return nil, noSnapshot(f.Get("DBSnapshotIdentifier"))
	}
	s.deleteRecord(snapshot)
	snapshot.Status = "deleted"
	return []wire.Node{wire.N("DBSnapshot", snapshotNodes(snapshot)...)}, s.saveState()
}

func noSubnetGroup(name string) *wire.Error {
	return wire.Errorf(http.StatusNotFound, "DBSubnetGroupNotFoundFault", "DB subnet group '%s' does not exist.", name)
}

func describeSubnetGroups(s *Service, f form) ([]wire.Node, error) {
	name := f.Get("DBSubnetGroupName")
	var found []*record
	for _, group := range s.recordsOf(typeSubnetGroup) {
		if name == "" || strings.EqualFold(group.Name, name) {
			found = append(found, group)
		}
	}
	if name != "" && len(found) == 0 {
		return nil, noSubnetGroup(name)
	}
	return []wire.Node{listNode("DBSubnetGroups", "DBSubnetGroup", found, s.subnetGroupNodes)}, nil
}

func (s *Service) subnetGroupNodes(group *record) []wire.Node {
	subnets := listNode("Subnets", "Subnet", group.Properties.texts("SubnetIds"), func(subnet string) []wire.Node {
		return []wire.Node{
			wire.T("SubnetIdentifier", subnet), wire.N("SubnetAvailabilityZone", wire.T("Name", s.subnetZone(subnet))),
			wire.T("SubnetStatus", "Active"),
		}
	})
	vpc := VPC
	if in := group.Properties.texts("SubnetIds"); len(in) > 0 {
		vpc = s.subnetVPC(in[0])
	}
	return omitEmpty(wire.T(
		"DBSubnetGroupName", group.Name,
	), wire.T("DBSubnetGroupDescription", group.Properties.text("DBSubnetGroupDescription")),
		wire.T("VpcId", vpc), wire.T("SubnetGroupStatus", "Complete"), subnets, wire.T("DBSubnetGroupArn", group.ARN))
}

func listDatabaseTags(s *Service, f form) ([]wire.Node, error) {
	arn := f.Get("ResourceName")
	for _, kind := range []string{typeDatabase, typeSnapshot, typeSubnetGroup, typeParameterGroup} {
		for _, rec := range s.recordsOf(kind) {
			if rec.ARN == arn {
				return []wire.Node{tagNodes("TagList", "Tag", rec.Tags)}, nil
			}
		}
	}
	return nil, noDatabase(arn)
}
