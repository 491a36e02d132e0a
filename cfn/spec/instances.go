package spec

import (
	_ "embed"
	"slices"
	"strings"
	"sync"

	"perch/document"
)

// instanceTypesFile has a family of EC2 instance types on each line, with its sizes.
// checks/instance_types_test.go writes it from the AWS SDK.
//
//go:embed instance-types.txt
var instanceTypesFile string

var instanceTypes = sync.OnceValue(func() (names []string) {
	for line := range strings.Lines(instanceTypesFile) {
		words := strings.Fields(line)
		for _, size := range words[1:] {
			names = append(names, words[0]+"."+size)
		}
	}
	return names
})

// instanceClasses are the instance types as RDS names them. RDS calls x2gd, which EC2 has, x2g (RDS
// User Guide, "DB instance class types"). RDS does not have every type of EC2.
var instanceClasses = sync.OnceValue(func() (names []string) {
	for _, name := range instanceTypes() {
		names = append(names, "db."+name)
		if size, ok := strings.CutPrefix(name, "x2gd."); ok {
			names = append(names, "db.x2g."+size)
		}
	}
	return names
})

// InstanceType says whether EC2 has an instance type of this name. If not, nearest is one with a
// similar name, or empty.
func InstanceType(name string) (nearest string, known bool) { return find(name, instanceTypes()) }

// InstanceClass says whether EC2 has the instance type that a DB instance class is named after. If
// not, nearest is a class with a similar name, or empty.
func InstanceClass(name string) (nearest string, known bool) { return find(name, instanceClasses()) }

// similar is how many letters may differ between a mistyped name and the one that was meant.
const similar = 3

// find looks for name. Of several names that are equally near it takes the last, which is of the
// newer family.
func find(name string, names []string) (nearest string, known bool) {
	if slices.Contains(names, name) {
		return name, true
	}
	best := similar
	for _, candidate := range names {
		if abs(len(name)-len(candidate)) > similar {
			continue
		}
		if distance := document.Distance(name, candidate); distance <= best {
			nearest, best = candidate, distance
		}
	}
	return nearest, false
}

func abs(n int) int { return max(n, -n) }
