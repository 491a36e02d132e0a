package lifecycle

import (
	"errors"
	"strings"
	"testing"

	"perch"
	"perch/config"
)

// boundingPolicy has a limit for everything that a policy can limit.
const boundingPolicy = `account: "123456789012"
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
cleanup: {grace: 90m, max_removals: 5, max_share: 0.25}
`

const admitted = `project: shop
image: example.com/shop:{commit}
branches: {kinds: {staging: staging, main: production, tmp: staging}}
defaults:
  database: {}
  buckets: {assets: {}}
  secrets: {SECRET_KEY: "arn:aws:secretsmanager:eu-central-1:123456789012:secret:shop/preview"}
seed:
  - s3: {from: fixtures, to: assets}
  - s3: {from: "s3://shop-seeds/public/v1/", to: assets}
`

// admission returns a request to provision branch with perch.yaml file, under boundingPolicy.
func admission(t *testing.T, file, branch string) Admission {
	t.Helper()
	f, err := config.Read(config.FileName, []byte(file))
	if err != nil {
		t.Fatal(err)
	}
	settings, _, err := f.Resolve(branch, admittedCommit)
	if err != nil {
		t.Fatal(err)
	}
	return Admission{
		Policy: readPolicy(t),
		Request: perch.Request{
			ID: "1", Goal: perch.GoalUp, Project: "shop", Branch: branch, Commit: admittedCommit,
			Repository: "https://github.com/acme/shop",
		},
		Wanted: &Wanted{Project: f.Project, Kind: f.Kind(branch), Settings: settings, Seed: f.Seed}, Environments: 2,
	}
}

const admittedCommit = "0123456789abcdef0123456789abcdef01234567"

