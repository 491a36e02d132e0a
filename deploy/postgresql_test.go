package deploy

import (
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// postgresqlPrograms is the folder of PostgreSQL's programs. The test is skipped if there is none.
func postgresqlPrograms(t testing.TB) string {
	t.Helper()
	if program, err := exec.LookPath("initdb"); err == nil {
		if program, err = filepath.EvalSymlinks(program); err == nil {
			return filepath.Dir(program)
		}
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb") // Where Debian has them, which are not on the path.
	if err != nil || len(found) == 0 {
		t.Skip("PostgreSQL is missing: install Debian's package postgresql to run Temporal on it")
	}
	slices.Sort(found)
	return filepath.Dir(found[len(found)-1])
}

// startPostgreSQL makes a database cluster with the user and the password of the service and starts
// it, as the image postgres does.
func (c *cluster) startPostgreSQL(t testing.TB, s service) {
	t.Helper()
	programs := postgresqlPrograms(t)
	data, err := os.MkdirTemp("", "perch-postgresql-") // Below nothing that another user must not enter.
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(data) }) // It is a temporary folder: what stays, the machine removes.
	password := filepath.Join(data, "password")
	if err := os.WriteFile(password, []byte(s.Environment["POSTGRES_PASSWORD"]), 0o600); err != nil {
		t.Fatal(err)
	}
	as := unprivileged(t, data, password)
	files := filepath.Join(data, "data")
	initdb := exec.Command(filepath.Join(
		programs, "initdb",
	), "--pgdata", files, "--username", s.Environment["POSTGRES_USER"], "--pwfile", password,
		"--auth", "scram-sha-256", "--encoding", "UTF8", "--no-locale")
	initdb.Dir, initdb.SysProcAttr = data, as
	if out, err := initdb.CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	server := exec.Command(
		filepath.Join(programs, "postgres"), "-D", files, "-p", c.ports["postgresql:5432"], "-c",
		"listen_addresses=127.0.0.1", "-c", "unix_socket_directories="+data,
	)
	server.Dir, server.SysProcAttr = data, as
	p := start(t, c.logs, "postgresql", server)
	t.Cleanup(func() {
		_ = p.Process.Signal(os.Interrupt) // The fast way to end, with all of its processes.
		select {
		case <-p.ended:
		case <-time.After(patience):
			t.Error("PostgreSQL does not end")
		}
	})
	c.add("postgresql", p)
}

// unprivileged runs a program that does not run as root as PostgreSQL's user, or else as an
// unprivileged user, who then owns the files.
func unprivileged(t testing.TB, files ...string) *syscall.SysProcAttr {
	t.Helper()
	if os.Getuid() != 0 {
		return nil
	}
	account, err := user.Lookup("postgres")
	if err != nil {
		if account, err = user.Lookup("nobody"); err != nil {
			t.Skip("a user for PostgreSQL is missing: it does not run as root")
		}
	}
	uid, _ := strconv.Atoi(account.Uid)
	gid, _ := strconv.Atoi(account.Gid)
	for _, file := range files {
		if err := os.Chown(file, uid, gid); err != nil {
			t.Fatal(err)
		}
	}
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
}
