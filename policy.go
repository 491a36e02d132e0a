package perch

import (
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Policy is the worker's file: it limits what the worker does for any request and any perch.yaml.
// Package config reads it and fills in the defaults. As in Settings, users read the comments of the
// fields.
type Policy struct {
	// Account is the AWS account in which the worker may act. When it starts, the worker asks STS
	// which account its credentials belong to. If that is another account, the worker stops, so
	// that a wrong profile does no harm.
	Account string `yaml:"account" jsonschema:"format=account"`
	// Region is the AWS region of every call of the worker, regardless of its environment
	// variables.
	Region string `yaml:"region" jsonschema:"format=region"`
	// ServiceRole is the IAM role that CloudFormation assumes. With it, the worker itself needs no
	// right to create databases, instances or load balancers. Without it, CloudFormation acts with
	// the worker's rights.
	ServiceRole string `yaml:"service_role,omitempty" jsonschema:"format=role"`
	// Project is the only project whose requests the worker accepts.
	Project string `yaml:"project" jsonschema:"format=project"`
	// Repository is the only repository, without scheme, user and `.git`: `github.com/acme/shop`.
	// The default is the address in `source`. Perch recognises its stacks by the repository. After
	// a rename, write a list: the current name, then the former names.
	Repository string `yaml:"repository,omitempty" jsonschema:"format=line" jsonschema_extras:"list=true,minItems=1,hint=the current name"`
	// FormerNames are the names in `repository` after the first.
	FormerNames []string `yaml:"-"`
	// Source says where the worker reads branches and files.
	Source Source `yaml:"source"`
	// DefaultBranch is the branch whose environment is never removed.
	DefaultBranch string `yaml:"default_branch" jsonschema:"format=branch"`
	// Domain is the parent of every environment's host name. Without a domain, only `load_balancer:
	// none` works, and an environment's URL has the address of its instance. `domain` needs
	// `hosted_zone`.
	Domain string `yaml:"domain,omitempty" jsonschema:"format=domain" jsonschema_extras:"needs=hosted_zone"`
	// HostedZone is the Route 53 hosted zone of the domain's records.
	HostedZone string `yaml:"hosted_zone,omitempty" jsonschema:"format=hosted zone" jsonschema_extras:"needs=domain"`
	// URL is the address of an environment; the default is `https://{host}`, and `http://{host}`
	// for `load_balancer: none`, which has no certificate.
	URL string `yaml:"url,omitempty" jsonschema:"format=url"`
	// Network is the existing network of the environments. Perch creates no VPC.
	Network Network `yaml:"network"`
	// Kinds says which branches may have which kind. With this key, no branch may have a kind that
	// the key does not name. Without it, every branch may be of kind `branch`.
	Kinds map[Kind][]string `yaml:"kinds,omitempty"`
	// Protected are the branches whose environments are never removed.
	Protected []string `yaml:"protected,omitempty" jsonschema:"format=branch pattern"`
	// Secrets says where secrets may come from. After you change it, run `perch application up`.
	Secrets PolicySecrets `yaml:"secrets,omitempty"`
	// Seeds says where seed data may come from.
	Seeds PolicySeeds `yaml:"seeds,omitempty"`
	// Snapshots says which database snapshots Perch may restore.
	Snapshots PolicySnapshots `yaml:"snapshots,omitempty"`
	// Capabilities are the capabilities that custom templates may use. By default, they may have no
	// IAM resources.
	Capabilities []string `yaml:"capabilities,omitempty" jsonschema:"enum=CAPABILITY_IAM,enum=CAPABILITY_NAMED_IAM"`
	// InstanceTypes are patterns of the EC2 instance types that perch.yaml may request, such as
	// `t3.*`. By default, all are allowed.
	InstanceTypes []string `yaml:"instance_types,omitempty" jsonschema:"format=line"`
	// DatabaseClasses are patterns of the RDS instance classes that perch.yaml may request, such as
	// `db.t4g.*`. By default, all are allowed.
	DatabaseClasses []string `yaml:"database_classes,omitempty" jsonschema:"format=line"`
	// MaxInstances is the maximum number of EC2 instances of one environment. Without it, the limit
	// is the 100 of perch.yaml.
	MaxInstances int `yaml:"max_instances,omitempty" jsonschema:"minimum=1,maximum=1000"`
	// SharedDatabase is the PostgreSQL instance, in the staging application stack, with the
	// databases of environments whose `database.mode` is `shared`. Without this key, there is no
	// such instance. After you change it, run `perch application up`.
	SharedDatabase *SharedDatabase `yaml:"shared_database,omitempty"`
	// MaxEnvironments is the maximum number of environments at a time. One load balancer has 100
	// rules.
	MaxEnvironments int `yaml:"max_environments,omitempty" jsonschema:"minimum=1,maximum=95,default=20"`
	// Repair is what happens to a branch's environment that was ready, if its stack can no longer
	// be updated or rolled back. With `keep`, the run fails and names the cause. With `recreate`,
	// Perch deletes the environment, including its database and buckets, and creates it again.
	Repair Repair `yaml:"repair,omitempty" jsonschema:"enum=keep,enum=recreate,default=keep"`
	// Images says where the worker looks images up before it deploys them.
	Images PolicyImages `yaml:"images,omitempty"`
	// Triggers are the events that start deployments without a person: `ci` is a CI job that runs
	// `perch up`, and `webhook` is a webhook of GitHub, which `perch-web` receives. The default is
	// `ci`. Without `ci`, Perch skips an `up` of a CI job, but not an `up` of a person.
	Triggers []Trigger `yaml:"triggers,omitempty" jsonschema:"enum=ci,enum=webhook,minItems=1" jsonschema_extras:"hint=ci or webhook"`
	// OnPRClose is what happens to the environment of a branch that still exists when its last pull
	// request is closed or merged: `keep` keeps it until the branch is deleted; `remove` removes it
	// as cleanup does, and a push creates it again. This key needs `source.github`, and `webhook`
	// in `triggers`.
	OnPRClose OnPRClose `yaml:"on_pr_close,omitempty" jsonschema:"enum=keep,enum=remove,default=keep"`
	// Reports says where Perch shows people the state of environments.
	Reports PolicyReports `yaml:"reports,omitempty"`
	// Cleanup limits what cleanup may remove without approval: environments whose branch is
	// deleted, and environments that have expired.
	Cleanup PolicyCleanup `yaml:"cleanup,omitempty"`
	// Expiry limits how long environments of kind `branch` live, and how much longer people may
	// keep them.
	Expiry PolicyExpiry `yaml:"expiry,omitempty"`
}

// Identity returns the identity by which Perch recognises the policy's stacks. id is the
// repository's id at its source, or empty if the source has no ids.
func (p *Policy) Identity(id string) Identity {
	return Identity{Project: p.Project, Names: append([]string{p.Repository}, p.FormerNames...), ID: id}
}

// Allows reports whether deployments may be started by trigger.
func (p *Policy) Allows(trigger Trigger) bool { return slices.Contains(p.Triggers, trigger) }

// Repair is what happens to an environment that was ready and that only a new stack can repair.
type Repair string

// The repairs.
const (
	RepairKeep     Repair = "keep"
	RepairRecreate Repair = "recreate"
)

// MaxGrace is the longest grace period of any removal.
const MaxGrace = 720 * time.Hour

// PolicyCleanup limits what cleanup may remove without approval.
type PolicyCleanup struct {
	// Grace is how long an environment stays after its branch is deleted. A push in that time keeps
	// it.
	Grace time.Duration `yaml:"grace,omitempty" jsonschema:"format=duration,default=1h" jsonschema_extras:"from=1s,to=720h"`
	// MaxRemovals is the maximum number of removals that one run requests.
	MaxRemovals int `yaml:"max_removals,omitempty" jsonschema:"minimum=1,maximum=1000,default=10"`
	// MaxShare is the largest share of all environments whose removal one run requests. It applies
	// from three removals up.
	MaxShare float64 `yaml:"max_share,omitempty" jsonschema:"exclusiveMinimum=0,maximum=1,default=0.5"`
}

// PolicyExpiry limits how long environments of kind `branch` live, and how much longer people may
// keep them.
type PolicyExpiry struct {
	// Idle is the longest time that an environment lives after its last use. It also applies to
	// environments whose perch.yaml does not set `expiry`. perch.yaml may set a shorter time.
	Idle Hours `yaml:"idle,omitempty" json:"idle" jsonschema:"format=hours" jsonschema_extras:"from=1h,to=8760h"`
	// Max is the longest time that an environment lives after its creation. It also applies to
	// environments whose perch.yaml does not set `expiry`. perch.yaml may set a shorter time. It
	// must not be below `expiry.idle`.
	Max Hours `yaml:"max,omitempty" json:"max" jsonschema:"format=hours" jsonschema_extras:"from=1h,to=8760h"`
	// Warn is the shortest time before the end of an environment at which Perch warns people.
	// perch.yaml may set a longer time. It must be below `expiry.idle` and `expiry.max`.
	Warn Hours `yaml:"warn,omitempty" json:"warn" jsonschema:"format=hours" jsonschema_extras:"from=1h,to=720h"`
	// Extend is the longest time that one extension adds.
	Extend Hours `yaml:"extend,omitempty" json:"extend" jsonschema:"format=hours,default=168h" jsonschema_extras:"from=1h,to=8760h"`
	// Pin is the longest time that a pin lasts.
	Pin Hours `yaml:"pin,omitempty" json:"pin" jsonschema:"format=hours,default=720h" jsonschema_extras:"from=1h,to=8760h"`
}

// PolicyReports says where Perch shows people the state of environments.
type PolicyReports struct {
	// GitHub says what Perch reports to GitHub. It needs `source.github`; without that, Perch
	// reports nothing.
	GitHub ReportsGitHub `yaml:"github,omitempty"`
	// Slack posts to a Slack channel when a deployment or a removal ends, when an environment
	// expires soon, and when cleanup is held. The worker needs the URL of an incoming webhook in
	// its environment variable PERCH_SLACK_WEBHOOK.
	Slack bool `yaml:"slack,omitempty" jsonschema:"default=false"`
}

// ReportsGitHub says what Perch reports to GitHub.
type ReportsGitHub struct {
	// Deployments shows each deployment in the timeline of its pull request, with the link to the
	// environment. The worker needs the permission "Deployments: write".
	Deployments bool `yaml:"deployments,omitempty" jsonschema:"default=true"`
	// Status shows the state beside each commit, as the commit status `perch/PROJECT`. The worker
	// needs the permission "Commit statuses: write".
	Status bool `yaml:"status,omitempty" jsonschema:"default=true"`
	// Comment writes one comment on each open pull request of a branch, and keeps it up to date.
	// The worker needs the permission "Pull requests: write".
	Comment bool `yaml:"comment,omitempty" jsonschema:"default=true"`
	// Environment is the name of the GitHub environment of all deployments.
	Environment string `yaml:"environment,omitempty" jsonschema:"format=line,default=preview"`
}

// MutedReports are the reports on GitHub that a project's perch.yaml turns off.
type MutedReports struct {
	Deployments bool `json:"deployments,omitempty"`
	Status      bool `json:"status,omitempty"`
	Comment     bool `json:"comment,omitempty"`
}

// Without returns the policy's reports except the muted ones.
func (r ReportsGitHub) Without(muted MutedReports) ReportsGitHub {
	r.Deployments = r.Deployments && !muted.Deployments
	r.Status = r.Status && !muted.Status
	r.Comment = r.Comment && !muted.Comment
	return r
}

// Source is where branches and files come from. Exactly one field is set.
type Source struct {
	// Git is a remote URL or a local path. The worker keeps a mirror of a remote repository in its
	// cache folder. A local repository must have every branch, like a bare repository to which
	// people push. A clone has only the branches that were checked out in it, and cleanup would
	// treat all others as deleted.
	Git string `yaml:"git,omitempty" jsonschema:"format=line,oneof_required=git"`
	// GitHub is a repository that the worker reads through GitHub's API. The worker has the
	// credentials in its environment, and no file of Perch has them.
	GitHub *GitHubSource `yaml:"github,omitempty" jsonschema:"oneof_required=github"`
}

// GitHubSource is a repository on github.com or on a GitHub Enterprise server.
type GitHubSource struct {
	// Repository is the repository on GitHub.
	Repository string `yaml:"repository" jsonschema:"format=github repository"`
	// BaseURL is the address of the Enterprise server; the default is github.com.
	BaseURL string `yaml:"base_url,omitempty" jsonschema:"format=github address"`
}

// Address returns the URL of the repository's page, such as https://github.com/acme/shop.
func (s GitHubSource) Address() string {
	base := "https://github.com"
	if s.BaseURL != "" {
		base = strings.TrimSuffix(strings.TrimRight(s.BaseURL, "/"), "/api/v3")
		base = strings.Replace(base, "://api.", "://", 1)
	}
	return base + "/" + s.Repository
}

// Network names the existing network: a VPC with its subnets, and private networks.
type Network struct {
	// VPC is the VPC of all resources.
	VPC string `yaml:"vpc" jsonschema:"format=vpc"`
	// Subnets are the public subnets of the load balancer and the instances: at least two, in
	// different availability zones.
	Subnets []string `yaml:"subnets" jsonschema:"format=subnet,minItems=2" jsonschema_extras:"hint=in different availability zones"`
	// DatabaseSubnets are the subnets of databases: at least two. The default is `network.subnets`.
	// Databases are not publicly accessible in any subnet.
	DatabaseSubnets []string `yaml:"database_subnets,omitempty" jsonschema:"format=subnet,minItems=2" jsonschema_extras:"hint=in different availability zones"`
	// Private are the private networks to which the worker may connect, for an environment of a
	// custom template and for a registry, such as Amazon ECR behind a VPC endpoint. By default, the
	// worker connects only to public addresses. Link-local addresses are never allowed.
	Private []netip.Prefix `yaml:"private,omitempty" jsonschema:"format=network"`
}

// PolicyImages says where the worker looks images up.
type PolicyImages struct {
	// Registries are the only registries in which the worker looks images up, by their hosts. The
	// default is Amazon ECR in the worker's account and region, `public.ecr.aws`, `ghcr.io` and
	// `docker.io`. An image of another registry is deployed as written, with a warning. The worker
	// connects to public addresses and to `network.private`, and signs in only to the ECR of its
	// account and region.
	Registries []string `yaml:"registries,omitempty" jsonschema:"format=registry"`
	// Endpoint is the address of a registry that replaces all of `images.registries`, such as the
	// sandbox's, `http://127.0.0.1:4567`. It may be a private address. The worker sends its login
	// for ECR to it.
	Endpoint string `yaml:"endpoint,omitempty" jsonschema:"format=registry endpoint"`
}

// OwnRegistry returns the host of Amazon ECR in the worker's account and region.
func (p *Policy) OwnRegistry() string {
	host := p.Account + ".dkr.ecr." + p.Region + ".amazonaws.com"
	if strings.HasPrefix(p.Region, "cn-") {
		host += ".cn"
	}
	return host
}

// DefaultRegistries returns the registries in which the worker looks images up if the policy names
// none.
func (p *Policy) DefaultRegistries() []string {
	return []string{p.OwnRegistry(), "public.ecr.aws", "ghcr.io", "docker.io"}
}

// PolicySecrets says where secrets may come from.
type PolicySecrets struct {
	// From are the beginnings of the ARNs that `secrets` in perch.yaml may name, for environments
	// of every kind. By default, it may name none. The instances' roles may read exactly these
	// secrets and those of `kinds`.
	From []string `yaml:"from,omitempty" jsonschema:"format=secret prefix"`
	// Kinds are the beginnings of ARNs that only environments of one kind may name, and only their
	// instances may read. `from` must not cover them.
	Kinds KindSecrets `yaml:"kinds,omitempty"`
}

// KindSecrets are beginnings of the ARNs of secrets, by the one kind that may read them.
type KindSecrets map[Kind][]string

// Allowed returns the beginnings of the ARNs that environments of a kind may name.
func (s PolicySecrets) Allowed(kind Kind) []string {
	return append(slices.Clone(s.From), s.Kinds[kind]...)
}

// PolicySeeds says where seed data may come from.
type PolicySeeds struct {
	// From are the beginnings of the s3:// addresses that seed steps may read. By default, they may
	// read only folders of the repository.
	From []string `yaml:"from,omitempty" jsonschema:"format=s3 prefix"`
}

// PolicySnapshots says which database snapshots Perch may restore.
type PolicySnapshots struct {
	// From are the beginnings of the ids or ARNs of RDS snapshots that `database.snapshot` may
	// name. By default, it may name none, because a snapshot is a copy of another database's data.
	From []string `yaml:"from,omitempty" jsonschema:"format=snapshot prefix"`
}

// SharedDatabase is the PostgreSQL instance that environments share.
type SharedDatabase struct {
	// Version is the major version of PostgreSQL. Without it, a new instance gets 18, and an
	// existing instance keeps its version.
	Version string `yaml:"version,omitempty" jsonschema:"format=version"`
	// Class is the RDS instance class.
	Class string `yaml:"class,omitempty" jsonschema:"format=instance class,default=db.t4g.medium"`
	// StorageGB is the size of the gp3 volume in GiB.
	StorageGB int `yaml:"storage_gb,omitempty" jsonschema:"minimum=20,maximum=65536,default=50"`
	// MultiAZ adds a standby in a second availability zone.
	MultiAZ bool `yaml:"multi_az,omitempty" jsonschema:"default=false"`
	// BackupDays is how many days RDS keeps automated backups.
	BackupDays int `yaml:"backup_days,omitempty" jsonschema:"minimum=1,maximum=35,default=7"`
}
