package deploy

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// temporalPrograms are what the images temporalio/server and temporalio/admin-tools hold beside
// Temporal's CLI, built from the version in go.mod.
var temporalPrograms = map[string]string{
	"temporal-server": "go.temporal.io/server/cmd/server", "temporal-sql-tool": "go.temporal.io/server/cmd/tools/sql",
}

// cluster runs the services of docker-compose.yml.
type cluster struct {
	*world
	services map[string]service
	// programs is the folder of the images' programs, logs of what they say.
	programs, logs string
	// ports are the ports of this machine that stand for those of the services' network:
	// "temporal:7233".
	ports map[string]string
	// running are the processes of each service.
	running map[string][]*process
	// parts are the ports of the parts of the Temporal server.
	parts map[string]string
	// done are the services that were brought up.
	done map[string]bool
}

// newCluster builds the programs. The test is skipped where PostgreSQL is missing.
func newCluster(t testing.TB, speed float64) *cluster {
	t.Helper()
	postgresqlPrograms(t)
	w := newWorld(t, speed)
	c := &cluster{
		world: w, programs: t.TempDir(), logs: t.TempDir(), ports: map[string]string{},
		running: map[string][]*process{}, done: map[string]bool{},
		services: readCompose(t, map[string]string{
			"POSTGRES_PASSWORD": "correct-horse", "PERCH_PROJECT": project, "PERCH_POLICY_FILE": w.policy,
			"AWS_ACCESS_KEY_ID": "sandbox", "AWS_SECRET_ACCESS_KEY": "sandbox",
		}),
	}
	free := freePorts(t, 2)
	c.ports["postgresql:5432"], c.ports["temporal:7233"] = free[0], free[1]
	build(t, c.programs, temporalPrograms)
	buildTemporalCLI(t, c.programs)
	buildImage(t, c.programs)
	return c
}

// up brings a service up after those that it waits for, in the way in which it waits for them.
func (c *cluster) up(t testing.TB, name string) {
	t.Helper()
	if c.done[name] {
		return
	}
	c.done[name] = true
	s, ok := c.services[name]
	if !ok {
		t.Fatalf("docker-compose.yml has no service %s", name)
	}
	for other, how := range s.DependsOn {
		c.up(t, other)
		if how["condition"] == "service_healthy" {
			c.healthy(t, other)
		}
	}
	c.run(t, name, s)
}

// run is what the service's image does with the service's settings.
func (c *cluster) run(t testing.TB, name string, s service) {
	t.Helper()
	switch {
	case name == "postgresql":
		c.startPostgreSQL(t, s)
	case name == "temporal":
		c.add(name, c.server(t))
	case name == "worker":
		for i := range max(1, s.Deploy.Replicas) {
			c.ports[fmt.Sprintf("worker-%d:9090", i)] = freePorts(t, 1)[0]
			c.add(name, c.worker(t, i))
		}
	case s.retries() > 0:
		c.once(t, name)
	case len(s.Profiles) > 0: // Each of its runs is a separate call.
	default:
		t.Fatalf("this test cannot run service %s", name)
	}
}

// once runs a one-shot to its end, as often as its restart policy says.
func (c *cluster) once(t testing.TB, name string) {
	t.Helper()
	s := c.services[name]
	for try := 0; ; try++ {
		p := c.spawn(t, name, append(append([]string{}, s.Entrypoint...), s.Command...), nil)
		code := p.exit(t, append(c.running["postgresql"], c.running["temporal"]...)...)
		if code == 0 {
			return
		}
		if try == s.retries() {
			t.Fatalf("%s failed with exit code %d; it said:\n%s", name, code, p.said(t))
		}
	}
}

// server starts the Temporal server.
func (c *cluster) server(t testing.TB) *process {
	t.Helper()
	return c.spawn(t, "temporal", []string{"temporal-server", "start"}, c.temporalPorts(t))
}

// worker starts replica i of the worker.
func (c *cluster) worker(t testing.TB, i int) *process {
	t.Helper()
	command := append([]string{"/perch-worker"}, c.services["worker"].Command...) // The image's entrypoint.
	for at, argument := range command {
		if argument == "0.0.0.0:9090" {
			command[at] = "127.0.0.1:" + c.ports[fmt.Sprintf("worker-%d:9090", i)]
		}
	}
	command = append(command, "--interval", interval)
	return c.spawn(t, "worker", command, map[string]string{"AWS_ENDPOINT_URL": c.awsURL, "XDG_CACHE_HOME": t.TempDir()})
}

// spawn starts a program as prepare makes it.
func (c *cluster) spawn(t testing.TB, name string, command []string, other map[string]string) *process {
	t.Helper()
	return start(t, c.logs, name, c.prepare(t, name, command, other))
}

