package activities

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime/debug"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
	"golang.org/x/time/rate"

	"perch"
	"perch/activities/activitytest"
	"perch/activities/application"
	"perch/activities/contract"
	"perch/activities/reporting"
	"perch/activities/stack"
	"perch/lifecycle"
	"perch/sandbox/aws"
	"perch/sandbox/aws/awstest"
	"perch/sandbox/aws/services"
	"perch/sandbox/registry"
	"perch/source"
)

const testConfig = `project: shop
image: registry.example.com/shop:{commit}
branches:
  kinds: {main: production, staging: staging}
defaults:
  load_balancer: shared
  buckets: {assets: {}, private-assets: {versioned: true}}
kinds:
  branch: {instance_type: t3.small, instances: {min: 1, max: 1}}
seed:
  - s3: {from: fixtures/media, to: private-assets}
`

// parallelTests is how many of these tests run at a time. Many wait for timers, so there are more
// of them than processors.
const parallelTests = "8"

// fewerCollections lets the heap grow by four times between two garbage collections, which took an
// eighth of the processor time before.
const fewerCollections = 400

func TestMain(m *testing.M) {
	if err := flag.Set("test.parallel", parallelTests); err != nil { // The command line may still set it.
		log.Fatal(err)
	}
	debug.SetGCPercent(fewerCollections)
	os.Exit(m.Run())
}

// world is an AWS endpoint over HTTP, a repository, a policy and the activities that a worker would
// have.
type world struct {
	t      testing.TB
	aws    *aws.Server
	url    string
	repo   *repository
	policy *perch.Policy
	config sdk.Config
	set    *Set
	// registry answers for every registry, and has every image.
	registry *registry.Registry
}

// newWorld starts a world where CloudFormation takes next to no time.
func newWorld(t testing.TB) *world {
	t.Helper()
	return newWorldOf(t, aws.Config{Speed: 1e6})
}

// newWorldOf starts a world and lets the test run in parallel with others: many wait for timers.
func newWorldOf(t testing.TB, config aws.Config) *world {
	t.Helper()
	if test, ok := t.(*testing.T); ok {
		test.Parallel()
	}
	return newSerialWorld(t, config)
}

// newSerialWorld starts a world for a test that sets environment variables.
func newSerialWorld(t testing.TB, config aws.Config) *world {
	t.Helper()
	server, err := aws.New(config)
	if err != nil {
		t.Fatal(err)
	}
	listener := httptest.NewServer(server)
	t.Cleanup(func() {
		listener.Close()
		_ = server.Close()
	})
	images := registry.New(registry.Config{Fault: server.RegistryFault})
	imageListener := httptest.NewServer(images)
	t.Cleanup(imageListener.Close)
	w := &world{t: t, aws: server, url: listener.URL, repo: newRepository(t), registry: images}
	w.config = sdk.Config{
		Region: "eu-central-1", BaseEndpoint: &w.url,
		Credentials:      credentials.NewStaticCredentialsProvider("AKIATEST", "secret", ""),
		RetryMaxAttempts: 1, HTTPClient: awstest.NewClient(),
	}
	w.policy = &perch.Policy{
		Account: "123456789012", Region: "eu-central-1", Project: "shop", Repository: "github.com/acme/shop",
		DefaultBranch: "main",
		Domain:        "shop.localhost", HostedZone: services.HostedZone, URL: "http://{host}",
		Secrets: perch.PolicySecrets{From: []string{
			tokenARN[:len(tokenARN)-len("seed-token")], "arn:aws:ssm:eu-central-1:123456789012:parameter/shop/",
		}},
		Snapshots: perch.PolicySnapshots{From: []string{"shop-"}},
		Network:   perch.Network{VPC: services.VPC, Subnets: services.Subnets}, MaxEnvironments: 20,
		Kinds:   map[perch.Kind][]string{perch.KindBranch: {"*"}, perch.KindStaging: {"staging"}},
		Cleanup: perch.PolicyCleanup{Grace: time.Hour, MaxRemovals: 10, MaxShare: 0.5},
	}
	w.policy.Images = perch.PolicyImages{
		Registries: append(w.policy.DefaultRegistries(), "registry.example.com"),
		Endpoint:   imageListener.URL,
	}
	git, err := source.OpenGit(w.repo.dir, "")
	if err != nil {
		t.Fatal(err)
	}
	w.fill(git, nil)
	return w
}

