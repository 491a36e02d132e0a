package perch

// Policy is the worker's own file: what it will do at all, whatever a request or a perch.yaml says. Package config reads it.
type Policy struct {
	// Account is the 12-digit AWS account that the worker may act in; STS is asked at the start.
	Account string `yaml:"account"`
	// Region is the AWS region that the worker may act in.
	Region string `yaml:"region"`
	// ServiceRole is the ARN of the IAM role that CloudFormation assumes; empty for the worker's own rights.
	ServiceRole string `yaml:"service_role,omitempty"`
	// Project is the only project whose requests the worker takes.
	Project string `yaml:"project"`
	// Repository is the only repository, as NormalizeRepository writes it: github.com/acme/shop.
	Repository string `yaml:"repository"`
	// Source says where branches and files are read from.
	Source Source `yaml:"source"`
	// DefaultBranch is never removed.
	DefaultBranch string `yaml:"default_branch"`
	// Domain is the parent of every environment's host name; empty where there is none (then only `load_balancer: none` works).
	Domain string `yaml:"domain,omitempty"`
	// HostedZone is the id of the Route 53 zone that Domain's records go into.
	HostedZone string `yaml:"hosted_zone,omitempty"`
	// URL is the address of an environment, with {host} for its host name; default https://{host}.
	URL string `yaml:"url,omitempty"`
	// Network is where load balancer, instances and databases stand.
	Network Network `yaml:"network"`
	// Kinds says which branches may have which kind, by branch patterns; a kind that is not named is for nobody,
	// except that every branch may be of kind `branch` where the whole key is missing.
	Kinds map[Kind][]string `yaml:"kinds,omitempty"`
	// Protected are patterns of branches that are never removed.
	Protected []string `yaml:"protected,omitempty"`
	// Secrets says where secrets may come from.
	Secrets PolicySecrets `yaml:"secrets,omitempty"`
	// Seeds says where seed data may come from.
	Seeds PolicySeeds `yaml:"seeds,omitempty"`
	// InstanceTypes are the EC2 instance types that may be asked for, by pattern (t3.*); none given allows all.
	InstanceTypes []string `yaml:"instance_types,omitempty"`
	// DatabaseClasses are the RDS instance classes that may be asked for, by pattern; none given allows all.
	DatabaseClasses []string `yaml:"database_classes,omitempty"`
	// MaxEnvironments is the most environments at a time, 1 to 95 (one load balancer has 100 rules); 0 means 20.
	MaxEnvironments int `yaml:"max_environments,omitempty"`
}

// Source is where branches and files come from. Exactly one field is set.
type Source struct {
	// Git is a remote URL or a local path.
	Git string `yaml:"git,omitempty"`
}

// Network names what exists before Perch: a VPC and its subnets.
type Network struct {
	// VPC is the id of the VPC.
	VPC string `yaml:"vpc"`
	// Subnets are the public subnets of load balancer and instances, two at least.
	Subnets []string `yaml:"subnets"`
	// DatabaseSubnets are the subnets of databases, two at least; Subnets where there are none.
	DatabaseSubnets []string `yaml:"database_subnets,omitempty"`
}

// PolicySecrets says where secrets may come from.
type PolicySecrets struct {
	// From are prefixes of the ARNs that perch.yaml may name; none given allows none.
	From []string `yaml:"from,omitempty"`
}

// PolicySeeds says where seed data may come from.
type PolicySeeds struct {
	// From are prefixes of the s3:// addresses that perch.yaml may name; none given allows only folders of the repository.
	From []string `yaml:"from,omitempty"`
}
