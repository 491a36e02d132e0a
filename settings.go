package perch

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// Settings are the resolved values that an environment's template is rendered from. A layer of
// perch.yaml holds a part of them; package config merges the layers, checks the values and
// remembers where each one came from.
//
// Users read the comments of the fields, here and in Policy: docs/configuration.md and the JSON
// Schemas are generated from them and from the tag `jsonschema`, whose formats are in package
// config. The comments name keys as perch.yaml does. docs/contributing.md says how to generate
// both.
type Settings struct {
	// Image is the Docker image that runs; the default is the `image` of the file. `{commit}`
	// becomes the full commit. `up` looks the image up and deploys its digest, so that a tag that
	// moves later changes nothing. The image must be built for the processor of `instance_type`.
	Image string `yaml:"image,omitempty" json:"image" jsonschema:"format=image"`
	// ImageWait is how long `up` waits for an image that is not in its registry yet. A newer push
	// or a removal ends the wait.
	ImageWait time.Duration `yaml:"image_wait,omitempty" json:"image_wait" jsonschema:"format=duration,default=15m" jsonschema_extras:"from=1s,to=1h"`
	// Platform is the Elastic Beanstalk platform. A new environment gets the newest Docker platform
	// on Amazon Linux 2023, and keeps that platform.
	Platform string `yaml:"platform,omitempty" json:"platform" jsonschema:"enum=docker,default=docker"`
	// InstanceType is the EC2 instance type.
	InstanceType string `yaml:"instance_type,omitempty" json:"instance_type" jsonschema:"format=instance type,default=t3.small"`
	// Instances limits the size of the Auto Scaling group.
	Instances Instances `yaml:"instances,omitempty" json:"instances"`
	// LoadBalancer is the load balancer of the environment. `shared` is the load balancer of the
	// application stack, with a listener rule for each environment. `dedicated` is a load balancer
	// that only this environment uses, with the same certificate. With `none`, the environment is a
	// single instance: `instances.max` must be 1, and the environment needs one Elastic IP address,
	// of which an account has five in a region by default. `shared` and `dedicated` need a domain
	// in the policy.
	LoadBalancer string `yaml:"load_balancer,omitempty" json:"load_balancer" jsonschema:"enum=shared,enum=dedicated,enum=none,default=shared"`
	// HealthPath is the path of the health check: the load balancer expects the status 200, and
	// `up` waits for a status below 400.
	HealthPath string `yaml:"health_path,omitempty" json:"health_path" jsonschema:"format=health path,default=/"`
	// Database is the environment's RDS database. If no layer has this key, the environment has no
	// database. The keys below describe the database.
	Database *Database `yaml:"database,omitempty" json:"database" jsonschema:"nullable"`
	// Buckets are the S3 buckets of the environment, by the names that the app uses for them. Their
	// names on S3 are different.
	Buckets map[string]Bucket `yaml:"buckets,omitempty" json:"buckets" jsonschema:"nullable" jsonschema_extras:"keys=bucket,values=nullable"`
	// Environment are plain environment variables of the app, one line each, 3,072 bytes together.
	// A value cannot contain a backslash, a quote, a backtick or ` #`, or begin or end with a
	// space, because Elastic Beanstalk would change it. Do not put secrets or dynamic references of
	// CloudFormation (`{{resolve:...}}`) here. `PORT` is the port on which the app listens in its
	// container; the default is 8080.
	Environment map[string]string `yaml:"environment,omitempty" json:"environment" jsonschema:"nullable" jsonschema_extras:"keys=app variable,values=scalar"`
	// Secrets are environment variables whose values are in Secrets Manager or Parameter Store. The
	// policy's `secrets` must allow them.
	Secrets map[string]string `yaml:"secrets,omitempty" json:"secrets" jsonschema:"nullable" jsonschema_extras:"keys=app variable,values=secret"`
	// Expiry is how long an environment of kind `branch` lives. The policy's `expiry` limits it.
	Expiry *Expiry `yaml:"expiry,omitempty" json:"expiry" jsonschema:"nullable"`
	// Template is the path of a custom CloudFormation template, a YAML or JSON file in the
	// repository. Perch uses it instead of its template.
	Template string `yaml:"template,omitempty" json:"template" jsonschema:"nullable,format=template"`
	// Parameters are the values of that template's Parameters, by name. Perch replaces `{branch}`,
	// `{commit}` and other placeholders in the values.
	Parameters map[string]string `yaml:"parameters,omitempty" json:"parameters" jsonschema:"nullable" jsonschema_extras:"keys=logical id,values=scalar"`
	// URLOutput is the output of that template that has the environment's URL.
	URLOutput string `yaml:"url_output,omitempty" json:"url_output" jsonschema:"nullable,format=logical id,default=URL"`
}