func readPolicy(t *testing.T) *perch.Policy {
	t.Helper()
	p, err := config.ReadPolicy("policy.yaml", []byte(boundingPolicy))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestWhatThePolicyAllowsIsAdmitted(t *testing.T) {
	for _, branch := range []string{"feature/login", "staging", "release/1"} {
		if err := AdmitRequest(admission(t, admitted, branch)); err != nil {
			t.Errorf("%s: %v", branch, err)
		}
	}
	a := admission(t, admitted, "feature/login")
	a.Request.Repository = ""
	if err := AdmitRequest(a); err != nil {
		t.Errorf("a request that names no repository: %v", err)
	}
}

func TestWhatThePolicyDoesNotAllowIsRejected(t *testing.T) {
	for name, test := range map[string]struct {
		branch string
		change func(*Admission)
		want   string
	}{
		"another project": {"x", func(a *Admission) { a.Request.Project = "blog" },
			`project "blog" was requested, and this worker's policy is for project "shop" only; check --project or ` +
				`PERCH_PROJECT, or the worker that is running`},
		"another repository": {"x", func(a *Admission) { a.Request.Repository = "git@github.com:mallory/shop.git" },
			"the request comes from repository github.com/mallory/shop, and this worker's policy is for " +
				"github.com/acme/shop only; check `repository` in the policy"},
		"another project in the file": {"x", func(a *Admission) { a.Wanted.Project = "blog" },
			`perch.yaml is for project "blog", and this worker's policy is for project "shop" only; change ` +
				"`project` in one of them"},
		"no branch name": {"x", func(a *Admission) { a.Request.Branch = "a..b" },
			`"a..b" is not a branch name that Git accepts: it contains two dots in a row`},
		"no perch.yaml": {
			"x", func(a *Admission) { a.Wanted = nil }, `branch "x" has no perch.yaml at commit ` + admittedCommit,
		},
		"a kind that no branch may have": {"main", func(*Admission) {},
			"branch \"main\" requests kind production, and the policy lets no branch have it; change " +
				"`branches.kinds` in perch.yaml, or `kinds.production` in the policy"},
		"a kind for others": {"tmp", func(*Admission) {},
			"branch \"tmp\" requests kind staging, and the policy lets only staging have it; change `branches.kinds` " +
				"in perch.yaml, or `kinds.staging` in the policy"},
		"another kind than the environment's": {"x", func(a *Admission) { a.Kind = perch.KindStaging },
			"branch \"x\" requests kind branch, and its environment was made as staging, which it keeps; change " +
				"`branches.kinds` in perch.yaml, or let a person delete its stack first"},
		"a more valuable kind than the environment's": {"staging", func(a *Admission) { a.Kind = perch.KindBranch },
			"branch \"staging\" requests kind staging, and its environment was made as branch, which it keeps; " +
				"change `branches.kinds` in perch.yaml, or remove it with `perch down` first"},
		"an instance type": {"x", func(a *Admission) { a.Wanted.Settings.InstanceType = "m7i.large" },
			"instance_type is m7i.large, and the policy allows only t3.*; change instance_type in perch.yaml, or " +
				"`instance_types` in the policy"},
		"a warning that is shorter": {
			"x", func(a *Admission) {
				a.Wanted.Settings.Expiry, a.Policy.Expiry.Warn = &perch.Expiry{Idle: 168, Warn: 1}, 12
			},
			"expiry.warn is 1h, and the policy wants 12h at least; change expiry.warn in perch.yaml, or " +
				"`expiry.warn` in the policy",
		},
		"a life that is shorter than the warning": {
			"x", func(a *Admission) {
				a.Wanted.Settings.Expiry, a.Policy.Expiry.Warn = &perch.Expiry{Idle: 48, Warn: 24}, 48
			},
			"expiry.idle is 48h, and the policy warns people 48h before the end; choose more for expiry.idle in " +
				"perch.yaml, or less for `expiry.warn` in the policy",
		},
		"an expiry that is longer": {
			"x", func(a *Admission) { a.Wanted.Settings.Expiry, a.Policy.Expiry.Idle = &perch.Expiry{Idle: 200}, 168 },
			"expiry.idle is 200h, and the policy allows 168h at most; change expiry.idle in perch.yaml, or " +
				"`expiry.idle` in the policy",
		},
		"S110 more instances": {
			"x", func(a *Admission) { a.Wanted.Settings.Instances.Max, a.Policy.MaxInstances = 5, 4 },
			"instances.max is 5, and the policy allows 4 instances for an environment; change instances.max in " +
				"perch.yaml, or `max_instances` in the policy",
		},
		"a database class": {"x", func(a *Admission) { a.Wanted.Settings.Database.Class = "db.r7g.large" },
			"database.class is db.r7g.large, and the policy allows only db.t4g.*; change database.class in " +
				"perch.yaml, or `database_classes` in the policy"},
		"a shared database where there is none": {
			"x", func(a *Admission) { sharedDatabase(a); a.Policy.SharedDatabase = nil },
			"database.mode is shared, and the policy has no shared_database; set database.mode to dedicated in " +
				"perch.yaml, or `shared_database` in the policy and run `perch application up`",
		},
		"a shared database of production": {
			"main", func(a *Admission) { sharedDatabase(a); a.Policy.Kinds[perch.KindProduction] = []string{"main"} },
			"database.mode is shared, and an environment of kind production has a dedicated database; set " +
				"database.mode to dedicated for it in perch.yaml",
		},
		"a snapshot of others": {"x", restoredFrom("bank-1"),
			"database.snapshot is bank-1, and the policy allows only what begins with shop-seed-, " +
				"arn:aws:rds:eu-central-1:210987654321:snapshot:shared-; change database.snapshot in perch.yaml, or " +
				"`snapshots.from` in the policy"},
		"a snapshot of another account": {"x", restoredFrom("arn:aws:rds:eu-central-1:999999999999:snapshot:shared-1"),
			"database.snapshot is arn:aws:rds:eu-central-1:999999999999:snapshot:shared-1, and the policy allows " +
				"only what begins with shop-seed-, arn:aws:rds:eu-central-1:210987654321:snapshot:shared-; " +
				"change database.snapshot in perch.yaml, or `snapshots.from` in the policy"},
		"a snapshot of another region": {"x", restoredFrom("arn:aws:rds:us-east-1:210987654321:snapshot:shared-1"),
			`database.snapshot is in region "us-east-1", and the policy is for eu-central-1 only; copy the ` +
				`snapshot there and name the copy in perch.yaml`},
		"a snapshot where none are allowed": {
			"x", func(a *Admission) { restoredFrom("shop-seed-1")(a); a.Policy.Snapshots.From = nil },
			"database.snapshot is shop-seed-1, and the policy allows no snapshots; change database.snapshot in " +
				"perch.yaml, or `snapshots.from` in the policy",
		},
		"an ARN where only ids are allowed": {"x", func(a *Admission) {
			restoredFrom("arn:aws:rds:eu-central-1:999999999999:snapshot:x")(a)
			a.Policy.Snapshots.From = []string{"a"}
		}, "database.snapshot is arn:aws:rds:eu-central-1:999999999999:snapshot:x, and the policy allows only what " +
			"begins with a; change database.snapshot in perch.yaml, or `snapshots.from` in the policy"},
		"no domain": {"x", func(a *Admission) { a.Policy.Domain = "" },
			"load_balancer is shared, and that needs a domain, which the policy does not have; set load_balancer to " +
				"none in perch.yaml, or `domain` and `hosted_zone` in the policy"},
		"a secret of another region": {"x", func(a *Admission) {
			a.Wanted.Settings.Secrets = map[string]string{
				"A": "arn:aws:secretsmanager:us-east-1:123456789012:secret:shop/a",
			}
		}, `secret A is in region "us-east-1", and the policy is for eu-central-1 only; name a secret of that ` +
			`region in perch.yaml`},
		"a secret of others": {"x", func(a *Admission) {
			a.Wanted.Settings.Secrets = map[string]string{
				"A": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:bank/a",
			}
		}, "secret A is arn:aws:secretsmanager:eu-central-1:123456789012:secret:bank/a, and the policy allows " +
			"environments of kind branch only what begins with " +
			"arn:aws:secretsmanager:eu-central-1:123456789012:secret:shop/; change `secrets` in perch.yaml, or " +
			"`secrets` in the policy"},
		"a secret where none are allowed": {"x", func(a *Admission) { a.Policy.Secrets.From = nil },
			"secret SECRET_KEY is arn:aws:secretsmanager:eu-central-1:123456789012:secret:shop/preview, and the " +
				"policy allows environments of kind branch no secrets; change `secrets` in perch.yaml, or `secrets` " +
				"in the policy"},
		"a secret of another kind": {"x", func(a *Admission) {
			a.Policy.Secrets = perch.PolicySecrets{Kinds: perch.KindSecrets{perch.KindStaging: a.Policy.Secrets.From}}
		}, "secret SECRET_KEY is arn:aws:secretsmanager:eu-central-1:123456789012:secret:shop/preview, and the " +
			"policy allows environments of kind branch no secrets; " +
			"change `secrets` in perch.yaml, or `secrets` in the policy"},
		"a seed from elsewhere": {"x", func(a *Admission) { a.Policy.Seeds.From = []string{"s3://shop-seeds/pub"} },
			"seed[1] reads s3://shop-seeds/public/v1/, and the policy allows only what begins with " +
				"s3://shop-seeds/pub; change `seed` in perch.yaml, or `seeds.from` in the policy"},
		"a seed where none are allowed": {"x", func(a *Admission) { a.Policy.Seeds.From = nil },
			"seed[1] reads s3://shop-seeds/public/v1/, and the policy allows only folders of the repository; change " +
				"`seed` in perch.yaml, or `seeds.from` in the policy"},
		"too many environments": {"x", func(a *Admission) { a.Environments = 3 },
			"project shop has 3 other environments, and the policy allows 3 at a time; remove one with `perch down " +
				"BRANCH`, or raise `max_environments` in the policy"},
		"another goal": {
			"x", func(a *Admission) { a.Request.Goal = "sideways" },
			`the goal of a request is up or gone, not "sideways"`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := admission(t, admitted, test.branch)
			test.change(&a)
			wantRejection(t, AdmitRequest(a), test.want)
		})
	}
}

