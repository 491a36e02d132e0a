package run

import (
	"os"
	"strings"
	"testing"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/google/go-cmp/cmp"

	"perch"
	"perch/sandbox/aws"
)

// strict returns a project whose worker allows little.
func strict(t *testing.T) *bench {
	t.Helper()
	return sharedSandbox(t).newProject(t, "strict", map[string]string{
		"perch.yaml": bare("strict"),
	}, func(p *perch.Policy) {
		p.Kinds = map[perch.Kind][]string{perch.KindBranch: {"*"}}
		p.InstanceTypes, p.DatabaseClasses = []string{"t3.small"}, []string{"db.t4g.micro"}
		p.Secrets.From = []string{"arn:aws:secretsmanager:eu-central-1:000000000000:secret:strict/"}
		p.Protected = []string{"release-*"}
		p.MaxEnvironments, p.MaxInstances = 1, 3
	})
}

func TestS110RequestsBeyondThePolicyAreRejected(t *testing.T) {
	t.Parallel()
	b := strict(t)
	for _, c := range []struct {
		name, branch string
		files        map[string]string
		want         []string
	}{
		{
			"a class that is not allowed", "big",
			map[string]string{"perch.yaml": strings.Replace(bare("strict"), "t3.small", "m7i.large", 1)},
			[]string{"instance_type is m7i.large", "allows only t3.small", "instance_types"},
		},
		{"a database class that is not allowed", "bigdata",
			map[string]string{"perch.yaml": bare(
				"strict", `  database: {engine: postgres, version: "16", class: db.r6g.large, storage_gb: 20}`,
			)},
			[]string{"database.class is db.r6g.large", "allows only db.t4g.micro"}},
		{"more instances than are allowed", "crowd",
			map[string]string{"perch.yaml": strings.Replace(bare("strict"), "max: 1}", "max: 4}", 1)},
			[]string{"instances.max is 4", "allows 3 instances", "max_instances"}},
		{
			"a kind that the branch may not have", "live",
			map[string]string{"perch.yaml": bare("strict", "branches:", "  kinds: {live: production}")},
			[]string{`branch "live" requests kind production`, "kinds.production"},
		},
		{"a secret from elsewhere", "curious",
			map[string]string{"perch.yaml": bare(
				"strict", `  secrets: {KEY: "arn:aws:secretsmanager:eu-central-1:000000000000:secret:other/key"}`,
			)},
			[]string{"secret KEY", "secret:strict/"}},
		{"a secret in another region", "abroad",
			map[string]string{"perch.yaml": bare(
				"strict", `  secrets: {KEY: "arn:aws:secretsmanager:us-east-1:000000000000:secret:strict/key"}`,
			)},
			[]string{"secret KEY", `region "us-east-1"`, "eu-central-1 only"}},
		{"seed data from a bucket that is not allowed", "thief",
			map[string]string{"perch.yaml": bare(
				"strict", "  buckets: {assets: {}}", "seed:", "  - s3: {from: s3://customers/data, to: assets}",
			)},
			[]string{"seed[0] reads s3://customers/data", "only folders of the repository"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b.repo.commit(t, c.branch, c.files)
			exit, up := b.ask(t, "up", c.branch)
			rejected(t, b, exit, up, c.want...)
		})
	}
}

// rejected checks that a document is a rejection, and that nothing was changed.
func rejected(t *testing.T, b *bench, exit int, d document, want ...string) {
	t.Helper()
	if exit != 4 {
		t.Errorf("exit code %d, want 4", exit)
	}
	equal(t, d, document{"outcome": "rejected"})
	contains(t, d.text("error"), want...)
	if changes := b.changes(d.text("stack")); changes != nil {
		t.Errorf("calls that change: %v", changes)
	}
}

func TestWhatTheSourceDoesNotHaveIsRejected(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t)
	unknown := strings.Repeat("0123456789", 4)
	exit, up := b.ask(t, "up", "unpushed", "--commit", unknown, "--project", "shop")
	rejected(t, b, exit, up, `has no branch "unpushed"`, "push it first")

	commit := b.repo.commit(t, "nofile", map[string]string{"perch.yaml": ""})
	remote := b.elsewhere(t)
	exit, up = remote.ask(t, "up", "nofile", "--commit", commit)
	rejected(t, remote, exit, up, "commit "+commit+" has no perch.yaml", "perch config init")
}

