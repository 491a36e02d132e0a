package cfn

import (
	"fmt"
	"strconv"
	"strings"

	"perch"
	"perch/cfn/spec"
)

// Doubts returns sentences about settings that are probably mistakes, although nothing before AWS
// rejects them. It doubts an image without {commit}, and instance types, instance classes and
// database versions that AWS does not know. The settings must still have {commit} in the image.
// origin says where the setting with a dotted path is from.
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
			sentences, fmt.Sprintf("%s %s (%s) is not %s that Perch knows%s", path, value, origin(path), what, nearest),
		)
	}
	nearest, known := spec.InstanceType(s.InstanceType)
	doubt("instance_type", s.InstanceType, "an EC2 instance type", nearest, known)
	if s.Database == nil || s.Database.Mode == perch.DatabaseShared {
		return sentences
	}
	nearest, known = spec.InstanceClass(s.Database.Class)
	doubt("database.class", s.Database.Class, "an RDS instance class", nearest, known)
	nearest, known = version(s.Database.Version)
	doubt("database.version", s.Database.Version, "a version of PostgreSQL", nearest, known)
	return sentences
}

// version reports whether new databases can have a major version of PostgreSQL, and returns the
// version that is nearest.
func version(name string) (nearest string, known bool) {
	newest, _ := strconv.Atoi(perch.DefaultPostgreSQL)
	number, err := strconv.Atoi(name)
	if err != nil {
		return perch.DefaultPostgreSQL, name == "" // Without a version, the existing one stays.
	}
	near := min(max(number, perch.OldestPostgreSQL), newest)
	return strconv.Itoa(near), near == number
}
