package activities

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
	"perch/cfn"
)

const (
	// maintenance is the database that every PostgreSQL has, to be connected to while others come and go.
	maintenance = "postgres"
	// connectTimeout bounds one connection, serverTimeout all that is said over it.
	connectTimeout = 10 * time.Second
	serverTimeout  = time.Minute
	// serverLock is the key of the advisory lock that one worker at a time changes databases under: PostgreSQL makes only one at a time.
	serverLock = 0x7065726368
	// markQuery finds whose a database is, and its mark.
	markQuery = `SELECT pg_get_userbyid(datdba), coalesce(shobj_description(oid, 'pg_database'), '') FROM pg_database WHERE datname = $1`
)

// server is a connection of the shared instance's master user.
type server struct{ conn *pgx.Conn }

// connect logs in as the master user. Anything but this machine is talked to by TLS; PGSSLMODE and PGSSLROOTCERT in the worker's environment
// say how much of the server's certificate is checked.
func (d *Databases) connect(ctx context.Context, outputs cfn.ApplicationOutputs) (*server, error) {
	password, err := d.password(ctx, outputs.DatabaseSecret)
	if err != nil {
		return nil, err
	}
	settings := fmt.Sprintf("host=%s port=%s user=%s dbname=%s", outputs.DatabaseHost, outputs.DatabasePort, cfn.SharedDatabaseUser, maintenance)
	if os.Getenv("PGSSLMODE") == "" && !loopback(outputs.DatabaseHost) {
		settings += " sslmode=require"
	}
	config, err := pgx.ParseConfig(settings)
	if err != nil {
		return nil, awserr.Final(perch.ErrorInvalid, "connect to the shared database %s: %v", outputs.DatabaseHost, err)
	}
	config.Password, config.ConnectTimeout = password, connectTimeout
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("connect to the shared database %s:%s (the worker must reach it: give it the security group %s): %w",
			outputs.DatabaseHost, outputs.DatabasePort, outputs.DatabaseClients, err)
	}
	return &server{conn}, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// close ends the connection, and with it the lock.
func (s *server) close() {
	ctx, cancel := context.WithTimeout(context.Background(), connectTimeout)
	defer cancel()
	_ = s.conn.Close(ctx) // The server ends it if we cannot.
}

// mark is the comment of a database: the id of the stack that it was made for, and the stack's kind where that is one whose data is dear.
type mark string

func markOf(stack StackState) mark {
	if stack.Kind == perch.KindBranch {
		return mark(stack.StackID)
	}
	return mark(stack.StackID + " " + string(stack.Kind))
}

// kind is empty for a branch's database, which goes with its stack, and for one without a mark.
func (m mark) kind() string {
	_, kind, _ := strings.Cut(string(m), " ")
	return kind
}

// ensure makes user and database and sets the user's password. A branch's database that was made for another stack of this name is made anew: its
// stack is gone. That of a dearer kind is taken over. One that does not belong to the user of its name is somebody else's.
func (s *server) ensure(ctx context.Context, name string, stack StackState, password string) error {
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
	if there && made != "" && made.kind() == "" && made != markOf(stack) {
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
	if err := s.exec(ctx, "mark database "+name, "COMMENT ON DATABASE "+user+" IS "+literal(string(markOf(stack)))); err != nil {
		return err
	}
	return s.exec(ctx, "close database "+name, "REVOKE ALL ON DATABASE "+user+" FROM PUBLIC")
}

// user makes the user with what PostgreSQL keeps of a password, so that the password itself stands in no log of the server. The master is no
// superuser on RDS: it must be a member to make a database for the user, and to drop what the user owns.
func (s *server) user(ctx context.Context, name, verifier string) error {
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
	if err := s.exec(ctx, "set password of database user "+name, "ALTER ROLE "+user+" WITH LOGIN PASSWORD "+literal(verifier)); err != nil {
		return err
	}
	return s.exec(ctx, "join database user "+name, "GRANT "+user+" TO CURRENT_USER")
}

// drop removes database and user. A database of a dearer kind than a branch's is left alone: Perch removes no such environment.
func (s *server) drop(ctx context.Context, name string) error {
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
		return awserr.Final(perch.ErrorInvalid, "database %s in the shared instance is of an environment of kind %s, and only those of branches are ever removed; drop it by hand if you mean it", name, kind)
	}
	return s.remove(ctx, name)
}

// remove ends the database's connections and removes it, then what its user owns elsewhere, and the user.
func (s *server) remove(ctx context.Context, name string) error {
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
	// RDS's own sessions are a superuser's, which FORCE may not end ("must be a superuser to terminate
	// superuser process"). They are short, so such a failure stays one that is tried again.
	if err := s.exec(ctx, "drop database "+name, "DROP DATABASE IF EXISTS "+user+" WITH (FORCE)"); err != nil || !exists {
		return err
	}
	if err := s.exec(ctx, "drop what database user "+name+" owns", "DROP OWNED BY "+user+" CASCADE"); err != nil {
		return err
	}
	return s.exec(ctx, "drop database user "+name, "DROP ROLE "+user)
}

// look reports whether the database is there, and its mark. One that its user does not own is refused.
func (s *server) look(ctx context.Context, name string) (there bool, made mark, err error) {
	var owner string
	err = s.conn.QueryRow(ctx, markQuery, name).Scan(&owner, &made)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return false, "", nil
	case err != nil:
		return false, "", fmt.Errorf("look for database %s: %w", name, err)
	case owner != name:
		return false, "", awserr.Final(perch.ErrorInvalid, "database %s in the shared instance belongs to user %s: it is somebody else's and was left alone; rename it or the branch", name, owner)
	}
	return true, made, nil
}

// exists reports whether there is a user of that name.
func (s *server) exists(ctx context.Context, name string) (found bool, err error) {
	if err = s.conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)", name).Scan(&found); err != nil {
		return false, fmt.Errorf("look for database user %s: %w", name, err)
	}
	return found, nil
}

func (s *server) remains(ctx context.Context, name string) (left []string, err error) {
	there, _, err := s.look(ctx, name)
	if err != nil {
		return nil, err
	}
	exists, err := s.exists(ctx, name)
	if there {
		left = append(left, sharedDatabase(name))
	}
	if exists {
		left = append(left, "user "+name+" in the shared instance")
	}
	return left, err
}

// lock waits until no other worker changes databases; the lock ends with the connection.
func (s *server) lock(ctx context.Context) error {
	return s.exec(ctx, "take the shared database's lock", "SELECT pg_advisory_lock("+strconv.Itoa(serverLock)+")")
}

// exec runs one statement. Its text stands in no error: it may hold what PostgreSQL keeps of a password.
func (s *server) exec(ctx context.Context, what, statement string) error {
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
