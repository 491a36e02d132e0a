// Package database creates and drops an environment's database and its user in a PostgreSQL
// instance that environments share.
//
// A Server is a connection of the instance's master user. Every statement that changes something
// runs under one advisory lock, because PostgreSQL creates one database at a time. No error and no
// log of the server contains a password.
package database

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"perch"
	"perch/activities/awserr"
)

const (
	// maintenance is a database that every PostgreSQL server has. Connections use it, because other
	// databases are created and dropped.
	maintenance = "postgres"
	// connectTimeout limits the connecting. serverTimeout limits all statements of one call of
	// Ensure or Drop.
	connectTimeout = 10 * time.Second
	serverTimeout  = time.Minute
	// serverLock is the key of an advisory lock. Only the worker that holds it changes databases,
	// because PostgreSQL creates only one at a time.
	serverLock = 0x7065726368
	// markQuery selects the owner of a database, and its mark.
	markQuery = `SELECT pg_get_userbyid(datdba), coalesce(shobj_description(oid, 'pg_database'), '') FROM ` +
		`pg_database WHERE datname = $1`
)

// Server is a connection of the shared instance's master user.
type Server struct{ conn *pgx.Conn }

// Login says where the shared instance is and which user logs in.
type Login struct {
	Host, Port, User, Password string
	// Clients is the id of the security group that the instance admits, for an error message.
	Clients string
}

// Connect logs in. The connection uses TLS unless the host is this machine. PGSSLMODE and
// PGSSLROOTCERT in the worker's environment decide how much of the server's certificate is
// verified.
func Connect(ctx context.Context, login Login) (*Server, error) {
	settings := fmt.Sprintf("host=%s port=%s user=%s dbname=%s", login.Host, login.Port, login.User, maintenance)
	if os.Getenv("PGSSLMODE") == "" && !loopback(login.Host) {
		settings += " sslmode=require"
	}
	config, err := pgx.ParseConfig(settings)
	if err != nil {
		return nil, awserr.Final(perch.ErrorInvalid, "connect to the shared database %s: %v", login.Host, err)
	}
	config.Password, config.ConnectTimeout = login.Password, connectTimeout
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf(
			"connect to the shared database %s:%s (the worker must reach it: give it the security group %s): %w",
			login.Host, login.Port, login.Clients, err,
		)
	}
	return &Server{conn}, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// Close ends the connection, which also releases the lock.
func (s *Server) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), connectTimeout)
	defer cancel()
	_ = s.conn.Close(ctx) // If this fails, the server ends the connection.
}

// Mark is the comment of a database: the id of the stack that it was created for, and the stack's
// kind if Perch keeps the data of that kind.
type Mark string

// MarkOf returns the mark of a stack's database.
func MarkOf(stackID string, kind perch.Kind) Mark {
	if kind == perch.KindBranch {
		return Mark(stackID)
	}
	return Mark(stackID + " " + string(kind))
}

// kind returns the kind in the mark. It is empty for a branch's database, which is dropped with its
// stack, and for a database without a mark.
func (m Mark) kind() string {
	_, kind, _ := strings.Cut(string(m), " ")
	return kind
}

// Ensure creates the user and the database and sets the user's password. If a branch's database was
// created for another stack of this name, that stack is deleted, and the database is dropped and
// created again. The database of production or staging is kept and used. A database that does not
// belong to the user of its name is not managed by Perch: it is rejected and not changed.
func (s *Server) Ensure(ctx context.Context, name string, mark Mark, password string) error {
	ctx, cancel := context.WithTimeout(ctx, serverTimeout)
	defer cancel()
	if err := s.lock(ctx); err != nil {
		return err
	}
	verifier, err := scramVerifier(password)
	if err != nil {
		return fmt.Errorf("make password of database user %s: %w", name, err)
	}
	there, made, err := s.look(ctx, name)
	if err != nil {
		return err
	}
	user := pgx.Identifier{name}.Sanitize()
	if there && made != "" && made.kind() == "" && made != mark {
		if err := s.remove(ctx, name); err != nil {
			return err
		}
		there = false
	}
	if err := s.user(ctx, name, verifier); err != nil {
		return err
	}
	if !there {
		if err := s.exec(ctx, "make database "+name, "CREATE DATABASE "+user+" OWNER "+user); err != nil {
			return err
		}
	}
	if err := s.exec(ctx, "mark database "+name, "COMMENT ON DATABASE "+user+" IS "+literal(string(mark))); err != nil {
		return err
	}
	return s.exec(ctx, "close database "+name, "REVOKE ALL ON DATABASE "+user+" FROM PUBLIC")
}

