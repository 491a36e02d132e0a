package run

import (
	"net/url"
	"strings"
	"time"

	"perch"
)

// named returns the input fields that name an environment.
func named(project, branch string) in { return in{"project": project, "branch": branch} }

// on returns an input about a branch and a stack, with further fields.
func on(branch, stack string, others in) func(*victims) in {
	return func(v *victims) in {
		input := in{
			"environment": named(v.project, branch), "stack_id": v.ids[stack],
			"token": "forged-" + branch + "-" + stack,
		}
		for name, value := range others {
			if text, ok := value.(string); ok {
				if id, found := v.ids[strings.TrimPrefix(text, "id:")]; found && strings.HasPrefix(text, "id:") {
					value = id
				}
			}
			input[name] = value
		}
		return input
	}
}

// evilTemplate is a template of the attacker, in a bucket of theirs.
var evilTemplate = in{
	"template_url": "https://loot.s3.eu-central-1.amazonaws.com/evil.json", "template": "evil", "kind": "branch",
	"capability": "CAPABILITY_NAMED_IAM",
}

// stackAttacks are calls of the activities that change a stack.
var stackAttacks = []attack{
	{activity: "CreateStack", name: "a branch that does not exist", input: on("nobody", "", evilTemplate)},
	{activity: "CreateStack", name: "production's kind", input: on("evil", "", in{
		"template_url": evilTemplate["template_url"], "template": "evil", "kind": "production",
	})},
	{activity: "CreateStack", name: "the name of another stack", input: on("taken", "", evilTemplate)},
	{activity: "CreateStack", name: "a branch that is gone", input: on("past", "", evilTemplate)},
	{activity: "CreateStack", name: "another project", input: func(v *victims) in {
		return in{"environment": named("till", "more"), "token": "forged", "template_url": evilTemplate["template_url"]}
	}},
	{
		activity: "UpdateStack", name: "a template elsewhere for production",
		input: on("main", "store-main", evilTemplate),
	},
	{activity: "UpdateStack", name: "production under another branch", input: on("evil", "store-main", evilTemplate)},
	{activity: "UpdateStack", name: "a foreign stack", input: on("carts", "ledger", evilTemplate)},
	{
		activity: "UpdateStack", name: "a foreign stack of the environment's name",
		input: on("taken", "store-taken", evilTemplate),
	},
	{activity: "UpdateStack", name: "a stack of another repository", input: on("orphan", "store-orphan", evilTemplate)},
	{
		activity: "UpdateStack", name: "the application stack",
		input: on("carts", "store-application-production", evilTemplate),
	},
	{activity: "UpdateStack", name: "another project's stack", input: on("wares", "till-wares", evilTemplate)},
	{activity: "UpdateStack", name: "no stack", input: on("carts", "", evilTemplate)},

	{activity: "DeleteStack", name: "production", input: on("main", "store-main", nil)},
	{
		activity: "DeleteStack", name: "production by force",
		input: on("main", "store-main", in{"force": true, "retain": []string{"Database"}}),
	},
	{activity: "DeleteStack", name: "production under another branch", input: on("carts", "store-main", nil)},
	{activity: "DeleteStack", name: "staging", input: on("staging", "store-staging", nil)},
	{activity: "DeleteStack", name: "a protected branch", input: on("release/1", "store-release", nil)},
	{activity: "DeleteStack", name: "termination protection", input: on("guarded", "store-guarded", nil)},
	{activity: "DeleteStack", name: "the application stack", input: on("main", "store-application-production", nil)},
	{activity: "DeleteStack", name: "a foreign stack", input: on("carts", "ledger", nil)},
	{
		activity: "DeleteStack", name: "a foreign stack of the environment's name",
		input: on("taken", "store-taken", nil),
	},
	{activity: "DeleteStack", name: "a stack of another repository", input: on("orphan", "store-orphan", nil)},
	{activity: "DeleteStack", name: "another project's stack", input: on("wares", "till-wares", nil)},
	{activity: "DeleteStack", name: "another project", input: func(v *victims) in {
		return in{"environment": named("till", "wares"), "stack_id": v.ids["till-wares"], "token": "forged"}
	}},
	{activity: "DeleteStack", name: "a name in place of an id", input: func(v *victims) in {
		return in{"environment": named(v.project, "carts"), "stack_id": "store-main", "token": "forged"}
	}},
	{activity: "PrepareDeletion", name: "production", input: on("main", "store-main", nil)},
	{
		activity: "PrepareDeletion", name: "a protected branch",
		input: on("release/1", "store-release", in{"force": true}),
	},
	{activity: "PrepareDeletion", name: "a foreign stack", input: on("carts", "ledger", nil)},

	{activity: "CancelUpdate", name: "a foreign stack", input: on("carts", "ledger-moving", nil)},
	{activity: "CancelUpdate", name: "production under another branch", input: on("carts", "store-main", nil)},
	{activity: "AwaitBeanstalk", name: "a foreign stack", input: on("carts", "ledger", nil)},
	{activity: "WithdrawOptions", name: "a foreign stack", input: on("carts", "ledger", nil)},
	{activity: "WithdrawOptions", name: "production under another branch", input: on("carts", "store-main", nil)},
	{activity: "RollbackStack", name: "a foreign stack", input: on("carts", "ledger-failed", nil)},
	{activity: "ContinueRollback", name: "a foreign stack", input: on("carts", "ledger-stuck", nil)},
	{
		activity: "ContinueRollback", name: "a foreign stack by force",
		input: on("carts", "ledger-stuck", in{"force": true}),
	},

	{activity: "ApplyApplication", name: "another project", input: func(*victims) in {
		return in{
			"application": perch.ApplicationInput{Project: "till", Kind: perch.KindStaging, Apply: true},
			"token":       "forged",
		}
	}},
	{activity: "ApplyApplication", name: "a kind without an application", input: func(v *victims) in {
		return in{
			"application": perch.ApplicationInput{Project: v.project, Kind: perch.KindBranch, Apply: true},
			"token":       "forged",
		}
	}},
	{activity: "ApplyApplication", name: "the policy's own template", answered: true, calls: []string{
		"cloudformation UpdateStack",
	}, input: func(v *victims) in {
		return in{
			"application": perch.ApplicationInput{Project: v.project, Kind: perch.KindProduction, Apply: true},
			"token":       "forged-again",
		}
	}},
}

