package perch

import (
	"strings"
	"time"
)

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
	// URL is the address of an environment, with {host} for its host name; default https://{host}, or http://{host} for `load_balancer: none`, which has no certificate.
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
	// Snapshots says which database snapshots environments may be restored from.
	Snapshots PolicySnapshots `yaml:"snapshots,omitempty"`
	// InstanceTypes are the EC2 instance types that may be asked for, by pattern (t3.*); none given allows all.
	InstanceTypes []string `yaml:"instance_types,omitempty"`
	// DatabaseClasses are the RDS instance classes that may be asked for, by pattern; none given allows all.
	DatabaseClasses []string `yaml:"database_classes,omitempty"`
	// MaxEnvironments is the most environments at a time, 1 to 95 (one load balancer has 100 rules); 0 means 20.
	MaxEnvironments int `yaml:"max_environments,omitempty"`
	// Cleanup bounds what cleanup may remove by itself.
	Cleanup PolicyCleanup `yaml:"cleanup,omitempty"`
}

// PolicyCleanup bounds what cleanup may remove by itself.
type PolicyCleanup struct {
	// Grace is how long an environment outlives its branch, 1 second to 720 hours; a push until then keeps it. 0 means 1 hour.
	Grace time.Duration `yaml:"grace,omitempty"`
	// MaxRemovals is the most removals that one run asks for, 1 to 1000; 0 means 10.
	MaxRemovals int `yaml:"max_removals,omitempty"`
	// MaxShare is the largest share of all environments that one run asks to remove, above 0 and up to 1; it counts from three removals up.
	// 0 means 0.5.
	MaxShare float64 `yaml:"max_share,omitempty"`
}

// Source is where branches and files come from. Exactly one field is set.
type Source struct {
	// Git is a remote URL or a local path.
	Git string `yaml:"git,omitempty"`
	// GitHub is a repository that is read by GitHub's API. The credentials are the worker's own and stand in no file of Perch.
	GitHub *GitHubSource `yaml:"github,omitempty"`
}

// GitHubSource is a repository on github.com or on a GitHub Enterprise server.
type GitHubSource struct {
	// Repository is owner/name.
	Repository string `yaml:"repository"`
	// BaseURL is the address of the Enterprise server, https://github.example.com; empty for github.com.
	BaseURL string `yaml:"base_url,omitempty"`
}

// Address is where people find the repository: https://github.com/acme/shop.
func (s GitHubSource) Address() string {
	base := "https://github.com"
	if s.BaseURL != "" {
		base = strings.TrimSuffix(strings.TrimRight(s.BaseURL, "/"), "/api/v3")
		base = strings.Replace(base, "://api.", "://", 1)
	}
	return base + "/" + s.Repository
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

// PolicySnapshots says which database snapshots environments may be restored from.
type PolicySnapshots struct {
	// From are prefixes of the snapshot ids, or of the ARNs, that perch.yaml may name; none given allows none.
	From []string `yaml:"from,omitempty"`
}

// OrDefaults fills in what the policy leaves out.
func (c PolicyCleanup) OrDefaults() PolicyCleanup {
	if c.Grace == 0 {
		c.Grace = time.Hour
	}
	if c.MaxRemovals == 0 {
		c.MaxRemovals = 10
	}
	if c.MaxShare == 0 {
		c.MaxShare = 0.5
	}
	return c
}
