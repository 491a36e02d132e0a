package perch

import "regexp"

// Architectures of processors, as images name them.
const (
	ArchitectureAMD = "amd64"
	ArchitectureARM = "arm64"
)

// gravitonType matches the instance types with AWS's processors: after the number of the generation
// comes a g (AWS docs: Amazon EC2 instance type naming conventions), and a1 is older than that
// rule.
var gravitonType = regexp.MustCompile(`^(a1|[a-z]+[0-9]+g[a-z]*(-[a-z0-9]+)?)\.`)

// ArchitectureOf is the architecture of an EC2 instance type: arm64 for t4g.small.
func ArchitectureOf(instanceType string) string {
	if gravitonType.MatchString(instanceType) {
		return ArchitectureARM
	}
	return ArchitectureAMD
}
