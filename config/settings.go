package config

import (
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"

	"perch"
	"perch/document"
)

// maxEnvironment is the most that `environment` may hold, in bytes of NAME=value. Elastic Beanstalk carries 4,096 bytes of environment
// properties (AWS docs: environment properties), and a part of them is Perch's own.
const maxEnvironment = 3072

// settings reads one layer, or the layers merged.
func (d *decoder) settings(path string, n *document.Node) perch.Settings {
	var s perch.Settings
	d.fields(path, n,
		field{name: "image", read: d.text(&s.Image, validImage)},
		field{name: "image_wait", read: d.duration(&s.ImageWait, time.Second, time.Hour)},
		field{name: "platform", read: d.text(&s.Platform, oneOf("docker"))},
		field{name: "instance_type", read: d.text(&s.InstanceType, validInstanceType)},
		field{name: "instances", read: func(path string, n *document.Node) {
			d.fields(path, n,
				field{name: "min", read: d.number(&s.Instances.Min, 1, 100)},
				field{name: "max", read: d.number(&s.Instances.Max, 1, 100)})
		}},
		field{name: "load_balancer", read: d.text(&s.LoadBalancer, oneOf("shared", "own", "none"))},
		field{name: "health_path", read: d.text(&s.HealthPath, validHealthPath)},
		field{name: "database", read: func(path string, n *document.Node) { s.Database = d.database(path, n) }, empty: true},
		field{name: "buckets", read: func(path string, n *document.Node) { s.Buckets = d.buckets(path, n) }, empty: true},
		field{name: "environment", read: func(path string, n *document.Node) { s.Environment = d.variables(path, n, d.plainVariable) }, empty: true},
		field{name: "secrets", read: func(path string, n *document.Node) { s.Secrets = d.variables(path, n, d.secretVariable) }, empty: true},
		field{name: "expiry", read: func(path string, n *document.Node) { s.Expiry = d.expiry(path, n) }, empty: true},
		field{name: "template", read: d.text(&s.Template, validTemplate), empty: true},
		field{name: "parameters", read: func(path string, n *document.Node) { s.Parameters = d.parameters(path, n) }, empty: true},
		field{name: "url_output", read: d.text(&s.URLOutput, validLogicalID), empty: true})
	return s
}

