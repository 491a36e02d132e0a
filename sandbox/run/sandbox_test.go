package run

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"
	"go.temporal.io/server/common/testing/freeport"

	"perch"
)

func TestOnlyARemovalThatIsPossibleIsSuggested(t *testing.T) {
	t.Parallel()
	const removal = "go run ./starter down feature/nest"
	ready := environment{Status: "CREATE_COMPLETE"}
	for name, c := range map[string]struct {
		project project
		up      environment
		want    bool
	}{
		"an environment of kind branch": {project{kind: perch.KindBranch, defaultBranch: "main"}, ready, true},
		"one that failed": {
			project{kind: perch.KindBranch, defaultBranch: "main"},
			environment{Status: "ROLLBACK_COMPLETE", failed: "up"}, true,
		},
		"none, because the branch gets none": {
			project{kind: perch.KindBranch, defaultBranch: "main"}, environment{}, false,
		},
		"the default branch's": {project{kind: perch.KindBranch, defaultBranch: "feature/nest"}, ready, false},
		"staging's":            {project{kind: perch.KindStaging, defaultBranch: "main"}, ready, false},
	} {
		c.project.branch = "feature/nest"
		s := &Sandbox{project: c.project}
		if got := slices.Contains(s.next(options{worker: true, repo: "birds"}, c.up), removal); got != c.want {
			t.Errorf("%s: the removal is suggested: %v", name, got)
		}
	}
}

// portFlags are the flags of the sandbox's ports.
var portFlags = []string{
	"--temporal-port", "--ui-port", "--aws-port", "--registry-port", "--web-port", "--github-port", "--dashboard-port",
}

// freePorts returns flags that make the sandbox listen on free ports.
func freePorts() (args []string) {
	for _, flag := range portFlags {
		args = append(args, flag, "0")
	}
	return args
}

// run starts the program on free ports, waits until it is ready, and returns what it printed. The
// program is interrupted when the test ends.
func run(t *testing.T, args ...string) string {
	t.Helper()
	stdout, _ := runUntilReady(t, args...)
	return stdout.String()
}

// runUntilReady is run, but returns both outputs, which continue.
func runUntilReady(t *testing.T, args ...string) (*watched, *watched) {
	t.Helper()
	args = slices.Concat(freePorts(), []string{"--speed", strconv.Itoa(testSpeed)}, args)
	ctx, interrupt := context.WithCancel(context.Background())
	var stdout, stderr watched
	ended := make(chan int, 1)
	go func() { ended <- Main(ctx, args, &stdout, &stderr, func(string) string { return "" }) }()
	t.Cleanup(func() {
		interrupt()
		if exit := <-ended; exit != 0 {
			t.Errorf("the sandbox ended with exit code %d: %s", exit, stderr.String())
		}
		if strings.Contains(stderr.String(), "level=ERROR") {
			t.Errorf("the log of a sandbox in which nothing went wrong:\n%s", stderr.String())
		}
	})
	eventually(t, "the sandbox is ready", func() (any, bool) {
		return stderr.String(), len(ended) > 0 || strings.HasSuffix(stdout.String(), "\n"+ready+"\n")
	})
	return &stdout, &stderr
}