// bucketOf returns an input of EmptyBucket.
func bucketOf(branch, stack, bucket string) func(*victims) in {
	return on(branch, stack, in{"bucket": "id:" + bucket})
}

// resources returns an input of SweepResources.
func resources(branch, stack string, named ...string) func(*victims) in {
	return func(v *victims) in {
		input, list := on(branch, stack, nil)(v), []in{}
		for _, name := range named {
			kind := "AWS::S3::Bucket"
			switch {
			case strings.HasSuffix(name, "/Database"), strings.HasSuffix(name, "/Books"):
				kind = "AWS::RDS::DBInstance"
			case strings.HasSuffix(name, "/DatabaseSubnets"):
				kind = "AWS::RDS::DBSubnetGroup"
			case strings.HasSuffix(name, "SecurityGroup"):
				kind = "AWS::EC2::SecurityGroup"
			}
			list = append(list, in{
				"LogicalID": "X", "logical_id": "X", "Type": kind, "type": kind, "PhysicalID": v.ids[name],
				"physical_id": v.ids[name],
			})
		}
		input["resources"] = list
		return input
	}
}

// seedAt returns an input of SeedData with an address of the attacker.
func seedAt(branch, stack string, later bool) func(*victims) in {
	return func(v *victims) in {
		input := on(branch, stack, in{"commit": v.evil, "later": later})(v)
		address, _ := url.Parse(v.elsewhere.URL)
		input["url"], input["endpoint"] = v.elsewhere.URL, address.Hostname()
		if stack == "" {
			input["stack_id"] = "arn:aws:cloudformation:eu-central-1:000000000000:stack/store-evil/0"
		}
		return input
	}
}

// probeAt returns an input of AwaitReady with an address of the attacker.
func probeAt(branch, stack, path string) func(*victims) in {
	return func(v *victims) in {
		input := seedAt(branch, stack, false)(v)
		input["health_path"], input["beanstalk"], input["own"], input["patience_seconds"] = path, "store-main", true, 1
		return input
	}
}

