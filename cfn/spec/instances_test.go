package spec

import "testing"

func TestInstanceTypesAndClassesAreFoundByName(t *testing.T) {
	for _, c := range []struct {
		find    func(string) (string, bool)
		name    string
		nearest string
		known   bool
	}{
		{InstanceType, "t3.small", "t3.small", true},
		{InstanceType, "u7i-12tb.224xlarge", "u7i-12tb.224xlarge", true},
		{InstanceType, "t3.samll", "t3.small", false},
		{InstanceType, "t3.smal", "t3.small", false},
		{InstanceType, "t5.small", "t3.small", false},
		{InstanceType, "m7g.huge-and-more", "", false},
		{InstanceType, "x2g.large", "x8g.large", false}, // As near as x2gd, and newer.
		{InstanceClass, "db.t4g.micro", "db.t4g.micro", true},
		{InstanceClass, "db.x2g.large", "db.x2g.large", true},
		{InstanceClass, "db.t4g.micor", "db.t4g.micro", false},
	} {
		if nearest, known := c.find(c.name); nearest != c.nearest || known != c.known {
			t.Errorf("%s: nearest %q, known %v; want %q, %v", c.name, nearest, known, c.nearest, c.known)
		}
	}
}
