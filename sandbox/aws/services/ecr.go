package services

import (
	"time"

	"perch/sandbox/registry"
)

var ecrActions = map[string]jsonAction{"GetAuthorizationToken": getAuthorizationToken}

// getAuthorizationToken returns the login that the sandbox's registry accepts for the account's
// host.
func getAuthorizationToken(s *Service, _ properties) (any, error) {
	return map[string]any{"authorizationData": []any{map[string]any{
		"authorizationToken": registry.Login(),
		"expiresAt":          float64(s.config.Now().Add(12 * time.Hour).Unix()),
		"proxyEndpoint":      "https://" + s.config.Account + ".dkr.ecr." + s.config.Region + ".amazonaws.com",
	}}}, nil
}