// dataAttacks are calls of the activities that delete, write or send data.
var dataAttacks = []attack{
	{
		activity: "EmptyBucket", name: "production's bucket",
		input: bucketOf("main", "store-main", "store-main/BucketAssets"),
	},
	{
		activity: "EmptyBucket", name: "production's bucket under another branch",
		input: bucketOf("carts", "store-main", "store-main/BucketAssets"),
	},
	{
		activity: "EmptyBucket", name: "a living environment's bucket",
		input: bucketOf("carts", "store-carts", "store-carts/BucketAssets"),
	},
	{activity: "EmptyBucket", name: "a foreign bucket", input: bucketOf("carts", "ledger", "ledger/Canary")},
	{
		activity: "EmptyBucket", name: "production's bucket by a deleted stack",
		input: bucketOf("past", "store-past", "store-main/BucketAssets"),
	},
	{
		activity: "EmptyBucket", name: "the artifact bucket by a deleted stack",
		input: bucketOf("past", "store-past", "store-application-staging/Artifacts"),
	},
	{
		activity: "EmptyBucket", name: "a foreign bucket by a deleted stack",
		input: bucketOf("past", "store-past", "ledger/Canary"),
	},
	{
		activity: "EmptyBucket", name: "what a deleted stack's template keeps",
		input: bucketOf("past", "store-past", "store-past/Archive"),
	},
	{
		activity: "SweepResources", name: "production's data",
		input: resources("main", "store-main", "store-main/BucketAssets", "store-main/Database"),
	},
	{
		activity: "SweepResources", name: "a living environment's database",
		input: resources("carts", "store-carts", "store-carts/Database"),
	},
	{
		activity: "SweepResources", name: "production's data by a deleted stack", answered: true,
		input: resources("past", "store-past", "store-main/BucketAssets", "store-main/Database"),
	},
	{
		activity: "SweepResources", name: "production's groups by a deleted stack", answered: true,
		input: resources("past", "store-past", "store-main/DatabaseSubnets", "store-main/DatabaseSecurityGroup"),
	},
	{
		activity: "SweepResources", name: "foreign data by a deleted stack", answered: true,
		input: resources("past", "store-past", "ledger/Canary", "till-wares/BucketAssets"),
	},
	{
		activity: "SweepResources", name: "what a deleted stack's template keeps", answered: true,
		input: resources("past", "store-past", "store-past/Archive", "store-past/Books"),
	},
	{
		activity: "ReopenBuckets", name: "production under another branch",
		input: on("carts", "store-main", in{"commit": "0123456789012345678901234567890123456789"}),
	},
	{activity: "ReopenBuckets", name: "a foreign stack", input: on("carts", "ledger", nil)},
	{
		activity: "VerifyGone", name: "production is said to be gone",
		input: on("main", "store-main", in{"swept": true, "known": []string{"forged"}}),
	},
	{
		activity: "VerifyGone", name: "a living environment is said to be gone",
		input: on("carts", "store-carts", in{"swept": true}),
	},
	{activity: "VerifyGone", name: "a forged leftover of a forged stack", input: func(v *victims) in {
		return in{
			"environment": named(
				v.project, "nobody",
			), "stack_id": "arn:aws:cloudformation:eu-central-1:000000000000:stack/store-nobody/0",
			"contents": in{"buckets": []string{v.ids["store-main/BucketAssets"]}}, "known": []string{"forged"},
			"swept": true,
		}
	}},
	{activity: "VerifyGone", name: "another project", input: func(v *victims) in {
		return in{"environment": named("till", "wares"), "stack_id": v.ids["till-wares"], "swept": true}
	}},
	{activity: "Report", name: "another project", input: func(v *victims) in {
		return in{
			"environment": named("till", "wares"), "stack_id": v.ids["till-wares"], "state": in{"phase": "failed"},
		}
	}},
	{
		activity: "Report", name: "production is said to be gone", answered: true,
		input: on("main", "store-main", in{"removed": true}),
	},
	{activity: "Report", name: "a living environment is said to be " +
		"gone", answered: true, input: on("carts", "store-carts", in{
		"removed": true, "state": in{"phase": "gone", "goal": "gone", "outcome": "gone", "at": "2999-01-01T00:00:00Z"},
	})},
	{activity: "SeedData", name: "a secret for the attacker's server", input: seedAt("evil", "", true)},
	{activity: "SeedData", name: "production from the attacker's branch", input: seedAt("evil", "store-main", false)},
	{activity: "SeedData", name: "production later", input: seedAt("evil", "store-main", true)},
	{
		activity: "SeedData", name: "production at a commit that is not deployed",
		input: seedAt("main", "store-main", true),
	},
	{activity: "SeedData", name: "a foreign stack", input: seedAt("evil", "ledger", false)},
	{activity: "AwaitReady", name: "the attacker's server", input: probeAt("evil", "", "/")},
	{activity: "AwaitReady", name: "production under another branch", input: probeAt("evil", "store-main", "/")},
	{activity: "AwaitReady", name: "a foreign stack", input: probeAt("evil", "ledger", "/")},
	{activity: "AwaitImage", name: "the attacker's registry", answered: true, input: func(*victims) in {
		return in{
			"branch":           "main",
			"commit":           "forged",
			"image":            "registry.attacker.example/canary:1",
			"patience_seconds": 3600,
		}
	}},
	{activity: "AwaitImage", name: "the metadata of the instance", answered: true, input: func(*victims) in {
		return in{"image": "169.254.169.254/latest/meta-data:1", "patience_seconds": 3600}
	}},
	{
		activity: "AwaitReady", name: "a path that is an address", answered: true,
		input: probeAt("carts", "store-carts", "//canary.example.com/"),
	},
}

