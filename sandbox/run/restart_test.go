package run

import (
	"bytes"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"perch"
	"perch/sandbox/aws"
	"perch/sandbox/temporal"
)

// job is a starter that runs as a separate process, as in CI.
type job struct {
	cmd    *exec.Cmd
	stdout bytes.Buffer
	// log is the file with its stderr.
	log string
}

// job starts the starter in the background.
func (b *bench) job(t *testing.T, args ...string) *job {
	t.Helper()
	program, err := exec.LookPath("perch") // TestMain has put it on the path.
	if err != nil {
		t.Fatal(err)
	}
	j := &job{cmd: exec.Command(program, append(args, "-o", "json")...), log: filepath.Join(t.TempDir(), "starter.log")}
	log, err := os.Create(j.log)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	j.cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir()}
	for _, e := range b.exports() {
		j.cmd.Env = append(j.cmd.Env, e.Name+"="+e.Value)
	}
	j.cmd.Stdout, j.cmd.Stderr = &j.stdout, log
	if err := j.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(j.kill)
	return j
}

// end waits for the job's end and returns its exit code and document.
func (j *job) end(t *testing.T) (int, document) {
	t.Helper()
	err := j.cmd.Wait()
	var failed *exec.ExitError
	if err != nil && !errors.As(err, &failed) {
		t.Fatal(err)
	}
	exit := j.cmd.ProcessState.ExitCode()
	return exit, read(t, output{exit: exit, stdout: j.stdout.String(), stderr: j.said(t)})
}

func (j *job) said(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(j.log)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// kill ends the job by SIGKILL.
func (j *job) kill() {
	if j.cmd.ProcessState != nil {
		return
	}
	_ = j.cmd.Process.Kill() // It may have ended already; then there is nothing to kill.
	_ = j.cmd.Wait()
}

// TestS60S76TemporalStoppedAndStartedInTheMiddle has two jobs wait for one creation while Temporal
// stops and starts again. The job whose patience ends meanwhile prints how to continue. The other
// one still waits when the run ends.
func TestS60S76TemporalStoppedAndStartedInTheMiddle(t *testing.T) {
	skipUnlessProof(t)
	t.Parallel()
	data := t.TempDir()
	b := newSandbox(t, func(o *options) { o.data = data })
	b.must(t, "application", "up")
	stack := b.stackOf(t, "feature/login")
	lift := b.order(t, aws.Fault{Stack: stack, LogicalID: "Database", Phase: "create", Hang: true})
	patient := b.job(t, "up", "feature/login")
	b.awaitStack(t, stack, "CREATE_IN_PROGRESS")
	hasty := b.job(t, "up", "feature/login", "--timeout", "6s")
	b.awaitRequests(t, stack, 2)

	_, port, err := net.SplitHostPort(b.temporal.Address())
	if err != nil {
		t.Fatal(err)
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.temporal.Stop(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the starter says that Temporal is lost", func() (any, bool) {
		said := patient.said(t)
		return said, strings.Contains(said, "connection to Temporal is lost")
	})
	if exit, timeout := hasty.end(t); exit != 3 || timeout.text("outcome") != "timeout" {
		t.Errorf("exit code %d: %v", exit, timeout)
	}
	contains(t, hasty.said(t), "perch up")
	if b.Sandbox.temporal, err = temporal.Start(temporal.Config{Port: number, Dir: data}); err != nil {
		t.Fatal(err)
	}
	lift()
	exit, up := patient.end(t)
	if exit != 0 || up.text("outcome") != "ready" || up["created"] != true {
		t.Fatalf("exit code %d: %v", exit, up)
	}
	if changes := b.changes(stack); !slices.Equal(changes, []string{"CreateStack"}) {
		t.Errorf("the calls were %v", changes)
	}
}

// TestS60EverythingButTheWorkerStoppedAndStarted stops Temporal, AWS and the pages while a worker
// and two jobs run, one in a creation and one in a deletion. It then starts them with the same
// state.
func TestS60EverythingButTheWorkerStoppedAndStarted(t *testing.T) {
	skipUnlessProof(t)
	t.Parallel()
	data := t.TempDir()
	b := newSandbox(t, func(o *options) { o.data, o.worker = data, false })
	b.spawn(t, nil)
	b.must(t, "application", "up")
	b.must(t, "up", "fix/typo")
	coming, leaving := b.stackOf(t, "feature/login"), b.stackOf(t, "fix/typo")
	b.order(t, aws.Fault{Stack: coming, LogicalID: "Database", Phase: "create", Hang: true})
	b.order(t, aws.Fault{Stack: leaving, LogicalID: "Database", Phase: "delete", Hang: true})
	up, down := b.job(t, "up", "feature/login"), b.job(t, "down", "fix/typo")
	b.awaitStack(t, coming, "CREATE_IN_PROGRESS")
	b.awaitStack(t, leaving, "DELETE_IN_PROGRESS")

	b = b.reopen(t)
	if exit, result := up.end(t); exit != 0 || result.text("outcome") != "ready" || result["created"] != true ||
		result["seeded"] != true {
		t.Errorf("exit code %d: %v\n%s", exit, result, up.said(t))
	}
	if exit, result := down.end(t); exit != 0 || result.text("outcome") != "gone" {
		t.Errorf("exit code %d: %v\n%s", exit, result, down.said(t))
	}
	b.began(t, b.onlyStack(t, coming), types.ResourceStatusCreateInProgress, 1)
	b.deletedInTurn(t, b.onlyStack(t, leaving), 1)
	environment, err := perch.NewEnvironment(b.project, "feature/login")
	if err != nil {
		t.Fatal(err)
	}
	if status, _ := b.page(t, environment.Slug); status != 200 {
		t.Errorf("the page answers %d", status)
	}
}

// reopen closes the sandbox and opens it again on the same ports and data.
func (b *bench) reopen(t *testing.T) *bench {
	t.Helper()
	o := options{data: b.data, speed: testSpeed}
	for address, port := range map[string]*int{
		b.temporal.Address(): &o.temporal, b.awsURL: &o.aws, b.uiURL: &o.ui, ":" + b.pagesPort: &o.pages,
	} {
		number, err := strconv.Atoi(address[strings.LastIndex(address, ":")+1:])
		if err != nil {
			t.Fatal(err)
		}
		*port = number
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	return newSandbox(t, func(into *options) { *into = o })
}

// TestS62AJobThatIsKilledAndRunAgainFindsItsRun kills a starter while it waits.
func TestS62AJobThatIsKilledAndRunAgainFindsItsRun(t *testing.T) {
	t.Parallel()
	b := sharedSandbox(t)
	branch := "killed-job"
	commit := b.repo.commit(t, branch, map[string]string{"CHANGES.md": "one"})
	stack := b.stackOf(t, branch)
	lift := b.order(t, aws.Fault{Stack: stack, LogicalID: "Database", Phase: "create", Hang: true})
	first := b.job(t, "up", branch)
	b.awaitStack(t, stack, "CREATE_IN_PROGRESS")
	run := b.must(t, "status", branch).text("run", "run_id")
	first.kill()
	second := b.job(t, "up", branch)
	b.awaitRequests(t, stack, 2)
	lift()
	exit, up := second.end(t)
	if exit != 0 || up.text("outcome") != "ready" || up.text("commit") != commit || up["created"] != true ||
		up.text("run", "run_id") != run {
		t.Errorf("exit code %d, and the first job's run was %q: %v", exit, run, up)
	}
	if changes := b.changes(stack); !slices.Equal(changes, []string{"CreateStack"}) {
		t.Errorf("the calls were %v", changes)
	}
}
