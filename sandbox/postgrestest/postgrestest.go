//go:build !windows

// Package postgrestest runs a real PostgreSQL for a test, as another user; Windows has no such
// users.
package postgrestest

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.temporal.io/server/common/testing/freeport"
)

// Server is a PostgreSQL on 127.0.0.1.
type Server struct {
	// Address is its host:port.
	Address string
	dir     string
	port    string
	owner   *syscall.Credential
}

// How a Server knows who logs in by TCP.
const (
	// Passwords says that it requires passwords, as RDS does.
	Passwords = "passwords"
	// Trust believes everybody.
	Trust = "trust"
	// TLS says that it requires passwords and rejects connections without TLS, as RDS does from
	// PostgreSQL 15 on.
	TLS = "tls"
)

// accessRules are the lines of pg_hba.conf. The socket is in a folder of the test and needs no
// password.
var accessRules = map[string]string{
	Passwords: "local all all trust\nhost all all all scram-sha-256\n",
	Trust:     "local all all trust\nhost all all all trust\n",
	TLS:       "local all all trust\nhostssl all all all scram-sha-256\n",
}

// Start starts a PostgreSQL that ends with the test. The test is skipped where PostgreSQL is not
// installed.
func Start(t testing.TB, logins string) *Server {
	t.Helper()
	initdb, postgres := program(t, "initdb"), program(t, "postgres")
	dir, err := os.MkdirTemp(tempFolder(), "perch-postgres-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	s := &Server{dir: dir, owner: owner(t, dir)}
	s.makeData(t, initdb)
	tls := "off"
	if logins == TLS {
		tls = "on"
		s.writeCertificate(t)
	}
	s.write(t, filepath.Join(s.data(), "pg_hba.conf"), []byte(accessRules[logins]))
	s.port = strconv.Itoa(freeport.MustGetFreePort())
	s.Address = net.JoinHostPort("127.0.0.1", s.port)
	log, err := os.Create(s.log())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = log.Close() }() // The server has its own.
	command := s.command(
		postgres,
		"-D",
		s.data(),
		"-p",
		s.port,
		"-k",
		dir,
		"-c",
		"listen_addresses=127.0.0.1",
		"-c",
		"fsync=off",
		"-c",
		"log_statement=all",
		"-c",
		"ssl="+tls,
	)
	command.Stdout, command.Stderr = log, log
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Signal(syscall.SIGINT) // A fast shutdown.
		_ = command.Wait()
		if t.Failed() {
			t.Logf("PostgreSQL said:\n%s", s.Log(t))
		}
	})
	s.await(t)
	return s
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

func (s *Server) log() string { return filepath.Join(s.dir, "log") }

// Log is what the server has written so far: every statement, among others.
func (s *Server) Log(t testing.TB) string {
	t.Helper()
	text, err := os.ReadFile(s.log())
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// program finds one of PostgreSQL's programs, where Debian keeps them or on the PATH.
func program(t testing.TB, name string) string {
	t.Helper()
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name) // The pattern is well formed.
	if len(found) > 0 {
		return found[len(found)-1]
	}
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("PostgreSQL is not installed: there is no %s", name)
	}
	return path
}

// owner is whom the server runs as: PostgreSQL does not run as root.
func owner(t testing.TB, dir string) *syscall.Credential {
	t.Helper()
	if os.Getuid() != 0 {
		return nil
	}
	nobody, err := user.Lookup("nobody")
	if err != nil {
		t.Skipf("PostgreSQL does not run as root, and there is no user nobody: %v", err)
	}
	uid, _ := strconv.Atoi(nobody.Uid) // Numbers on every system that has SysProcAttr.Credential.
	gid, _ := strconv.Atoi(nobody.Gid)
	if err := os.Chown(dir, uid, gid); err != nil {
		t.Fatal(err)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}

func (s *Server) command(name string, args ...string) *exec.Cmd {
	command := exec.Command(name, args...)
	command.Dir = s.dir
	command.Env = append(os.Environ(), "LC_ALL=C", "HOME="+s.dir)
	if s.owner != nil {
		command.SysProcAttr = &syscall.SysProcAttr{Credential: s.owner}
	}
	return command
}

func (s *Server) run(t testing.TB, name string, args ...string) {
	t.Helper()
	if out, err := s.command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", filepath.Base(name), err, out)
	}
}

// await waits until the server answers.
func (s *Server) await(t testing.TB) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		conn, err := pgx.Connect(t.Context(), s.socket())
		if err == nil {
			_ = conn.Close(t.Context())
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("PostgreSQL does not answer: %v", err)
		}
	}
}

func (s *Server) socket() string {
	return fmt.Sprintf("host=%s port=%s user=postgres dbname=postgres sslmode=disable", s.dir, s.port)
}

// Exec runs statements as the superuser and returns the values of the last one's rows, with |
// between them.
func (s *Server) Exec(t testing.TB, statements ...string) []string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), s.socket())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	var rows []string
	for _, statement := range statements {
		results, err := conn.PgConn().Exec(t.Context(), statement).ReadAll()
		if err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
		rows = nil
		for _, row := range results[len(results)-1].Rows {
			rows = append(rows, string(bytes.Join(row, []byte("|"))))
		}
	}
	return rows
}

// Master makes a user that may make databases and users and is not a superuser, like the master
// user of an RDS instance.
func (s *Server) Master(t testing.TB, name, password string) {
	t.Helper()
	s.Exec(t, "CREATE ROLE "+pgx.Identifier{name}.Sanitize()+" LOGIN CREATEDB CREATEROLE PASSWORD '"+
		strings.ReplaceAll(password, "'", "''")+"'")
}

// Connect logs in over TCP with a password; the connection ends with the test.
func (s *Server) Connect(t testing.TB, database, name, password string) (*pgx.Conn, error) {
	t.Helper()
	config, err := pgx.ParseConfig(fmt.Sprintf(
		"host=127.0.0.1 port=%s user=%s dbname=%s sslmode=disable", s.port, name, database,
	))
	if err != nil {
		t.Fatal(err)
	}
	config.Password = password
	conn, err := pgx.ConnectConfig(t.Context(), config)
	if err == nil {
		t.Cleanup(func() { _ = conn.Close(t.Context()) })
	}
	return conn, err
}