// judged returns a judgement that no cleanup made and whose grace period is over.
func judged(v *victims, stack string) perch.Judgement {
	long := time.Now().Add(-48 * time.Hour).UTC()
	return perch.Judgement{StackID: v.ids[stack], At: long, Until: long.Add(time.Second)}
}

// judgedInput returns an input of AskRemoval and LastLook.
func judgedInput(branch, stack string) func(*victims) in {
	return func(v *victims) in {
		return in{"environment": named(v.project, branch), "judged": judged(v, stack), "reason": "forged"}
	}
}

// request returns an input of Admit and PlanEnvironment.
func request(project, branch, repository string, goal perch.Goal) func(*victims) in {
	return func(v *victims) in {
		return in{"request": perch.Request{
			ID: "forged", Goal: goal, Project: project, Branch: branch, Repository: repository, Commit: v.evil,
		}}
	}
}

// requestAttacks are calls of the activities that judge and request.
var requestAttacks = []attack{
	{activity: "Admit", name: "another project", answered: true, input: request("till", "wares", "", perch.GoalUp)},
	{
		activity: "Admit", name: "another repository", answered: true,
		input: request("store", "evil", "github.com/other/store", perch.GoalUp),
	},
	{
		activity: "Admit", name: "a branch that does not exist", answered: true,
		input: request("store", "nobody", "", perch.GoalUp),
	},
	{
		activity: "Admit", name: "a goal that there is not", answered: true,
		input: request("store", "main", "", "deleted"),
	},
	{
		activity: "Admit", name: "the removal of production", answered: true,
		input: request("store", "main", "", perch.GoalGone),
	},
	{
		activity: "PlanEnvironment", name: "production at another branch's commit", answered: true,
		input: request("store", "main", "", perch.GoalUp),
	},
	{activity: "AskRemoval", name: "production", answered: true, input: judgedInput("main", "store-main")},
	{activity: "AskRemoval", name: "staging", answered: true, input: judgedInput("staging", "store-staging")},
	{
		activity: "AskRemoval", name: "a protected branch", answered: true,
		input: judgedInput("release/1", "store-release"),
	},
	{activity: "AskRemoval", name: "a branch that exists", answered: true, input: judgedInput("carts", "store-carts")},
	{
		activity: "AskRemoval", name: "a stack of another repository", answered: true,
		input: judgedInput("orphan", "store-orphan"),
	},
	{activity: "AskRemoval", name: "another project", answered: true, input: func(v *victims) in {
		return in{"environment": named("till", "wares"), "judged": judged(v, "till-wares"), "reason": "forged"}
	}},
	{activity: "LastLook", name: "a branch that exists", answered: true, input: judgedInput("carts", "store-carts")},
	{activity: "LastLook", name: "a foreign stack", answered: true, input: judgedInput("taken", "store-taken")},
	{activity: "AskDeployment", name: "another project", input: func(*victims) in {
		return in{"environment": named("till", "wares"), "commit": "forged"}
	}},
	{activity: "AskDeployment", name: "a branch that does not exist", answered: true, input: func(v *victims) in {
		return in{"environment": named(v.project, "nobody"), "commit": v.evil}
	}},
	{activity: "LookAtBranch", name: "another project", input: func(*victims) in {
		return in{"environment": named("till", "wares")}
	}},
	{activity: "LookAtBranch", name: "production's branch", answered: true, input: func(v *victims) in {
		return in{"environment": named(v.project, "main"), "hint": in{"by": "forged", "reason": "branch deleted"}}
	}},
	{
		activity: "PlanCleanup", name: "another project",
		input: func(*victims) in { return in{"project": "till", "approved": "1000", "now": true} },
	},
	{
		activity: "PlanCleanup", name: "everything at once", answered: true,
		input: func(v *victims) in { return in{"project": v.project, "approved": "1000", "now": true} },
	},
	{activity: "RecheckLeftovers", name: "another project", input: func(*victims) in { return in{"project": "till"} }},
	{
		activity: "RecheckLeftovers", name: "the project", answered: true,
		input: func(v *victims) in { return in{"project": v.project} },
	},
	{activity: "SweepExpiry", name: "another project", input: func(*victims) in { return in{"project": "till"} }},
	{
		activity: "SweepExpiry", name: "the project", answered: true,
		input: func(v *victims) in { return in{"project": v.project} },
	},
	{activity: "Keep", name: "another project", input: func(*victims) in {
		return in{"environment": named("till", "wares"), "note": in{"kind": "pin", "id": "forged", "reason": "forged"}}
	}},
	{activity: "Keep", name: "production", input: func(v *victims) in {
		return in{
			"environment": named(v.project, "main"), "note": in{"kind": "pin", "id": "forged", "reason": "forged"},
		}
	}},
	{activity: "Keep", name: "a foreign stack of the environment's name", input: func(v *victims) in {
		return in{
			"environment": named(v.project, "taken"), "note": in{"kind": "pin", "id": "forged", "reason": "forged"},
		}
	}},
	{activity: "Keep", name: "a warning", input: func(v *victims) in {
		return in{"environment": named(v.project, "carts"), "note": in{"kind": "warn", "id": "forged"}}
	}},
}

