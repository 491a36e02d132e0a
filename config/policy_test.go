package config

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"perch"
)

const fullPolicy = `account: "123456789012"
region: eu-central-1
service_role: arn:aws:iam::123456789012:role/perch-cloudformation
project: shop
repository: git@github.com:acme/shop.git
source: {git: "https://github.com/acme/shop.git"}
default_branch: main
domain: preview.example.com
hosted_zone: Z0123456789ABC
url: https://{host}/
network:
  vpc: vpc-0a1b2c3d
  subnets: [subnet-a1, subnet-b2]
  database_subnets: [subnet-c3, subnet-d4]
  private: [10.20.0.0/16, "fd12:3456:789a::/48"]
kinds: {branch: ["*"], staging: [staging], production: []}
protected: ["release/*"]
secrets:
  from: ["arn:aws:secretsmanager:eu-central-1:123456789012:secret:shop/"]
  kinds: {staging: ["arn:aws:ssm:eu-central-1:123456789012:parameter/staging/"]}
seeds: {from: ["s3://shop-seeds/public/"]}
snapshots: {from: ["shop-seed-", "arn:aws:rds:eu-central-1:210987654321:snapshot:shared-"]}
shared_database: {class: db.m7g.large, multi_az: true}
instance_types: ["t3.*"]
database_classes: ["db.t4g.*"]
max_environments: 3
max_instances: 8
repair: recreate
images: {registries: [ghcr.io, 'registry.example.com:5000'], endpoint: 'http://127.0.0.1:4567'}
triggers: [ci, webhook]
on_pr_close: keep
cleanup: {grace: 90m, max_removals: 5, max_share: 0.25}
expiry: {idle: 336h, max: 2160h, warn: 48h, extend: 72h, pin: 1440h}
`

const minimalPolicy = `account: "123456789012"
region: eu-central-1
project: shop
source: {git: /srv/acme/shop}
default_branch: main
network: {vpc: vpc-1, subnets: [subnet-1, subnet-2]}
`

func policy(t *testing.T, source string) *perch.Policy {
	t.Helper()
	p, err := ReadPolicy("policy.yaml", []byte(source))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestAPolicyReads(t *testing.T) {
	want := &perch.Policy{
		Account: "123456789012", Region: "eu-central-1", ServiceRole: "arn:aws:iam::123456789012:role/" +
			"perch-cloudformation",
		Project: "shop", Repository: "github.com/acme/shop",
		Source:        perch.Source{Git: "https://github.com/acme/shop.git"},
		DefaultBranch: "main", Domain: "preview.example.com", HostedZone: "Z0123456789ABC", URL: "https://{host}/",
		Network: perch.Network{
			VPC: "vpc-0a1b2c3d", Subnets: []string{
				"subnet-a1", "subnet-b2",
			}, DatabaseSubnets: []string{"subnet-c3", "subnet-d4"},
			Private: []netip.Prefix{
				netip.MustParsePrefix("10.20.0.0/16"), netip.MustParsePrefix("fd12:3456:789a::/48"),
			},
		},
		Kinds: map[perch.Kind][]string{
			perch.KindBranch: {"*"}, perch.KindStaging: {"staging"}, perch.KindProduction: {},
		},
		Protected: []string{"release/*"},
		Secrets: perch.PolicySecrets{
			From:  []string{"arn:aws:secretsmanager:eu-central-1:123456789012:secret:shop/"},
			Kinds: perch.KindSecrets{perch.KindStaging: {"arn:aws:ssm:eu-central-1:123456789012:parameter/staging/"}},
		},
		Seeds: perch.PolicySeeds{From: []string{"s3://shop-seeds/public/"}},
		Snapshots: perch.PolicySnapshots{
			From: []string{"shop-seed-", "arn:aws:rds:eu-central-1:210987654321:snapshot:shared-"},
		},
		SharedDatabase: &perch.SharedDatabase{Class: "db.m7g.large", StorageGB: 50, MultiAZ: true, BackupDays: 7},
		InstanceTypes: []string{
			"t3.*",
		}, DatabaseClasses: []string{"db.t4g.*"}, MaxEnvironments: 3, MaxInstances: 8, Repair: perch.RepairRecreate,
		Images: perch.PolicyImages{
			Registries: []string{"ghcr.io", "registry.example.com:5000"},
			Endpoint:   "http://127.0.0.1:4567",
		},
		Triggers: []perch.Trigger{perch.TriggerCI, perch.TriggerWebhook}, OnPRClose: perch.OnPRCloseKeep,
		Reports: perch.PolicyReports{
			GitHub: perch.ReportsGitHub{Deployments: true, Status: true, Comment: true, Environment: "preview"},
		},
		Cleanup: perch.PolicyCleanup{Grace: 90 * time.Minute, MaxRemovals: 5, MaxShare: 0.25},
		Expiry:  perch.PolicyExpiry{Idle: 336, Max: 2160, Warn: 48, Extend: 72, Pin: 1440},
	}
	if diff := cmp.Diff(
		want, policy(t, fullPolicy), cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }),
	); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestRepositoryIsANameOrAListOfNames(t *testing.T) {
	for name, c := range map[string]struct {
		value, repository string
		former            []string
	}{
		"a name":        {"git@github.com:acme/shop.git", "github.com/acme/shop", nil},
		"a list of one": {"[github.com/acme/shop]", "github.com/acme/shop", []string{}},
		"with former names": {
			"[https://GitHub.com/acme/store, 'git@github.com:acme/shop.git', local/a b]", "github.com/acme/store",
			[]string{"github.com/acme/shop", "local/a b"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := policy(t, minimalPolicy+"repository: "+c.value+"\n")
			if p.Repository != c.repository || !cmp.Equal(p.FormerNames, c.former) {
				t.Errorf("got %q, formerly %q", p.Repository, p.FormerNames)
			}
		})
	}
}

