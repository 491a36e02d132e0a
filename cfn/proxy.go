package cfn

import (
	_ "embed"
	"net/url"
	"strings"

	"perch"
)

const (
	// proxyImage is AWS's copy of Docker's official nginx image. It can be pulled without an
	// account.
	proxyImage = "public.ecr.aws/docker/library/nginx:stable-alpine"
	// proxyFile is the name of the proxy's configuration in the bundle.
	proxyFile = "proxy.conf"
)

//go:embed proxy.conf
var proxyTemplate string

// proxied reports whether there is a proxy in front of the app. That is so if a load balancer
// checks the app's health. Beanstalk itself runs no proxy for a bundle with a Compose file (AWS
// docs: Configuring managed Docker environments).
func proxied(settings perch.Settings, host string) bool {
	return host != "" && (settings.LoadBalancer == sharedBalancer || settings.LoadBalancer == dedicatedBalancer)
}

// proxyConfig returns the proxy's configuration. nginx compares the decoded path, without the
// query.
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
