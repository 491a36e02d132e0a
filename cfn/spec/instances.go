package spec

import (
	_ "embed"
	"slices"
	"strings"
	"sync"

	"perch/document"
)

// instanceTypesFile has a line for each family of EC2 instance types, with the family's sizes.
// checks/instance_types_test.go generates it from the AWS SDK.
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

// instanceClasses are the instance types by their RDS names. RDS calls the family x2gd of EC2 x2g
// (RDS User Guide, "DB instance class types"). RDS does not have every type that EC2 has.
var instanceClasses = sync.OnceValue(func() (names []string) {
	for _, name := range instanceTypes() {
		names = append(names, "db."+name)
		if size, ok := strings.CutPrefix(name, "x2gd."); ok {
			names = append(names, "db.x2g."+size)
		}
	}
	return names
})

// InstanceType reports whether EC2 has an instance type with this name. If not, nearest is a type
// with a similar name, or empty.
func InstanceType(name string) (nearest string, known bool) { return find(name, instanceTypes()) }

// InstanceClass reports whether EC2 has the instance type that a DB instance class is named after.
// If not, nearest is a class with a similar name, or empty.
func InstanceClass(name string) (nearest string, known bool) { return find(name, instanceClasses()) }

// similar is how many letters of a mistyped name may differ from the intended name.
const similar = 3

// find looks for name. If several names are equally near, it returns the last, because that belongs
// to the newer family.
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