func TestASecretOfTheEnvironmentsKindIsAdmitted(t *testing.T) {
	a := admission(t, admitted, "x")
	arns := []string{"arn:aws:secretsmanager:eu-central-1:123456789012:secret:shop/"}
	a.Policy.Secrets = perch.PolicySecrets{Kinds: perch.KindSecrets{perch.KindBranch: arns}}
	if err := AdmitRequest(a); err != nil {
		t.Error(err)
	}
}

// sharedDatabase puts the database into the shared instance, with a class that no dedicated
// database may have.
func sharedDatabase(a *Admission) {
	a.Wanted.Settings.Database.Mode, a.Wanted.Settings.Database.Class = perch.DatabaseShared, "db.r7g.large"
}

func TestASharedDatabaseIsAdmittedWhereThereIsOne(t *testing.T) {
	a := admission(t, admitted, "feature/login")
	sharedDatabase(&a)
	if err := AdmitRequest(a); err != nil {
		t.Error(err)
	}
}

// restoredFrom makes the database one that is restored from snapshot.
func restoredFrom(snapshot string) func(*Admission) {
	return func(a *Admission) {
		a.Wanted.Settings.Database.Mode, a.Wanted.Settings.Database.Snapshot = perch.DatabaseSnapshot, snapshot
	}
}

