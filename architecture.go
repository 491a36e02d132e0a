package perch

import "regexp"

// Processor architectures, by the names that container images use.
const (
	ArchitectureAMD = "amd64"
	ArchitectureARM = "arm64"
)

// gravitonType matches the instance types with AWS's own processors. Their family name has a g
// after the generation number (AWS docs: Amazon EC2 instance type naming conventions); a1 is older
// than that rule.
var gravitonType = regexp.MustCompile(`^(a1|[a-z]+[0-9]+g[a-z]*(-[a-z0-9]+)?)\.`)

// ArchitectureOf returns the architecture of an EC2 instance type: arm64 for t4g.small.
func ArchitectureOf(instanceType string) string {
	if gravitonType.MatchString(instanceType) {
		return ArchitectureARM
	}
	return ArchitectureAMD
}
