package config

import (
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"

	"perch"
	"perch/document"
)

const (
	// defaultEnvironments is the most environments at a time where the policy does not say; hardEnvironments is the most there can be: a load
	// balancer has 100 rules (AWS docs: Application Load Balancer quotas), and some of them are not ours.
	defaultEnvironments = 20
	hardEnvironments    = 95

	hostPlaceholder = "{host}"
)

var (
	validAccount = named("account", `^[0-9]{12}$`, "must be an AWS account of 12 digits, in quotes")
	validRegion  = named("region", `^[a-z]{2}(-[a-z]+)+-[0-9]$`, "must be an AWS region such as eu-central-1")
	validRole    = named("role", `^arn:aws[a-z-]*:iam::[0-9]{12}:role/[\w+=,.@/-]+$`, "must be the ARN of an IAM role")
	validZone    = named("hosted zone", `^[A-Z0-9]{1,32}$`, "must be the id of a hosted zone such as Z0123456789ABC")
	validVPC     = named("vpc", `^vpc-[0-9a-z]+$`, "must be the id of a VPC such as vpc-0a1b2c3d")
	validSubnet  = named("subnet", `^subnet-[0-9a-z]+$`, "must be the id of a subnet such as subnet-0a1b2c3d")
	validDomain  = named(
		"domain",
		`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$`,
		"must be a domain name in lower case such as preview.example.com",
	)
	validARN = named(
		"secret prefix",
		`^arn:aws[a-z-]*:(secretsmanager|ssm):`,
		"must be the beginning of an ARN such as arn:aws:secretsmanager:eu-central-1:123456789012:secret:shop/",
	)
	validS3 = named(
		"s3 prefix",
		`^s3://[a-z0-9][a-z0-9.-]+[a-z0-9](/.*)?$`,
		"must be an address such as s3://bucket/prefix/",
	)
	validRegistry = named("registry", `^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?$`,
		"must be the host of a registry, as images name it, such as ghcr.io")
	validEndpoint = named("registry endpoint", `^https?://[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?$`,
		"must be the address of a registry such as http://127.0.0.1:4567")
	httpAddress         = regexp.MustCompile(`^https?://[^/\s]+(/\S*)?$`)
	validSnapshotPrefix = named("snapshot prefix", `^((rds:)?[a-zA-Z][a-zA-Z0-9-]*|arn:aws[a-z-]*:rds:[a-zA-Z0-9:-]*)$`, "must be the beginning of the id or the ARN of an RDS snapshot such as shop-seed-")
)

func validURL(value string) string {
	if !httpAddress.MatchString(value) || !strings.Contains(value, hostPlaceholder) {
		return "must be an http or https address with {host} in it, such as https://{host}"
	}
	return ""
}

func validText(value string) string {
	if strings.TrimSpace(value) == "" || strings.ContainsFunc(value, unicode.IsControl) {
		return "must be one line of text"
	}
	return ""
}

func validBranch(value string) string {
	if perch.ValidateBranch(value) != nil {
		return "must be the name of a branch"
	}
	return ""
}

// validNetwork takes one way to write a network only: bits beyond its length, or IPv4 in IPv6, would allow another network than the text seems to say.
func validNetwork(value string) string {
	network, err := netip.ParsePrefix(value)
	if err != nil || network != network.Masked() || network.Addr().Is4In6() {
		return "must be a network such as 10.20.0.0/16 or fd12:3456:789a::/48, with no bit set beyond its length"
	}
	return ""
}

// ReadPolicy reads the worker's policy file and fills in what it leaves out; name is what messages call the file. The error is Problems or a *Problem.
func ReadPolicy(name string, data []byte) (*perch.Policy, error) {
	root, source, err := document.Read(name, data, limits)
	if err != nil {
		return nil, err
	}
	if root.Shape == document.Null {
		return nil, &document.Problem{File: name, Message: "the policy is empty; it must say what the worker may do"}
	}
	d := newDecoder(source)
	p := &perch.Policy{}
	d.policy(p, root)
	if root.Shape == document.Mapping {
		d.wholePolicy(p, root)
	}
	if err := d.Err(); err != nil {
		return nil, err
	}
	return p, nil
}

