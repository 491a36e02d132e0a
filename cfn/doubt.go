package cfn

import (
	"fmt"
	"strconv"
	"strings"

	"perch"
	"perch/cfn/spec"
)

// Doubts are sentences about settings that are most likely mistakes, although nothing rejects them
// before AWS does, if at all: an image without {commit}, which settings before the commit is in
// place have, and instance types, instance classes and database versions that AWS does not know.
// origin says where the setting of a dotted path is from.
func Doubts(s perch.Settings, origin func(path string) string) (sentences []string) {
	if !strings.Contains(s.Image, "{commit}") {
		sentences = append(
			sentences,
			fmt.Sprintf("image %s (%s) has no {commit}, so every commit of every branch runs "+
				"the same image: write {commit} where the tag has the commit", s.Image, origin("image")),
		)
	}
	doubt := func(path, value, what, nearest string, known bool) {
		if known {
			return
		}
		if nearest != "" {
			nearest = "; the most similar is " + nearest
		}
		sentences = append(
			sentences, fmt.Sprintf("%s %s (%s) is no %s that Perch knows%s", path, value, origin(path), what, nearest),
		)
	}
	nearest, known := spec.InstanceType(s.InstanceType)
	doubt("instance_type", s.InstanceType, "EC2 instance type", nearest, known)
	if s.Database == nil || s.Database.Mode == perch.DatabaseShared {
		return sentences
	}
	nearest, known = spec.InstanceClass(s.Database.Class)
	doubt("database.class", s.Database.Class, "RDS instance class", nearest, known)
	nearest, known = version(s.Database.Version)
	doubt("database.version", s.Database.Version, "version of PostgreSQL", nearest, known)
	return sentences
}

// version says whether new databases can have a major version of PostgreSQL, and which one is
// nearest.
func version(name string) (nearest string, known bool) {
	newest, _ := strconv.Atoi(perch.DefaultPostgreSQL)
	number, err := strconv.Atoi(name)
	if err != nil {
		return perch.DefaultPostgreSQL, name == "" // None is named: the one that runs stays.
	}
	near := min(max(number, perch.OldestPostgreSQL), newest)
	return strconv.Itoa(near), near == number
}
