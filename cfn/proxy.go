package cfn

import (
	_ "embed"
	"net/url"
	"strings"

	"perch"
)

const (
	// proxyImage is AWS's copy of Docker's official nginx: pulling it needs no account.
	proxyImage = "public.ecr.aws/docker/library/nginx:stable-alpine"
	// proxyFile is where the bundle has the proxy's configuration.
	proxyFile = "proxy.conf"
)

//go:embed proxy.conf
var proxyTemplate string

// proxied reports whether a proxy is in front of the app: where a load balancer checks its health.
// Beanstalk runs no proxy for a bundle with a Compose file (AWS docs: Configuring managed Docker
// environments).
func proxied(settings perch.Settings, host string) bool {
	return host != "" && (settings.LoadBalancer == sharedBalancer || settings.LoadBalancer == dedicatedBalancer)
}

// proxyConfig is the proxy's configuration. nginx compares the path as it is decoded, and without
// the query.
func proxyConfig(settings perch.Settings, host string) []byte {
	path, _, _ := strings.Cut(settings.HealthPath, "?")
	if plain, err := url.PathUnescape(path); err == nil {
		path = plain
	}
	return []byte(strings.NewReplacer(
		"HEALTH_PATH", strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(path), "HOST", host, "PORT",
		containerPort(settings),
	).Replace(proxyTemplate))
}