func (d *decoder) policy(p *perch.Policy, root *document.Node) {
	d.fields("", root,
		field{name: "account", read: d.text(&p.Account, validAccount)},
		field{name: "region", read: d.text(&p.Region, validRegion)},
		field{name: "service_role", read: d.text(&p.ServiceRole, validRole)},
		field{name: "project", read: d.text(&p.Project, validProject)},
		field{name: "repository", read: d.repository(p)},
		field{name: "source", read: func(path string, n *document.Node) {
			d.fields(path, n,
				field{name: "git", read: d.text(&p.Source.Git, validText)},
				field{name: "github", read: func(path string, n *document.Node) { d.githubSource(p, path, n) }})
		}},
		field{name: "default_branch", read: d.text(&p.DefaultBranch, validBranch)},
		field{name: "domain", read: d.text(&p.Domain, validDomain)},
		field{name: "hosted_zone", read: d.text(&p.HostedZone, validZone)},
		field{name: "url", read: d.text(&p.URL, validURL)},
		field{name: "network", read: func(path string, n *document.Node) {
			d.fields(path, n,
				field{name: "vpc", read: d.text(&p.Network.VPC, validVPC)},
				field{name: "subnets", read: d.texts(&p.Network.Subnets, validSubnet)},
				field{name: "database_subnets", read: d.texts(&p.Network.DatabaseSubnets, validSubnet)},
				field{name: "private", read: d.networks(&p.Network.Private)})
		}},
		field{name: "kinds", read: func(path string, n *document.Node) { p.Kinds = d.byKind(path, n, validPattern) }},
		field{name: "protected", read: d.texts(&p.Protected, validPattern)},
		field{name: "secrets", read: func(path string, n *document.Node) {
			d.fields(path, n,
				field{name: "from", read: d.texts(&p.Secrets.From, validARN)},
				field{name: "kinds", read: func(path string, n *document.Node) { p.Secrets.Kinds = d.byKind(path, n, validARN) }})
			d.separateSecrets(p.Secrets, path, n)
		}},
		field{name: "seeds", read: func(path string, n *document.Node) {
			d.fields(path, n, field{name: "from", read: d.texts(&p.Seeds.From, validS3)})
		}},
		field{name: "snapshots", read: func(path string, n *document.Node) {
			d.fields(path, n, field{name: "from", read: d.texts(&p.Snapshots.From, validSnapshotPrefix)})
		}},
		field{name: "capabilities", read: d.texts(&p.Capabilities, oneOf("CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"))},
		field{name: "instance_types", read: d.texts(&p.InstanceTypes, validText)},
		field{name: "database_classes", read: d.texts(&p.DatabaseClasses, validText)},
		field{name: "max_instances", read: d.number(&p.MaxInstances, 1, 1000)},
		field{name: "shared_database", read: func(path string, n *document.Node) { p.SharedDatabase = d.sharedDatabase(path, n) }},
		field{name: "max_environments", read: d.number(&p.MaxEnvironments, 1, hardEnvironments)},
		field{name: "repair", read: d.text((*string)(&p.Repair), oneOf(string(perch.RepairKeep), string(perch.RepairRecreate)))},
		field{name: "images", read: func(path string, n *document.Node) {
			d.fields(path, n,
				field{name: "registries", read: d.texts(&p.Images.Registries, validRegistry)},
				field{name: "endpoint", read: d.text(&p.Images.Endpoint, validEndpoint)})
		}},
		field{name: "cleanup", read: func(path string, n *document.Node) {
			d.fields(path, n,
				field{name: "grace", read: d.duration(&p.Cleanup.Grace, time.Second, perch.MaxGrace)},
				field{name: "max_removals", read: d.number(&p.Cleanup.MaxRemovals, 1, 1000)},
				field{name: "max_share", read: d.share(&p.Cleanup.MaxShare)})
		}})
}

// sharedDatabase reads the instance that environments share and fills in what is left out.
func (d *decoder) sharedDatabase(path string, n *document.Node) *perch.SharedDatabase {
	db := perch.SharedDatabase{Class: "db.t4g.medium", StorageGB: 50, BackupDays: 7}
	d.fields(path, n,
		field{name: "version", read: d.text(&db.Version, validVersion)},
		field{name: "class", read: d.text(&db.Class, validClass)},
		field{name: "storage_gb", read: d.number(&db.StorageGB, 20, 65536)},
		field{name: "multi_az", read: d.flag(&db.MultiAZ)},
		field{name: "backup_days", read: d.number(&db.BackupDays, 1, 35)})
	return &db
}

func (d *decoder) duration(to *time.Duration, low, high time.Duration) func(path string, n *document.Node) {
	return func(path string, n *document.Node) {
		value, err := time.ParseDuration(n.Text)
		if n.Shape != document.Scalar || err != nil || value < low || value > high {
			d.Fail(n, "%s must be a duration from %s to %s, such as 30m, not %s", path, low, high, shown(n))
			return
		}
		*to = value
	}
}

func (d *decoder) share(to *float64) func(path string, n *document.Node) {
	return func(path string, n *document.Node) {
		value, err := strconv.ParseFloat(n.Text, 64)
		if n.Shape != document.Scalar || n.Quoted || err != nil || !(value > 0 && value <= 1) {
			d.Fail(n, "%s must be a number above 0 and up to 1, such as 0.5, not %s", path, shown(n))
			return
		}
		*to = value
	}
}

func (d *decoder) networks(to *[]netip.Prefix) func(path string, n *document.Node) {
	return func(path string, n *document.Node) {
		*to = []netip.Prefix{}
		d.list(path, n, func(path string, item *document.Node) {
			var value string
			if d.text(&value, validNetwork)(path, item); value != "" {
				*to = append(*to, netip.MustParsePrefix(value))
			}
		})
	}
}

