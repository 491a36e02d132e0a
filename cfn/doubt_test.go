package cfn

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"perch"
)

func TestDoubts(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*perch.Settings)
		want   []string
	}{
		"none":              {func(*perch.Settings) {}, nil},
		"no database":       {func(s *perch.Settings) { s.Database = nil }, nil},
		"the version stays": {func(s *perch.Settings) { s.Database.Version = "" }, nil},
		"an image by digest": {func(s *perch.Settings) { s.Image = "example.org/shop@sha256:ab" }, []string{
			"image example.org/shop@sha256:ab (image) has no {commit}, so every commit of every branch runs the same " +
				"image: write {commit} where the tag has the commit"}},
		"an instance type": {func(s *perch.Settings) { s.InstanceType = "t3.samll" }, []string{
			"instance_type t3.samll (instance_type) is not an EC2 instance type that Perch knows; the most similar " +
				"is t3.small"}},
		"a type like no other": {func(s *perch.Settings) { s.InstanceType = "quite.something-else" }, []string{
			"instance_type quite.something-else (instance_type) is not an EC2 instance type that Perch knows"}},
		"a class": {func(s *perch.Settings) { s.Database.Class = "db.t4g.micor" }, []string{
			"database.class db.t4g.micor (database.class) is not an RDS instance class that Perch knows; the most " +
				"similar is db.t4g.micro"}},
		"a version that is too new": {func(s *perch.Settings) { s.Database.Version = "99" }, []string{
			"database.version 99 (database.version) is not a version of PostgreSQL that Perch knows; the most " +
				"similar is 18"}},
		"a version that is too old": {func(s *perch.Settings) { s.Database.Version = "12" }, []string{
			"database.version 12 (database.version) is not a version of PostgreSQL that Perch knows; the most " +
				"similar is 14"}},
		"a class that the policy decides": {func(s *perch.Settings) {
			s.Database = &perch.Database{Mode: perch.DatabaseShared, Class: "db.none.such", Version: "99"}
		}, nil},
	} {
		settings := perch.Settings{
			Image: "example.org/shop:{commit}", InstanceType: "t3.small",
			Database: &perch.Database{Class: "db.t4g.micro", Version: "16"},
		}
		c.change(&settings)
		if diff := cmp.Diff(c.want, Doubts(settings, func(path string) string { return path })); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
