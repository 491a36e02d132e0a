package perch

import (
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Policy is the worker's own file: what it will do at all, regardless of what a request or a
// perch.yaml says. Package config reads it and fills in what it leaves out. As in Settings, the
// comments of the fields are what users read.
type Policy struct {
	// Account is the AWS account that the worker may act in. At its start it asks STS whose
	// credentials it has, and stops if they are another account's: a wrong profile does no harm.
	Account string `yaml:"account" jsonschema:"format=account"`
	// Region is the AWS region that the worker makes every call in, regardless of its environment
	// variables.
	Region string `yaml:"region" jsonschema:"format=region"`
	// ServiceRole is the IAM role that CloudFormation assumes. With it the worker itself needs no
	// right to make databases, instances or load balancers; without it CloudFormation has the
	// worker's own rights.
	ServiceRole string `yaml:"service_role,omitempty" jsonschema:"format=role"`
	// Project is the only project whose requests the worker takes.
	Project string `yaml:"project" jsonschema:"format=project"`
	// Repository is the only repository, without scheme, user and `.git`: `github.com/acme/shop`;
	// the default is the address in `source`. Stacks are recognised by it. After a rename it is a
	// list: the current name, then the former names.
	Repository string `yaml:"repository,omitempty" jsonschema:"format=line" jsonschema_extras:"list=true,minItems=1,hint=the current name"`
	// FormerNames are the names in `repository` after the first.
	FormerNames []string `yaml:"-"`
	// Source says where branches and files are read from.
	Source Source `yaml:"source"`
	// DefaultBranch is the branch whose environment is never removed.
	DefaultBranch string `yaml:"default_branch" jsonschema:"format=branch"`
	// Domain is the parent of every environment's host name. Without one only `load_balancer: none`
	// works, and an environment's URL is its instance's address. It goes with `hosted_zone`.
	Domain string `yaml:"domain,omitempty" jsonschema:"format=domain" jsonschema_extras:"needs=hosted_zone"`
	// HostedZone is the Route 53 zone that the domain's records go into.
	HostedZone string `yaml:"hosted_zone,omitempty" jsonschema:"format=hosted zone" jsonschema_extras:"needs=domain"`
	// URL is the address of an environment; the default is `https://{host}`, and `http://{host}`
	// for `load_balancer: none`, which has no certificate.
	URL string `yaml:"url,omitempty" jsonschema:"format=url"`
	// Network is what exists before Perch, which makes no VPC.
	Network Network `yaml:"network"`
	// Kinds says which branches may have which kind. If the key is there, no branch may have a kind
	// that it does not name; without it, every branch may be of kind `branch`.
	Kinds map[Kind][]string `yaml:"kinds,omitempty"`
	// Protected are the branches whose environments are never removed.
	Protected []string `yaml:"protected,omitempty" jsonschema:"format=branch pattern"`
	// Secrets says where secrets may come from. After a change of it run `perch application up`.
	Secrets PolicySecrets `yaml:"secrets,omitempty"`
	// Seeds says where seed data may come from.
	Seeds PolicySeeds `yaml:"seeds,omitempty"`
	// Snapshots says which database snapshots environments may be restored from.
	Snapshots PolicySnapshots `yaml:"snapshots,omitempty"`
	// Capabilities are what CloudFormation may be told that custom templates need; none
	// given allows no IAM resources in them.
	Capabilities []string `yaml:"capabilities,omitempty" jsonschema:"enum=CAPABILITY_IAM,enum=CAPABILITY_NAMED_IAM"`
	// InstanceTypes are patterns of the EC2 instance types that may be requested, such as `t3.*`;
	// none given allows all.
	InstanceTypes []string `yaml:"instance_types,omitempty" jsonschema:"format=line"`
	// DatabaseClasses are patterns of the RDS instance classes that may be requested, such as
	// `db.t4g.*`; none given allows all.
	DatabaseClasses []string `yaml:"database_classes,omitempty" jsonschema:"format=line"`
	// MaxInstances is the most EC2 instances that one environment may have; none given sets no
	// bound. perch.yaml itself allows 100.
	MaxInstances int `yaml:"max_instances,omitempty" jsonschema:"minimum=1,maximum=1000"`
	// SharedDatabase is the PostgreSQL instance, in the staging application stack, that
	// environments with `database.mode` `shared` have their databases in; none given makes none.
	// After a change of it run `perch application up`.
	SharedDatabase *SharedDatabase `yaml:"shared_database,omitempty"`
	// MaxEnvironments is the most environments at a time. One load balancer has 100 rules.
	MaxEnvironments int `yaml:"max_environments,omitempty" jsonschema:"minimum=1,maximum=95,default=20"`
	// Repair is what happens to a branch's environment that was ready, and whose stack can be
	// neither updated nor rolled back any more: `keep` fails the run, which names the cause;
	// `recreate` deletes it, its database and buckets included, and creates it again.
	Repair Repair `yaml:"repair,omitempty" jsonschema:"enum=keep,enum=recreate,default=keep"`
	// Images says where the worker looks images up before it deploys them.
	Images PolicyImages `yaml:"images,omitempty"`
	// Triggers are what starts deployments without a person: `ci`, a CI job that runs `perch up`,
	// and `webhook`, GitHub's webhooks, which `perch-web` receives; the default is `ci`. Without
	// `ci` an `up` of a CI job is skipped; a person's is not.
	Triggers []Trigger `yaml:"triggers,omitempty" jsonschema:"enum=ci,enum=webhook,minItems=1" jsonschema_extras:"hint=ci or webhook"`
	// OnPRClose is what happens to the environment of a branch that still exists when its last pull
	// request is closed or merged: `keep` keeps it until the branch is deleted; `remove` removes it
	// as cleanup does, and a push brings it back. It needs `source.github`, and `webhook` in
	// `triggers`.
	OnPRClose OnPRClose `yaml:"on_pr_close,omitempty" jsonschema:"enum=keep,enum=remove,default=keep"`
	// Reports says how people are told how far environments are.
	Reports PolicyReports `yaml:"reports,omitempty"`
	// Cleanup bounds what cleanup may remove without approval: environments whose branch is gone,
	// and those that expired.
	Cleanup PolicyCleanup `yaml:"cleanup,omitempty"`
	// Expiry bounds how long environments of kind `branch` live, and how much longer people may
	// keep them.
	Expiry PolicyExpiry `yaml:"expiry,omitempty"`
}

// Identity is what the policy's stacks are recognised by; id is the repository's id at its source,
// empty if it has none.
func (p *Policy) Identity(id string) Identity {
	return Identity{Project: p.Project, Names: append([]string{p.Repository}, p.FormerNames...), ID: id}
}

// Allows reports whether deployments may be started by trigger.
func (p *Policy) Allows(trigger Trigger) bool { return slices.Contains(p.Triggers, trigger) }

// Repair is what happens to an environment that was ready and that only a new stack would bring
// back.
type Repair string

// The repairs.
const (
	RepairKeep     Repair = "keep"
	RepairRecreate Repair = "recreate"
)

// MaxGrace is the longest grace period of any removal.
const MaxGrace = 720 * time.Hour

// PolicyCleanup bounds what cleanup may remove without approval.
type PolicyCleanup struct {
	// Grace is how long an environment outlives its branch; a push until then keeps it.
	Grace time.Duration `yaml:"grace,omitempty" jsonschema:"format=duration,default=1h" jsonschema_extras:"from=1s,to=720h"`
	// MaxRemovals is the most removals that one run requests.
	MaxRemovals int `yaml:"max_removals,omitempty" jsonschema:"minimum=1,maximum=1000,default=10"`
	// MaxShare is the largest share of all environments that one run asks to remove; it counts from
	// three removals up.
	MaxShare float64 `yaml:"max_share,omitempty" jsonschema:"exclusiveMinimum=0,maximum=1,default=0.5"`
}

// PolicyExpiry bounds how long environments of kind `branch` live, and how much longer people may
// keep them.
type PolicyExpiry struct {
	// Idle is the longest that an environment lives after it was used last. It also holds for
	// environments whose perch.yaml says nothing of expiry; perch.yaml may say less.
	Idle Hours `yaml:"idle,omitempty" json:"idle" jsonschema:"format=hours" jsonschema_extras:"from=1h,to=8760h"`
	// Max is the longest that an environment lives after its creation. It also holds for
	// environments whose perch.yaml says nothing of expiry; perch.yaml may say less. It must not be
	// below `expiry.idle`.
	Max Hours `yaml:"max,omitempty" json:"max" jsonschema:"format=hours" jsonschema_extras:"from=1h,to=8760h"`
	// Warn is the least time before its end that people are warned; perch.yaml may say more. It
	// must be below `expiry.idle` and `expiry.max`.
	Warn Hours `yaml:"warn,omitempty" json:"warn" jsonschema:"format=hours" jsonschema_extras:"from=1h,to=720h"`
	// Extend is the most that one extension adds to an environment's life.
	Extend Hours `yaml:"extend,omitempty" json:"extend" jsonschema:"format=hours,default=168h" jsonschema_extras:"from=1h,to=8760h"`
	// Pin is the longest that a pin lasts.
	Pin Hours `yaml:"pin,omitempty" json:"pin" jsonschema:"format=hours,default=720h" jsonschema_extras:"from=1h,to=8760h"`
}

// PolicyReports says how people are told how far environments are.
type PolicyReports struct {
	// GitHub is what GitHub shows of environments. It needs `source.github`; without that nothing
	// is reported.
	GitHub ReportsGitHub `yaml:"github,omitempty"`
	// Slack posts to a Slack channel how deployments and removals end, that environments expire,
	// and that cleanup is held. The worker needs the address of an incoming webhook in its
	// environment, as PERCH_SLACK_WEBHOOK.
	Slack bool `yaml:"slack,omitempty" jsonschema:"default=false"`
}

// ReportsGitHub is what GitHub shows of environments.
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
	// Environment is the name of the GitHub environment that all deployments belong to.
	Environment string `yaml:"environment,omitempty" jsonschema:"format=line,default=preview"`
}

