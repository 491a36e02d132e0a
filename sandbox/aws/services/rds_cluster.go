package services

import (
	"net/http"
	"strconv"
	"strings"

	"perch/sandbox/aws/resource"
	"perch/sandbox/aws/wire"
)

// typeCluster is an Aurora cluster, and typeClusterSnapshot a snapshot of one.
const (
	typeCluster         = "AWS::RDS::DBCluster"
	typeClusterSnapshot = "AWS::RDS::DBClusterSnapshot"
)

const protectedCluster = "Cannot delete protected Cluster, please disable deletion protection and try again."

func prepareCluster(s *Service, rec *record) error {
	engine := strings.ToLower(rec.Properties.text("Engine"))
	switch {
	case !databasePattern.MatchString(rec.Name):
		return invalidRequest(rds, "The parameter DBClusterIdentifier is not a valid identifier.")
	case !strings.HasPrefix(engine, "aurora-") || enginePorts[engine] == "":
		return invalidRequest(rds, "Invalid DB engine: %s", engine)
	}
	if rec.ID == "" {
		rec.ID, rec.ARN = rec.Name, s.arn("rds", "cluster:"+rec.Name)
		rec.Attributes["DBClusterArn"] = rec.ARN
		rec.Attributes["Endpoint.Address"] = rec.Name + ".cluster-" + randomText(lowerDigits, 12) + "." +
			s.config.Region + ".rds.amazonaws.com"
		rec.Attributes["Endpoint.Port"] = rec.Properties.textOr("Port", enginePorts[engine])
	}
	rec.Status = "available"
	return nil
}

func rejectCluster(s *Service, rec *record, late bool) error {
	switch {
	case !late && rec.Properties.flag("DeletionProtection"):
		return handlerError(rds, http.StatusBadRequest, "InvalidRequest", protectedCluster)
	case late && len(s.membersOf(rec)) > 0:
		return invalidRequest(rds, "Cluster cannot be deleted, it still contains DB instances in non-deleting state.")
	}
	return nil
}

// removeCluster deletes a cluster. If the deletion policy requires a snapshot, it creates one,
// which belongs to no stack.
func removeCluster(s *Service, rec *record, r resource.Request) {
	s.deleteRecord(rec)
	if !r.Snapshot {
		return
	}
	name := strings.ToLower(hyphens.ReplaceAllString(
		r.StackName+"-snapshot-"+r.LogicalID+"-"+randomText(lowerDigits, 12), "-",
	))
	now := s.config.Now().UTC()
	s.state.Records = append(s.state.Records, &record{
		Type: typeClusterSnapshot, ID: name, Name: name, Scope: rec.Name, ARN: s.arn("rds", "cluster-snapshot:"+name),
		Properties: rec.Properties, Status: "available", Created: now, Updated: now,
	})
}

// membersOf returns the databases of a cluster.
func (s *Service) membersOf(cluster *record) (members []*record) {
	for _, db := range s.recordsOf(typeDatabase) {
		if strings.EqualFold(db.Properties.text("DBClusterIdentifier"), cluster.Name) {
			members = append(members, db)
		}
	}
	return members
}

func describeClusters(s *Service, f form) ([]wire.Node, error) {
	name := f.Get("DBClusterIdentifier")
	var found []*record
	for _, cluster := range s.recordsOf(typeCluster) {
		if name == "" || strings.EqualFold(cluster.Name, name) || cluster.ARN == name {
			found = append(found, cluster)
		}
	}
	if name != "" && len(found) == 0 {
		return nil, wire.Errorf(http.StatusNotFound, "DBClusterNotFoundFault", "DBCluster %s not found.", name)
	}
	page, next := paged(found, f.Get("Marker"), f.Get("MaxRecords"), 100)
	return append(omitEmpty(wire.T("Marker", next)), listNode("DBClusters", "DBCluster", page, s.clusterNodes)), nil
}

func (s *Service) clusterNodes(cluster *record) []wire.Node {
	members := listNode("DBClusterMembers", "DBClusterMember", s.membersOf(cluster), func(db *record) []wire.Node {
		return []wire.Node{wire.T("DBInstanceIdentifier", db.Name)}
	})
	p := cluster.Properties
	return omitEmpty(
		wire.T("DBClusterIdentifier", cluster.Name), wire.T("DBClusterArn", cluster.ARN),
		wire.T("Engine", p.text("Engine")),
		wire.T("EngineVersion", p.text("EngineVersion")), wire.T("Status", cluster.Status),
		wire.T("Endpoint", cluster.Attributes["Endpoint.Address"]), wire.T("Port", cluster.Attributes["Endpoint.Port"]),
		wire.T("MasterUsername", p.text("MasterUsername")), wire.T("ClusterCreateTime", isoTime(cluster.Created)),
		wire.T("DeletionProtection", strconv.FormatBool(p.flag("DeletionProtection"))), members,
		tagNodes("TagList", "Tag", cluster.Tags))
}
