package services

import (
	"net/http"
	"time"

	"perch/sandbox/aws/wire"
)

var stsActions = map[string]action{
	"GetCallerIdentity": callerIdentity,
	"AssumeRole":        assumeRole,
}

// defaultCaller returns the ARN of a client that has not assumed a role.
func (s *Service) defaultCaller() string {
	return "arn:aws:sts::" + s.config.Account + ":assumed-role/perch-worker/sandbox"
}

func callerIdentity(s *Service, f form) ([]wire.Node, error) {
	if f.caller != nil {
		return []wire.Node{
			wire.T("Arn", f.caller.ARN),
			wire.T("UserId", "AROA0000000000SANDBOX:sandbox"),
			wire.T("Account", s.config.Account),
		}, nil
	}
	return []wire.Node{
		wire.T("Arn", s.defaultCaller()), wire.T("UserId", "AROA0000000000SANDBOX:sandbox"),
		wire.T("Account", s.config.Account),
	}, nil
}

// assumeRole returns credentials for a role. If the role does not exist, it returns AccessDenied,
// because AWS does not reveal whether a role exists.
func assumeRole(s *Service, f form) ([]wire.Node, error) {
	arn, name := f.Get("RoleArn"), f.Get("RoleSessionName")
	role := s.findByReference(typeRole, arn)
	if role == nil || role.ARN != arn {
		return nil, wire.Errorf(
			http.StatusForbidden, "AccessDenied",
			"User: %s is not authorized to perform: sts:AssumeRole on resource: %s", s.defaultCaller(), arn,
		)
	}
	duration := time.Duration(parseInt(f.Get("DurationSeconds"))) * time.Second
	if duration == 0 {
		duration = time.Hour
	}
	key := "ASIA" + randomText(upperDigits, 16)
	s.storeSession(session{Key: key, Role: role.Name, Name: name})
	return []wire.Node{
		wire.N(
			"AssumedRoleUser",
			wire.T("AssumedRoleId", role.Attributes["RoleId"]+":"+name),
			wire.T("Arn", s.sessionARN(role.Name, name)),
		),
		wire.N("Credentials", wire.T("AccessKeyId", key), wire.T("SecretAccessKey", randomText(mixedCase, 40)),
			wire.T("SessionToken", randomText(mixedCase, 64)),
			wire.T("Expiration", isoTime(s.config.Now().Add(duration)))),
	}, s.saveState()
}