// MutedReports are the reports on GitHub that a project's perch.yaml does not want.
type MutedReports struct {
	Deployments bool `json:"deployments,omitempty"`
	Status      bool `json:"status,omitempty"`
	Comment     bool `json:"comment,omitempty"`
}

// Without is what is left of the policy's reports.
func (r ReportsGitHub) Without(muted MutedReports) ReportsGitHub {
	r.Deployments = r.Deployments && !muted.Deployments
	r.Status = r.Status && !muted.Status
	r.Comment = r.Comment && !muted.Comment
	return r
}

// Source is where branches and files come from. Exactly one field is set.
type Source struct {
	// Git is a remote URL or a local path. The worker keeps a mirror of a remote one in its cache
	// folder. A local repository must have every branch itself, as a bare one that is pushed to
	// has: a clone has only those that were checked out in it, and cleanup would take all others
	// for gone.
	Git string `yaml:"git,omitempty" jsonschema:"format=line,oneof_required=git"`
	// GitHub is a repository that is read by GitHub's API. The credentials are the worker's own and
	// are in no file of Perch.
	GitHub *GitHubSource `yaml:"github,omitempty" jsonschema:"oneof_required=github"`
}

// GitHubSource is a repository on github.com or on a GitHub Enterprise server.
type GitHubSource struct {
	// Repository is the repository on GitHub.
	Repository string `yaml:"repository" jsonschema:"format=github repository"`
	// BaseURL is the address of the Enterprise server; the default is github.com.
	BaseURL string `yaml:"base_url,omitempty" jsonschema:"format=github address"`
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

// Network names what exists before Perch: a VPC with its subnets, and private networks.
type Network struct {
	// VPC is the VPC that everything is in.
	VPC string `yaml:"vpc" jsonschema:"format=vpc"`
	// Subnets are the public subnets of load balancer and instances, two at least, in different
	// zones.
	Subnets []string `yaml:"subnets" jsonschema:"format=subnet,minItems=2" jsonschema_extras:"hint=in different availability zones"`
	// DatabaseSubnets are the subnets of databases, two at least; the default is `network.subnets`.
	// Databases are never publicly accessible, in any subnet.
	DatabaseSubnets []string `yaml:"database_subnets,omitempty" jsonschema:"format=subnet,minItems=2" jsonschema_extras:"hint=in different availability zones"`
	// Private are the networks of addresses that are not public and that the worker may connect to
	// for an environment of a custom template, and for a registry, such as Amazon ECR
	// behind a VPC endpoint; none given allows public addresses only. Link-local addresses are
	// never allowed.
	Private []netip.Prefix `yaml:"private,omitempty" jsonschema:"format=network"`
}

// PolicyImages says where the worker looks images up.
type PolicyImages struct {
	// Registries are the only registries that the worker asks, by the host that images name; the
	// default is Amazon ECR in the worker's account and region, `public.ecr.aws`, `ghcr.io` and
	// `docker.io`. An image of another registry is deployed as written, with a warning. The worker
	// connects to public addresses and to `network.private`, and signs in only to its own ECR.
	Registries []string `yaml:"registries,omitempty" jsonschema:"format=registry"`
	// Endpoint is the address of a registry that is asked in place of all of `images.registries`,
	// such as the sandbox's, `http://127.0.0.1:4567`. It may have a private address, and gets the
	// worker's login for ECR.
	Endpoint string `yaml:"endpoint,omitempty" jsonschema:"format=registry endpoint"`
}

// OwnRegistry is the host of Amazon ECR in the worker's own account and region.
func (p *Policy) OwnRegistry() string {
	host := p.Account + ".dkr.ecr." + p.Region + ".amazonaws.com"
	if strings.HasPrefix(p.Region, "cn-") {
		host += ".cn"
	}
	return host
}

// DefaultRegistries are the registries that the worker asks if the policy names none.
func (p *Policy) DefaultRegistries() []string {
	return []string{p.OwnRegistry(), "public.ecr.aws", "ghcr.io", "docker.io"}
}

// PolicySecrets says where secrets may come from.
type PolicySecrets struct {
	// From are the beginnings of the ARNs that `secrets` in perch.yaml may name, for environments
	// of every kind; none given allows none. The instances' roles may read exactly these and those
	// of `kinds`.
	From []string `yaml:"from,omitempty" jsonschema:"format=secret prefix"`
	// Kinds are beginnings of ARNs that environments of one kind may name and their instances read,
	// and no others. `from` must not cover them.
	Kinds KindSecrets `yaml:"kinds,omitempty"`
}

// KindSecrets are beginnings of the ARNs of secrets, by the one kind that may read them.
type KindSecrets map[Kind][]string

// Allowed are the beginnings of the ARNs that environments of kind may name.
func (s PolicySecrets) Allowed(kind Kind) []string {
	return append(slices.Clone(s.From), s.Kinds[kind]...)
}

// PolicySeeds says where seed data may come from.
type PolicySeeds struct {
	// From are the beginnings of the s3:// addresses that seed steps may read; none given allows
	// only folders of the repository.
	From []string `yaml:"from,omitempty" jsonschema:"format=s3 prefix"`
}

// PolicySnapshots says which database snapshots environments may be restored from.
type PolicySnapshots struct {
	// From are the beginnings of the ids, or of the ARNs, of RDS snapshots that `database.snapshot`
	// may name; none given allows none: a snapshot is a copy of another database's data.
	From []string `yaml:"from,omitempty" jsonschema:"format=snapshot prefix"`
}

// SharedDatabase is the PostgreSQL instance that environments share.
type SharedDatabase struct {
	// Version is PostgreSQL's major version; without it a new instance gets 18, and an existing one
	// keeps what it runs.
	Version string `yaml:"version,omitempty" jsonschema:"format=version"`
	// Class is the RDS instance class.
	Class string `yaml:"class,omitempty" jsonschema:"format=instance class,default=db.t4g.medium"`
	// StorageGB is the size of the gp3 volume in GiB.
	StorageGB int `yaml:"storage_gb,omitempty" jsonschema:"minimum=20,maximum=65536,default=50"`
	// MultiAZ keeps a standby in a second availability zone.
	MultiAZ bool `yaml:"multi_az,omitempty" jsonschema:"default=false"`
	// BackupDays is how many days automated backups are kept.
	BackupDays int `yaml:"backup_days,omitempty" jsonschema:"minimum=1,maximum=35,default=7"`
}