// Instances limits the number of EC2 instances.
type Instances struct {
	// Min is the minimum number of instances; it must not be above `instances.max`.
	Min int `yaml:"min,omitempty" json:"min" jsonschema:"minimum=1,maximum=100,default=1"`
	// Max is the maximum number of instances.
	Max int `yaml:"max,omitempty" json:"max" jsonschema:"minimum=1,maximum=100,default=1"`
}

// Modes of a Database.
const (
	// DefaultPostgreSQL is the major version of new databases, and OldestPostgreSQL the oldest that
	// new databases can have: the standard support of 13 ended on 28 February 2026 (RDS release
	// calendar).
	DefaultPostgreSQL = "18"
	OldestPostgreSQL  = 14

	// DatabaseDedicated is an instance for this environment alone. An empty mode means the same.
	DatabaseDedicated = "dedicated"
	// DatabaseSnapshot is a dedicated instance, restored from a snapshot.
	DatabaseSnapshot = "snapshot"
	// DatabaseShared is a separate database with its user in the instance of the application stack.
	DatabaseShared = "shared"
	// DatabaseNone is in layers only: resolved settings have no Database then.
	DatabaseNone = "none"
)

// Database describes the environment's database.
type Database struct {
	// Mode is `dedicated` for an RDS instance that only this environment uses, and `snapshot` for
	// such an instance that is restored from a snapshot. `shared` is a database in the instance
	// that the policy's `shared_database` describes; the keys below have no effect then. `none`
	// means the same as `database: null`.
	Mode string `yaml:"mode,omitempty" json:"mode" jsonschema:"enum=dedicated,enum=shared,enum=snapshot,enum=none,default=dedicated"`
	// Snapshot is the RDS snapshot that mode `snapshot` restores; other modes reject this key. The
	// policy's `snapshots.from` must allow the snapshot.
	Snapshot string `yaml:"snapshot,omitempty" json:"snapshot" jsonschema:"format=snapshot"`
	// Engine is the database engine.
	Engine string `yaml:"engine,omitempty" json:"engine" jsonschema:"enum=postgres,default=postgres"`
	// Version is the engine's major version. Without this key, a new database gets 18, an existing
	// database keeps its version, and a restored database has the version of its snapshot.
	Version string `yaml:"version,omitempty" json:"version" jsonschema:"format=version,default=18"`
	// Class is the RDS instance class.
	Class string `yaml:"class,omitempty" json:"class" jsonschema:"format=instance class,default=db.t4g.micro"`
	// StorageGB is the size of the gp3 volume in GiB.
	StorageGB int `yaml:"storage_gb,omitempty" json:"storage_gb" jsonschema:"minimum=20,maximum=65536,default=20"`
	// MultiAZ adds a standby in a second availability zone. For kind `production` the default is
	// `true`.
	MultiAZ bool `yaml:"multi_az,omitempty" json:"multi_az" jsonschema:"default=false"`
	// BackupDays is how many days RDS keeps automated backups; 0 turns them off. For kind
	// `production` the default is 14, and 0 is rejected. For kind `staging` the default is 7.
	BackupDays int `yaml:"backup_days,omitempty" json:"backup_days" jsonschema:"minimum=0,maximum=35,default=0"`
}

// Bucket describes an S3 bucket.
type Bucket struct {
	// Versioned keeps every version of every object.
	Versioned bool `yaml:"versioned,omitempty" json:"versioned" jsonschema:"default=false"`
}

// Expiry is how long an environment lives.
type Expiry struct {
	// Idle is how long an environment lives after its last use: a push, a redeployment, an
	// extension or a pin.
	Idle Hours `yaml:"idle,omitempty" json:"idle" jsonschema:"format=hours" jsonschema_extras:"from=1h,to=8760h"`
	// Max is how long an environment lives after its creation; it must not be below `expiry.idle`.
	Max Hours `yaml:"max,omitempty" json:"max" jsonschema:"format=hours" jsonschema_extras:"from=1h,to=8760h"`
	// Warn is how long before the end of an environment Perch warns people.
	Warn Hours `yaml:"warn,omitempty" json:"warn" jsonschema:"format=hours,default=24h" jsonschema_extras:"from=1h,to=720h"`
	// Extend is how much longer an environment lives after `perch extend`.
	Extend Hours `yaml:"extend,omitempty" json:"extend" jsonschema:"format=hours,default=72h" jsonschema_extras:"from=1h,to=720h"`
}

