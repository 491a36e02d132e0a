package config

import (
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"

	"perch"
)

// maxEnvironment is the most that `environment` may hold, in bytes of NAME=value. Elastic Beanstalk carries 4,096 bytes of environment
// properties (AWS docs: environment properties), and a part of them is Perch's own.
const maxEnvironment = 3072

// settings reads one layer, or the layers merged.
func (d *decoder) settings(path string, n *node) perch.Settings {
	var s perch.Settings
	d.fields(path, n,
		field{name: "image", read: d.text(&s.Image, validImage)},
		field{name: "image_wait", read: d.duration(&s.ImageWait, time.Second, time.Hour)},
		field{name: "platform", read: d.text(&s.Platform, oneOf("docker"))},
		field{name: "instance_type", read: d.text(&s.InstanceType, validInstanceType)},
		field{name: "instances", read: func(path string, n *node) {
			d.fields(path, n,
				field{name: "min", read: d.number(&s.Instances.Min, 1, 100)},
				field{name: "max", read: d.number(&s.Instances.Max, 1, 100)})
		}},
		field{name: "load_balancer", read: d.text(&s.LoadBalancer, oneOf("shared", "own", "none"))},
		field{name: "health_path", read: d.text(&s.HealthPath, validHealthPath)},
		field{name: "database", read: func(path string, n *node) { s.Database = d.database(path, n) }, empty: true},
		field{name: "buckets", read: func(path string, n *node) { s.Buckets = d.buckets(path, n) }, empty: true},
		field{name: "environment", read: func(path string, n *node) { s.Environment = d.variables(path, n, d.plainVariable) }, empty: true},
		field{name: "secrets", read: func(path string, n *node) { s.Secrets = d.variables(path, n, d.secretVariable) }, empty: true},
		field{name: "expiry", read: func(path string, n *node) { s.Expiry = d.expiry(path, n) }, empty: true},
		field{name: "template", read: d.text(&s.Template, validTemplate), empty: true},
		field{name: "parameters", read: func(path string, n *node) { s.Parameters = d.parameters(path, n) }, empty: true},
		field{name: "url_output", read: d.text(&s.URLOutput, validLogicalID), empty: true})
	return s
}

func (d *decoder) database(path string, n *node) *perch.Database {
	var db perch.Database
	d.fields(path, n,
		field{name: "mode", read: d.text(&db.Mode, oneOf(perch.DatabaseOwn, perch.DatabaseShared, perch.DatabaseSnapshot, perch.DatabaseNone))},
		field{name: "snapshot", read: d.text(&db.Snapshot, validSnapshot)},
		field{name: "engine", read: d.text(&db.Engine, oneOf("postgres"))},
		field{name: "version", read: d.text(&db.Version, validVersion)},
		field{name: "class", read: d.text(&db.Class, validClass)},
		field{name: "storage_gb", read: d.number(&db.StorageGB, 20, 65536)},
		field{name: "multi_az", read: d.flag(&db.MultiAZ)},
		field{name: "backup_days", read: d.number(&db.BackupDays, 0, 35)})
	return &db
}

func (d *decoder) expiry(path string, n *node) *perch.Expiry {
	var expiry perch.Expiry
	d.fields(path, n,
		field{name: "idle", read: d.hours(&expiry.Idle, 1, 8760)},
		field{name: "max", read: d.hours(&expiry.Max, 1, 8760)})
	return &expiry
}

func (d *decoder) buckets(path string, n *node) map[string]perch.Bucket {
	buckets := map[string]perch.Bucket{}
	d.each(path, n, func(path string, key, value *node) {
		if problem := validBucket(key.text); problem != "" {
			d.fail(key, "a bucket's name %s, not %s", problem, key.shown())
			return
		}
		var bucket perch.Bucket
		if value.shape != null {
			d.fields(path, value, field{name: "versioned", read: d.flag(&bucket.Versioned)})
		}
		buckets[key.text] = bucket
	})
	return buckets
}

func (d *decoder) variables(path string, n *node, read func(path string, key, value *node)) map[string]string {
	variables := map[string]string{}
	d.each(path, n, func(path string, key, value *node) {
		if problem := validVariable(key.text); problem != "" {
			d.fail(key, "a variable %s, not %s", problem, key.shown())
			return
		}
		if ownVariable(key.text) {
			d.fail(key, "%s is not yours to set: names that begin with %s are set by Perch", path, strings.Join(ownPrefixes, ", "))
			return
		}
		if value.shape != null {
			read(path, key, value)
			variables[key.text] = value.text
		}
	})
	return variables
}

