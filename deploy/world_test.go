package deploy

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/goccy/go-yaml"

	"perch"
	"perch/sandbox/aws"
	"perch/sandbox/aws/services"
	"perch/sandbox/page"
)

const (
	// project is what testdata/shop/perch.yaml is for.
	project = "shop"
	account = "000000000000"
	region  = "eu-central-1"
	// fast lets a database's ten minutes pass in a tenth of a second, and usual is the sandbox's
	// own clock.
	fast, usual = 6000, 60
	// interval is how often a worker looks at what it waits for.
	interval = "100ms"
)

// world is what the cluster works on: an AWS endpoint, the environments' pages, a repository and a
// policy.
type world struct {
	aws    *aws.Server
	awsURL string
	pages  string
	// repo is the project's repository, and policy the file of its workers' policy.
	repo, policy string
}

func newWorld(t testing.TB, speed float64) *world {
	t.Helper()
	w := &world{repo: filepath.Join(t.TempDir(), project), policy: filepath.Join(t.TempDir(), "policy.yaml")}
	endpoint, err := aws.New(aws.Config{Account: account, Region: region, Speed: speed, LoadBalancerDNS: "localhost"})
	if err != nil {
		t.Fatal(err)
	}
	w.aws = endpoint
	t.Cleanup(func() {
		if err := endpoint.Close(); err != nil {
			t.Errorf("close the AWS endpoint: %v", err)
		}
	})
	w.awsURL = serve(t, endpoint)
	w.pages = strings.TrimPrefix(serve(
		t, page.New(page.Config{Environments: endpoint.Environments, S3: s3.NewFromConfig(w.config(), virtualHosts)}),
	), "http://127.0.0.1:")
	if err := os.CopyFS(w.repo, os.DirFS(filepath.FromSlash("testdata/shop"))); err != nil {
		t.Fatal(err)
	}
	w.git(t, "init", "--quiet", "--initial-branch", "main")
	w.git(t, "add", ".")
	w.git(t, "commit", "--quiet", "--message", "A small shop")
	w.writePolicy(t, func(*perch.Policy) {})
	return w
}

// virtualHosts keeps to the endpoint's address: there is no DNS that knows a bucket's host below
// 127.0.0.1.
func virtualHosts(o *s3.Options) { o.UsePathStyle = true }

func serve(t testing.TB, handler http.Handler) (url string) {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(func() {
		server.CloseClientConnections() // Programs that were killed have left some.
		server.Close()
	})
	return server.URL
}

// writePolicy writes the workers' policy: the sandbox's, for a repository that no one else has.
func (w *world) writePolicy(t testing.TB, change func(*perch.Policy)) {
	t.Helper()
	policy := perch.Policy{
		Account: account, Region: region, Project: project, Repository: perch.NormalizeRepository(w.repo),
		Source: perch.Source{Git: w.repo}, DefaultBranch: "main",
		Domain: "localhost", HostedZone: services.HostedZone, URL: "http://{host}:" + w.pages,
		Network: perch.Network{VPC: services.VPC, Subnets: services.Subnets},
		Kinds:   map[perch.Kind][]string{perch.KindBranch: {"*"}},
		Cleanup: perch.PolicyCleanup{Grace: 10 * time.Second},
	}
	change(&policy)
	data, err := yaml.Marshal(policy)
	if err == nil {
		err = os.WriteFile(w.policy, data, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// git runs git in the repository and returns what it says.
func (w *world) git(t testing.TB, args ...string) string {
	t.Helper()
	command := exec.Command("git", append(
		[]string{"-c", "user.name=Jane", "-c", "user.email=jane@example.com", "-c", "commit.gpgsign=false"}, args...,
	)...)
	command.Dir = w.repo
	out, err := command.Output()
	if err != nil {
		t.Fatalf("git %v: %v", args, err)
	}
	return strings.TrimSpace(string(out))
}

func (w *world) config() sdk.Config {
	return sdk.Config{
		Region: region, BaseEndpoint: &w.awsURL,
		Credentials: credentials.NewStaticCredentialsProvider("sandbox", "sandbox", ""),
	}
}

// stackOf is the name of the branch's stack.
func stackOf(t testing.TB, branch string) perch.Environment {
	t.Helper()
	environment, err := perch.NewEnvironment(project, branch)
	if err != nil {
		t.Fatal(err)
	}
	return environment
}

// stacks are all stacks that ever had the name, deleted ones included.
func (w *world) stacks(t testing.TB, name string) (all []types.StackSummary) {
	t.Helper()
	pages := cloudformation.NewListStacksPaginator(
		cloudformation.NewFromConfig(w.config()), &cloudformation.ListStacksInput{},
	)
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, stack := range page.StackSummaries {
			if sdk.ToString(stack.StackName) == name {
				all = append(all, stack)
			}
		}
	}
	return all
}

// buckets are the names of the buckets that the stack made and that are there.
func (w *world) buckets(t testing.TB, stack string) (names []string) {
	t.Helper()
	out, err := s3.NewFromConfig(w.config(), virtualHosts).ListBuckets(t.Context(), &s3.ListBucketsInput{})
	if err != nil {
		t.Fatal(err)
	}
	for _, bucket := range out.Buckets {
		if strings.HasPrefix(sdk.ToString(bucket.Name), stack+"-") {
			names = append(names, sdk.ToString(bucket.Name))
		}
	}
	return names
}

// changes are the calls that changed the stack, or were to, in order.
func (w *world) changes(stack string) (made []string) {
	for _, call := range w.aws.Calls() {
		about := call.Summary == stack || strings.Contains(call.Summary, ":stack/"+stack+"/")
		reads := slices.ContainsFunc(
			[]string{"Describe", "List", "Get"}, func(verb string) bool { return strings.HasPrefix(call.Action, verb) },
		)
		if call.Service == "cloudformation" && about && !reads {
			made = append(made, call.Action)
		}
	}
	return made
}

// page is what the environment with this host name answers.
func (w *world) page(ctx context.Context, slug string) (int, string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://127.0.0.1:"+w.pages+"/", nil)
	if err != nil {
		return 0, "", err
	}
	request.Host = fmt.Sprintf("%s.localhost:%s", slug, w.pages)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return response.StatusCode, string(body), err
}