// elsewhere returns the same project for a starter without a checkout.
func (b *bench) elsewhere(t *testing.T) *bench {
	t.Helper()
	return &bench{
		Sandbox: b.Sandbox, project: b.project, repo: b.repo,
		env: map[string]string{"PERCH_REPO": t.TempDir(), "PERCH_PROJECT": b.project},
	}
}

func TestAnotherProjectOrRepositoryIsRejected(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t)
	commit := b.repo.commit(t, "stranger", map[string]string{"perch.yaml": bare("blog")})
	remote := b.elsewhere(t)
	exit, up := remote.ask(t, "up", "stranger", "--commit", commit)
	rejected(t, remote, exit, up, `perch.yaml is for project "blog"`, `project "shop" only`)

	remote.env["GITHUB_ACTIONS"] = "true"
	remote.env["GITHUB_SERVER_URL"], remote.env["GITHUB_REPOSITORY"] = "https://github.com", "acme/blog"
	for _, args := range [][]string{{"up", "fix/typo", "--commit", b.repo.head(t, "fix/typo")}, {"down", "fix/typo"}} {
		exit, answer := remote.ask(t, args...)
		rejected(t, remote, exit, answer, "the request comes from repository github.com/acme/blog")
	}
}

func TestBeyondTheMostEnvironmentsIsRejectedUntilOneGoes(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t).newProject(
		t, "crowded", map[string]string{"perch.yaml": bare("crowded")}, func(p *perch.Policy) { p.MaxEnvironments = 1 },
	)
	b.repo.commit(t, "one", map[string]string{"a.txt": "1"})
	b.repo.commit(t, "two", map[string]string{"a.txt": "2"})
	b.must(t, "up", "one")
	exit, up := b.ask(t, "up", "two")
	rejected(t, b, exit, up, "has 1 other environments", "allows 1 at a time", "perch down")
	b.repo.commit(t, "one", map[string]string{"a.txt": "3"})
	equal(t, b.must(t, "up", "one"), document{"outcome": "ready", "created": false})
	b.must(t, "down", "one")
	equal(t, b.must(t, "up", "two"), document{"outcome": "ready", "created": true})
}

func TestS68AProtectedBranchIsNeverRemoved(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t).newProject(
		t, "careful", map[string]string{"perch.yaml": bare("careful")},
		func(p *perch.Policy) { p.Protected = []string{"release-*"} },
	)
	b.repo.commit(t, "release-1", map[string]string{"a.txt": "1"})
	b.must(t, "up", "release-1")
	exit, down := b.ask(t, "down", "release-1")
	if exit != 4 {
		t.Errorf("exit code %d, want 4", exit)
	}
	equal(t, down, document{"outcome": "rejected"})
	contains(t, down.text("error"), `protected by the pattern "release-*"`)
	if diff := cmp.Diff([]string{"CreateStack"}, b.changes("careful-release-1")); diff != "" {
		t.Errorf("calls that change (-want +got):\n%s", diff)
	}
}

func TestS68ARejectedRemovalSupersedesNothing(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t).newProject(
		t, "firm", map[string]string{"perch.yaml": bare("firm")},
		func(p *perch.Policy) { p.Protected = []string{"release-*"} },
	)
	const branch, stack = "release-2", "firm-release-2"
	reject := func() {
		t.Helper()
		exit, down := b.ask(t, "down", branch)
		if exit != 4 {
			t.Errorf("down ended with exit code %d, want 4", exit)
		}
		equal(t, down, document{"outcome": "rejected"})
		contains(t, down.text("error"), `protected by the pattern "release-*"`)
	}

	lift := b.order(
		t, aws.Fault{Stack: stack, Type: "AWS::ElasticBeanstalk::Environment", Phase: "create", Hang: true, Count: 1},
	)
	commit := b.repo.commit(t, branch, map[string]string{"a.txt": "1"})
	up := b.begin(t, "up", branch)
	b.awaitStack(t, stack, "CREATE_IN_PROGRESS")
	reject()
	lift()
	exit, made := up()
	if exit != 0 {
		t.Errorf("up ended with exit code %d", exit)
	}
	equal(t, made, document{"outcome": "ready", "created": true, "commit": commit, "superseded_by": ""})

	lift = b.hold(t, stack)
	b.repo.commit(t, branch, map[string]string{"a.txt": "2"})
	first := b.begin(t, "up", branch)
	b.awaitStack(t, stack, "UPDATE_IN_PROGRESS")
	newest := b.repo.commit(t, branch, map[string]string{"a.txt": "3"})
	second := b.begin(t, "up", branch)
	b.awaitRequests(t, stack, 2)
	reject()
	lift()
	if exit, d := first(); exit != 0 || d.text("superseded_by") != newest {
		t.Errorf("the first up ended with exit code %d: %v", exit, d)
	}
	exit, d := second()
	if exit != 0 {
		t.Errorf("the second up ended with exit code %d", exit)
	}
	equal(t, d, document{"outcome": "ready", "commit": newest})
	if diff := cmp.Diff([]string{"CreateStack", "UpdateStack", "UpdateStack"}, b.changes(stack)); diff != "" {
		t.Errorf("calls that change (-want +got):\n%s", diff)
	}
}