func TestConfigInitWritesAFileThatTheSandboxProvisions(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "bird-shop")
	repository, err := git.PlainInitWithOptions(
		dir, &git.PlainInitOptions{InitOptions: git.InitOptions{DefaultBranch: "refs/heads/feature/nest"}},
	)
	if err != nil {
		t.Fatal(err)
	}
	fresh := &bench{Sandbox: sharedSandbox(t).Sandbox, env: map[string]string{"PERCH_REPO": dir}}
	for _, args := range [][]string{{"config", "init"}, {"config", "validate"}} {
		if out := fresh.starter(t.Context(), args...); out.exit != 0 {
			t.Fatalf("starter %v: exit code %d: %s", args, out.exit, out.stderr)
		}
	}
	tree, err := repository.Worktree()
	if err == nil {
		_, err = tree.Add("perch.yaml")
	}
	if err != nil {
		t.Fatal(err)
	}
	made, err := tree.Commit("Begin", &git.CommitOptions{
		Author: &object.Signature{Name: "Jane", Email: "jane@example.com", When: time.Unix(1_700_000_000, 0)},
	})
	if err != nil {
		t.Fatal(err)
	}
	out := run(t, "--repo", dir)
	contains(
		t, out, "feature/nest is ready at http://feature-nest-", "its run",
		"/namespaces/default/workflows/birdshop-feature-nest-", "all runs",
		"WorkflowType%20IN%20%28%22Provision%22%2C%22Teardown%22%29", "AWS endpoint", "policy", dir, "Try next",
		`eval "$(go run ./sandbox env`, "go run ./starter down",
	)
	address := regexp.MustCompile(`http://(\S+)\.localhost:(\d+)`).FindStringSubmatch(out)
	if address == nil {
		t.Fatalf("no address in:\n%s", out)
	}
	status, page := (&bench{Sandbox: &Sandbox{pagesPort: address[2]}}).page(t, address[1])
	if status != 200 {
		t.Errorf("the page answers %d", status)
	}
	contains(t, page, "feature/nest", made.String())
}

func TestTheSandboxStaysIfItsFirstEnvironmentFails(t *testing.T) {
	t.Parallel()
	shop := newRepo(t, filepath.Join(t.TempDir(), "shop"))
	shop.commit(t, "main", map[string]string{"perch.yaml": bare("shop") + "seed: [{run: {command: [\"false\"]}}]\n"})
	shop.commit(t, "feature/nest", map[string]string{"a.txt": "1"})
	stdout, stderr := runUntilReady(t, "--repo", shop.dir, "--branch", "feature/nest")
	out := stdout.String()
	contains(
		t, stderr.String(), `up feature/nest at `, `failed: seed step "run false": the command ended with exit code 1`,
	)
	contains(
		t, out, "`perch up feature/nest` failed, for the reason above. Everything else runs, so you can look at it.",
		"environment   http://feature-nest-", "Try next", "go run ./starter status",
		"go run ./starter up feature/nest # once the cause is fixed: it continues from what exists",
		"go run ./starter down feature/nest",
	)
	port := regexp.MustCompile(`AWS endpoint +http://127\.0\.0\.1:(\d+)`).FindStringSubmatch(out)
	if exit, _, stderr := mainOf(t, "env", "--aws-port", port[1]); exit != 0 {
		t.Errorf("the sandbox does not answer: %s", stderr)
	}
}

func TestACommandOfTheAppIsSkippedUnlessTheSandboxIsStrict(t *testing.T) {
	t.Parallel()
	shop := newRepo(t, filepath.Join(t.TempDir(), "shop"))
	shop.commit(
		t, "main",
		map[string]string{"perch.yaml": bare("shop") + "seed: [{run: {command: [python, manage.py, migrate]}}]\n"},
	)
	shop.commit(t, "feature/nest", map[string]string{"a.txt": "1"})
	args := []string{"--repo", shop.dir, "--branch", "feature/nest"}
	stdout, stderr := runUntilReady(t, args...)
	contains(t, stdout.String(), "feature/nest is ready at ")
	contains(t, stderr.String(), "Seeded: run python manage.py migrate (exit code 0)\n  Skipped: the sandbox runs no "+
		"container, so it did not run python")
	stdout, stderr = runUntilReady(t, append(args, "--run=strict")...)
	contains(t, stdout.String(), "`perch up feature/nest` failed")
	contains(t, stderr.String(), "python: not found. The sandbox runs no container")
}