func (d *decoder) database(path string, n *document.Node) *perch.Database {
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

func (d *decoder) expiry(path string, n *document.Node) *perch.Expiry {
	var expiry perch.Expiry
	d.fields(path, n,
		field{name: "idle", read: d.hours(&expiry.Idle, 1, 8760)},
		field{name: "max", read: d.hours(&expiry.Max, 1, 8760)})
	return &expiry
}

func (d *decoder) buckets(path string, n *document.Node) map[string]perch.Bucket {
	buckets := map[string]perch.Bucket{}
	d.each(path, n, func(path string, key, value *document.Node) {
		if problem := validBucket(key.Text); problem != "" {
			d.Fail(key, "a bucket's name %s, not %s", problem, shown(key))
			return
		}
		var bucket perch.Bucket
		if value.Shape != document.Null {
			d.fields(path, value, field{name: "versioned", read: d.flag(&bucket.Versioned)})
		}
		buckets[key.Text] = bucket
	})
	return buckets
}

func (d *decoder) variables(path string, n *document.Node, read func(path string, key, value *document.Node)) map[string]string {
	variables := map[string]string{}
	d.each(path, n, func(path string, key, value *document.Node) {
		if problem := validVariable(key.Text); problem != "" {
			d.Fail(key, "a variable %s, not %s", problem, shown(key))
			return
		}
		if ownVariable(key.Text) {
			d.Fail(key, "%s is not yours to set: names that begin with %s are set by Perch", path, strings.Join(ownPrefixes, ", "))
			return
		}
		if value.Shape != document.Null {
			read(path, key, value)
			variables[key.Text] = value.Text
		}
	})
	return variables
}

func (d *decoder) plainVariable(path string, key, value *document.Node) {
	switch {
	case !d.is(path, value, document.Scalar):
	case strings.ContainsFunc(value.Text, unicode.IsControl):
		d.Fail(value, "%s must be one line of text", path)
	case uncarriedIn(value.Text) != "":
		d.Fail(value, "%s %s; Elastic Beanstalk does not carry such a value to the app unchanged: leave that out, "+
			"or write the value in base64 and let the app decode it", path, uncarriedIn(value.Text))
	case dynamicReference.MatchString(value.Text):
		d.Fail(value, "%s has a dynamic reference, which CloudFormation would read whatever the policy says of it; name the secret's ARN under secrets: %s", path, key.Text)
	case document.SecretName(key.Text) && value.Text != "":
		d.Fail(key, "%s looks like a secret, and perch.yaml is read by everybody; keep it in Secrets Manager and name its ARN under secrets: %s", path, key.Text)
	}
}

func (d *decoder) secretVariable(path string, _, value *document.Node) {
	switch {
	case value.Shape != document.Scalar:
		d.Fail(value, "%s must be an ARN, not %s", path, value.Shape)
	case validSecret(value.Text) != "":
		// The value is not repeated: somebody may have written the secret itself.
		d.Fail(value, "%s %s", path, validSecret(value.Text))
	}
}

// whole checks what only all layers together can tell; n is the tree that s was read from.
func (d *decoder) whole(s perch.Settings, n *document.Node) {
	if low, high := s.Instances.Min, s.Instances.Max; low > high {
		at, other := n.At("instances", "min"), n.At("instances", "max")
		if at.Line == 0 {
			at, other = other, at
		}
		d.Fail(at, "instances.min is %d and instances.max is %d (%s); the minimum must not be above the maximum: set both in one layer", low, high, other.Origin())
	}
	if s.LoadBalancer == "none" && s.Instances.Max > 1 {
		d.Fail(n.At("load_balancer"), "load_balancer none means a single instance, and instances.max is %d (%s); set it to 1", s.Instances.Max, n.At("instances", "max").Origin())
	}
	if e := s.Expiry; e != nil && e.Max != 0 && e.Idle > e.Max {
		at, other := n.At("expiry", "max"), n.At("expiry", "idle")
		d.Fail(at, "expiry.max is %s and expiry.idle is %s (%s); the longest life must not be shorter than the one without a push", e.Max, e.Idle, other.Origin())
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
		d.Fail(n.At("environment"), "environment takes %d bytes; at most %d fit into an Elastic Beanstalk environment", size, maxEnvironment)
	}
	for _, name := range slices.Sorted(maps.Keys(s.Secrets)) {
		if _, ok := s.Environment[name]; ok {
			d.Fail(n.At("secrets", name), "%s stands in environment (%s) and in secrets; leave one of them out", name, n.At("environment", name).Origin())
		}
	}
}

// backups wants them of production's database.
func (d *decoder) backups(kind perch.Kind, db *perch.Database, n *document.Node) {
	if kind != perch.KindProduction || db == nil || db.BackupDays > 0 {
		return
	}
	days := n.At("database", "backup_days")
	d.Fail(days, "database.backup_days is 0 (%s), and the database of an environment of kind production has backups; set 1 to 35 days in kinds.production", days.Origin())
}

// snapshot wants a snapshot exactly where the database is restored from one.
func (d *decoder) snapshot(db perch.Database, n *document.Node) {
	mode := n.At("database", "mode")
	switch restored := db.Mode == perch.DatabaseSnapshot; {
	case restored && db.Snapshot == "":
		d.Fail(mode, "database.mode is snapshot and database.snapshot is missing; name the id or the ARN of an RDS snapshot")
	case !restored && db.Snapshot != "":
		d.Fail(n.At("database", "snapshot"), "database.snapshot is for database.mode snapshot, and the mode is %s (%s); set the mode to snapshot, or the snapshot to null", db.Mode, mode.Origin())
	}
}

// similarBuckets rejects names that differ in hyphens only: the template's logical ids have none.
func (d *decoder) similarBuckets(s perch.Settings, n *document.Node) {
	bare := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(s.Buckets)) {
		key := strings.ReplaceAll(name, "-", "")
		if other, ok := bare[key]; ok {
			d.Fail(n.At("buckets", name), "buckets %s and %s differ in hyphens only; rename one", other, name)
		}
		bare[key] = name
	}
}