func TestS02AStackOfOurNameThatIsNotOursIsLeftAlone(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t)
	if _, err := b.formation().CreateStack(t.Context(), &cloudformation.CreateStackInput{
		StackName:    awssdk.String("shop-taken"),
		TemplateBody: awssdk.String(`{"Resources": {"Theirs": {"Type": "AWS::S3::Bucket"}}}`),
	}); err != nil {
		t.Fatal(err)
	}
	b.awaitStack(t, "shop-taken", "CREATE_COMPLETE")
	b.repo.commit(t, "taken", map[string]string{"a.txt": "1"})
	for _, command := range []string{"up", "down"} {
		exit, answer := b.ask(t, command, "taken")
		if exit != 4 {
			t.Errorf("%s ended with exit code %d, want 4", command, exit)
		}
		equal(t, answer, document{"outcome": "rejected"})
		contains(
			t, answer.text("error"), "stack shop-taken", `does not have the tags of branch "taken"`,
			"did not change it",
		)
	}
	if diff := cmp.Diff([]string{"CreateStack"}, b.changes("shop-taken")); diff != "" {
		t.Errorf("calls that change (-want +got):\n%s", diff)
	}
}

func TestS77ABranchThatGitRejectsIsWrongUsage(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t)
	for _, branch := range []string{"a..b", "a b", "a.lock", "$(touch /tmp/x)~"} {
		for _, args := range [][]string{
			{"up", branch, "--commit", strings.Repeat("a", 40)}, {"down", branch}, {"status", branch}, {"url", branch},
		} {
			out := b.starter(t.Context(), args...)
			if out.exit != 2 || !strings.Contains(out.stderr, "is not a branch name that Git accepts") {
				t.Errorf("starter %v: exit code %d, %s", args, out.exit, out.stderr)
			}
		}
	}
}

func TestS77ABranchOfManyCharactersHasAnEnvironmentAsAnyOther(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t)
	branch := "Jane's/שלום-&-<b>;$(id)-" + strings.Repeat("long", 5)
	commit := b.repo.commit(t, branch, map[string]string{"perch.yaml": bare("shop")})
	up := b.must(t, "up", branch)
	equal(t, up, document{"outcome": "ready", "branch": branch, "commit": commit})
	_, page := b.page(t, up.text("slug"))
	contains(t, page, "&lt;b&gt;;$(id)")
	equal(t, b.must(t, "status", branch), document{"branch": branch, "status": "CREATE_COMPLETE"})
	equal(t, b.must(t, "down", branch), document{"outcome": "gone", "branch": branch})
}

func TestAStarterNeedsNoCheckout(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t)
	commit := b.repo.commit(t, "remote", map[string]string{"perch.yaml": bare("shop")})
	remote := b.elsewhere(t)
	equal(t, remote.must(t, "up", "remote", "--commit", commit), document{"outcome": "ready", "commit": commit})
	remote.must(t, "ls")
	equal(t, remote.must(t, "status", "remote"), document{"branch": "remote", "phase": "ready"})
	equal(t, remote.must(t, "down", "remote"), document{"outcome": "gone"})
	if entries, err := os.ReadDir(remote.env["PERCH_REPO"]); err != nil || len(entries) > 0 {
		t.Errorf("the folder holds %v, %v", entries, err)
	}
}