func TestAnInterruptedSandboxSaysOnlyThatItStops(t *testing.T) {
	t.Parallel()
	for kept, want := range map[string]string{
		"":          "Stopped. Nothing is left; --data DIR keeps the state.\n",
		t.TempDir(): ": runs continue from there when the sandbox starts with it again.\n",
	} {
		ctx, interrupt := context.WithCancel(t.Context())
		var stdout, stderr watched
		ended := make(chan int, 1)
		args := append(freePorts(), "--speed", "1") // AWS takes minutes.
		if kept != "" {
			args = append(args, "--data", kept)
		}
		go func() { ended <- Main(ctx, args, &stdout, &stderr, func(string) string { return "" }) }()
		eventually(t, "a stack is made", func() (any, bool) {
			return stderr.String(), strings.Contains(stderr.String(), "Creating")
		})
		interrupt()
		if exit := <-ended; exit != 0 {
			t.Errorf("exit code %d", exit)
		}
		if said := stderr.String(); !strings.Contains(said, want) || strings.Contains(said, "level=ERROR") ||
			strings.Contains(said, "goes on. ") ||
			strings.Contains(said, "interrupted") || stdout.String() != "" {
			t.Errorf("it says:\n%s%s", said, stdout.String())
		}
	}
}

func TestFirstMinutes(t *testing.T) {
	t.Parallel()
	script(t, "first-minutes", nil, "--webhooks=false")
}

// script runs a script of testdata against a new sandbox, started with args. $DATA is the sandbox's
// folder, and $AWS_PORT the port of its AWS endpoint.
func script(
	t *testing.T, name string, commands map[string]func(*testscript.TestScript, bool, []string), args ...string,
) {
	t.Helper()
	data := t.TempDir()
	out := run(t, append([]string{"--data", data}, args...)...)
	port := regexp.MustCompile(`AWS endpoint +http://127\.0\.0\.1:(\d+)`).FindStringSubmatch(out)
	if port == nil {
		t.Fatalf("the sandbox names no AWS endpoint:\n%s", out)
	}
	all := map[string]func(*testscript.TestScript, bool, []string){"eval": evaluate}
	maps.Copy(all, commands)
	testscript.Run(t, testscript.Params{
		Files: []string{filepath.Join("testdata", "script", name+".txtar")},
		Setup: func(env *testscript.Env) error {
			env.Setenv("DATA", data)
			env.Setenv("AWS_PORT", port[1])
			return nil
		},
		Cmds: all,
	})
}

// alone are the scripts that need a separate sandbox.
var alone = []string{"cleanup.txtar", "expiry.txtar", "doctor.txtar", "first-minutes.txtar"}

// TestScripts runs the scripts that share a sandbox. Each uses different branches.
func TestScripts(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t)
	scripts, err := filepath.Glob(filepath.Join("testdata", "script", "*.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Files: slices.DeleteFunc(
			scripts, func(file string) bool { return slices.Contains(alone, filepath.Base(file)) },
		),
		Setup: func(env *testscript.Env) error {
			for _, e := range b.exports() {
				env.Setenv(e.Name, e.Value)
			}
			return nil
		},
	})
}

// evaluate PROGRAM ARG ... sets the exports that the program prints as variables of the script.
func evaluate(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(ts.Exec(args[0], args[1:]...))
	for _, line := range strings.Split(strings.TrimSpace(ts.ReadFile("stdout")), "\n") {
		name, value, ok := strings.Cut(strings.TrimPrefix(line, "export "), "=")
		if !ok {
			ts.Fatalf("%q is not an export", line)
		}
		ts.Setenv(name, strings.Trim(value, "'"))
	}
}

func TestStateSurvivesARestart(t *testing.T) {
	skipUnlessProof(t)
	t.Parallel()
	data := t.TempDir()
	first, err := openBench(t.Context(), func(o *options) { o.data = data })
	if err != nil {
		t.Fatal(err)
	}
	closed := false
	t.Cleanup(func() {
		if !closed {
			_ = first.Close() // The test has failed already.
		}
	})
	commit := first.repo.commit(t, "kept", map[string]string{"fixtures/media/kept.csv": "1"})
	first.must(t, "application", "up")
	up := first.must(t, "up", "kept")
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	closed = true

	port := func(address string) int {
		number, err := strconv.Atoi(address[strings.LastIndex(address, ":")+1:])
		if err != nil {
			t.Fatal(err)
		}
		return number
	}
	second := newSandbox(
		t, func(o *options) { o.data, o.aws, o.pages = data, port(first.awsURL), port(":"+first.pagesPort) },
	)
	if head := second.repo.head(t, "kept"); head != commit {
		t.Errorf("the branch is at %s, want %s", head, commit)
	}
	status, page := second.page(t, "kept")
	if status != 200 {
		t.Errorf("the page answers %d", status)
	}
	contains(t, page, commit, "kept.csv")
	equal(
		t, second.must(t, "status", "kept"),
		document{"status": "CREATE_COMPLETE", "commit": commit, "phase": "ready", "run": up["run"]},
	)
	equal(t, second.must(t, "up", "kept"), document{"outcome": "ready", "created": false, "seeded": false})
	equal(t, second.must(t, "down", "kept"), document{"outcome": "gone"})
	second.deletedInTurn(t, second.onlyStack(t, "shop-kept"), 1)
}

