package run

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"

	"perch"
	"perch/sandbox/aws"
)

// storeConfig is the perch.yaml of the project that the attacker attacks. It has an environment of
// every kind, with data in each.
const storeConfig = `project: store
image: registry.example.com/store:{commit}
branches: {kinds: {main: production, staging: staging}}
defaults:
  instance_type: t3.small
  instances: {min: 1, max: 1}
  load_balancer: shared
  health_path: /
  database: {class: db.t4g.micro, storage_gb: 20}
  buckets: {assets: {versioned: true}}
  secrets: {SEED_TOKEN: "arn:aws:secretsmanager:eu-central-1:000000000000:secret:` + demoSecret + `"}
`

// evilConfig has the seed steps that an attacker would like to run in any environment.
const evilConfig = storeConfig + `seed:
  - s3: {from: fixtures/evil, to: assets}
  - http: {path: /seed, body: fixtures/evil/loot.json, secret: SEED_TOKEN}
  - run: {command: [echo, owned]}
`

// keepingTemplate is a custom template whose bucket and database remain after its environment is
// removed.
const keepingTemplate = `{"Resources": {
	"Archive": {"Type": "AWS::S3::Bucket", "DeletionPolicy": "Retain"},
	"Books": {"Type": "AWS::RDS::DBInstance", "DeletionPolicy": "Retain", "Properties": {"Engine": "postgres",
		"DBInstanceClass": "db.t4g.micro", "AllocatedStorage": "20", "MasterUsername": "perch", "MasterUserPassword": "long-enough"}}},
	"Outputs": {"PerchURL": {"Value": "http://past.example.com"}}}`

// foreignTemplate is the template of a stack that Perch does not manage. Its outputs would show
// where its data was sent.
const foreignTemplate = `{"Resources": {"Canary": {"Type": "AWS::S3::Bucket"}},
	"Outputs": {"URL": {"Value": "http://canary.example.com"}, "PerchURL": {"Value": "http://canary.example.com"}}}`

// victims are what an attacker attacks: the environments of project store, and other resources in
// the same account. The attacker can reach Temporal, and has pushed a branch with an evil
// perch.yaml.
type victims struct {
	*bench
	attacker *attacker
	// elsewhere is a server of the attacker. hits counts its requests.
	elsewhere *httptest.Server
	hits      atomic.Int32
	// ids has the ids of stacks by name, and those of resources by stack and logical id:
	// `store-main/BucketAssets`.
	ids map[string]string
	// evil is the head of the attacker's branch `evil`.
	evil string
	// before is the account before the next call.
	before snapshot
}

func newVictims(t *testing.T) *victims {
	t.Helper()
	b := newSandbox(t, func(o *options) { o.worker = false })
	till := b.newProject(
		t, "till", map[string]string{"perch.yaml": bare("till", "  buckets: {assets: {}}")}, func(*perch.Policy) {},
	)
	till.repo.commit(t, "wares", map[string]string{"a.txt": "1"})
	till.must(t, "up", "wares")
	v := &victims{ids: map[string]string{}}
	v.bench = b.newProject(t, "store", map[string]string{
		"perch.yaml": storeConfig, "fixtures/evil/loot.json": "{}",
	}, func(p *perch.Policy) {
		p.Protected = []string{"release/*"}
		p.Kinds = map[perch.Kind][]string{
			perch.KindProduction: {"main"}, perch.KindStaging: {"staging"}, perch.KindBranch: {"*", "*/*"},
		}
		p.Cleanup.Grace = time.Hour
	})
	v.attacker = newAttacker(t, b.temporal.Address())
	v.elsewhere = httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { v.hits.Add(1) }))
	t.Cleanup(v.elsewhere.Close)
	v.settle(t)
	v.foreignStacks(t)
	for _, branch := range []string{"main", "release/1", "guarded", "carts"} {
		v.remember(t, v.stackOf(t, branch), "BucketAssets", "Database")
	}
	v.ids["store-release"] = v.ids[v.stackOf(t, "release/1")]
	v.remember(t, "store-application-staging", "Artifacts")
	v.remember(t, "store-application-production")
	v.remember(t, "store-staging")
	v.remember(t, "till-wares", "BucketAssets")
	v.before = v.look(t)
	return v
}

// settle creates the environments of project store.
func (v *victims) settle(t *testing.T) {
	t.Helper()
	v.must(t, "application", "up", "--kind", "production")
	for _, branch := range []string{"staging", "release/1", "guarded", "carts"} {
		v.repo.commit(t, branch, map[string]string{"a.txt": branch})
	}
	v.repo.commit(t, "past", map[string]string{"a.txt": "past"})
	v.create(t, "store-past", keepingTemplate, v.tagsOf(t, "past", perch.NormalizeRepository(v.repo.dir)))
	var ups []func() (int, document)
	for _, branch := range []string{"main", "staging", "release/1", "guarded", "carts"} {
		ups = append(ups, v.begin(t, "up", branch))
	}
	for _, up := range ups {
		if exit, d := up(); exit != 0 {
			t.Fatalf("exit code %d: %v", exit, d)
		}
	}
	v.protect(t, "store-guarded", true)
	v.put(t, v.resource(t, "store-main", "BucketAssets"), "customers.csv")
	v.awaitStack(t, "store-past", "CREATE_COMPLETE")
	v.remember(t, "store-past", "Archive", "Books")
	v.put(t, v.ids["store-past/Archive"], "books-of-2025.csv")
	v.must(t, "down", "past")
	v.evil = v.repo.commit(t, "evil", map[string]string{"perch.yaml": evilConfig})
}

