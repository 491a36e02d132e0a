package activities

import (
	"net"
	"testing"

	"perch/activities/activitytest"
	"perch/activities/contract"
	"perch/sandbox/postgrestest"
)

// sharingBy is a world whose shared database has a host name, which the worker does not take for
// this machine.
func sharingBy(t *testing.T, logins string) *sharing {
	t.Helper()
	server := postgrestest.Start(t, logins)
	_, port, err := net.SplitHostPort(server.Address)
	if err != nil {
		t.Fatal(err)
	}
	return newSharingAt(t, server, net.JoinHostPort("localhost", port))
}

// prepared is the stack of a branch, whose database is not made yet.
func (s *sharing) prepared(branch string) contract.DatabaseInput {
	s.t.Helper()
	commit := s.commit(branch)
	s.render(branch, commit)
	return contract.DatabaseInput{Environment: activitytest.Environment("shop", branch), StackID: s.up(branch, commit)}
}

// TestS217TheWorkerSpeaksTLSToTheSharedDatabase connects to servers that want TLS, as RDS does from
// PostgreSQL 15 on, and to one that has none.
func TestS217TheWorkerSpeaksTLSToTheSharedDatabase(t *testing.T) {
	t.Run("a server that takes nothing else", func(t *testing.T) {
		t.Setenv("PGSSLMODE", "")
		s := sharingBy(t, postgrestest.TLS)
		s.ensure(s.prepared("login"))
	})
	t.Run("a server without TLS is not talked to", func(t *testing.T) {
		t.Setenv("PGSSLMODE", "")
		s := sharingBy(t, postgrestest.Passwords)
		_, err := activitytest.Try(of[*Databases](s.world).EnsureDatabase, s.prepared("login"))
		activitytest.WantRetry(t, err, "connect to the shared database localhost", "server refused TLS connection")
	})
	t.Run("a worker that is told to do without is denied", func(t *testing.T) {
		t.Setenv("PGSSLMODE", "disable")
		s := sharingBy(t, postgrestest.TLS)
		_, err := activitytest.Try(of[*Databases](s.world).EnsureDatabase, s.prepared("login"))
		activitytest.WantRetry(t, err, "no encryption")
	})
}