// byKind reads a list for each kind that n names.
func (d *decoder) byKind(path string, n *document.Node, valid check) map[perch.Kind][]string {
	lists := map[perch.Kind][]string{}
	var known []field
	for _, kind := range perch.Kinds() {
		known = append(known, field{name: string(kind), read: func(path string, n *document.Node) {
			var items []string
			d.texts(&items, valid)(path, n)
			lists[kind] = items
		}})
	}
	d.fields(path, n, known...)
	return lists
}

// separateSecrets rejects a secret that `secrets.kinds` gives to one kind while another list lets a
// second kind read it as well.
func (d *decoder) separateSecrets(secrets perch.PolicySecrets, path string, n *document.Node) {
	for _, kind := range perch.Kinds() {
		for i, arn := range secrets.Kinds[kind] {
			if other, cover := alsoReads(secrets, kind, arn); cover != "" {
				d.Fail(n.At("kinds", string(kind)), "%s.kinds.%s[%d] is for environments of kind %s only, and %q "+
					"lets those of kind %s read it, too; narrow that one, or leave this one out",
					path, kind, i, kind, cover, other)
			}
		}
	}
}

// alsoReads is another kind that may read arn, and the entry that lets it; both are empty if there is none.
func alsoReads(secrets perch.PolicySecrets, kind perch.Kind, arn string) (other perch.Kind, cover string) {
	for _, other := range perch.Kinds() {
		if cover := covering(secrets.Allowed(other), arn); other != kind && cover != "" {
			return other, cover
		}
	}
	return "", ""
}

// covering is the first of prefixes that arn begins with; empty if there is none.
func covering(prefixes []string, arn string) string {
	for _, prefix := range prefixes {
		if strings.HasPrefix(arn, strings.TrimSuffix(prefix, "*")) {
			return prefix
		}
	}
	return ""
}

// wholePolicy checks what no single value can tell, and then fills in the defaults.
func (d *decoder) wholePolicy(p *perch.Policy, root *document.Node) {
	for _, key := range []string{"account", "region", "project", "source", "default_branch", "network"} {
		if root.Get(key) == nil {
			d.Fail(nil, "%s is missing; the policy must say it", key)
		}
	}
	if source := root.Get("source"); source != nil && source.Shape == document.Mapping && (source.Get("git") == nil) == (source.Get("github") == nil) {
		d.Fail(source, "source must say one place where branches and files are read from: git, a remote URL or a local path, or github")
	}
	if network := root.Get("network"); network != nil && network.Shape == document.Mapping {
		d.network(p.Network, network)
	}
	if domain := root.Get("domain"); domain != nil && root.Get("hosted_zone") == nil {
		d.Fail(domain, "domain needs hosted_zone, the id of the Route 53 zone that its records go into")
	}
	if zone := root.Get("hosted_zone"); zone != nil && root.Get("domain") == nil {
		d.Fail(zone, "hosted_zone needs domain, the parent of every environment's host name")
	}
	defaults(p)
}

func (d *decoder) network(network perch.Network, n *document.Node) {
	if n.Get("vpc") == nil {
		d.Fail(n, "network.vpc is missing; name the VPC that everything stands in")
	}
	if len(network.Subnets) < 2 {
		d.Fail(n.At("subnets"), "network.subnets names %d subnets; a load balancer needs two at least, in different availability zones", len(network.Subnets))
	}
	if n.Get("database_subnets") != nil && len(network.DatabaseSubnets) < 2 {
		d.Fail(n.At("database_subnets"), "network.database_subnets names %d subnets; a database needs two at least, in different availability zones", len(network.DatabaseSubnets))
	}
}

// repository reads one name, or a list of the current name and former names.
func (d *decoder) repository(p *perch.Policy) func(path string, n *document.Node) {
	return func(path string, n *document.Node) {
		if n.Shape != document.List {
			d.text(&p.Repository, validText)(path, n)
			return
		}
		var names []string
		d.texts(&names, validText)(path, n)
		if len(names) == 0 {
			d.Fail(n, "%s is an empty list; write the repository's current name first, then its former names", path)
			return
		}
		p.Repository, p.FormerNames = names[0], names[1:]
	}
}

func defaults(p *perch.Policy) {
	if p.Repository == "" {
		p.Repository = p.Source.Git
		if p.Source.GitHub != nil {
			p.Repository = p.Source.GitHub.Address()
		}
	}
	p.Repository = perch.NormalizeRepository(p.Repository)
	for i, name := range p.FormerNames {
		p.FormerNames[i] = perch.NormalizeRepository(name)
	}
	if p.Network.DatabaseSubnets == nil {
		p.Network.DatabaseSubnets = p.Network.Subnets
	}
	if p.Images.Registries == nil {
		p.Images.Registries = p.DefaultRegistries()
	}
	if p.Kinds == nil {
		p.Kinds = map[perch.Kind][]string{perch.KindBranch: {"*"}}
	}
	if p.MaxEnvironments == 0 {
		p.MaxEnvironments = defaultEnvironments
	}
	if p.Repair == "" {
		p.Repair = perch.RepairKeep
	}
	p.Cleanup = p.Cleanup.OrDefaults()
}