// Hours are a duration in whole hours; its text is 168h.
type Hours int

// Duration is h as a time.Duration.
func (h Hours) Duration() time.Duration { return time.Duration(h) * time.Hour }

func (h Hours) String() string { return strconv.Itoa(int(h)) + "h" }

// MarshalText writes h as String does.
func (h Hours) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (h *Hours) UnmarshalText(text []byte) error {
	length, err := time.ParseDuration(string(text))
	if err != nil || length%time.Hour != 0 {
		return fmt.Errorf("%q is not a number of hours such as 168h", text)
	}
	*h = Hours(length / time.Hour)
	return nil
}

// SeedStep puts test data into a new environment. Exactly one of its fields is set.
type SeedStep struct {
	// S3 copies files into one of the environment's buckets.
	S3 *SeedS3 `yaml:"s3,omitempty" json:"s3,omitempty" jsonschema:"oneof_required=s3"`
	// HTTP sends a request to the environment once the app responds; a status 2xx is success.
	HTTP *SeedHTTP `yaml:"http,omitempty" json:"http,omitempty" jsonschema:"oneof_required=http"`
	// Run runs a command in the app's container once the app responds; exit code 0 is success.
	Run *SeedRun `yaml:"run,omitempty" json:"run,omitempty" jsonschema:"oneof_required=run"`
}

// SeedS3 copies a folder of the repository at the commit, or an S3 prefix that the policy allows,
// into a bucket.
type SeedS3 struct {
	// From is a folder of the repository at the commit, or an S3 prefix that the policy's
	// `seeds.from` allows. The keys of the copies are the paths below it.
	From string `yaml:"from" json:"from" jsonschema:"format=seed source"`
	// To is one of the branch's buckets, by its name in `buckets`. A slash and a prefix for the
	// keys may follow.
	To string `yaml:"to" json:"to" jsonschema:"format=seed target"`
}

// SeedHTTP sends a request to the environment's own URL.
type SeedHTTP struct {
	// Method is the request's method.
	Method string `yaml:"method,omitempty" json:"method" jsonschema:"enum=GET,enum=POST,enum=PUT,enum=PATCH,enum=DELETE,default=POST"`
	// Path is the request's path. A query may follow.
	Path string `yaml:"path" json:"path" jsonschema:"format=seed path"`
	// Body is a file of the repository at the commit, which is the body of the request. GET allows
	// no body.
	Body string `yaml:"body,omitempty" json:"body,omitempty" jsonschema:"format=seed body"`
	// Header is the header whose value is the secret. By default, the secret is in `Authorization`,
	// after the word Bearer.
	Header string `yaml:"header,omitempty" json:"header,omitempty" jsonschema:"format=header" jsonschema_extras:"needs=secret"`
	// Secret is one of the branch's secrets, by its name in `secrets`. The worker reads its value
	// and adds it to the request.
	Secret string `yaml:"secret,omitempty" json:"secret,omitempty" jsonschema:"format=secret name"`
}

// SeedRun runs a command in the app's container.
type SeedRun struct {
	// Command is the command and its arguments, as separate words; no shell interprets them.
	// Together they have at most 8,000 bytes.
	Command []string `yaml:"command" json:"command" jsonschema:"minItems=1" jsonschema_extras:"hint=the command"`
	// Timeout is how long the command may take.
	Timeout time.Duration `yaml:"timeout,omitempty" json:"timeout" jsonschema:"format=duration,default=10m" jsonschema_extras:"from=1s,to=1h"`
}

// Later reports whether the step needs the app: it is carried out when the environment answers.
func (s SeedStep) Later() bool { return s.S3 == nil }

// maxStepName is the longest name of a step, in bytes.
const maxStepName = 120

// String names the step as people read it, without what a terminal would act on.
func (s SeedStep) String() string {
	var name string
	switch {
	case s.S3 != nil:
		name = "s3 " + s.S3.From
	case s.HTTP != nil:
		name = "http " + s.HTTP.Method + " " + s.HTTP.Path
	case s.Run != nil:
		name = "run " + strings.Join(s.Run.Command, " ")
	}
	name = strings.Join(strings.Fields(strings.Map(graphic, name)), " ")
	if len(name) > maxStepName {
		name = strings.ToValidUTF8(name[:maxStepName], "") + "..."
	}
	return name
}

func graphic(r rune) rune {
	if unicode.IsGraphic(r) || unicode.IsSpace(r) {
		return r
	}
	return -1
}