func (d *decoder) plainVariable(path string, key, value *node) {
	switch {
	case !d.is(path, value, scalar):
	case strings.ContainsFunc(value.text, unicode.IsControl):
		d.fail(value, "%s must be one line of text", path)
	case uncarriedIn(value.text) != "":
		d.fail(value, "%s %s; Elastic Beanstalk does not carry such a value to the app unchanged: leave that out, "+
			"or write the value in base64 and let the app decode it", path, uncarriedIn(value.text))
	case dynamicReference.MatchString(value.text):
		d.fail(value, "%s has a dynamic reference, which CloudFormation would read whatever the policy says of it; name the secret's ARN under secrets: %s", path, key.text)
	case secretName(key.text) && value.text != "":
		d.fail(key, "%s looks like a secret, and perch.yaml is read by everybody; keep it in Secrets Manager and name its ARN under secrets: %s", path, key.text)
	}
}

func (d *decoder) secretVariable(path string, _, value *node) {
	switch {
	case value.shape != scalar:
		d.fail(value, "%s must be an ARN, not %s", path, value.shape)
	case validSecret(value.text) != "":
		// The value is not repeated: somebody may have written the secret itself.
		d.fail(value, "%s %s", path, validSecret(value.text))
	}
}

// whole checks what only all layers together can tell; n is the tree that s was read from.
func (d *decoder) whole(s perch.Settings, n *node) {
	if low, high := s.Instances.Min, s.Instances.Max; low > high {
		at, other := n.at("instances", "min"), n.at("instances", "max")
		if at.line == 0 {
			at, other = other, at
		}
		d.fail(at, "instances.min is %d and instances.max is %d (%s); the minimum must not be above the maximum: set both in one layer", low, high, other.origin())
	}
	if s.LoadBalancer == "none" && s.Instances.Max > 1 {
		d.fail(n.at("load_balancer"), "load_balancer none means a single instance, and instances.max is %d (%s); set it to 1", s.Instances.Max, n.at("instances", "max").origin())
	}
	if e := s.Expiry; e != nil && e.Max != 0 && e.Idle > e.Max {
		at, other := n.at("expiry", "max"), n.at("expiry", "idle")
		d.fail(at, "expiry.max is %s and expiry.idle is %s (%s); the longest life must not be shorter than the one without a push", e.Max, e.Idle, other.origin())
	}
	d.similarBuckets(s, n)
	if s.Database != nil {
		d.snapshot(*s.Database, n)
	}
	d.ownTemplate(s, n)
	size := 0
	for name, value := range s.Environment {
		size += len(name) + len(value) + 2
	}
	if size > maxEnvironment {
		d.fail(n.at("environment"), "environment takes %d bytes; at most %d fit into an Elastic Beanstalk environment", size, maxEnvironment)
	}
	for _, name := range slices.Sorted(maps.Keys(s.Secrets)) {
		if _, ok := s.Environment[name]; ok {
			d.fail(n.at("secrets", name), "%s stands in environment (%s) and in secrets; leave one of them out", name, n.at("environment", name).origin())
		}
	}
}

// backups wants them of production's database.
func (d *decoder) backups(kind perch.Kind, db *perch.Database, n *node) {
	if kind != perch.KindProduction || db == nil || db.BackupDays > 0 {
		return
	}
	days := n.at("database", "backup_days")
	d.fail(days, "database.backup_days is 0 (%s), and the database of an environment of kind production has backups; set 1 to 35 days in kinds.production", days.origin())
}

// snapshot wants a snapshot exactly where the database is restored from one.
func (d *decoder) snapshot(db perch.Database, n *node) {
	mode := n.at("database", "mode")
	switch restored := db.Mode == perch.DatabaseSnapshot; {
	case restored && db.Snapshot == "":
		d.fail(mode, "database.mode is snapshot and database.snapshot is missing; name the id or the ARN of an RDS snapshot")
	case !restored && db.Snapshot != "":
		d.fail(n.at("database", "snapshot"), "database.snapshot is for database.mode snapshot, and the mode is %s (%s); set the mode to snapshot, or the snapshot to null", db.Mode, mode.origin())
	}
}

// similarBuckets rejects names that differ in hyphens only: the template's logical ids have none.
func (d *decoder) similarBuckets(s perch.Settings, n *node) {
	bare := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(s.Buckets)) {
		key := strings.ReplaceAll(name, "-", "")
		if other, ok := bare[key]; ok {
			d.fail(n.at("buckets", name), "buckets %s and %s differ in hyphens only; rename one", other, name)
		}
		bare[key] = name
	}
}
