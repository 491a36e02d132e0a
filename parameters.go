package perch

// KnownParameter is a value that Perch provides to a custom template. A template receives it if it
// declares a Parameter of that name. In perch.yaml's `parameters`, the placeholder inserts it.
type KnownParameter struct {
	// Name is the Parameter's name in the template.
	Name string
	// Placeholder inserts the value in `parameters`, in braces.
	Placeholder string
	// Meaning describes the value.
	Meaning string
}

// KnownParameters lists the values that Perch provides to a custom template.
func KnownParameters() []KnownParameter {
	return []KnownParameter{
		{"Project", "project", "name of the project"},
		{"Branch", "branch", "exact branch name"},
		{"Slug", "slug", "branch as a DNS label"},
		{"Kind", "kind", "`production`, `staging` or `branch`"},
		{"Commit", "commit", "full commit"},
		{"Repository", "repository", "repository as the policy names it: `github.com/acme/shop`"},
		{"Image", "image", "Docker image by its digest: `ghcr.io/acme/shop@sha256:...`"},
		{"Host", "host", "the environment's host name; only with a `domain` in the policy"},
		{"URL", "url", "the environment's address; only with a `domain`"},
		{"Domain", "domain", "the policy's `domain`"},
		{"HostedZoneId", "hosted_zone_id", "the policy's `hosted_zone`"},
		{"VpcId", "vpc_id", "the policy's `network.vpc`"},
		{"Subnets", "subnets", "the policy's `network.subnets`, with commas"},
		{"Subnet1", "subnet_1", "the first of them"},
		{"Subnet2", "subnet_2", "the second of them"},
		{"DatabaseSubnets", "database_subnets", "the policy's `network.database_subnets`, with commas"},
		{"DatabaseSubnet1", "database_subnet_1", "the first of them"},
		{"DatabaseSubnet2", "database_subnet_2", "the second of them"},
		{"HealthPath", "health_path", "`health_path`"},
		{"InstanceType", "instance_type", "`instance_type`"},
		{"MinInstances", "min_instances", "`instances.min`"},
		{"MaxInstances", "max_instances", "`instances.max`"},
		{"DatabaseEngine", "database_engine", "`database.engine`; this and the following only with a `database`"},
		{"DatabaseVersion", "database_version", "`database.version`"},
		{"DatabaseClass", "database_class", "`database.class`"},
		{"DatabaseStorage", "database_storage", "`database.storage_gb`"},
		{"DatabaseMultiAZ", "database_multi_az", "`database.multi_az`, `true` or `false`"},
		{"DatabaseBackupDays", "database_backup_days", "`database.backup_days`"},
	}
}
