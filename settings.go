package perch

// Settings are the resolved values that an environment's template is rendered from. A layer of perch.yaml holds a part of them;
// package config merges the layers, checks the values and remembers where each one came from.
type Settings struct {
	// Image is the Docker image, with {commit} already replaced by the full commit.
	Image string `yaml:"image,omitempty" json:"image"`
	// Platform is the Elastic Beanstalk platform; `docker` is the only one.
	Platform string `yaml:"platform,omitempty" json:"platform"`
	// InstanceType is the EC2 instance type, such as t3.small.
	InstanceType string `yaml:"instance_type,omitempty" json:"instance_type"`
	// Instances bounds the Auto Scaling group.
	Instances Instances `yaml:"instances,omitempty" json:"instances"`
	// LoadBalancer is `shared` (the application stack's, one listener rule for each environment), `own` (one of the environment's own) or
	// `none` (a single instance); default `shared`.
	LoadBalancer string `yaml:"load_balancer,omitempty" json:"load_balancer"`
	// HealthPath is the path that answers 200 when the app is healthy; it begins with a slash.
	HealthPath string `yaml:"health_path,omitempty" json:"health_path"`
	// Database is the RDS database of the environment; nil for none.
	Database *Database `yaml:"database,omitempty" json:"database"`
	// Buckets are the S3 buckets of the environment, by the name that the app knows them by (`[a-z][a-z0-9-]{0,30}`).
	Buckets map[string]Bucket `yaml:"buckets,omitempty" json:"buckets"`
	// Environment are plain environment variables of the app. Nothing secret belongs here.
	Environment map[string]string `yaml:"environment,omitempty" json:"environment"`
	// Secrets are environment variables whose values stand in Secrets Manager or Parameter Store: variable name to ARN.
	Secrets map[string]string `yaml:"secrets,omitempty" json:"secrets"`
}

// Instances bounds the number of EC2 instances.
type Instances struct {
	Min int `yaml:"min,omitempty" json:"min"`
	Max int `yaml:"max,omitempty" json:"max"`
}

// Modes of a Database.
const (
	// DatabaseOwn is an instance of the environment's own. An empty mode means the same.
	DatabaseOwn = "own"
	// DatabaseSnapshot is an instance of the environment's own, restored from a snapshot.
	DatabaseSnapshot = "snapshot"
	// DatabaseNone stands in layers only: resolved settings have no Database then.
	DatabaseNone = "none"
)

// Database describes the environment's database.
type Database struct {
	// Mode is `own` (an RDS instance of the environment's own), `snapshot` (one that is restored from a snapshot) or `none`; default `own`.
	Mode string `yaml:"mode,omitempty" json:"mode"`
	// Snapshot is the id or the ARN of the RDS snapshot that mode `snapshot` restores; the policy says which are allowed.
	Snapshot string `yaml:"snapshot,omitempty" json:"snapshot"`
	// Engine is `postgres`, the only one.
	Engine string `yaml:"engine,omitempty" json:"engine"`
	// Version is the engine's major version, such as "16"; a restored database has its snapshot's.
	Version string `yaml:"version,omitempty" json:"version"`
	// Class is the instance class, such as db.t4g.micro.
	Class string `yaml:"class,omitempty" json:"class"`
	// StorageGB is the size of the gp3 volume in GiB, 20 to 65536.
	StorageGB int `yaml:"storage_gb,omitempty" json:"storage_gb"`
	// MultiAZ keeps a standby in a second availability zone.
	MultiAZ bool `yaml:"multi_az,omitempty" json:"multi_az"`
	// BackupDays is how long automated backups are kept, 0 to 35; 0 makes none.
	BackupDays int `yaml:"backup_days,omitempty" json:"backup_days"`
}

// Bucket describes an S3 bucket.
type Bucket struct {
	// Versioned keeps every version of every object.
	Versioned bool `yaml:"versioned,omitempty" json:"versioned"`
}

// SeedStep puts test data into a new environment. Exactly one of its fields is set.
type SeedStep struct {
	// S3 copies files into one of the environment's buckets.
	S3 *SeedS3 `yaml:"s3,omitempty" json:"s3,omitempty"`
}

// SeedS3 copies a folder of the repository at the commit, or an S3 prefix that the policy allows, into a bucket.
type SeedS3 struct {
	// From is a folder of the repository, or s3://bucket/prefix/.
	From string `yaml:"from" json:"from"`
	// To is the name of one of the settings' buckets, with a prefix for the keys after a slash where one is wanted.
	To string `yaml:"to" json:"to"`
}
