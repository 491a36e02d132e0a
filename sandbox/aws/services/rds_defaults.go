package services

import (
	"net/http"
	"strings"

	"perch/sandbox/aws/wire"
)

// firstTLSMajor is the first major version of PostgreSQL whose default parameter group sets
// rds.force_ssl (RDS guide: Using SSL with a PostgreSQL DB instance).
const firstTLSMajor = 15

// newestMajor is the newest major version of PostgreSQL that RDS offers.
const newestMajor = 18

// describeEngineDefaults lists the default parameters of a family, such as postgres18. AWS has
// several hundred; the sandbox lists only rds.force_ssl.
func describeEngineDefaults(_ *Service, f form) ([]wire.Node, error) {
	family := f.Get("DBParameterGroupFamily")
	number, isPostgres := strings.CutPrefix(family, "postgres")
	version := majorVersion(number)
	if !isPostgres || version < 11 || version > newestMajor {
		return nil, wire.Errorf(
			http.StatusBadRequest, "InvalidParameterValue", "DBParameterGroupFamily %s is not a valid family.", family)
	}
	forced := map[bool]string{true: "1", false: "0"}[version >= firstTLSMajor]
	return []wire.Node{wire.N("EngineDefaults", wire.T("DBParameterGroupFamily", family),
		wire.N("Parameters", wire.N("Parameter",
			wire.T("ParameterName", "rds.force_ssl"), wire.T("ParameterValue", forced),
			wire.T("Description", "Force SSL connections."), wire.T("Source", "system"), wire.T("ApplyType", "dynamic"),
			wire.T("DataType", "boolean"), wire.T("AllowedValues", "0,1"), wire.T("IsModifiable", "true"),
			wire.T("ApplyMethod", "pending-reboot"))))}, nil
}