// foreignStacks creates stacks that are not store's, one in each state that a call could change.
func (v *victims) foreignStacks(t *testing.T) {
	t.Helper()
	others := v.tagsOf(t, "orphan", "github.com/other/store")
	for name, tags := range map[string][]types.Tag{
		"ledger": nil, "ledger-moving": nil, "ledger-failed": nil, "ledger-stuck": nil, "store-taken": nil,
		"store-orphan": others,
	} {
		v.create(t, name, foreignTemplate, tags)
		v.awaitStack(t, name, "CREATE_COMPLETE")
		v.remember(t, name, "Canary")
		v.put(t, v.ids[name+"/Canary"], "ledger.csv")
	}
	v.order(t, aws.Fault{Stack: "ledger-moving", LogicalID: "Canary", Phase: "update", Hang: true})
	v.order(t, aws.Fault{Stack: "ledger-failed", LogicalID: "Canary", Phase: "update", Reason: "canary", Count: 1})
	v.order(t, aws.Fault{Stack: "ledger-stuck", LogicalID: "Canary", Phase: "update", Reason: "canary", Count: 2})
	for name, status := range map[string]string{
		"ledger-moving": "UPDATE_IN_PROGRESS", "ledger-failed": "UPDATE_FAILED",
		"ledger-stuck": "UPDATE_ROLLBACK_FAILED",
	} {
		_, err := v.formation().UpdateStack(t.Context(), &cloudformation.UpdateStackInput{
			StackName: &name, UsePreviousTemplate: awssdk.Bool(true),
			DisableRollback: awssdk.Bool(status == "UPDATE_FAILED"),
			Tags:            []types.Tag{{Key: awssdk.String("owner"), Value: awssdk.String("another team")}},
		})
		fatal(t, err)
		v.awaitStack(t, name, status)
	}
	eventually(t, "the update of ledger-moving hangs", func() (any, bool) {
		out, err := v.formation().DescribeStackResource(t.Context(), &cloudformation.DescribeStackResourceInput{
			StackName: awssdk.String("ledger-moving"), LogicalResourceId: awssdk.String("Canary"),
		})
		fatal(t, err)
		seen := out.StackResourceDetail.ResourceStatus
		return seen, seen == types.ResourceStatusUpdateInProgress
	})
	v.order(t, aws.Fault{Stack: "ledger-gone", LogicalID: "Canary", Phase: "create", Reason: "canary", Count: 1})
	v.create(t, "ledger-gone", foreignTemplate, nil)
	v.awaitStack(t, "ledger-gone", "ROLLBACK_COMPLETE")
	v.remember(t, "ledger-gone")
	_, err := v.formation().DeleteStack(
		t.Context(), &cloudformation.DeleteStackInput{StackName: awssdk.String("ledger-gone")},
	)
	fatal(t, err)
	v.awaitStack(t, "ledger-gone", "DELETE_COMPLETE")

	_, err = v.storage().CreateBucket(t.Context(), &s3.CreateBucketInput{
		Bucket:                    awssdk.String("loot"),
		CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: region},
	})
	fatal(t, err)
	_, err = v.storage().PutObject(t.Context(), &s3.PutObjectInput{
		Bucket: awssdk.String("loot"), Key: awssdk.String("evil.json"), Body: strings.NewReader(foreignTemplate),
	})
	fatal(t, err)
}

func (v *victims) create(t *testing.T, name, template string, tags []types.Tag) {
	t.Helper()
	_, err := v.formation().CreateStack(t.Context(), &cloudformation.CreateStackInput{
		StackName: &name, TemplateBody: &template, Tags: tags,
	})
	fatal(t, err)
}

// tagsOf returns the tags of a stack of project store that a worker for another repository created.
func (v *victims) tagsOf(t *testing.T, branch, repository string) (list []types.Tag) {
	t.Helper()
	environment, err := perch.NewEnvironment(v.project, branch)
	fatal(t, err)
	identity := perch.Identity{Project: v.project, Names: []string{repository}}
	for key, value := range environment.Tags(identity, perch.KindBranch) {
		list = append(list, types.Tag{Key: &key, Value: &value})
	}
	return list
}

// remember records the ids of a stack and of some of its resources.
func (v *victims) remember(t *testing.T, stack string, resources ...string) {
	t.Helper()
	all := v.stacks(t, stack)
	if len(all) == 0 {
		t.Fatalf("there is no stack %s", stack)
	}
	v.ids[stack] = awssdk.ToString(all[len(all)-1].StackId)
	for _, logical := range resources {
		v.ids[stack+"/"+logical] = v.resource(t, stack, logical)
	}
}