func TestAPolicyIsCompletedByDefaults(t *testing.T) {
	want := &perch.Policy{
		Account: "123456789012", Region: "eu-central-1", Project: "shop", Repository: "local/acme/shop",
		Source:        perch.Source{Git: "/srv/acme/shop"},
		DefaultBranch: "main",
		Network: perch.Network{
			VPC: "vpc-1", Subnets: []string{"subnet-1", "subnet-2"}, DatabaseSubnets: []string{"subnet-1", "subnet-2"},
		},
		Kinds: map[perch.Kind][]string{perch.KindBranch: {"*"}}, MaxEnvironments: 20, Repair: perch.RepairKeep,
		Images: perch.PolicyImages{
			Registries: []string{
				"123456789012.dkr.ecr.eu-central-1.amazonaws.com", "public.ecr.aws", "ghcr.io", "docker.io",
			},
		},
		Triggers: []perch.Trigger{perch.TriggerCI}, OnPRClose: perch.OnPRCloseKeep,
		Reports: perch.PolicyReports{
			GitHub: perch.ReportsGitHub{Deployments: true, Status: true, Comment: true, Environment: "preview"},
		},
		Cleanup: perch.PolicyCleanup{Grace: time.Hour, MaxRemovals: 10, MaxShare: 0.5},
		Expiry:  perch.PolicyExpiry{Extend: 168, Pin: 720},
	}
	if diff := cmp.Diff(want, policy(t, minimalPolicy)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestWhatIsWrongWithAPolicy(t *testing.T) {
	for name, test := range map[string]struct {
		change, to, want string
	}{
		"account": {
			`"123456789012"`, "12345",
			`policy.yaml:1:10: account must be an AWS account of 12 digits, in quotes, not "12345"`,
		},
		"region": {
			"eu-central-1\n", "frankfurt\n",
			`policy.yaml:2:9: region must be an AWS region such as eu-central-1, not "frankfurt"`,
		},
		"no region": {
			"region: eu-central-1\n", "",
			"policy.yaml: region is missing; it must be an AWS region such as eu-central-1",
		},
		"no branch": {
			"default_branch: main\n", "", "policy.yaml: default_branch is missing; it must be the name of a branch",
		},
		"no trigger": {
			"project: shop\n", "project: shop\ntriggers: []\n",
			"policy.yaml:4:11: triggers has 0 entries; it needs at least 1, ci or webhook",
		},
		"a wrong one": {
			"project: shop\n", "project: shop\ntriggers: [cron]\n",
			"policy.yaml:4:12: triggers[0] must be one of ci, webhook",
		},
		"closing on Git": {
			"project: shop\n", "project: shop\non_pr_close: remove\n",
			"policy.yaml:4:14: on_pr_close is remove, and that needs `source.github`",
		},
		"closing for CI": {
			"{git: /srv/acme/shop}", "{github: {repository: acme/shop}}\non_pr_close: remove",
			"policy.yaml:5:14: on_pr_close is remove, and that needs webhook in `triggers`",
		},
		"no names": {
			"project: shop\n", "project: shop\nrepository: []\n",
			"policy.yaml:4:13: repository has 0 entries; it needs at least 1, the current name",
		},
		"a wrong name": {
			"project: shop\n", "project: shop\nrepository: [github.com/acme/shop, {}]\n",
			"policy.yaml:4:36: repository[1] must be a single value, not a mapping",
		},
		"no source": {
			"{git: /srv/acme/shop}", "{}",
			"policy.yaml:4:9: source has 0 keys; it must have exactly one of git, github",
		},
		"another source": {"git:", "svn:", `policy.yaml:4:10: unknown key "svn" in source; allowed here: git, github`},
		"one subnet": {"[subnet-1, subnet-2]", "[subnet-1]",
			"policy.yaml:6:32: network.subnets has 1 entries; it needs at least 2, in different availability zones"},
		"one subnet for databases": {"subnet-2]}", "subnet-2], database_subnets: [subnet-1]}",
			"policy.yaml:6:72: network.database_subnets has 1 entries; it needs at least 2, in different " +
				"availability zones"},
		"an invalid network": {"subnet-2]}", "subnet-2], private: [10.20.0.0]}",
			`policy.yaml:6:64: network.private[0] must be a network such as 10.20.0.0/16 or fd12:3456:789a::/48, ` +
				`with no bit set beyond its length, not "10.20.0.0"`},
		"a network and a host": {
			"subnet-2]}", "subnet-2], private: [10.0.0.0/8, 10.20.0.1/16]}",
			"policy.yaml:6:76: network.private[1] must be a network such as 10.20.0.0/16",
		},
		"a network of IPv4 in IPv6": {
			"subnet-2]}", `subnet-2], private: ["::ffff:10.0.0.0/104"]}`,
			"policy.yaml:6:64: network.private[0] must be a network such as 10.20.0.0/16",
		},
		"one network and no list": {
			"subnet-2]}", "subnet-2], private: 10.20.0.0/16}",
			`policy.yaml:6:63: network.private must be a list, not "10.20.0.0/16"`,
		},
		"no VPC": {
			"vpc: vpc-1, ", "",
			"policy.yaml:6:11: network.vpc is missing; it must be the id of a VPC such as vpc-0a1b2c3d",
		},
		"no zone": {"project: shop", "project: shop\ndomain: example.com", "policy.yaml:4:9: domain " +
			"needs hosted_zone, which must be the id of a hosted zone such as Z0123456789ABC; add it, or leave " +
			"domain out"},
		"no domain": {
			"project: shop", "project: shop\nhosted_zone: Z1",
			"policy.yaml:4:14: hosted_zone needs domain, which must be a domain name in lower case such as " +
				"preview.example.com; add it, or leave hosted_zone out",
		},
		"url": {
			"project: shop", "project: shop\nurl: https://example.com",
			`policy.yaml:4:6: url must be an http or https address with {host} in it, such as https://{host}, not ` +
				`"https://example.com"`,
		},
		"too many": {
			"project: shop", "project: shop\nmax_environments: 96",
			"policy.yaml:4:19: max_environments must be 1 to 95, not 96",
		},
		"a registry with a path": {
			"project: shop", "project: shop\nimages: {registries: [ghcr.io/acme]}",
			`policy.yaml:4:23: images.registries[0] must be the host of a registry, as images name it, such as ` +
				`ghcr.io, not "ghcr.io/acme"`,
		},
		"an endpoint with a path": {
			"project: shop", "project: shop\nimages: {endpoint: 'http://a/v2'}",
			`policy.yaml:4:20: images.endpoint must be the address of a registry such as http://127.0.0.1:4567, not ` +
				`"http://a/v2"`,
		},
		"no grace": {
			"project: shop", "project: shop\ncleanup: {grace: 0s}",
			`policy.yaml:4:18: cleanup.grace must be a duration from 1s to 720h, such as 30m, not "0s"`,
		},
		"a warning as soon as an environment is deployed": {
			"project: shop", "project: shop\nexpiry: {idle: 48h, warn: 48h}",
			`policy.yaml:4:27: expiry.warn is 48h and expiry.idle is 48h; people must not be warned as soon as an ` +
				`environment is deployed`,
		},
		"expiry in days": {
			"project: shop", "project: shop\nexpiry: {idle: 7d}",
			`policy.yaml:4:16: expiry.idle must be whole hours from 1h to 8760h, such as 168h, not "7d"`,
		},
		"a life too short": {
			"project: shop", "project: shop\nexpiry: {idle: 168h, max: 24h}",
			`policy.yaml:4:27: expiry.max is 24h and expiry.idle is 168h; expiry.max must not be shorter than ` +
				`expiry.idle`,
		},
		"grace a number": {
			"project: shop", "project: shop\ncleanup: {grace: 60}",
			`policy.yaml:4:18: cleanup.grace must be a duration from 1s to 720h, such as 30m, not "60"`,
		},
		"no removals": {
			"project: shop", "project: shop\ncleanup: {max_removals: 0}",
			"policy.yaml:4:25: cleanup.max_removals must be 1 to 1000, not 0",
		},
		"share": {
			"project: shop", "project: shop\ncleanup: {max_share: 50}",
			`policy.yaml:4:22: cleanup.max_share must be a number above 0 and up to 1, such as 0.5, not "50"`,
		},
		"share NaN": {
			"project: shop", "project: shop\ncleanup: {max_share: NaN}",
			`policy.yaml:4:22: cleanup.max_share must be a number above 0 and up to 1, such as 0.5, not "NaN"`,
		},
		"unknown key": {
			"project: shop", "project: shop\nmax_enviroments: 9",
			`policy.yaml:4:1: unknown key "max_enviroments" in the file (did you mean "max_environments"?)`,
		},
		"kind": {
			"project: shop", "project: shop\nkinds: {prod: []}",
			`policy.yaml:4:9: unknown key "prod" in kinds; allowed here: production, staging, branch`,
		},
		"secrets": {
			"project: shop", "project: shop\nsecrets: {from: [shop/]}",
			"policy.yaml:4:18: secrets.from[0] must be the beginning of an ARN",
		},
		"seeds": {
			"project: shop", "project: shop\nseeds: {from: [shop]}",
			"policy.yaml:4:16: seeds.from[0] must be an address such as s3://bucket/prefix/",
		},

		"a secret of an unknown kind": {
			"project: shop", "project: shop\nsecrets: {kinds: {prod: []}}",
			`policy.yaml:4:19: unknown key "prod" in secrets.kinds; allowed here: production, staging, branch`,
		},
		"a secret of one kind that from covers": {
			"project: shop",
			"project: shop\nsecrets: {kinds: {staging: ['arn:aws:ssm:r:a:x/s']}, from: ['arn:aws:ssm:r:a:x*']}",
			`policy.yaml:4:28: secrets.kinds.staging[0] is for environments of kind staging only, and ` +
				`"arn:aws:ssm:r:a:x*" ` +
				`lets those of kind production read it, too; narrow that one, or leave this one out`,
		},
		"a secret of two kinds": {
			"project: shop",
			"project: shop\nsecrets: {kinds: {staging: ['arn:aws:ssm:r:a:x'], branch: ['arn:aws:ssm:r:a']}}",
			`policy.yaml:4:28: secrets.kinds.staging[0] is for environments of kind staging only, and ` +
				`"arn:aws:ssm:r:a" ` +
				`lets those of kind branch read it, too`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			if !strings.Contains(minimalPolicy, test.change) {
				t.Fatalf("no %q to change", test.change)
			}
			_, err := ReadPolicy("policy.yaml", []byte(strings.Replace(minimalPolicy, test.change, test.to, 1)))
			if err == nil || !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}

func TestAnEmptyPolicyIsAnError(t *testing.T) {
	if _, err := ReadPolicy(
		"policy.yaml", nil,
	); err == nil || err.Error() != "policy.yaml: the policy is empty; it must say what the worker may do" {
		t.Errorf("got %v", err)
	}
}