func TestATakenPortNamesItsFlag(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	port := strconv.Itoa(portOf(taken))
	for _, flag := range portFlags {
		t.Run(flag, func(t *testing.T) {
			exit, _, stderr := mainOf(t, append(freePorts(), flag, port)...)
			if exit != 1 {
				t.Errorf("exit code %d, want 1", exit)
			}
			contains(t, stderr, "port "+port+
				" is taken", "choose another with "+flag+", or leave "+flag+" out for a free one")
		})
	}
}

func TestAPostgreSQLThatDoesNotAnswerIsSaidAtTheStart(t *testing.T) {
	t.Parallel()
	exit, _, stderr := mainOf(t, append(freePorts(), "--postgres", "127.0.0.1:1")...) // No service has this port.
	if exit != 1 {
		t.Errorf("exit code %d, want 1", exit)
	}
	contains(t, stderr, "no PostgreSQL answers at 127.0.0.1:1 (", "start it, or correct --postgres")
}

func TestADefaultPortThatIsTakenIsReplacedByAFreeOne(t *testing.T) {
	t.Parallel()
	blocker, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer blocker.Close()
	defaults, _, err := parse(nil)
	if err != nil {
		t.Fatal(err)
	}
	o := defaults
	number := portOf(blocker)
	o.temporal, o.ui, o.aws, o.pages, o.registry = number, number, number, number, number
	o.github, o.dashboard = number, number
	s := &Sandbox{}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	taken, err := s.listen(&o)
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for part, now := range map[string]int{
		"the AWS endpoint": portOf(
			taken.aws,
		), "the environments' pages": portOf(taken.pages), "the Temporal UI": portOf(taken.ui),
		"the registry": portOf(taken.registry), "GitHub": portOf(taken.github),
		"the dashboard": portOf(taken.dashboard), "Temporal": o.temporal,
	} {
		if now == number {
			t.Errorf("%s has the port that is taken", part)
		}
		want = append(want, fmt.Sprintf("%s at %d in place of %d", part, now, number))
	}
	slices.Sort(want)
	slices.Sort(s.moved)
	if diff := cmp.Diff(want, s.moved); diff != "" {
		t.Errorf("what is said (-want +got):\n%s", diff)
	}
	if command := s.envCommand(options{}); command != fmt.Sprintf(
		"go run ./sandbox env --aws-port %d", portOf(taken.aws),
	) {
		t.Errorf("the exports are printed by %s", command)
	}
}

// mainOf runs the sandbox's main to its end.
func mainOf(t *testing.T, args ...string) (exit int, stdout, stderr string) {
	t.Helper()
	var out, errors bytes.Buffer
	exit = Main(t.Context(), args, &out, &errors, func(string) string { return "" })
	return exit, out.String(), errors.String()
}

func TestVersionIsThatOfTheBuild(t *testing.T) {
	t.Parallel()
	for _, args := range []string{"--version", "version"} {
		exit, stdout, stderr := mainOf(t, args)
		if want := "perch-sandbox " + perch.ThisBuild().String() + "\n"; exit != 0 || stdout != want || stderr != "" {
			t.Errorf("%s: exit code %d, %q, %q; want %q", args, exit, stdout, stderr, want)
		}
	}
}

