package run

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"

	"perch"
	"perch/config"
	"perch/starter/cli"
	"perch/web/server"
	workerrun "perch/worker/run"
)

const (
	// testSpeed makes a database's ten minutes pass in a tenth of a second.
	testSpeed = 6000
	// testInterval is how often the tests' workers check what they wait for.
	testInterval = 150 * time.Millisecond
	// pollEvery is how often tests check what they wait for.
	pollEvery = 100 * time.Millisecond
	// patience is how long to wait for anything. It is generous, because only a failing test waits
	// that long, and the machine may be busy.
	patience = 5 * time.Minute
)

// TestMain makes the programs available as commands of this test binary, for scripts and for tests
// that kill them.
func TestMain(m *testing.M) {
	program := func(main func(context.Context, []string, io.Writer, io.Writer, func(string) string) int) func() {
		return func() { os.Exit(main(context.Background(), os.Args[1:], os.Stdout, os.Stderr, os.Getenv)) }
	}
	testscript.Main(suite{m}, map[string]func(){
		"perch-sandbox": program(Main),
		"perch-worker":  program(workerrun.Main),
		"perch-web":     program(server.Main),
		"perch": program(
			func(ctx context.Context, args []string, stdout, stderr io.Writer, env func(string) string) int {
				return cli.Run(ctx, args, os.Stdin, stdout, stderr, env)
			},
		),
		"lockfolder": program(holdLock),
	})
}

// suite closes the shared sandbox after the last test.
type suite struct{ m *testing.M }

func (s suite) Run() int {
	denyDNS()
	debug.SetGCPercent(fewerCollections)
	if err := flag.Set("test.parallel", parallelTests); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := s.m.Run()
	if err := checkDNS(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
	if err := errors.Join(closeShared(), writeGrants()); err != nil {
		fmt.Fprintf(os.Stderr, "close the shared sandbox: %v\n", err)
		code = max(code, 1)
	}
	return code
}

// parallelTests is how many of these tests run at a time. It is larger than the number of
// processors, because most tests wait for Temporal's timers. The command line may override it.
const parallelTests = "10"

// fewerCollections lets the heap grow to four times its size between two garbage collections, which
// otherwise took an eighth of the processor time.
const fewerCollections = 400

// bench is one project in a running sandbox: a repository, and the environment of a starter for it.
type bench struct {
	*Sandbox
	// project is the project's name in perch.yaml, and repo its repository.
	project string
	repo    repo
	// env are variables of the starter and the worker that override the sandbox's exports. Projects
	// that are added to b inherit them.
	env map[string]string
	// readsByAPI makes the starter read from the worker's read API, and not through runs.
	readsByAPI bool
}

// newSandbox starts a sandbox of the demo repository with a worker, on free ports, at testSpeed,
// and closes it when the test ends. changes may change the options.
func newSandbox(t *testing.T, changes ...func(*options)) *bench {
	t.Helper()
	b, err := openBench(t.Context(), changes...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(b.Close(), b.settleRights()); err != nil {
			t.Errorf("close the sandbox: %v", err)
		}
	})
	return b
}

func openBench(ctx context.Context, changes ...func(*options)) (*bench, error) {
	o := options{speed: testSpeed, worker: true}
	for _, change := range changes {
		change(&o)
	}
	s, err := open(ctx, o)
	if err != nil {
		return nil, err
	}
	b := &bench{Sandbox: s, project: s.name, repo: repo{dir: s.project.repo}}
	if o.worker {
		// Many tests share it and do not remove their environments.
		err = b.work(s.policyFile, func(p *perch.Policy) { p.MaxEnvironments = 95 })
	}
	return b, err
}

var shared = struct {
	sync.Once
	*bench
	err error
}{}

// skipUnlessProof skips a long test unless PERCH_PROOFS is set. README.md names the command that
// runs these tests, and CI runs it.
func skipUnlessProof(t *testing.T) {
	t.Helper()
	if os.Getenv("PERCH_PROOFS") == "" {
		t.Skip("it is a proof: set PERCH_PROOFS=1 to run it")
	}
}

