package services

import (
	"maps"
	"net/http"
	"strconv"
	"strings"

	"perch/sandbox/aws/wire"
)

// These calls delete a resource at once, without CloudFormation. AWS takes minutes for a database.

// deleteDatabase deletes a database. It takes a final snapshot unless the caller skips that.
func deleteDatabase(s *Service, f form) ([]wire.Node, error) {
	db, name := s.findByName(typeDatabase, f.Get("DBInstanceIdentifier")), f.Get("FinalDBSnapshotIdentifier")
	skips := f.Get("SkipFinalSnapshot") == "true"
	switch {
	case db == nil:
		return nil, noDatabase(f.Get("DBInstanceIdentifier"))
	case db.Properties.flag("DeletionProtection"):
		return nil, wire.Errorf(http.StatusBadRequest, "InvalidParameterCombination", "%s", protectedDatabase)
	case !skips && name == "":
		return nil, wire.Errorf(http.StatusBadRequest, "InvalidParameterCombination",
			"FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified.")
	case skips && name != "":
		return nil, wire.Errorf(http.StatusBadRequest, "InvalidParameterCombination",
			"FinalDBSnapshotIdentifier can not be specified when deleting an instance with SkipFinalSnapshot enabled.")
	case !skips && !databasePattern.MatchString(strings.ToLower(name)):
		return nil, wire.Errorf(http.StatusBadRequest, "InvalidParameterValue",
			"The parameter FinalDBSnapshotIdentifier is not a valid identifier.")
	case !skips && s.findByName(typeSnapshot, name) != nil:
		return nil, wire.Errorf(http.StatusBadRequest, "DBSnapshotAlreadyExists",
			"Cannot create the snapshot because a snapshot with the identifier %s already exists.", name)
	case !skips && db.Status != "available":
		return nil, wire.Errorf(http.StatusBadRequest, "InvalidDBInstanceState",
			"Cannot create a snapshot because the database instance %s is not currently in the available state.",
			db.Name)
	}
	db.Status = "deleting"
	node := wire.N("DBInstance", s.databaseNodes(db)...)
	if !skips {
		s.addSnapshot(db, strings.ToLower(name))
	}
	s.deleteRecord(db)
	return []wire.Node{node}, s.saveState()
}

func deleteSubnetGroup(s *Service, f form) ([]wire.Node, error) {
	name := f.Get("DBSubnetGroupName")
	group := s.findByName(typeSubnetGroup, name)
	if group == nil {
		return nil, noSubnetGroup(name)
	}
	for _, db := range s.recordsOf(typeDatabase) {
		if strings.EqualFold(db.Properties.text("DBSubnetGroupName"), group.Name) {
			return nil, wire.Errorf(
				http.StatusBadRequest, "InvalidDBSubnetGroupStateFault", subnetGroupInUse, group.Name, db.Name,
			)
		}
	}
	s.deleteRecord(group)
	return nil, s.saveState()
}

func deleteSecurityGroup(s *Service, f form) ([]wire.Node, error) {
	id := f.Get("GroupId")
	group := s.findByID(typeSecurityGroup, id)
	switch {
	case group == nil:
		return nil, wire.Errorf(
			http.StatusBadRequest, "InvalidGroup.NotFound", "The security group '%s' does not exist", id,
		)
	case id == DefaultSecurityGroup:
		return nil, wire.Errorf(http.StatusBadRequest, "CannotDelete",
			"the specified group: \"%s\" name: \"%s\" cannot be deleted by a user", id, group.Name)
	case s.groupInUse(group):
		return nil, wire.Errorf(http.StatusBadRequest, "DependencyViolation", "resource %s has a dependent object", id)
	}
	s.deleteRecord(group)
	return []wire.Node{wire.T("return", "true"), wire.T("groupId", id)}, s.saveState()
}

// deletionKey is the key in record.Hidden of the time at which AWS deletes a secret that is
// marked for deletion, in Unix seconds.
const deletionKey = "deletion"

// deleteSecret marks a secret for deletion after the requested 7 to 30 days. Callers can still
// describe the secret, but they cannot read its value.
func deleteSecret(s *Service, in properties) (any, error) {
	secret, err := s.secret(in.text("SecretId"))
	if err != nil {
		return nil, err
	}
	days, err := strconv.Atoi(in.textOr("RecoveryWindowInDays", "30"))
	if err != nil || days < 7 || days > 30 {
		return nil, wire.Errorf(http.StatusBadRequest, "InvalidParameterException",
			"The RecoveryWindowInDays value must be between 7 and 30 days (inclusive).")
	}
	date := s.config.Now().AddDate(0, 0, days).Unix()
	hidden := maps.Clone(secret.Hidden)
	hidden[deletionKey] = strconv.FormatInt(date, 10)
	secret.Hidden = hidden
	return map[string]any{"ARN": secret.ARN, "Name": secret.Name, "DeletionDate": date}, s.saveState()
}