func TestEnvFindsTheSandboxByPortAndByFolder(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t)
	port := b.awsURL[strings.LastIndex(b.awsURL, ":")+1:]
	var printed []string
	for _, args := range [][]string{{"env", "--aws-port", port}, {"env", "--data", b.data}} {
		exit, stdout, stderr := mainOf(t, args...)
		if exit != 0 {
			t.Fatalf("%v: exit code %d: %s", args, exit, stderr)
		}
		printed = append(printed, stdout)
	}
	if diff := cmp.Diff(printed[0], printed[1]); diff != "" {
		t.Errorf("by port and by folder it prints (-port +folder):\n%s", diff)
	}
	for name, value := range map[string]string{
		"TEMPORAL_ADDRESS": b.temporal.Address(), "AWS_ENDPOINT_URL": b.awsURL, "PERCH_REPO": b.repo.dir,
		"PERCH_POLICY": b.policyFile, "PERCH_TEMPORAL_UI": b.uiURL,
	} {
		contains(t, printed[0], fmt.Sprintf("export %s='%s'\n", name, value))
	}
}

func TestEnvWithoutASandboxSaysHowToStartOne(t *testing.T) {
	t.Parallel()
	port := strconv.Itoa(freeport.MustGetFreePort())
	for want, args := range map[string][]string{
		"no sandbox answers at http://127.0.0.1:" + port: {"env", "--aws-port", port},
		"no sandbox has run with --data":                 {"env", "--data", t.TempDir()},
	} {
		exit, _, stderr := mainOf(t, args...)
		if exit != 1 {
			t.Errorf("%v: exit code %d, want 1", args, exit)
		}
		contains(t, stderr, want)
	}
}

func TestOneSandboxAtATimeHasADataFolder(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t)
	exit, _, stderr := mainOf(t, append(freePorts(), "--data", b.data)...)
	if exit != 1 {
		t.Errorf("exit code %d, want 1", exit)
	}
	contains(t, stderr, "a sandbox runs with --data "+b.data+" already", "stop it, or choose another folder")
}

// holdLock is a program that holds the lock of the folder args[0] until its stdin ends. It prints a
// line when it has the lock.
func holdLock(_ context.Context, args []string, stdout, stderr io.Writer, _ func(string) string) int {
	lock, err := lockFolder(args[0])
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	defer lock.Close()
	fmt.Fprintln(stdout, "locked")
	_, _ = io.Copy(io.Discard, os.Stdin) // It does not matter how stdin ends.
	return 0
}

// TestTheLockOfADataFolderEndsWithItsProcess kills the process that holds the lock.
func TestTheLockOfADataFolderEndsWithItsProcess(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	holder := exec.Command("lockfolder", dir)
	stdin, noStdin := holder.StdinPipe()
	stdout, noStdout := holder.StdoutPipe()
	if err := errors.Join(noStdin, noStdout, holder.Start()); err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	if said, err := bufio.NewReader(stdout).ReadString('\n'); err != nil {
		t.Errorf("the holder says %q, %v", said, err)
	}
	if second, err := lockFolder(dir); err == nil {
		_ = second.Close()
		t.Error("a second one has the lock, too")
	}
	_ = holder.Process.Kill()
	_ = holder.Wait() // It was killed.
	free, err := lockFolder(dir)
	if err != nil {
		t.Fatalf("the lock outlives its process: %v", err)
	}
	_ = free.Close()
}

func TestEnvSaysThatTheSandboxOfAFolderHasStopped(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t)
	stopped := fmt.Sprintf(`[{"name":"AWS_ENDPOINT_URL","value":"http://127.0.0.1:%d"}]`, freeport.MustGetFreePort())
	replaced := fmt.Sprintf(`[{"name":"AWS_ENDPOINT_URL","value":%q}]`, b.awsURL)
	for name, exports := range map[string]string{"nothing answers": stopped, "another sandbox has its port": replaced} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, exportsFile), []byte(exports), 0o600); err != nil {
				t.Fatal(err)
			}
			exit, stdout, stderr := mainOf(t, "env", "--data", dir)
			if exit != 1 || stdout != "" {
				t.Errorf("exit code %d, want 1; it prints %q", exit, stdout)
			}
			contains(t, stderr, "no sandbox runs with --data "+dir, "start it again")
		})
	}
}
