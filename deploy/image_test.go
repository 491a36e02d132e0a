package deploy

import (
	"debug/elf"
	"flag"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// instruction is one of a Dockerfile's.
type instruction struct{ name, arguments string }

var mount = regexp.MustCompile(`--mount=\S+\s+`)

// buildStage are the instructions of the Dockerfile's first stage, continued lines joined.
func buildStage(t testing.TB) (stage []instruction) {
	t.Helper()
	text := strings.ReplaceAll(read(t, "../Dockerfile"), "\\\n", "")
	for line := range strings.Lines(text) {
		name, arguments, _ := strings.Cut(strings.TrimSpace(line), " ")
		if name == "" || strings.HasPrefix(name, "#") {
			continue
		}
		if name == "FROM" && len(stage) > 0 {
			return stage
		}
		stage = append(stage, instruction{name, strings.TrimSpace(arguments)})
	}
	t.Fatal("the Dockerfile has no second stage")
	return nil
}

// runStage carries out the build stage's instructions that wanted says, in a clean copy of what Git
// knows, with out in the place of /out.
func runStage(t testing.TB, out string, wanted func(command string) bool) {
	t.Helper()
	variables := os.Environ()
	source := ""
	for _, i := range buildStage(t) {
		switch i.name {
		case "FROM", "WORKDIR":
		case "COPY":
			if i.arguments != ". ." {
				t.Fatalf("the Dockerfile's build stage copies %q", i.arguments)
			}
			source = cleanCopy(t)
		case "ENV":
			variables = append(variables, strings.Fields(i.arguments)...)
		case "RUN":
			command := strings.ReplaceAll(mount.ReplaceAllString(i.arguments, ""), "/out", out)
			if !wanted(command) {
				continue
			}
			shell := exec.Command("sh", "-ec", command)
			shell.Dir, shell.Env = source, variables
			if said, err := shell.CombinedOutput(); err != nil {
				t.Fatalf("RUN %s: %v\n%s", command, err, said)
			}
		default:
			t.Fatalf("the Dockerfile's build stage has the instruction %s, which has no counterpart here", i.name)
		}
	}
}

// cleanCopy is a copy of the files that Git knows or would add, which are what .dockerignore lets
// through.
func cleanCopy(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	list := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	list.Dir = ".."
	out, err := list.Output()
	if err != nil {
		t.Fatalf("git ls-files: %v", err)
	}
	for name := range strings.SplitSeq(strings.TrimRight(string(out), "\x00"), "\x00") {
		data, err := os.ReadFile(filepath.Join("..", name))
		if os.IsNotExist(err) {
			continue // It was removed and not yet committed.
		}
		target := filepath.Join(dir, name)
		if err == nil {
			err = os.MkdirAll(filepath.Dir(target), 0o755)
		}
		if err == nil {
			err = os.WriteFile(target, data, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// image is the folder of the programs as the image's build stage makes them, once for all tests.
var image = sync.OnceValues(func() (string, error) { return os.MkdirTemp("", "perch-image-") })

// onCluster has the tests run that build and start programs: minutes of two cores, which the race
// detector would not see into.
var onCluster = flag.Bool("cluster", false, "run docker-compose.yml's services from source, on PostgreSQL")

func wantCluster(t *testing.T) {
	t.Helper()
	if !*onCluster {
		t.Skip("`go test ./deploy -cluster` runs it")
	}
}

func TestMain(m *testing.M) {
	if address := os.Getenv(floorAddress); address != "" {
		if err := serveFloor(address, os.Getenv(floorNamespace)); err != nil {
			log.Fatal(err)
		}
		return
	}
	code := m.Run()
	if dir, err := image(); err == nil {
		_ = os.RemoveAll(dir) // It is a temporary folder: what stays, the machine removes.
	}
	os.Exit(code)
}

// buildImage links the programs, as the image's build stage makes them, into dir.
func buildImage(t testing.TB, dir string) {
	t.Helper()
	made, err := image()
	if err != nil {
		t.Fatal(err)
	}
	if !exists(filepath.Join(made, "perch-worker")) {
		runStage(t, made, func(command string) bool { return strings.Contains(command, "go build") })
	}
	for _, name := range []string{"perch-worker", "perch-web", "perch"} {
		if err := os.Symlink(filepath.Join(made, name), filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
}

func stat(t testing.TB, file string) os.FileInfo {
	t.Helper()
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	return info
}

func uid(t testing.TB, file string) string {
	t.Helper()
	return strconv.Itoa(int(stat(t, file).Sys().(*syscall.Stat_t).Uid))
}

func TestImageBuildStageMakesStaticProgramsThatStart(t *testing.T) {
	wantCluster(t)
	dir := t.TempDir()
	buildImage(t, dir)
	for name, argument := range map[string]string{"perch-worker": "--help", "perch-web": "--help", "perch": "version"} {
		program, err := filepath.EvalSymlinks(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		file, err := elf.Open(program)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		for _, segment := range file.Progs {
			if segment.Type == elf.PT_INTERP || segment.Type == elf.PT_DYNAMIC {
				t.Errorf("%s is not static: it has a segment %s", name, segment.Type)
			}
		}
		if size := stat(t, program).Size(); size > 120<<20 { // The AWS clients are most of the worker.
			t.Errorf("%s has %d MB", name, size>>20)
		}
		started := exec.Command(program, argument)
		started.Env = []string{"HOME=" + t.TempDir()} // An image from scratch has nothing else.
		if out, err := started.CombinedOutput(); err != nil || len(out) == 0 {
			t.Errorf("%s %s: %v\n%s", name, argument, err, out)
		}
	}
}

func TestImageHasWhatAProgramWithoutRootNeeds(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("the image's build stage needs the rights of root, to give files away")
	}
	if !exists("/etc/ssl/certs/ca-certificates.crt") {
		t.Skip("the image's build stage needs the package ca-certificates")
	}
	out := t.TempDir()
	runStage(t, out, func(command string) bool { return !strings.Contains(command, "go build") })
	for name, mode := range map[string]os.FileMode{
		"etc/ssl/certs/ca-certificates.crt": 0o644, "etc/passwd": 0o644, "tmp": 0o777 | os.ModeDir | os.ModeSticky,
	} {
		if got := stat(t, filepath.Join(out, name)).Mode(); got != mode {
			t.Errorf("/%s has the mode %s, want %s", name, got, mode)
		}
	}
	owner := regexp.MustCompile(`(?m)^USER (\d+):`).FindStringSubmatch(read(t, "../Dockerfile"))
	if owner == nil || !strings.Contains(read(t, filepath.Join(out, "etc/passwd")), ":x:"+owner[1]+":") {
		t.Errorf("the image's user %v is not in its /etc/passwd", owner)
	}
	for _, own := range []string{"var/cache/perch", "home/perch"} {
		if got := uid(t, filepath.Join(out, own)); owner != nil && got != owner[1] {
			t.Errorf("/%s belongs to user %s, want %s", own, got, owner[1])
		}
	}
}