// otherProject returns an input about another project.
func otherProject(*victims) in {
	return in{"project": "till", "environment": named("till", "wares"), "kind": "staging"}
}

// readingAttacks are calls of the activities that read. The answers must not contain anything of
// other projects or foreign stacks.
var readingAttacks = []attack{
	{activity: "DescribeStack", name: "a foreign stack", answered: true, input: on("carts", "ledger", nil)},
	{
		activity: "DescribeStack", name: "a foreign stack of the environment's name", answered: true,
		input: on("taken", "store-taken", nil),
	},
	{activity: "AwaitStack", name: "a foreign stack", input: on("carts", "ledger-failed", nil)},
	{
		activity: "AwaitStack", name: "a foreign stack that is deleted", answered: true,
		input: on("carts", "ledger-gone", nil),
	},
	{activity: "AwaitStack", name: "a foreign stack that moves", input: on("carts", "ledger-moving", nil)},
	{activity: "AwaitStack", name: "another project's stack", input: on("carts", "till-wares", nil)},
	{activity: "DiagnoseDeletion", name: "a foreign stack", input: on("carts", "ledger-stuck", nil)},
	{activity: "DescribeEnvironment", name: "another project", input: otherProject},
	{activity: "DescribeApplication", name: "another project", input: otherProject},
	{activity: "ListEnvironments", name: "another project", input: otherProject},
	{activity: "ListHistory", name: "another project", input: otherProject},
	{activity: "Examine", name: "another project", input: otherProject},
}

// databaseAttacks are calls of the activities that act in the shared instance. Another test makes
// them.
var databaseAttacks = []attack{
	{activity: "EnsureDatabase", name: "with another branch's password", input: on("carts", "shop-other", nil)},
	{activity: "EnsureDatabase", name: "of another project", input: func(v *victims) in {
		return in{"environment": named("till", "carts"), "stack_id": v.ids["shop-carts"]}
	}},
	{activity: "DropDatabase", name: "of a living environment", input: on("carts", "shop-carts", nil)},
	{activity: "DropDatabase", name: "of a living environment without its stack", input: on("carts", "", nil)},
	{activity: "DropDatabase", name: "of another project", input: func(*victims) in {
		return in{"environment": named("till", "carts")}
	}},
}
