package config

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"unicode"

	"perch"
	"perch/document"
)

// maxEnvironment is the largest size of `environment`, in bytes of NAME=value. Elastic Beanstalk
// allows 4,096 bytes of environment properties (AWS docs: environment properties), and Perch uses a
// part of them.
const maxEnvironment = 3072

// settings reads one layer, or all layers merged.
func (d *decoder) settings(path string, n *document.Node) perch.Settings {
	var s perch.Settings
	layered := decoder{Report: d.Report, layered: true}
	layered.object(path, n, reflect.ValueOf(&s).Elem())
	return s
}

// entryChecks check the entries of mappings with free keys, if the key matters as well as the
// value.
var entryChecks = map[string]func(d *decoder, path string, e document.Entry){
	"environment": (*decoder).plainVariable, "secrets": (*decoder).secretVariable, "parameters": (*decoder).parameter,
}

func (d *decoder) plainVariable(path string, e document.Entry) {
	key, value := e.Key, e.Value
	switch {
	case !d.is(path, value, document.Scalar):
	case strings.ContainsFunc(value.Text, unicode.IsControl):
		d.Fail(value, "%s must be one line of text", path)
	case uncarriedIn(value.Text) != "":
		d.Fail(value, "%s %s; Elastic Beanstalk does not carry such a value to the app unchanged: leave it out, "+
			"or encode the value in base64 and let the app decode it", path, uncarriedIn(value.Text))
	case dynamicReference.MatchString(value.Text):
		d.Fail(value, "%s has a dynamic reference, which CloudFormation would resolve without a check by the policy; "+
			"name the secret's ARN under secrets: %s", path, key.Text)
	case document.SecretName(key.Text) && value.Text != "":
		d.Fail(key, "%s looks like a secret, and perch.yaml is read by everyone; keep it in Secrets Manager and "+
			"name its ARN under secrets: %s", path, key.Text)
	}
}

func (d *decoder) secretVariable(path string, e document.Entry) {
	switch value := e.Value; {
	case value.Shape != document.Scalar:
		d.Fail(value, "%s must be an ARN, not %s", path, value.Shape)
	case secretARN.check(value.Text) != "":
		// The message does not repeat the value, which may be the secret itself.
		d.Fail(value, "%s %s", path, secretARN.check(value.Text))
	}
}

// warning reports a warning that would come as soon as the environment is deployed.
func (d *decoder) warning(s perch.Settings, n *document.Node) {
	e := s.Expiry
	if e == nil || e.Idle == 0 && e.Max == 0 {
		return
	}
	shortest := e.Idle
	if e.Idle == 0 || e.Max != 0 && e.Max < e.Idle {
		shortest = e.Max
	}
	if e.Warn >= shortest {
		d.Fail(n.At(
			"expiry",
		), "expiry.warn is %s (%s), and environments live %s only; set expiry.warn to less than that", e.Warn,
			n.At("expiry", "warn").Origin(), shortest)
	}
}

// whole checks what only all layers together determine. n is the tree from which s was read.
func (d *decoder) whole(s perch.Settings, n *document.Node) {
	if low, high := s.Instances.Min, s.Instances.Max; low > high {
		at, other := n.At("instances", "min"), n.At("instances", "max")
		if at.Line == 0 {
			at, other = other, at
		}
		d.Fail(at, "instances.min is %d and instances.max is %d (%s); the minimum must not be above the maximum: set "+
			"both in one layer", low, high, other.Origin())
	}
	if s.LoadBalancer == "none" && s.Instances.Max > 1 {
		d.Fail(
			n.At("load_balancer"),
			"load_balancer none means a single instance, and instances.max is %d (%s); set it to 1", s.Instances.Max,
			n.At("instances", "max").Origin(),
		)
	}
	if e := s.Expiry; e != nil && e.Max != 0 && e.Idle > e.Max {
		at, other := n.At("expiry", "max"), n.At("expiry", "idle")
		d.Fail(at, "expiry.max is %s and expiry.idle is %s (%s); expiry.max must not be shorter than "+
			"expiry.idle", e.Max, e.Idle, other.Origin())
	}
	d.warning(s, n)
	d.similarBuckets(s, n)
	if s.Database != nil {
		d.snapshot(*s.Database, n)
	}
	d.customTemplate(s, n)
	size := 0
	for name, value := range s.Environment {
		size += len(name) + len(value) + 2
	}
	if size > maxEnvironment {
		d.Fail(
			n.At("environment"), "environment takes %d bytes; at most %d fit into an Elastic Beanstalk environment",
			size, maxEnvironment,
		)
	}
	for _, name := range slices.Sorted(maps.Keys(s.Secrets)) {
		if _, ok := s.Environment[name]; ok {
			d.Fail(
				n.At("secrets", name), "%s is in both environment (%s) and secrets; leave one of them out", name,
				n.At("environment", name).Origin(),
			)
		}
	}
}

// backups reports a production database without backups.
func (d *decoder) backups(kind perch.Kind, db *perch.Database, n *document.Node) {
	if kind != perch.KindProduction || db == nil || db.BackupDays > 0 {
		return
	}
	days := n.At("database", "backup_days")
	d.Fail(days, "database.backup_days is 0 (%s), and the database of an environment of kind production has backups; "+
		"set 1 to 35 days in kinds.production", days.Origin())
}

// snapshot checks that a snapshot is named if, and only if, the database is restored from one.
func (d *decoder) snapshot(db perch.Database, n *document.Node) {
	mode := n.At("database", "mode")
	switch restored := db.Mode == perch.DatabaseSnapshot; {
	case restored && db.Snapshot == "":
		d.Fail(
			mode,
			"database.mode is snapshot and database.snapshot is missing; name the id or the ARN of an RDS snapshot",
		)
	case !restored && db.Snapshot != "":
		d.Fail(n.At("database", "snapshot"), "database.snapshot is for database.mode snapshot, and the mode is %s "+
			"(%s); set the mode to snapshot, or the snapshot to null", db.Mode, mode.Origin())
	}
}

// similarBuckets reports names that differ only in hyphens, because the logical ids in the template
// have no hyphens.
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