// prepare makes a program with the service's environment, and other variables beside it or in its
// place.
func (c *cluster) prepare(t testing.TB, name string, command []string, other map[string]string) *exec.Cmd {
	t.Helper()
	variables := map[string]string{}
	for key, value := range c.services[name].Environment {
		variables[key] = c.translate(t, name, key, value)
	}
	for key, value := range other {
		variables[key] = value
	}
	mounts := c.services[name].mounts(t)
	mounts["/etc/perch/policy.yaml"] = c.policy
	mounts["/perch-worker"], mounts["/perch"] = filepath.Join(
		c.programs, "perch-worker",
	), filepath.Join(c.programs, "perch")
	arguments := make([]string, len(command))
	for i, argument := range command {
		arguments[i] = argument
		if file, ok := mounts[argument]; ok {
			arguments[i] = file
		}
	}
	program := arguments[0]
	if local := filepath.Join(c.programs, program); filepath.Base(program) == program && exists(local) {
		program = local
	}
	p := exec.Command(program, arguments[1:]...)
	p.Dir, p.Env = t.TempDir(), environment(t, c.programs, variables)
	return p
}

// translate is a variable's value where the services are processes: hosts are 127.0.0.1, their
// ports are free ones and mounted files are in the repository.
func (c *cluster) translate(t testing.TB, name, key, value string) string {
	t.Helper()
	if file, ok := c.services[name].mounts(t)[value]; ok {
		return file
	}
	if port, ok := c.ports[value]; ok {
		return "127.0.0.1:" + port
	}
	switch key {
	case "SQL_HOST", "POSTGRES_SEEDS":
		if _, ok := c.services[value]; !ok {
			t.Errorf("service %s: %s is %s, which is not a service", name, key, value)
		}
		return "127.0.0.1"
	case "SQL_PORT", "DB_PORT":
		return c.ports["postgresql:"+value]
	case "BIND_ON_IP", "PROMETHEUS_ENDPOINT":
		return strings.Replace(strings.Replace(value, "0.0.0.0", "127.0.0.1", 1), ":9090", ":0", 1)
	}
	return value
}

// temporalPorts are the ports of the server's parts. In a container they are its own.
func (c *cluster) temporalPorts(t testing.TB) map[string]string {
	t.Helper()
	if c.parts == nil {
		c.parts = map[string]string{"FRONTEND_GRPC_PORT": c.ports["temporal:7233"]}
		names := []string{
			"FRONTEND_HTTP_PORT", "FRONTEND_MEMBERSHIP_PORT", "HISTORY_GRPC_PORT", "HISTORY_MEMBERSHIP_PORT",
			"MATCHING_GRPC_PORT", "MATCHING_MEMBERSHIP_PORT",
			"WORKER_GRPC_PORT", "WORKER_MEMBERSHIP_PORT",
		}
		for i, port := range freePorts(t, len(names)) {
			c.parts[names[i]] = port
		}
	}
	return c.parts
}

// healthy waits until the service's own health check passes for each of its processes. One that
// ends before is started again, as its restart policy says: a worker ends where Temporal does not
// answer yet.
func (c *cluster) healthy(t testing.TB, name string) {
	t.Helper()
	for i := range c.running[name] {
		eventually(t, fmt.Sprintf("%s is healthy", name), func() (any, bool) {
			if c.running[name][i].over() {
				c.again(t, name, i)
			}
			err := c.check(t, name, i)
			return err, err == nil
		})
	}
}

// again starts a process again that has ended.
func (c *cluster) again(t testing.TB, name string, replica int) {
	t.Helper()
	if policy := c.services[name].Restart; policy != "unless-stopped" {
		t.Fatalf(
			"%s has ended, and docker-compose.yml starts it again %q; it said:\n%s", name, policy,
			c.running[name][replica].said(t),
		)
	}
	switch name {
	case "worker":
		c.running[name][replica] = c.worker(t, replica)
	case "temporal":
		c.running[name][replica] = c.server(t)
	default:
		t.Fatalf("%s has ended; it said:\n%s", name, c.running[name][replica].said(t))
	}
}

// check runs the service's health check.
func (c *cluster) check(t testing.TB, name string, replica int) error {
	t.Helper()
	switch test := strings.Join(c.services[name].Healthcheck.Test, " "); test {
	case "CMD-SHELL pg_isready -U temporal":
		return exec.Command(
			filepath.Join(postgresqlPrograms(t), "pg_isready"), "-U", "temporal", "-h", "127.0.0.1", "-p",
			c.ports["postgresql:5432"],
		).Run()
	case "CMD nc -z 127.0.0.1 7233":
		connection, err := net.Dial("tcp", "127.0.0.1:"+c.ports["temporal:7233"])
		if err == nil {
			err = connection.Close()
		}
		return err
	case "CMD /perch-worker --check 127.0.0.1:9090":
		out, err := exec.Command(filepath.Join(c.programs, "perch-worker"), "--check", "127.0.0.1:"+
			c.ports[fmt.Sprintf("worker-%d:9090", replica)]).CombinedOutput()
		if err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		return nil
	default:
		t.Fatalf("service %s has the health check %q, which has no counterpart here", name, test)
		return nil
	}
}

func (c *cluster) add(name string, p *process) { c.running[name] = append(c.running[name], p) }

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}