// sharedSandbox returns the sandbox of every test that needs only new branches or projects. Its
// application stack exists.
func sharedSandbox(t *testing.T) *bench {
	t.Helper()
	shared.Do(func() {
		if shared.bench, shared.err = openBench(context.Background()); shared.err != nil {
			return
		}
		if out := shared.starter(context.Background(), "application", "up"); out.exit != 0 {
			shared.err = fmt.Errorf("application up: %s", out.stderr)
		}
	})
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.bench
}

func closeShared() error {
	if shared.bench == nil {
		return nil
	}
	return errors.Join(shared.Close(), shared.settleRights())
}

// newProject adds a project to the sandbox: a repository whose main has files, a worker with the
// sandbox's policy as changed by change, and its application stack. No other test uses the project.
func (b *bench) newProject(t *testing.T, name string, files map[string]string, change func(*perch.Policy)) *bench {
	t.Helper()
	return b.newProjectWithReaders(t, name, files, change, workerrun.ReadConfig{})
}

// newProjectWithReaders is newProject with a worker that serves the read API.
func (b *bench) newProjectWithReaders(
	t *testing.T, name string, files map[string]string, change func(*perch.Policy), read workerrun.ReadConfig,
) *bench {
	t.Helper()
	p := b.newRepository(t, name, files)
	p.read, p.readsByAPI = read, read.Address != ""
	p.policyFile = filepath.Join(t.TempDir(), "policy.yaml")
	own := project{
		name:          name,
		repo:          p.repo.dir,
		source:        perch.Source{Git: p.repo.dir},
		repository:    perch.NormalizeRepository(p.repo.dir),
		defaultBranch: "main",
		registries:    []string{"registry.example.com"},
	}
	if err := writePolicy(own, p.policyFile, b.pagesPort, b.registryURL); err != nil {
		t.Fatal(err)
	}
	if err := p.work(p.policyFile, change); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Errorf("stop the worker of %s: %v", name, err)
		}
	})
	if out := p.starter(t.Context(), "application", "up"); out.exit != 0 {
		t.Fatalf("application up of %s: %s", name, out.stderr)
	}
	return p
}

// newRepository adds a project with a repository and without a worker to the sandbox.
func (b *bench) newRepository(t *testing.T, name string, files map[string]string) *bench {
	t.Helper()
	dir := filepath.Join(t.TempDir(), name)
	s := *b.Sandbox
	s.close, s.worker, s.read = nil, nil, workerrun.ReadConfig{}
	p := &bench{
		Sandbox: &s, project: name, repo: newRepo(t, dir),
		env: map[string]string{"PERCH_REPO": dir, "PERCH_PROJECT": name},
	}
	maps.Copy(p.env, b.env)
	p.repo.commit(t, "main", files)
	return p
}

// work starts a worker with the policy in file as changed by change. It stops when b closes.
func (b *bench) work(file string, change func(*perch.Policy)) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	policy, err := config.ReadPolicy(file, data)
	if err != nil {
		return err
	}
	change(policy)
	bound, err := b.bind(policy)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	logger := slog.New(slog.DiscardHandler)
	go func() {
		ended <- workerrun.Run(ctx, workerrun.Config{
			Policy: policy, AWS: bound, Interval: testInterval, Logger: logger, Env: b.lookup,
			Now: b.aws.Now, Read: b.read,
			Temporal: client.Options{HostPort: b.temporal.Address(), Logger: log.NewStructuredLogger(logger)},
		})
	}()
	b.closing(func() error {
		stop()
		return <-ended
	})
	return nil
}

// output is what a program printed, and its exit code.
type output struct {
	exit           int
	stdout, stderr string
}

