package image

import (
	"regexp"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
)

// dockerHub is the registry of images that name none.
const dockerHub = "docker.io"

// documented are the further hosts of a registry, by its name: those that give tokens, and those
// that its answers redirect to.
var documented = map[string][]string{
	// Docker docs: Allowlist for Docker Desktop.
	dockerHub: {
		"registry-1.docker.io", "auth.docker.io", "production.cloudflare.docker.com",
		"docker-images-prod.6aa30f8b08e16409b46e0173d6de2f56.r2.cloudflarestorage.com",
	},
	// GitHub docs: About GitHub Packages, communication requirements.
	"ghcr.io": {"pkg-containers.githubusercontent.com"},
	// Amazon EKS Anywhere docs: network prerequisites.
	"public.ecr.aws": {"d2glxqk2uabbnd.cloudfront.net", "d5l0dvt14r5h8.cloudfront.net"},
}

// private is the host of an Amazon ECR registry.
var private = regexp.MustCompile(`^[0-9]{12}\.dkr\.ecr\.([a-z0-9-]+)\.(amazonaws\.com(?:\.cn)?)$`)

// leadsTo reports whether the registry may lead a client to host: it is the registry's own, one
// below it, or documented.
func leadsTo(registry name.Registry, host string) bool {
	own := registry.RegistryStr()
	if host == own || strings.HasSuffix(host, "."+own) {
		return true
	}
	if own == name.DefaultRegistry {
		own = dockerHub
	}
	for _, other := range documented[own] {
		if host == other {
			return true
		}
	}
	// AWS docs: Amazon ECR interface VPC endpoints, the gateway endpoint of Amazon S3.
	part := private.FindStringSubmatch(own)
	return part != nil && host == "prod-"+part[1]+"-starport-layer-bucket.s3."+part[1]+"."+part[2]
}