func TestSnapshotsThatThePolicyAllowsAreAdmitted(t *testing.T) {
	for _, snapshot := range []string{"shop-seed-2026-11", "arn:aws:rds:eu-central-1:210987654321:snapshot:shared-1"} {
		a := admission(t, admitted, "feature/login")
		restoredFrom(snapshot)(&a)
		if err := AdmitRequest(a); err != nil {
			t.Errorf("%s: %v", snapshot, err)
		}
	}
}

func wantRejection(t *testing.T, err error, want string) {
	t.Helper()
	var rejection *perch.Rejection
	if !errors.As(err, &rejection) {
		t.Fatalf("not rejected: %v", err)
	}
	if rejection.Reason != want {
		t.Errorf("got  %s\nwant %s", rejection.Reason, want)
	}
}

func TestRemovals(t *testing.T) {
	gone := func(branch string, kind perch.Kind) error {
		return AdmitRequest(Admission{
			Policy:  readPolicy(t),
			Request: perch.Request{ID: "1", Goal: perch.GoalGone, Project: "shop", Branch: branch}, Kind: kind,
			Environments: 500,
		})
	}
	for branch, kind := range map[string]perch.Kind{"feature/login": perch.KindBranch, "absent": ""} {
		if err := gone(branch, kind); err != nil {
			t.Errorf("%s: %v", branch, err)
		}
	}
	wantRejection(t, gone("main", perch.KindBranch), "branch \"main\" is the default branch, and its environment is "+
		"never removed; `default_branch` in the policy says so")
	wantRejection(
		t, gone("x", perch.KindStaging),
		`the environment of branch "x" is of kind staging, and only environments of kind branch are removed`,
	)
	wantRejection(
		t, gone("x", perch.KindProduction),
		`the environment of branch "x" is of kind production, and only environments of kind branch are removed`,
	)
	wantRejection(t, gone("release/1", perch.KindBranch),
		"branch \"release/1\" is protected by the pattern \"release/*\"; to remove its environment, remove the "+
			"pattern from `protected` in the policy")
}

func TestS94RecreationIsRejectedWhereARemovalIs(t *testing.T) {
	for name, test := range map[string]struct {
		branch string
		change func(*Admission)
		want   string
	}{
		"the default branch": {
			"login", func(a *Admission) { a.Policy.DefaultBranch = "login" }, "its environment is never removed",
		},
		"a protected branch": {
			"release/1", func(*Admission) {}, `branch "release/1" is protected by the pattern "release/*"`,
		},
		"staging":               {"staging", func(a *Admission) { a.Kind = perch.KindStaging }, "is of kind staging"},
		"staging, not made yet": {"staging", func(*Admission) {}, "is of kind staging"},
	} {
		t.Run(name, func(t *testing.T) {
			a := admission(t, admitted, test.branch)
			test.change(&a)
			if err := AdmitRequest(a); err != nil {
				t.Fatalf("without --recreate: %v", err)
			}
			a.Request.Recreate = true
			var rejection *perch.Rejection
			if err := AdmitRequest(a); !errors.As(err, &rejection) || !strings.Contains(err.Error(), test.want) ||
				!strings.Contains(err.Error(), "without --recreate") {
				t.Errorf("got %v", err)
			}
		})
	}
	a := admission(t, admitted, "feature/login")
	a.Request.Recreate, a.Kind = true, perch.KindBranch
	if err := AdmitRequest(a); err != nil {
		t.Errorf("a branch: %v", err)
	}
}

// TestAWarningThatPerchYAMLLeavesOutIsNotRejected uses the default warning of perch.yaml, which the
// policy's replaces.
func TestAWarningThatPerchYAMLLeavesOutIsNotRejected(t *testing.T) {
	wanted := Wanted{Kind: perch.KindBranch, Settings: perch.Settings{Expiry: &perch.Expiry{Idle: 168, Warn: 24}}}
	policy := &perch.Policy{Expiry: perch.PolicyExpiry{Warn: 48}}
	if err := (Admission{Wanted: &wanted, Policy: policy}).expiry(); err != nil {
		t.Error(err)
	}
}