// user creates the user with the verifier that PostgreSQL stores, so that no log of the server
// contains the password. The master is not a superuser on RDS, so it must be a member of the
// user's role to create a database for the user, and to drop what the user owns.
func (s *Server) user(ctx context.Context, name, verifier string) error {
	user := pgx.Identifier{name}.Sanitize()
	exists, err := s.exists(ctx, name)
	if err != nil {
		return err
	}
	if !exists {
		if err := s.exec(ctx, "make database user "+name, "CREATE ROLE "+user); err != nil {
			return err
		}
	}
	if err := s.exec(
		ctx, "set password of database user "+name, "ALTER ROLE "+user+" WITH LOGIN PASSWORD "+literal(verifier),
	); err != nil {
		return err
	}
	return s.exec(ctx, "join database user "+name, "GRANT "+user+" TO CURRENT_USER")
}

// Drop removes the database and the user. It rejects a database of production or staging: Perch
// removes no such environment.
func (s *Server) Drop(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(ctx, serverTimeout)
	defer cancel()
	if err := s.lock(ctx); err != nil {
		return err
	}
	_, made, err := s.look(ctx, name)
	if err != nil {
		return err
	}
	if kind := made.kind(); kind != "" {
		return awserr.Final(perch.ErrorInvalid, "database %s in the shared instance is of an environment of kind %s, "+
			"and only those of branches are ever removed; drop it by hand if you mean it", name, kind)
	}
	return s.remove(ctx, name)
}

// remove ends the connections to the database and drops it. Then it drops what the user owns
// elsewhere, and the user.
func (s *Server) remove(ctx context.Context, name string) error {
	user := pgx.Identifier{name}.Sanitize()
	exists, err := s.exists(ctx, name)
	if err != nil {
		return err
	}
	if exists {
		if err := s.exec(ctx, "join database user "+name, "GRANT "+user+" TO CURRENT_USER"); err != nil {
			return err
		}
	}
	// FORCE may not end the sessions of RDS itself, because their user is a superuser ("must be a
	// superuser to terminate superuser process"). These sessions are short, so the error is
	// retried.
	if err := s.exec(
		ctx, "drop database "+name, "DROP DATABASE IF EXISTS "+user+" WITH (FORCE)",
	); err != nil || !exists {
		return err
	}
	if err := s.exec(ctx, "drop what database user "+name+" owns", "DROP OWNED BY "+user+" CASCADE"); err != nil {
		return err
	}
	return s.exec(ctx, "drop database user "+name, "DROP ROLE "+user)
}

// look reports whether the database exists, and reads its mark. It returns an error if its owner is
// not the user of the same name.
func (s *Server) look(ctx context.Context, name string) (there bool, made Mark, err error) {
	var owner string
	err = s.conn.QueryRow(ctx, markQuery, name).Scan(&owner, &made)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return false, "", nil
	case err != nil:
		return false, "", fmt.Errorf("look for database %s: %w", name, err)
	case owner != name:
		return false, "", awserr.Final(perch.ErrorInvalid, "database %s in the shared instance belongs to user %s: "+
			"it is not managed by Perch "+
			"and was not changed; rename it or the branch", name, owner)
	}
	return true, made, nil
}

// exists reports whether there is a user with this name.
func (s *Server) exists(ctx context.Context, name string) (found bool, err error) {
	if err = s.conn.QueryRow(
		ctx, "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)", name,
	).Scan(&found); err != nil {
		return false, fmt.Errorf("look for database user %s: %w", name, err)
	}
	return found, nil
}

// Remains reports whether the database and its user still exist.
func (s *Server) Remains(ctx context.Context, name string) (database, user bool, err error) {
	database, _, err = s.look(ctx, name)
	if err != nil {
		return false, false, err
	}
	user, err = s.exists(ctx, name)
	return database, user, err
}

// lock waits until no other worker changes databases. The lock is released when the connection
// ends.
func (s *Server) lock(ctx context.Context) error {
	return s.exec(ctx, "take the shared database's lock", "SELECT pg_advisory_lock("+strconv.Itoa(serverLock)+")")
}

// exec runs one statement. Its error does not contain the statement, which may contain the verifier
// of a password.
func (s *Server) exec(ctx context.Context, what, statement string) error {
	_, err := s.conn.Exec(ctx, statement)
	var said *pgconn.PgError
	if errors.As(err, &said) {
		return fmt.Errorf("%s: %s (SQLSTATE %s)", what, said.Message, said.Code)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// literal quotes a text for a statement that takes no arguments.
func literal(text string) string {
	return "'" + strings.ReplaceAll(text, "'", "''") + "'"
}