// fill makes the activities. A note is taken at once, as a run that is open for the environment
// would.
func (w *world) fill(git Source, channel reporting.Channel) {
	w.set = New(w.config, w.policy, git, 5*time.Millisecond, channel, time.Now)
	of[*Stacks](w).Poller.SetBudget(rate.Inf)
	of[*Verification](w).send = func(_ context.Context, note perch.Note) error {
		in := contract.ReportInput{
			Environment: activitytest.Environment(note.Project, note.Branch), Notes: []perch.Note{note},
		}
		_, err := activitytest.Try(of[*Reports](w).Report, in)
		return err
	}
	of[*Verification](w).lastEnd = func(context.Context, string, perch.Request) (lifecycle.ClosedRun, bool, error) {
		return lifecycle.ClosedRun{}, false, nil // Temporal knows no run.
	}
}

// of finds the activities of one type in the set.
func of[T any](w *world) T {
	s := w.set
	for _, activities := range []any{
		s.stacks, s.requests, s.images, s.apps, s.buckets, s.seeds, s.readiness,
		s.databases, s.deletions, s.verification, s.cleanups, s.looks, s.reports, s.examinations,
	} {
		if found, ok := activities.(T); ok {
			return found
		}
	}
	panic("there are no such activities")
}

// must is try for an activity that has to succeed.
func must[In, Out any](w *world, activity func(context.Context, In) (Out, error), in In) Out {
	w.t.Helper()
	out, err := activitytest.Try(activity, in)
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

func (w *world) fault(f aws.Fault) (id string) {
	w.t.Helper()
	id, err := w.aws.AddFault(f)
	if err != nil {
		w.t.Fatal(err)
	}
	return id
}

// calls counts the calls of an action so far.
func (w *world) calls(service, action string) int {
	w.t.Helper()
	count := 0
	for _, call := range w.aws.Calls() {
		if call.Service == service && call.Action == action {
			count++
		}
	}
	return count
}

func (w *world) cfn() *cloudformation.Client { return cloudformation.NewFromConfig(w.config) }

func (w *world) s3() *s3.Client { return s3.NewFromConfig(w.config) }

// apply makes the application stack for branch environments.
func (w *world) apply() {
	w.t.Helper()
	w.applyFor(perch.KindStaging)
}

// applyFor makes the application stack for environments of kind.
func (w *world) applyFor(kind perch.Kind) {
	w.t.Helper()
	in := contract.ApplyInput{
		Application: perch.ApplicationInput{Project: "shop", Kind: kind.Application(), Apply: true}, Token: "apply",
	}
	out := must(w, of[*Applications](w).ApplyApplication, in)
	if ended := must(
		w, of[*Stacks](w).AwaitStack, contract.AwaitInput{StackID: out.StackID, Token: "apply"},
	); ended.Status != "CREATE_COMPLETE" {
		w.t.Fatalf("the application stack ended in %s: %s", ended.Status, ended.Reason)
	}
}

// render has the template of branch at commit admitted.
func (w *world) render(branch, commit string) contract.RenderResult {
	w.t.Helper()
	admitted := w.admit(w.request(branch, commit))
	if admitted.Prepared == nil {
		w.t.Fatalf("branch %s at %s is not prepared: %+v", branch, commit, admitted)
	}
	return admitted.Prepared.Rendered
}

// admission is what was admitted last for the branch, and the template's address.
func (w *world) admission(branch string) (application.Admission, string) {
	w.t.Helper()
	environment, err := perch.NewEnvironment("shop", branch)
	if err != nil {
		w.t.Fatal(err)
	}
	apps := of[*Applications](w).stacks
	bucket, err := apps.ArtifactBucket(w.t.Context(), perch.KindBranch)
	if err != nil {
		w.t.Fatal(err)
	}
	allowed, err := apps.LastAdmission(w.t.Context(), environment, perch.KindBranch)
	if err != nil {
		w.t.Fatal(err)
	}
	return allowed, apps.ObjectURL(bucket, allowed.Template)
}

// templateOf is the template that was admitted last for the branch.
func (w *world) templateOf(branch string) string {
	w.t.Helper()
	_, address := w.admission(branch)
	return w.stored(address)
}

// up gives branch an environment and returns its stack's id.
func (w *world) up(branch, commit string) string {
	w.t.Helper()
	stacks := of[*Stacks](w)
	in := contract.ChangeInput{
		Environment: activitytest.Environment("shop", branch), Kind: perch.KindBranch,
		Template: w.render(branch, commit).Hash, Token: "create-" + commit,
	}
	out := must(w, stacks.CreateStack, in)
	if ended := must(
		w, stacks.AwaitStack, contract.AwaitInput{StackID: out.StackID, Token: in.Token},
	); ended.Status != "CREATE_COMPLETE" {
		w.t.Fatalf("the stack of %s ended in %s: %s", branch, ended.Status, ended.Reason)
	}
	return out.StackID
}

// bare makes a stack of one bucket with the tags of branch, under any name.
func (w *world) bare(name, branch string, change func(*cloudformation.CreateStackInput)) string {
	w.t.Helper()
	environment, err := perch.NewEnvironment("shop", branch)
	if err != nil {
		w.t.Fatal(err)
	}
	in := &cloudformation.CreateStackInput{
		StackName: &name, TemplateBody: sdk.String(bucketTemplate("one")),
		Tags: stack.TagList(environment.Tags(w.policy.Identity(""), perch.KindBranch)),
	}
	if change != nil {
		change(in)
	}
	out, err := w.cfn().CreateStack(w.t.Context(), in)
	if err != nil {
		w.t.Fatal(err)
	}
	return *out.StackId
}

func bucketTemplate(value string) string {
	return fmt.Sprintf(`{"Resources": {"Files": {"Type": "AWS::S3::Bucket", "Properties": {"Tags": [{"Key": "value", `+
		`"Value": %q}]}}}}`, value)
}

// settle waits until nothing happens to the stack.
func (w *world) settle(stackID string) contract.AwaitResult {
	w.t.Helper()
	return must(w, of[*Stacks](w).AwaitStack, contract.AwaitInput{StackID: stackID})
}

// foreign waits until nothing happens to a stack that is not the project's.
func (w *world) foreign(stackID string) {
	w.t.Helper()
	waiter := cloudformation.NewStackCreateCompleteWaiter(
		w.cfn(),
		func(o *cloudformation.StackCreateCompleteWaiterOptions) {
			o.MinDelay, o.MaxDelay = time.Millisecond, 10*time.Millisecond
		},
	)
	if err := waiter.Wait(
		w.t.Context(), &cloudformation.DescribeStacksInput{StackName: &stackID}, time.Minute,
	); err != nil {
		w.t.Fatal(err)
	}
}

// repository is a Git repository in a folder of the test.
type repository struct {
	t   testing.TB
	dir string
	git *git.Repository
}

func newRepository(t testing.TB) *repository {
	t.Helper()
	r := &repository{t: t, dir: t.TempDir()}
	var err error
	if r.git, err = git.PlainInitWithOptions(
		r.dir, &git.PlainInitOptions{InitOptions: git.InitOptions{DefaultBranch: plumbing.Main}},
	); err != nil {
		t.Fatal(err)
	}
	return r
}

// commit commits files, and what was committed before them, to branch.
func (r *repository) commit(branch string, files map[string]string) string {
	r.t.Helper()
	tree, err := r.git.Worktree()
	if err != nil {
		r.t.Fatal(err)
	}
	for name, content := range files {
		path := filepath.Join(r.dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			r.t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			r.t.Fatal(err)
		}
		if _, err := tree.Add(name); err != nil {
			r.t.Fatal(err)
		}
	}
	hash, err := tree.Commit("change", &git.CommitOptions{
		AllowEmptyCommits: true,
		Author:            &object.Signature{Name: "Ann", Email: "ann@example.com", When: time.Unix(1, 0)},
	})
	if err != nil {
		r.t.Fatal(err)
	}
	r.point(branch, hash.String())
	return hash.String()
}

// link puts a symbolic link into the next commit.
func (r *repository) link(name, target string) {
	r.t.Helper()
	tree, err := r.git.Worktree()
	if err != nil {
		r.t.Fatal(err)
	}
	file := filepath.Join(r.dir, name)
	_ = os.MkdirAll(filepath.Dir(file), 0o755)
	_ = os.Remove(file)
	if err := os.Symlink(target, file); err != nil {
		r.t.Fatal(err)
	}
	if _, err := tree.Add(name); err != nil {
		r.t.Fatal(err)
	}
}

// point makes commit the head of branch.
func (r *repository) point(branch, commit string) {
	r.t.Helper()
	if err := r.git.Storer.SetReference(plumbing.NewHashReference(
		plumbing.NewBranchReferenceName(branch), plumbing.NewHash(commit),
	)); err != nil {
		r.t.Fatal(err)
	}
}