// starter runs the starter with the variables that `perch-sandbox env` exports for the project.
func (b *bench) starter(ctx context.Context, args ...string) output {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var stdout, stderr bytes.Buffer
	exit := b.call(ctx, &stdout, &stderr, args...)
	return output{exit: exit, stdout: stdout.String(), stderr: stderr.String()}
}

// lookup looks up a variable of the project's starter and worker.
func (b *bench) lookup(name string) string {
	if value, ok := b.env[name]; ok {
		return value
	}
	return lookup(b.exports(), nothing)(name)
}

// call is starter with writers for both outputs.
func (b *bench) call(ctx context.Context, stdout, stderr io.Writer, args ...string) int {
	env := func(name string) string {
		if _, ok := b.env[name]; !ok && name == "PERCH_READ_API" && !b.readsByAPI {
			return ""
		}
		return b.lookup(name)
	}
	return cli.Run(ctx, args, strings.NewReader(""), stdout, stderr, env)
}

// ask runs the starter with -o json, and returns its exit code and the JSON document, which must be
// its whole output.
func (b *bench) ask(t *testing.T, args ...string) (int, document) {
	t.Helper()
	out := b.starter(t.Context(), append(args, "-o", "json")...)
	return out.exit, read(t, out)
}

// must runs a command that must end with exit code 0.
func (b *bench) must(t *testing.T, args ...string) document {
	t.Helper()
	exit, document := b.ask(t, args...)
	if exit != 0 {
		t.Fatalf("perch %s: exit code %d: %v", strings.Join(args, " "), exit, document)
	}
	return document
}

// begin runs the starter with -o json in the background. The returned function waits for its end.
func (b *bench) begin(t *testing.T, args ...string) func() (int, document) {
	t.Helper()
	ended := make(chan output, 1)
	go func() { ended <- b.starter(t.Context(), append(args, "-o", "json")...) }()
	t.Cleanup(func() { // If the test fails while it waits for something else, this shows what the command printed.
		select {
		case out := <-ended:
			t.Logf(
				"perch %s: exit code %d\nstdout: %s\nstderr: %s", strings.Join(args, " "), out.exit, out.stdout,
				out.stderr,
			)
		default:
		}
	})
	return func() (int, document) {
		t.Helper()
		out := <-ended
		return out.exit, read(t, out)
	}
}

// document is a JSON object that the starter printed.
type document map[string]any

func read(t *testing.T, out output) document {
	t.Helper()
	var d document
	if err := json.Unmarshal([]byte(out.stdout), &d); err != nil {
		t.Fatalf(
			"stdout is not one JSON document: %v\nexit code %d\nstdout: %s\nstderr: %s", err, out.exit, out.stdout,
			out.stderr,
		)
	}
	return d
}

// text returns the string at path.
func (d document) text(path ...string) string {
	value, _ := d.at(path...).(string)
	return value
}

func (d document) at(path ...string) any {
	var value any = map[string]any(d)
	for _, name := range path {
		object, _ := value.(map[string]any)
		value = object[name]
	}
	return value
}

// keys returns the names of all values, sorted. Those of nested objects come after a dot.
func (d document) keys() map[string]bool {
	all := map[string]bool{}
	for name, value := range d {
		all[name] = true
		if object, ok := value.(map[string]any); ok {
			for inner := range document(object).keys() {
				all[name+"."+inner] = true
			}
		}
	}
	return all
}

// page returns the status and text with which the environment with this slug answers.
func (b *bench) page(t *testing.T, slug string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://127.0.0.1:"+b.pagesPort+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Host = slug + ".localhost:" + b.pagesPort
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

// eventually waits until condition holds. condition returns what it saw.
func eventually(t *testing.T, what string, condition func() (seen any, holds bool)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	for {
		seen, holds := condition()
		if holds {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s: not within %s; last seen: %v", what, patience, seen)
		case <-ticker.C:
		}
	}
}

func contains(t *testing.T, text string, wanted ...string) {
	t.Helper()
	for _, want := range wanted {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in:\n%s", want, text)
		}
	}
}
